"""A tenancy by the caller's own key: created once, read afterwards, and never overwritten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal import STANDARD
from counterseal.errors import (
    CredentialRefused,
    Foreign,
    InvalidField,
    RoleLacking,
    SettingDiffers,
)
from counterseal.models import Change, Clients, Codes, Operator, TokenForm
from counterseal.models.guid import parse, partition_of
from counterseal.tenancy.decisions.ensuring import derive_guids
from counterseal_testing.faults import Faults, faulty

NAMES = {"company": "Bank", "app_space": "Banking", "origin": "Transfers"}
CALLBACKS = ("https://shop.example/done", "https://shop.example/other")
ROOT = Operator(name="root")


def ensure(service, key="shop", **settings):
    return service.by(ROOT).administration.ensure_tenancy(key, **(NAMES | settings))


def records_of(service, key="shop"):
    return service.store.get(*derive_guids(key, service.policy))


def creations_of(service, key="shop"):
    guids = derive_guids(key, service.policy)
    return sum(event.subject in guids for event in service.events)


def test_company_app_space_and_origin_are_created_in_one_commit(service):
    party = ensure(service, callbacks=CALLBACKS, codes=Codes.ECHOED, token_form=TokenForm.OBJECT)

    company, app_space, origin = records_of(service)
    assert (company.name, app_space.name, origin.name) == ("Bank", "Banking", "Transfers")
    assert (app_space.company, app_space.idp, origin.app_space) == (
        company.guid,
        None,
        app_space.guid,
    )
    assert (origin.callbacks, origin.codes, origin.token_form, origin.clients) == (
        CALLBACKS,
        Codes.ECHOED,
        TokenForm.OBJECT,
        Clients.CURRENT,
    )
    assert (party.origin, party.app_space) == (origin, app_space)
    created = [(event.event, event.subject, event.actor) for event in service.events[-3:]]
    assert created == [
        ("company.create", company.guid, "root"),
        ("app_space.create", app_space.guid, "root"),
        ("origin.create", origin.guid, "root"),
    ]


def test_the_same_key_is_the_same_tenancy_and_stores_nothing_more(service):
    first = ensure(service, callbacks=CALLBACKS)
    count = len(service.events)

    assert ensure(service, callbacks=reversed(CALLBACKS)) == first
    assert ensure(service) == first
    assert len(service.events) == count
    assert ensure(service, "another shop") != first


@pytest.mark.parametrize(
    ("argument", "setting"),
    [
        ("company", "Other"),
        ("app_space", "Other"),
        ("origin", "Other"),
        ("clients", Clients.CX),
        ("codes", Codes.ECHOED),
        ("wildcards", True),
        ("token_form", TokenForm.OBJECT),
        ("callbacks", CALLBACKS),
        ("callbacks", ()),
    ],
)
def test_a_setting_that_differs_is_refused_by_name_and_not_overwritten(service, argument, setting):
    ensure(service, callbacks=CALLBACKS[:1])
    before = records_of(service)

    with pytest.raises(SettingDiffers, match=argument) as raised:
        ensure(service, **{argument: setting})

    assert raised.value.field == argument
    assert records_of(service) == before
    assert service.last_event() == ("tenancy.ensure", "setting_differs")


def test_a_setting_that_the_caller_does_not_name_is_an_operators(service):
    origin = ensure(service).origin
    service.administration.edit_origin(origin.guid, codes=Codes.ECHOED, pending_limit=3)
    service.administration.allow_callback(origin.guid, CALLBACKS[0])

    again = ensure(service)

    assert again.origin == service.stored(origin.guid)
    assert again.origin.version == origin.version + 2


def test_wildcards_are_for_an_origin_that_is_created_with_them(service):
    with pytest.raises(InvalidField):
        ensure(service, callbacks=["https://shop.example/{*}/done"])
    assert records_of(service) == (None, None, None)
    ensure(service, callbacks=["https://shop.example/{*}/done"], wildcards=True)


@pytest.mark.parametrize("argument", ["key", "company", "app_space", "origin"])
@pytest.mark.parametrize("text", ["", " ", "x" * (STANDARD.name_bytes + 1), "\ud800", 7])
def test_a_text_that_does_not_fit_is_refused_by_its_argument(service, argument, text):
    with pytest.raises(InvalidField) as raised:
        ensure(service, **({"key": "shop"} | {argument: text}))
    assert raised.value.field == argument
    assert service.last_event() == ("tenancy.ensure", "invalid_field")
    assert records_of(service) == (None, None, None)


@given(st.text(min_size=1).filter(lambda key: key.isprintable() and key.strip()))
def test_the_guids_of_a_key_are_three_of_one_partition(key):
    key = key[: STANDARD.name_bytes // 4]
    guids = derive_guids(f"k{key}", STANDARD)
    assert len(set(guids)) == 3
    assert len({partition_of(parse(guid, field="guid")) for guid in guids}) == 1
    assert derive_guids(f"k{key}", STANDARD) == guids
    assert set(guids).isdisjoint(derive_guids(f"l{key}", STANDARD))


def test_the_guids_of_a_key_are_the_same_ones_in_every_version():
    assert derive_guids("shop", STANDARD) == (
        "8d36eacb-b2c7-8bf8-af30-2280088637fe",
        "8d871b6a-f09d-8a4e-9822-61d637159db0",
        "8d466a96-4bec-8bcc-9bd2-2da42fcc4f47",
    )


def test_twenty_at_once_make_one(service, meeting, at_once):
    """All of them have read that there is nothing before the first one commits."""
    together = service.but(store=meeting(service.store, 20))

    results = at_once(*(lambda: ensure(together, callbacks=CALLBACKS) for _ in range(20)))

    assert {type(result).__name__ for result in results} == {"RelyingParty"}
    assert len({result.origin.guid for result in results}) == 1
    assert all(result == results[0] for result in results)
    assert creations_of(service) == 3


def test_of_two_at_once_that_differ_one_is_refused(service, meeting, at_once):
    together = service.but(store=meeting(service.store, 2))

    results = at_once(
        lambda: ensure(together, origin="Transfers"), lambda: ensure(together, origin="Payments")
    )

    (party,) = (result for result in results if not isinstance(result, Exception))
    (refusal,) = (result for result in results if isinstance(result, Exception))
    assert isinstance(refusal, SettingDiffers)
    assert refusal.field == "origin"
    assert records_of(service)[2] == party.origin


def test_a_commit_whose_reply_was_lost_makes_one(service):
    faults = Faults()
    faults.lose_reply(times=3)
    party = ensure(service.but(store=faulty(service.store, "store", faults)))
    assert party.origin == records_of(service)[2]
    assert creations_of(service) == 3


@pytest.mark.parametrize("count", [1, 2])
def test_what_is_missing_is_created_beside_what_is_stored(new_service, count):
    model, service = new_service(), new_service()
    ensure(model)
    stored = records_of(model)[:count]
    service.store.commit(tuple(Change(None, record) for record in stored), (), "operation")

    ensure(service)

    assert records_of(service)[:count] == stored
    assert None not in records_of(service)


def test_an_administrator_of_all_companies_may_create(service):
    root = service.credentials.create_admin("root", all_companies=True)
    admin = service.stored(root.guid)
    party = service.by(admin).administration.ensure_tenancy("shop", **NAMES)
    assert party.origin == records_of(service)[2]


def test_an_administrator_of_one_company_may_not_create_another(service):
    guid = service.credentials.create_admin("one", company=service.company.guid).guid
    admin = service.stored(guid)
    with pytest.raises(RoleLacking):
        service.by(admin).administration.ensure_tenancy("shop", **NAMES)
    assert records_of(service) == (None, None, None)
    ensure(service)
    with pytest.raises(Foreign):
        service.by(admin).administration.ensure_tenancy("shop", **NAMES)


def test_an_administrator_of_the_company_reads_it(service):
    party = ensure(service)
    guid = service.credentials.create_admin("own", company=party.app_space.company).guid
    admin = service.stored(guid)
    faults = Faults()
    counted = service.but(store=faulty(service.store, "store", faults)).by(admin)
    assert counted.administration.ensure_tenancy("shop", **NAMES) == party
    assert "store.commit" not in faults.calls
    service.credentials.revoke_admin(guid)
    with pytest.raises(CredentialRefused):
        service.by(admin).administration.ensure_tenancy("shop", **NAMES)


def test_s18_an_administrator_who_is_revoked_before_the_commit_creates_nothing(new_service):
    model, service = new_service(), new_service()
    ensure(model)
    (company, *_) = records_of(model)
    service.store.commit((Change(None, company),), (), "operation")
    guid = service.credentials.create_admin("own", company=company.guid).guid
    admin = service.stored(guid)
    racing = service.meanwhile(lambda: service.credentials.revoke_admin(guid)).by(admin)
    with pytest.raises(CredentialRefused):
        racing.administration.ensure_tenancy("shop", **NAMES)
    assert records_of(service) == (company, None, None)
