"""What a record is looked up by, beside the verbs of the store that look it up."""

import pytest
from attrs import evolve

from counterseal.kinds import RecordKind
from counterseal.models import (
    LIVING_SESSIONS,
    Account,
    AccountEvent,
    ActionUse,
    AddressKind,
    ApprovedAction,
    AppSpace,
    Binding,
    Callback,
    CallbackState,
    Challenge,
    ChallengeState,
    Company,
    Gauge,
    GaugeKey,
    Notification,
    PasskeyAuthentication,
    PasskeyRegistration,
    PushAddress,
    Session,
    SessionState,
)
from counterseal.models.record import Index, Listing, index_of
from counterseal_testing import FakeService
from counterseal_testing.contracts.record_factory import RecordFactory
from counterseal_testing.service import CALLBACK


@pytest.fixture
def records():
    world = FakeService()
    zoe = world.bind("zoe")
    zoe.answer(world.ask("zoe", "Pay?", callback=CALLBACK).challenge)
    world.ask("zoe", "Still open?")
    return list(world.ports.store._records.values())


def of(records, kind, **what):
    return next(
        record
        for record in records
        if isinstance(record, kind)
        and all(getattr(record, name) == value for name, value in what.items())
    )


def test_an_account_is_found_by_its_app_space_and_id(records):
    account = of(records, Account)

    key = (account.app_space, "zoe")
    gauge = GaugeKey(Gauge.ACTIVE_USERS, account.app_space, None)
    assert index_of(account) == Index(account_key=key, search_key=key, gauge=gauge)


def test_an_account_is_searched_until_it_is_erased(records):
    account = of(records, Account)

    erased = evolve(account, erased_at=account.created_at, devices=())

    assert index_of(erased) == Index(account_key=(account.app_space, "zoe"))


def test_a_binding_is_listed_whatever_its_state(records):
    binding = of(records, Binding)

    assert index_of(binding) == Index(
        account=binding.account, listing=Listing.BINDINGS, owner=binding.account, listed=True
    )


@pytest.mark.parametrize(
    ("state", "unfinished"),
    [
        (ChallengeState.PENDING, True),
        (ChallengeState.SEEN, True),
        (ChallengeState.ANSWERED, False),
        (ChallengeState.CANCELLED, False),
        (ChallengeState.EXPIRED, False),
    ],
)
def test_a_challenge_is_listed_until_it_is_finished(records, state, unfinished):
    source = ChallengeState.PENDING if unfinished else ChallengeState.ANSWERED
    challenge = evolve(of(records, Challenge, state=source), state=state)

    assert index_of(challenge) == Index(
        account=challenge.account,
        listing=Listing.PENDING,
        owner=challenge.account,
        listed=unfinished,
        gauge=(
            GaugeKey(Gauge.PENDING_CHALLENGES, challenge.app_space, challenge.origin)
            if unfinished
            else None
        ),
    )


COUNTED_CALLBACKS = {
    CallbackState.QUEUED: Gauge.QUEUED_CALLBACKS,
    CallbackState.DEAD: Gauge.DEAD_CALLBACKS,
}


@pytest.mark.parametrize("state", CallbackState)
def test_a_callback_is_listed_under_its_origin_once_it_is_dead(records, state):
    callback = evolve(of(records, Callback), state=state)
    gauge = COUNTED_CALLBACKS.get(state)

    assert index_of(callback) == Index(
        account=callback.account,
        listing=Listing.DEAD,
        owner=callback.origin,
        listed=state is CallbackState.DEAD,
        queue=callback.origin,
        gauge=gauge and GaugeKey(gauge, callback.app_space, callback.origin),
    )


@pytest.mark.parametrize("kind", AddressKind)
def test_a_notification_is_due_in_the_queue_of_its_kind(kind):
    world = FakeService()
    world.bind("zoe", addresses=(PushAddress(kind=kind, value="here"),))
    world.ask("zoe", "Pay?")
    (notification,) = world.notifications.due()

    assert index_of(notification) == Index(account=notification.account, queue=kind)


def test_a_ceremony_is_about_its_account():
    factory = RecordFactory()
    account = factory.account()

    for ceremony in (factory.registration(account), factory.authentication(account)):
        assert index_of(ceremony) == Index(account=account.guid)


def test_an_event_is_about_its_account_and_its_callback_is_not():
    factory = RecordFactory()
    account = factory.account()
    callback = factory.callback(account, challenge=None, event=factory.guid())

    assert index_of(factory.account_event(account)) == Index(account=account.guid)
    assert index_of(callback) == Index(
        listing=Listing.DEAD,
        owner=callback.origin,
        queue=callback.origin,
        gauge=GaugeKey(Gauge.QUEUED_CALLBACKS, callback.app_space, callback.origin),
    )


def test_an_action_and_its_use_are_about_the_account():
    factory = RecordFactory()
    account = factory.account()

    for record in (factory.action(account), factory.use(account)):
        assert index_of(record) == Index(account=account.guid)


def test_tenancy_is_listed_under_its_parent(records):
    company, space = of(records, Company), of(records, AppSpace)

    assert index_of(company) == Index(listing=Listing.CHILDREN, owner=None, listed=True)
    assert index_of(space) == Index(listing=Listing.CHILDREN, owner=company.guid, listed=True)


@pytest.mark.parametrize("state", SessionState)
def test_a_session_is_listed_under_its_administrator_until_it_ends(state):
    factory = RecordFactory()
    admin = factory.admin(None)

    assert index_of(factory.session(admin.guid, state=state)) == Index(
        listing=Listing.CHILDREN, owner=admin.guid, listed=state in LIVING_SESSIONS
    )


def test_every_kind_of_record_is_considered():
    listed = {
        *(Account, Binding, Challenge, Callback, Company, AppSpace, Notification),
        Session,
        *(PasskeyRegistration, PasskeyAuthentication, AccountEvent),
        *(ApprovedAction, ActionUse),
    }
    names = {kind.record_class.__name__ for kind in RecordKind}

    assert names - {kind.__name__ for kind in listed} == {
        "Admin",  # under its company, as tenancy
        "EventLog",  # by its GUID only, as the next two: it follows from what they are about
        "EventStream",
        "LoggedEvent",
        "Alias",  # by its GUID only, which is made from what it stands for
        "Login",  # by its GUID only
        "Logo",  # by its GUID only, which follows from its App Space
        "Origin",  # under its App Space, as tenancy
    }
