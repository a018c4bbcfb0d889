"""Tenants: created, looked up, and given addresses that their callbacks may go to."""

import attrs
import pytest

from counterseal import STANDARD
from counterseal.errors import InvalidField, NotFound
from counterseal.models import Admin, AppSpace, Codes, Company, IdpSettings, Origin
from counterseal.models.guid import mint, partition_of
from counterseal.testing.faults import Faults, faulty
from counterseal.testing.world import CALLBACK

NOBODY = mint(0, bytes(15))


def test_a_company_an_app_space_and_an_origin(service):
    company = service.directory.create_company("Bank", actor="root")
    space = service.directory.create_app_space(
        company.guid,
        "Banking",
        brand_logo="https://bank.example/logo.png",
        brand_color="#F0B700",
        universal_app=True,
        actor="root",
    )
    origin = service.directory.create_origin(space.guid, "Transfers", actor="root")
    assert service.store.get(company.guid, space.guid, origin.guid) == (company, space, origin)
    assert (company.name, space.company, origin.app_space) == ("Bank", company.guid, space.guid)
    assert (space.brand_logo, space.brand_color, space.universal_app, space.idp) == (
        "https://bank.example/logo.png",
        "#F0B700",
        True,
        None,
    )
    assert (origin.credentials, origin.callbacks, origin.codes) == ((), (), Codes.TYPED)
    assert {record.created_at for record in (company, space, origin)} == {service.clock.now()}
    assert service.directory.relying_party(origin.guid).app_space == space


def test_a_tenants_records_lie_in_one_partition(service):
    company = service.directory.create_company("Bank")
    space = service.directory.create_app_space(company.guid, "Banking")
    origin = service.directory.create_origin(space.guid, "Transfers")
    admin = service.credentials.create_admin("root", company=company.guid)
    guids = (company.guid, space.guid, origin.guid, admin.guid)
    assert len({partition_of(guid) for guid in guids}) == 1
    assert len(set(guids)) == 4


def test_s35_each_creation_is_recorded_with_who_made_it(service):
    company = service.directory.create_company("Bank", actor="root")
    space = service.directory.create_app_space(company.guid, "Banking", actor="root")
    origin = service.directory.create_origin(space.guid, "Transfers", actor="root")
    service.directory.allow_callback(origin.guid, CALLBACK, actor="root")
    service.directory.forbid_callback(origin.guid, CALLBACK, actor="root")
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
    space = service.directory.create_app_space(service.company.guid, "Staff", idp=settings)
    assert space.idp == settings


def test_an_origin_of_a_cx_client_has_codes_echoed(service):
    origin = service.directory.create_origin(service.app_space.guid, "CX", codes=Codes.ECHOED)
    assert service.stored(origin.guid).codes is Codes.ECHOED


@pytest.mark.parametrize("name", ["", "  ", "x" * 257, "lone \ud800"])
def test_a_name_has_to_fit(service, name):
    before = service.records()
    for create in (
        lambda: service.directory.create_company(name),
        lambda: service.directory.create_app_space(service.company.guid, name),
        lambda: service.directory.create_origin(service.app_space.guid, name),
        lambda: service.credentials.create_admin(name),
    ):
        with pytest.raises(InvalidField) as caught:
            create()
        assert caught.value.field == "name"
    assert service.records() == before


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"brand_logo": "x" * 2049}, "brandInfo.url"),
        ({"brand_logo": ""}, "brandInfo.url"),
        ({"brand_color": "x" * 257}, "brandInfo.color"),
    ],
)
def test_a_brand_has_to_fit(service, members, field):
    with pytest.raises(InvalidField) as caught:
        service.directory.create_app_space(service.company.guid, "Banking", **members)
    assert caught.value.field == field


def test_what_is_to_own_something_has_to_be_there(service):
    before = service.records()
    for guid in (NOBODY, service.origin.origin.guid):
        with pytest.raises(NotFound):
            service.directory.create_app_space(guid, "Banking")
    for guid in (NOBODY, service.company.guid):
        with pytest.raises(NotFound):
            service.directory.create_origin(guid, "Transfers")
        with pytest.raises(NotFound):
            service.directory.relying_party(guid)
        with pytest.raises(NotFound):
            service.directory.allow_callback(guid, CALLBACK)
        with pytest.raises(NotFound):
            service.directory.forbid_callback(guid, CALLBACK)
    assert service.records() == before


def test_a_creation_whose_reply_was_lost_is_one_creation(service):
    faults = Faults()
    faults.lose_reply(times=3)
    losing = service.but(store=faulty(service.store, "store", faults))
    company = losing.directory.create_company("Bank")
    assert service.stored(company.guid) == company
    assert [one.name for one in service.directory.list(None, Company)].count("Bank") == 1
    assert len([event for event in service.events if event.subject == company.guid]) == 1


def test_a_creation_that_is_there_already_is_returned(service):
    """Its commit was applied, and the store has forgotten the operation."""
    made = []

    class Forgetful:
        def __getattr__(self, name):
            return getattr(service.store, name)

        def commit(self, changes, audit, operation):
            service.store.commit(changes, audit, operation)
            if not made:
                made.append(changes)
                service.store.commit(changes, audit, operation + " forgotten")

    company = service.but(store=Forgetful()).directory.create_company("Bank")
    assert service.stored(company.guid) == company
    assert len([event for event in service.events if event.subject == company.guid]) == 1


def test_records_are_listed_by_kind_under_their_parent(service):
    directory = service.directory
    other = directory.create_company("Insurance")
    space = directory.create_app_space(service.company.guid, "Second app")
    origin = directory.create_origin(service.app_space.guid, "Second shop")
    root = service.credentials.create_admin("root")
    local = service.credentials.create_admin("local", company=service.company.guid)
    assert directory.list(None, Company) == (service.company, other)
    assert [admin.guid for admin in directory.list(None, Admin)] == [root.guid]
    assert directory.list(service.company.guid, AppSpace) == (service.app_space, space)
    assert [admin.guid for admin in directory.list(service.company.guid, Admin)] == [local.guid]
    assert directory.list(service.app_space.guid, Origin) == (
        service.stored(service.origin.origin.guid),
        origin,
    )
    assert directory.list(other.guid, AppSpace) == directory.list(NOBODY, Origin) == ()


# The allow-list


def test_an_entry_is_put_on_the_list_once_and_taken_off(service):
    guid = service.origin.origin.guid
    entry = "https://shop.example/{*}/done"
    first = service.directory.allow_callback(guid, entry)
    assert first.callbacks == (CALLBACK, entry)
    assert service.directory.allow_callback(guid, entry) == first == service.stored(guid)
    assert len(service.happened("origin.allow_callback")) == 2
    left = service.directory.forbid_callback(guid, CALLBACK)
    assert left.callbacks == (entry,)
    with pytest.raises(InvalidField):
        service.directory.forbid_callback(guid, CALLBACK)
    assert service.last_event() == ("origin.forbid_callback", "invalid_field")


@pytest.mark.parametrize(
    "entry",
    ["", "ftp://shop.example/", "https://user@shop.example/", "https://{*}/done", "x" * 2049],
)
def test_an_entry_is_a_plain_address(service, entry):
    with pytest.raises(InvalidField) as caught:
        service.directory.allow_callback(service.origin.origin.guid, entry)
    assert caught.value.field == "callbackUrl"


def test_there_is_room_for_so_many_entries(new_service):
    service = new_service(policy=attrs.evolve(STANDARD, callbacks_limit=2))
    guid = service.origin.origin.guid
    full = service.directory.allow_callback(guid, "https://shop.example/second")
    with pytest.raises(InvalidField):
        service.directory.allow_callback(guid, "https://shop.example/third")
    assert service.stored(guid) == full
    assert service.directory.allow_callback(guid, CALLBACK) == full


def test_entries_that_are_put_on_the_list_at_once_are_all_there(service, meeting, at_once):
    guid = service.origin.origin.guid
    racing = service.but(store=meeting(service.store, 4))
    entries = [f"https://shop.example/{number}" for number in range(4)]
    at_once(*(lambda e=entry: racing.directory.allow_callback(guid, e) for entry in entries))
    assert set(service.stored(guid).callbacks) == {CALLBACK, *entries}
