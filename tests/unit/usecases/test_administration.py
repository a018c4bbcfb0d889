"""Tenants: created, looked up, and given addresses that their callbacks may go to."""

import attrs
import pytest

from counterseal import STANDARD
from counterseal.errors import CallbackForbidden, InvalidField, NotFound, WrongKind
from counterseal.models import (
    FINISHED,
    Admin,
    AppSpace,
    CallbackType,
    ChallengeState,
    Clients,
    Codes,
    Company,
    IdpSettings,
    Operator,
    Origin,
)
from counterseal.models.guid import mint, partition_of
from counterseal_testing.faults import Faults, faulty
from counterseal_testing.service import CALLBACK

NOBODY = mint(0, bytes(15))
ROOT = Operator(name="root")


def test_a_company_an_app_space_and_an_origin(service):
    company = service.by(ROOT).administration.create_company("Bank")
    space = service.by(ROOT).administration.create_app_space(
        company.guid,
        "Banking",
        brand_url="https://bank.example/logo.png",
        brand_color="#F0B700",
        universal_app=True,
    )
    origin = service.by(ROOT).administration.create_origin(space.guid, "Transfers")
    assert service.store.get(company.guid, space.guid, origin.guid) == (company, space, origin)
    assert (company.name, space.company, origin.app_space) == ("Bank", company.guid, space.guid)
    assert (space.brand_url, space.brand_color, space.universal_app, space.idp) == (
        "https://bank.example/logo.png",
        "#F0B700",
        True,
        None,
    )
    assert (origin.credentials, origin.callbacks, origin.codes) == ((), (), Codes.TYPED)
    assert {record.created_at for record in (company, space, origin)} == {service.clock.now()}
    assert service.administration.relying_party(origin.guid).app_space == space


def test_a_tenants_records_lie_in_one_partition(service):
    company = service.administration.create_company("Bank")
    space = service.administration.create_app_space(company.guid, "Banking")
    origin = service.administration.create_origin(space.guid, "Transfers")
    admin = service.credentials.create_admin("root", company=company.guid)
    guids = (company.guid, space.guid, origin.guid, admin.guid)
    assert len({partition_of(guid) for guid in guids}) == 1
    assert len(set(guids)) == 4


@pytest.mark.alone
def test_s35_each_creation_is_recorded_with_who_made_it(service):
    company = service.by(ROOT).administration.create_company("Bank")
    space = service.by(ROOT).administration.create_app_space(company.guid, "Banking")
    origin = service.by(ROOT).administration.create_origin(space.guid, "Transfers")
    service.by(ROOT).administration.allow_callback(origin.guid, CALLBACK)
    service.by(ROOT).administration.forbid_callback(origin.guid, CALLBACK)
    events = [event for event in service.events if event.actor == "root"]
    assert [(event.event, event.subject) for event in events] == [
        ("company.create", company.guid),
        ("app_space.create", space.guid),
        ("origin.create", origin.guid),
        ("origin.allow_callback", origin.guid),
        ("origin.forbid_callback", origin.guid),
    ]
    assert {event.at for event in events} == {service.clock.now()}


def test_an_app_space_has_one_way_to_identify_its_users(service):
    settings = IdpSettings(issuer="https://idp.example", client_id="c", redirect_uri="https://r")
    space = service.administration.create_app_space(service.company.guid, "Staff", idp=settings)
    assert space.idp == settings


def test_an_origin_of_a_cx_client_has_codes_echoed(service):
    origin = service.administration.create_origin(service.app_space.guid, "CX", codes=Codes.ECHOED)
    assert service.stored(origin.guid).codes is Codes.ECHOED


PROCESSED = (ChallengeState.ANSWERED, ChallengeState.DISOWNED)
"""How a challenge ends when its user has processed it."""


def set_up(origin):
    """Return what the profile of an origin's clients brings."""
    return origin.codes, origin.wildcards, origin.callback_states


def test_an_origin_for_cx_clients_is_made_as_they_need_it(service):
    space = service.app_space.guid
    ours = service.administration.create_origin(space, "Ours")
    assert (ours.clients, set_up(ours)) == (Clients.CURRENT, (Codes.TYPED, False, FINISHED))
    older = service.administration.create_origin(space, "CX", clients=Clients.CX)
    assert set_up(older) == (Codes.ECHOED, True, PROCESSED)
    assert service.stored(older.guid).clients is Clients.CX
    explicit = service.administration.create_origin(
        space, "CX", clients=Clients.CX, codes=Codes.TYPED, wildcards=False
    )
    assert set_up(explicit) == (Codes.TYPED, False, PROCESSED)


def test_other_clients_bring_their_profile_and_what_is_said_wins(service):
    guid, edit = service.origin.origin.guid, service.administration.edit_origin
    assert set_up(edit(guid, clients=Clients.CX)) == (Codes.ECHOED, True, PROCESSED)
    edit(guid, codes=Codes.TYPED)
    again = edit(guid, clients=Clients.CX)
    assert set_up(again) == (Codes.TYPED, True, PROCESSED), "the same clients undo no other edit"
    assert set_up(edit(guid, clients=Clients.CURRENT)) == (Codes.TYPED, False, FINISHED)
    explicit = edit(guid, clients=Clients.CX, wildcards=False, callback_states=PROCESSED[:1])
    assert set_up(explicit) == (Codes.ECHOED, False, PROCESSED[:1])


@pytest.mark.parametrize("name", ["", "  ", "x" * 257, "lone \ud800"])
def test_a_name_too_long_or_empty_is_refused(service, name):
    before = service.records()
    for create in (
        lambda: service.administration.create_company(name),
        lambda: service.administration.create_app_space(service.company.guid, name),
        lambda: service.administration.create_origin(service.app_space.guid, name),
        lambda: service.credentials.create_admin(name, all_companies=True),
    ):
        with pytest.raises(InvalidField) as caught:
            create()
        assert caught.value.field == "name"
    assert service.records() == before


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"brand_url": "x" * 2049}, "brandInfo.url"),
        ({"brand_url": ""}, "brandInfo.url"),
        ({"brand_color": "x" * 257}, "brandInfo.color"),
        ({"brand_color": ""}, "brandInfo.color"),
    ],
)
def test_a_brand_too_long_or_empty_is_refused(service, members, field):
    with pytest.raises(InvalidField) as caught:
        service.administration.create_app_space(service.company.guid, "Banking", **members)
    assert caught.value.field == field


def test_an_unknown_owner_is_not_found(service):
    before = service.records()
    for guid in (NOBODY, service.origin.origin.guid):
        with pytest.raises(NotFound):
            service.administration.create_app_space(guid, "Banking")
    for guid in (NOBODY, service.company.guid):
        with pytest.raises(NotFound):
            service.administration.create_origin(guid, "Transfers")
        with pytest.raises(NotFound):
            service.administration.relying_party(guid)
        with pytest.raises(NotFound):
            service.administration.allow_callback(guid, CALLBACK)
        with pytest.raises(NotFound):
            service.administration.forbid_callback(guid, CALLBACK)
    assert service.records() == before


def test_a_creation_whose_reply_was_lost_is_one_creation(service):
    faults = Faults()
    faults.lose_reply(times=3)
    losing = service.but(store=faulty(service.store, "store", faults))
    company = losing.administration.create_company("Bank")
    assert service.stored(company.guid) == company
    assert [one.name for one in service.administration.list(None, Company)].count("Bank") == 1
    assert len([event for event in service.events if event.subject == company.guid]) == 1


@pytest.mark.alone
@pytest.mark.parametrize("kind", [Company, AppSpace, Origin])
def test_a_creation_that_is_there_already_is_returned(service, kind):
    """Its commit was applied, and the store has forgotten the operation."""
    first_changes = []

    class Forgetful:
        def __getattr__(self, name):
            return getattr(service.store, name)

        def commit(self, changes, audit, operation):
            service.store.commit(changes, audit, operation)
            if not first_changes:
                first_changes.append(changes)
                service.store.commit(changes, audit, operation + " forgotten")

    administration = service.but(store=Forgetful()).administration
    created = {
        Company: lambda: administration.create_company("Bank"),
        AppSpace: lambda: administration.create_app_space(service.company.guid, "Bank"),
        Origin: lambda: administration.create_origin(service.app_space.guid, "Bank"),
    }[kind]()
    assert service.stored(created.guid) == created
    assert len([event for event in service.events if event.subject == created.guid]) == 1


def test_records_are_listed_by_kind_under_their_parent(service):
    administration = service.administration
    other = administration.create_company("Insurance")
    space = administration.create_app_space(service.company.guid, "Second app")
    origin = administration.create_origin(service.app_space.guid, "Second shop")
    root = service.credentials.create_admin("root", all_companies=True)
    local = service.credentials.create_admin("local", company=service.company.guid)
    assert administration.list(None, Company) == (service.company, other)
    assert [admin.guid for admin in administration.list(None, Admin)] == [root.guid]
    assert administration.list(service.company.guid, AppSpace) == (service.app_space, space)
    assert [admin.guid for admin in administration.list(service.company.guid, Admin)] == [
        local.guid
    ]
    assert administration.list(service.app_space.guid, Origin) == (
        service.stored(service.origin.origin.guid),
        origin,
    )
    assert administration.list(other.guid, AppSpace) == administration.list(NOBODY, Origin) == ()


# The allow-list


def test_an_entry_is_put_on_the_list_once_and_taken_off(service):
    guid = service.origin.origin.guid
    entry = "https://shop.example/{*}/done"
    service.administration.edit_origin(guid, wildcards=True)
    first = service.administration.allow_callback(guid, entry)
    assert first.callbacks == (CALLBACK, entry)
    assert service.administration.allow_callback(guid, entry) == first == service.stored(guid)
    assert len(service.happened("origin.allow_callback")) == 2
    updated_origin = service.administration.forbid_callback(guid, CALLBACK)
    assert updated_origin.callbacks == (entry,)
    with pytest.raises(InvalidField) as caught:
        service.administration.forbid_callback(guid, CALLBACK)
    assert caught.value.field == "callbackUrl"
    assert service.last_event() == ("origin.forbid_callback", "invalid_field")


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "ftp://shop.example/",
        "https://user@shop.example/",
        "https://{*}/done",
        "x" * 2049,
        f"https://shop.example/{'x' * 2049}",
    ],
)
def test_an_entry_is_a_plain_address(service, entry):
    with pytest.raises(InvalidField) as caught:
        service.administration.allow_callback(service.origin.origin.guid, entry)
    assert caught.value.field == "callbackUrl"


def test_a_wildcard_is_for_origins_that_are_set_to_them(service):
    guid, entry = service.origin.origin.guid, "shop.example/{*}/done"
    address = "https://shop.example/17/done"
    with pytest.raises(InvalidField) as caught:
        service.administration.allow_callback(guid, entry)
    assert caught.value.field == "callbackUrl"
    service.administration.edit_origin(guid, wildcards=True)
    service.administration.allow_callback(guid, entry)
    service.bind("alice")
    party = service.renewed(service.origin)
    assert (
        service.ask("alice", "Pay?", origin=party, callback=address).challenge.callback == address
    )
    service.administration.edit_origin(guid, wildcards=False)
    party = service.renewed(party)
    assert party.origin.callbacks == (CALLBACK, entry)
    with pytest.raises(CallbackForbidden):
        service.ask("alice", "Pay?", origin=party, callback=address)
    assert service.ask("alice", "Pay?", origin=party, callback=CALLBACK).challenge.callback


def test_an_origin_of_a_cx_client_is_made_with_wildcards(service):
    space = service.app_space.guid
    origin = service.administration.create_origin(space, "CX", codes=Codes.ECHOED, wildcards=True)
    assert service.administration.allow_callback(origin.guid, "shop.example/{*}/done").wildcards
    assert not service.administration.create_origin(space, "Ours").wildcards


@pytest.mark.parametrize(
    "entry", ["shop.example", "shop.example:8443", "localhost", "localhost:3000", "a.localhost:1"]
)
def test_a_webauthn_domain_is_on_the_allow_list_and_no_callback_goes_there(service, entry):
    guid, allow = service.origin.origin.guid, service.administration.allow_callback
    updated_origin = allow(guid, entry, kind=CallbackType.DOMAIN)
    assert (updated_origin.domains, updated_origin.callbacks) == ((entry,), (CALLBACK,))
    assert allow(guid, entry, kind=CallbackType.DOMAIN) == updated_origin
    service.bind("alice")
    for scheme in ("https", "http"):
        with pytest.raises(CallbackForbidden):
            service.ask(
                "alice",
                "Pay?",
                origin=service.renewed(service.origin),
                callback=f"{scheme}://{entry}",
            )


@pytest.mark.parametrize(
    ("spellings", "entry"),
    [
        (
            (
                *("https://shop.example", "https://shop.example/", "HTTPS://Shop.Example"),
                *("https://shop.example:443", "shop.example:443", "SHOP.example"),
            ),
            "shop.example",
        ),
        (("https://shop.example:8443", "Shop.example:8443"), "shop.example:8443"),
        (("http://localhost", "http://localhost:80/", "localhost:80", "LOCALHOST"), "localhost"),
        (("http://localhost:3000", "http://LocalHost:3000/"), "localhost:3000"),
        (("http://a.localhost:443",), "a.localhost:443"),
        (("https://shop.example:80",), "shop.example:80"),
    ],
)
def test_spellings_of_a_webauthn_domain_are_one_entry(service, spellings, entry):
    guid, allow = service.origin.origin.guid, service.administration.allow_callback
    updated_origin = allow(guid, entry, kind=CallbackType.DOMAIN)
    assert updated_origin.domains == (entry,)
    for spelling in spellings:
        assert allow(guid, spelling, kind=CallbackType.DOMAIN) == updated_origin
        assert updated_origin.entries[-1].is_spelled(spelling)
    service.administration.forbid_entry(guid, updated_origin.entries[-1].guid)
    assert allow(guid, spellings[0], kind=CallbackType.DOMAIN).domains == (entry,)


FORM = "or https://shop.example.com"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("https://shop.example/login", "a path"),
        ("https://shop.example//", "a path"),
        ("shop.example/", "a path"),
        ("shop.example/login", "a path"),
        ("https://shop.example?a", "a query or a fragment"),
        ("https://shop.example/?", "a query or a fragment"),
        ("shop.example#a", "a query or a fragment"),
        ("https://user@shop.example", "a user name"),
        ("user:password@shop.example", "a user name"),
        ("http://shop.example", "another scheme than https"),
        ("ftp://shop.example", "another scheme than https"),
        ("://shop.example", "another scheme than https"),
        ("https://localhost:3000", "another scheme than http"),
        ("wss://a.localhost", "another scheme than http"),
        ("shop.example:0", FORM),
        ("shop.example:", FORM),
        ("https://shop.example:", FORM),
        ("shop.example:0443", FORM),
        ("shop.example:65536", FORM),
        ("shop.example:\u0664\u0664\u0663", FORM),
        ("shop.example:3000:3000", FORM),
        *(
            (host, FORM)
            for host in (
                *("127.0.0.1", "https://127.0.0.1", "[::1]", "https://[::1]:443", ":3000", " "),
                *(
                    "*.shop.example",
                    "{*}.example",
                    "sh\u00f6p.example",
                    "shop.example\n",
                    "https://",
                ),
                *("-.example", "shop..example", ".example", "a" * 64 + ".b", "shop.example."),
                *("\u212aelvin.example", "https:\\\\shop.example", "javascript:alert(1)"),
            )
        ),
    ],
)
def test_what_means_no_web_origin_with_passkeys_is_no_webauthn_domain(service, entry, reason):
    guid = service.origin.origin.guid
    with pytest.raises(InvalidField) as caught:
        service.administration.allow_callback(guid, entry, kind=CallbackType.DOMAIN)
    assert caught.value.field == "callbackUrl"
    assert caught.value.problem.startswith("not a domain, like ")
    assert caught.value.problem.endswith(reason)
    assert service.stored(guid) == service.origin.origin


def test_a_domain_has_no_more_entries_than_a_passkey_has_origins(service):
    guid, allow = service.origin.origin.guid, service.administration.allow_callback
    for port in range(3000, 3008):
        updated_origin = allow(guid, f"localhost:{port}", kind=CallbackType.DOMAIN)
    with pytest.raises(InvalidField, match="more than 8 ports of one domain") as caught:
        allow(guid, "localhost", kind=CallbackType.DOMAIN)
    assert caught.value.field == "callbackUrl"
    assert allow(guid, "localhost:3007", kind=CallbackType.DOMAIN) == updated_origin
    allow(guid, "other.localhost", kind=CallbackType.DOMAIN)


def test_addresses_and_domains_share_the_limit_of_the_allow_list(service):
    guid, allow = service.origin.origin.guid, service.administration.allow_callback
    for number in range(service.policy.callbacks_limit - 1):
        allow(guid, f"shop{number}.example", kind=CallbackType.DOMAIN)
    for kind in CallbackType:
        with pytest.raises(InvalidField, match=f"more than {service.policy.callbacks_limit}"):
            allow(guid, "one.more.example", kind=kind)


def test_a_domain_is_no_address_to_take_off(service):
    guid = service.origin.origin.guid
    service.administration.allow_callback(guid, "shop.example", kind=CallbackType.DOMAIN)
    for entry, problem in (("shop.example", "GUID"), ("other.example", "not on the allow-list")):
        with pytest.raises(InvalidField, match=problem) as caught:
            service.administration.forbid_callback(guid, entry)
        assert caught.value.field == "callbackUrl"


def test_entries_have_names_that_follow_from_them(service):
    guid, administration = service.origin.origin.guid, service.administration
    administration.allow_callback(guid, "shop.example")
    stored_origin = administration.allow_callback(guid, "shop.example", kind=CallbackType.DOMAIN)
    assert [(entry.type, entry.text) for entry in stored_origin.entries] == [
        (CallbackType.ADDRESS, CALLBACK),
        (CallbackType.ADDRESS, "shop.example"),
        (CallbackType.DOMAIN, "shop.example"),
    ]
    names = [entry.guid for entry in stored_origin.entries]
    assert len(set(names)) == 3
    assert {partition_of(name) for name in names} == {partition_of(guid)}
    updated_origin = administration.forbid_entry(guid, names[2])
    assert (updated_origin.callbacks, updated_origin.domains) == ((CALLBACK, "shop.example"), ())
    updated_origin = administration.forbid_entry(guid, names[0])
    assert updated_origin.callbacks == ("shop.example",)
    for unknown_entry in (names[0], names[2], NOBODY):
        with pytest.raises(NotFound):
            administration.forbid_entry(guid, unknown_entry)
    assert service.last_event() == ("origin.forbid_callback", "not_found")
    assert administration.allow_callback(guid, CALLBACK).entries[1].guid == names[0]
    other = service.new_origin(service.app_space, "Other shop").origin
    assert other.entries[0].text == CALLBACK
    assert other.entries[0].guid != names[0]


def test_the_limit_of_entries_is_enforced_by_name(new_service):
    service = new_service(policy=attrs.evolve(STANDARD, callbacks_limit=2))
    guid = service.origin.origin.guid
    stored_origin = service.administration.allow_callback(guid, "https://shop.example/more")
    with pytest.raises(InvalidField) as caught:
        service.administration.allow_callback(guid, "https://shop.example/another")
    assert (caught.value.field, len(stored_origin.entries)) == ("callbackUrl", 2)


# Editing


def test_a_company_is_renamed(service):
    guid = service.company.guid
    edited = service.by(ROOT).administration.edit_company(guid, "Example plc")
    assert edited == service.stored(guid)
    assert (edited.name, edited.version) == ("Example plc", 2)
    assert (service.events[-1].event, service.events[-1].actor) == ("company.edit", "root")
    assert service.events[-1].subject == guid


def test_an_operator_verifies_a_company_and_takes_that_back(service):
    guid = service.company.guid
    for number, name in enumerate(("Example Ltd, Utrecht", None), 2):
        verified = service.by(ROOT).administration.verify_company(guid, name)
        assert verified == service.stored(guid)
        assert (verified.name, verified.verified_name) == (service.company.name, name)
        event = service.events[-1]
        assert (event.event, event.actor, event.subject) == ("company.verify", "root", guid)
        assert event.attributes == (("verifiedName", name or ""),)
        again = service.by(ROOT).administration.verify_company(guid, name)
        assert again.version == number
    assert len([each for each in service.events if each.event == "company.verify"]) == 2


def test_what_a_tenant_calls_itself_changes_no_verified_name(service):
    guid = service.company.guid
    service.administration.verify_company(guid, "Example Ltd")
    assert service.administration.edit_company(guid, "Harbour Bank").verified_name == "Example Ltd"


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", " Bank", "Bank ", "Two  spaces", "Two\nlines", "A\ttab", "\u200b", "\u3164"),
        *("Ba\u200bnk", "Ba\u202enk", "Ba\u00a0nk", "Bank\u0000", "Zoe\u0308", "z" * 65, "\ud800"),
        *("<U+202E>", "é" * 33),
    ],
)
def test_a_verified_name_shows_all_that_is_in_it(service, name):
    before = service.records()
    with pytest.raises(InvalidField) as caught:
        service.administration.verify_company(service.company.guid, name)
    assert caught.value.field == "verifiedName"
    assert service.records() == before


@pytest.mark.parametrize(
    "name", ["z" * 64, "é" * 32, "Zo\u00eb & S\u00f6hne, Graz", "\u05d1\u05e0\u05e7"]
)
def test_a_verified_name_of_64_bytes_fits(service, name):
    verified = service.administration.verify_company(service.company.guid, name)
    assert verified.verified_name == name


@pytest.mark.parametrize(
    "other",
    [
        *("Harbour Bank", "HARBOUR BANK", "\uff28arbour Bank", "Harbour \uff22ank", "harbour bank"),
        *("H\u0430rb\u043eur Bank", "Harb0ur Bank"),
    ],
)
def test_two_companies_have_no_verified_names_that_look_alike(service, other):
    service.administration.verify_company(service.company.guid, "Harbour Bank")
    second = service.administration.create_company("Harbour Bank")
    with pytest.raises(InvalidField, match="looks like that of another company") as caught:
        service.administration.verify_company(second.guid, other)
    assert caught.value.field == "verifiedName"
    # Its own may be spelled anew, and one that was taken back is free.
    service.administration.verify_company(service.company.guid, other)
    service.administration.verify_company(service.company.guid, None)
    assert service.administration.verify_company(second.guid, other).verified_name == other


@pytest.mark.parametrize(
    "other",
    [
        *("Example Bank plc. London", "Example Bank plc; London", "Example-Bank plc, London"),
        *("Example Bank plc London", "ExampleBank plc, London", "Example Bank plc, Lond\u00f6n"),
        *("Exampl\u0435 Bank plc., L0ndon", "\u201cExample Bank\u201d (plc) London"),
        "Exarnple Bank plc London",
    ],
)
def test_verified_names_differ_by_more_than_punctuation_spaces_and_accents(service, other):
    service.administration.verify_company(service.company.guid, "Example Bank plc, London")
    second = service.administration.create_company("Example Bank")
    with pytest.raises(InvalidField, match="looks like that of another company"):
        service.administration.verify_company(second.guid, other)
    assert service.administration.verify_company(second.guid, "Example Bank Oslo")


@pytest.mark.parametrize("name", ["...", "\u2014", "- -"])
def test_a_verified_name_has_a_letter_or_a_digit(service, name):
    with pytest.raises(InvalidField, match="no letter or digit") as caught:
        service.administration.verify_company(service.company.guid, name)
    assert caught.value.field == "verifiedName"


def test_an_edit_that_changes_nothing_writes_nothing_and_a_refused_one_is_recorded(service):
    before = service.events
    guid = service.app_space.guid
    assert service.administration.edit_app_space(guid) == service.app_space
    assert service.administration.edit_origin(service.origin.origin.guid) == service.origin.origin
    assert service.events == before
    edited = service.administration.edit_app_space(guid, name="Other")
    assert edited == attrs.evolve(service.app_space, version=2, name="Other")
    assert service.last_event() == ("app_space.edit", "")
    with pytest.raises(InvalidField):
        service.administration.edit_app_space(guid, name=" ")
    assert service.last_event() == ("app_space.edit", "invalid_field")


@pytest.mark.parametrize("changes", [{"colour": "#000000"}, {"texts": {"colour": "x"}}])
def test_what_is_not_to_be_edited_is_no_argument(service, changes):
    with pytest.raises(TypeError, match="not to be edited: "):
        service.administration.edit_app_space(service.app_space.guid, **changes)


def test_a_providers_settings_are_changed_but_not_whose_they_are(service):
    settings = service.idp.settings()
    space = service.new_app_space("Staff", idp=settings)
    other = attrs.evolve(settings, client_id="another client")
    assert service.administration.edit_app_space(space.guid, idp=other).idp == other
    elsewhere = attrs.evolve(settings, issuer="https://other.example")
    with pytest.raises(InvalidField) as caught:
        service.administration.edit_app_space(space.guid, idp=elsewhere)
    assert caught.value.field == "idp.issuer"
    with pytest.raises(WrongKind):
        service.administration.edit_app_space(service.app_space.guid, idp=settings)


def test_the_endings_that_send_a_callback_are_endings(service):
    guid = service.origin.origin.guid
    assert service.origin.origin.callback_states == FINISHED
    answered, expired = ChallengeState.ANSWERED, ChallengeState.EXPIRED
    edited = service.administration.edit_origin(guid, callback_states=[expired, answered, expired])
    assert edited.callback_states == (answered, expired)
    assert service.administration.edit_origin(guid, callback_states=[]).callback_states == ()


@pytest.mark.parametrize("kind", [Company, AppSpace, Origin, Admin])
def test_get_returns_a_record_of_the_kind_asked_for(service, kind):
    admin = service.credentials.create_admin("local", company=service.company.guid)
    guids = {
        Company: service.company.guid,
        AppSpace: service.app_space.guid,
        Origin: service.origin.origin.guid,
        Admin: admin.guid,
    }
    assert service.administration.get(guids[kind], kind) == service.stored(guids[kind])
    for other in {*guids.values(), NOBODY} - {guids[kind]}:
        with pytest.raises(NotFound):
            service.administration.get(other, kind)


def test_an_entry_of_a_full_list_may_be_allowed_again(new_service):
    service = new_service(policy=attrs.evolve(STANDARD, callbacks_limit=2))
    guid = service.origin.origin.guid
    full = service.administration.allow_callback(guid, "https://shop.example/second")
    with pytest.raises(InvalidField):
        service.administration.allow_callback(guid, "https://shop.example/third")
    assert service.stored(guid) == full
    assert service.administration.allow_callback(guid, CALLBACK) == full


def test_entries_that_are_put_on_the_list_at_once_are_all_there(service, meeting, at_once):
    guid = service.origin.origin.guid
    racing = service.but(store=meeting(service.store, 4))
    entries = [f"https://shop.example/{number}" for number in range(4)]
    at_once(*(lambda e=entry: racing.administration.allow_callback(guid, e) for entry in entries))
    assert set(service.stored(guid).callbacks) == {CALLBACK, *entries}
