"""A log-in at the Identity Provider binds a new phone in place of an old one."""

from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal import STANDARD
from counterseal.bindings.documents.confirmation import Choice
from counterseal.device import own_comparison_code, sign_confirmation
from counterseal.errors import (
    AccountLocked,
    BindingInactive,
    DeadlinePassed,
    Foreign,
    InvalidField,
    NotFound,
    NotPossessed,
    TokenSpent,
    TooManyBindings,
    WrongToken,
)
from counterseal.models import (
    OPERATOR,
    AccountEvent,
    AccountEventKind,
    AddressKind,
    BindingState,
    NewDeviceRule,
    Occasion,
    PushAddress,
)
from counterseal.models.guid import mint
from counterseal_testing.service import PIN, FakeService

HERE, THERE, NEW = (
    PushAddress(kind=AddressKind.RELAY, value=value) for value in ("here", "there", "new")
)


@pytest.fixture
def space(service):
    return service.new_app_space("Staff", idp=service.idp.settings())


@pytest.fixture
def log_in(service, space):
    """Log a user in; the invitation is returned."""
    return partial(service.identify, space)


@pytest.fixture
def old(service, space):
    return service.log_in(space, "carol", addresses=(HERE,))


@pytest.fixture
def confirming(service, space):
    """Have every new device of the App Space confirmed."""
    return service.administration.edit_app_space(space.guid, new_devices=NewDeviceRule.CONFIRMED)


def state(service, phone):
    return service.stored(phone.guid).state


def refused(service, invitation, replaces, refusal):
    """See the bind refused and recorded, with nothing stored."""
    before = service.records()
    with pytest.raises(refusal) as caught:
        service.complete(invitation, service.phone(), replaces=replaces)
    assert service.records() == before
    assert service.last_event() == ("binding.complete", refusal.code)
    return caught.value


# What a log-in says


def test_a_log_in_names_the_bound_devices_oldest_first_and_no_invitation(service, log_in, old):
    tablet = service.complete(log_in("carol"), service.phone())
    service.log_in(service.stored(service.stored(old.guid).app_space), "dave")
    service.devices.suspend(old.guid, by=OPERATOR)
    revoked = service.complete(log_in("carol"), service.phone())
    service.devices.revoke(revoked.guid, by=OPERATOR)
    log_in("carol")
    service.devices.update(tablet.call("/device", b'{"name":"Tablet"}'))
    devices = log_in("carol").devices
    assert [(device.guid, device.name) for device in devices] == [
        (old.guid, ""),
        (tablet.guid, "Tablet"),
    ]


def test_a_first_log_in_names_no_device(log_in):
    assert log_in("carol").devices == ()


# What the bind does


def test_the_old_phone_is_revoked_in_the_commit_that_binds_the_new_one(service, log_in, old):
    invitation = log_in("carol")
    service.clock.advance(timedelta(seconds=9))
    commits = len(service.events)
    new = service.complete(invitation, service.phone(), (NEW,), replaces=old.guid)
    assert (state(service, new), state(service, old)) == (
        BindingState.ACTIVE,
        BindingState.REVOKED,
    )
    account = service.stored(service.stored(new.guid).account)
    assert [device.binding for device in account.devices] == [new.guid]
    assert service.stored(new.guid).replaces == old.guid
    assert service.stored(old.guid).ended_at == service.clock.now()
    assert [(e.event, e.subject, e.actor, e.reason) for e in service.events[commits:]] == [
        ("binding.complete", new.guid, new.guid, ""),
        ("binding.revoke", old.guid, new.guid, "moved"),
    ]
    with pytest.raises(BindingInactive) as caught:
        old.pending()
    assert caught.value.reason == "revoked"
    assert new.pending() == ()


def test_a_replacement_commits_an_event_of_either_device(service, log_in, old):
    new = service.complete(log_in("carol"), service.phone(), replaces=old.guid)
    events = [record for record in service.records().values() if isinstance(record, AccountEvent)]
    assert [
        (event.kind, event.device) for event in sorted(events, key=lambda event: event.number)
    ] == [
        (AccountEventKind.BOUND, old.guid),
        (AccountEventKind.DEVICE_ADDED, new.guid),
        (AccountEventKind.REVOKED, old.guid),
    ]


def test_a_new_phone_commits_no_event_before_it_is_confirmed(service, waiting):
    assert not [
        record
        for record in service.records().values()
        if isinstance(record, AccountEvent) and record.device == waiting.guid
    ]


def test_a_replacement_wakes_the_calls_that_wait_and_one_more_device_does_not(service, log_in, old):
    woken = []
    waking = service.but(wake=SimpleNamespace(notify=woken.append))
    adding, replacing = log_in("carol"), log_in("carol")
    account = adding.account.guid
    waking.complete(adding, service.phone())
    assert account not in woken
    waking.complete(replacing, service.phone(), replaces=old.guid)
    assert account in woken


def test_the_old_phone_and_the_others_are_notified(service, log_in, old):
    service.complete(log_in("carol"), service.phone(), (THERE,))
    service.push()
    service.outbox.pushes.clear()
    service.complete(log_in("carol"), service.phone(), (NEW,), replaces=old.guid)
    service.push()
    pushes = {
        (push.message.occasion, push.message.subject == old.guid, address)
        for push in service.outbox.pushes
        for address in push.addresses
    }
    assert pushes == {
        (Occasion.DEVICE_BOUND, False, THERE),
        (Occasion.DEVICE_REVOKED, True, THERE),
        (Occasion.DEVICE_REVOKED, True, HERE),
    }


def test_a_suspended_phone_can_be_replaced(service, log_in, old):
    service.devices.suspend(old.guid, by=OPERATOR)
    service.complete(log_in("carol"), service.phone(), replaces=old.guid)
    assert state(service, old) is BindingState.REVOKED


def test_a_lost_reply_is_repeated_and_another_device_is_not_replaced_by_it(service, log_in, old):
    other = service.complete(log_in("carol"), service.phone())
    invitation, phone = log_in("carol"), service.phone()
    for _ in range(2):
        service.complete(invitation, phone, replaces=old.guid)
    before = service.records()
    for replaces in (other.guid, None):
        with pytest.raises(TokenSpent):
            service.complete(invitation, phone, replaces=replaces)
    with pytest.raises(TokenSpent):
        service.complete(invitation, service.phone(), replaces=old.guid)
    assert service.records() == before
    assert state(service, other) is BindingState.ACTIVE


def test_the_new_keys_sign_what_they_replace(service, log_in, old):
    other = service.complete(log_in("carol"), service.phone())
    invitation, phone = log_in("carol"), service.phone()
    space = invitation.app_space.guid
    signed = phone.device.enrolment(invitation.token, space, pin=PIN, replaces=old.guid)
    for replaces in (other.guid, None):
        with pytest.raises(NotPossessed):
            service.enrolments.complete(attrs.evolve(signed, replaces=replaces))
    assert {state(service, one) for one in (old, other)} == {BindingState.ACTIVE}


# What cannot be replaced


def test_nothing_but_a_living_device_of_the_account_is_replaced(service, space, log_in, old):
    """And each is refused alike, so that a log-in does not learn what others have."""
    foreign = service.log_in(space, "dave")
    elsewhere = service.new_app_space("Others", idp=service.idp.settings())
    same_person = service.log_in(elsewhere, "carol")
    revoked = service.complete(log_in("carol"), service.phone())
    service.devices.revoke(revoked.guid, by=OPERATOR)
    open_invitation, invitation = log_in("carol"), log_in("carol")
    absent = mint(0, bytes(15))
    codes = set()
    for guid, refusal in (
        (foreign.guid, Foreign),
        (same_person.guid, Foreign),
        (revoked.guid, NotFound),
        (open_invitation.binding, NotFound),
        (invitation.binding, NotFound),
        (invitation.account.guid, NotFound),
        (space.guid, NotFound),
        (absent, NotFound),
    ):
        error = refused(service, invitation, guid, refusal)
        codes.add((error.public_code, getattr(error, "field", None)))
    assert codes == {("not_found", None)}
    service.complete(invitation, service.phone(), replaces=old.guid)


def test_only_a_log_in_replaces(service, old):
    """Neither an origin's invitation nor a device's."""
    alice = service.bind("alice")
    by_origin = service.invitations.invite(service.origin, "alice")
    for invitation, replaces in ((by_origin, alice.guid), (old.invite(), old.guid)):
        error = refused(service, invitation, replaces, InvalidField)
        assert error.field == "replaces"
    assert {state(service, one) for one in (alice, old)} == {BindingState.ACTIVE}


def test_the_policy_can_forbid_it(service, space, old):
    strict = service.but(policy=attrs.evolve(STANDARD, device_replacement=False))
    invitation = strict.identify(space, "carol")
    assert invitation.devices == ()
    assert refused(strict, invitation, old.guid, InvalidField).field == "replaces"


def test_a_stranger_learns_nothing_by_it(service, log_in, old):
    invitation = log_in("carol")
    wrong_token = f"{invitation.binding}.{'A' * 22}"
    refused(service, attrs.evolve(invitation, token=wrong_token), old.guid, WrongToken)


def test_a_locked_account_and_a_late_bind_replace_nothing(service, log_in, old):
    late, invitation = log_in("carol"), log_in("carol")
    account = service.stored(old.guid).account
    service.accounts.lock(account, by=OPERATOR)
    refused(service, invitation, old.guid, AccountLocked)
    service.accounts.unlock(account, by=OPERATOR)
    service.clock.advance(STANDARD.session_token_life - timedelta(microseconds=1))
    service.complete(log_in("carol"), service.phone())
    service.clock.advance(timedelta(microseconds=1))
    refused(service, late, old.guid, DeadlinePassed)
    assert state(service, old) is BindingState.ACTIVE


def test_of_two_new_phones_one_replaces_the_old_one(service, log_in, old):
    one, other = log_in("carol"), log_in("carol")
    service.complete(one, service.phone(), replaces=old.guid)
    refused(service, other, old.guid, NotFound)
    # It is one more device, if its user says so.
    service.complete(other, service.phone())


def test_the_slower_of_two_phones_in_one_moment_replaces_nothing(service, log_in, old):
    one, other = log_in("carol"), log_in("carol")
    raced = service.meanwhile(lambda: service.complete(one, service.phone(), replaces=old.guid))
    with pytest.raises(NotFound):
        raced.complete(other, service.phone(), replaces=old.guid)
    assert service.stored(one.binding).state is BindingState.ACTIVE
    assert service.stored(other.binding).state is BindingState.INVITED


# As many devices as the policy allows


@pytest.fixture
def full(service, old):
    """The service, where the old phone is all that its user may have."""
    return service.but(policy=attrs.evolve(STANDARD, bindings_limit=1))


def test_a_user_with_all_devices_replaces_one_and_adds_none(full, space, old):
    invitation, phone = full.identify(space, "carol"), full.phone()
    assert [device.guid for device in invitation.devices] == [old.guid]
    refused(full, invitation, None, TooManyBindings)
    new = full.complete(invitation, phone, replaces=old.guid)
    assert (state(full, old), state(full, new)) == (BindingState.REVOKED, BindingState.ACTIVE)


def test_a_log_in_that_can_replace_nothing_needs_a_place(service, space, log_in):
    narrow = service.but(policy=attrs.evolve(STANDARD, bindings_limit=1))
    log_in("erin")
    for forbidding, account in (
        (narrow, "erin"),
        (narrow.but(policy=attrs.evolve(narrow.policy, device_replacement=False)), "carol"),
    ):
        if account == "carol":
            service.log_in(space, "carol")
        with pytest.raises(TooManyBindings):
            forbidding.identify(space, account)


def test_at_most_ten_log_ins_wait_when_the_device_limit_is_reached(full, space, old):
    invitations = [full.identify(space, "carol") for _ in range(10)]
    with pytest.raises(TooManyBindings):
        full.identify(space, "carol")
    full.complete(invitations[3], full.phone(), replaces=old.guid)
    full.identify(space, "carol")


def test_a_thief_of_a_phone_leaves_its_user_a_log_in(full, space, old):
    """The device key alone, without the PIN, makes as many invitations as it can."""
    for _ in range(5):
        full.complete(old.invite(), full.phone())
        full.clock.advance(timedelta(minutes=1))
    with pytest.raises(TooManyBindings):
        old.invite()
    invitation = full.identify(space, "carol")
    new = full.complete(invitation, full.phone(), replaces=old.guid)
    assert (state(full, old), state(full, new)) == (BindingState.REVOKED, BindingState.ACTIVE)


def test_a_confirmed_replacement_needs_no_place(full, space, old):
    full.administration.edit_app_space(space.guid, new_devices=NewDeviceRule.CONFIRMED)
    replacing, adding = (
        full.complete(full.identify(space, "carol"), full.phone(), replaces=replaces)
        for replaces in (old.guid, None)
    )
    origin = full.new_origin(space, "Shop")
    with pytest.raises(TooManyBindings):
        compare(full, origin, adding)
    (new_device,) = (each for each in old.new_devices() if each.device == replacing.guid)
    add = sign_confirmation(old.device, new_device, Choice.ADD, pin=PIN)
    with pytest.raises(TooManyBindings):
        full.confirmations.decide(old.call("/device/confirmations", add.encode()))
    compare(full, origin, replacing)
    assert (state(full, old), state(full, replacing)) == (BindingState.REVOKED, BindingState.ACTIVE)
    with pytest.raises(TooManyBindings):
        compare(full, origin, adding)


# Where a new device has to be confirmed


@pytest.fixture
def origin(service, space):
    return service.new_origin(space, "Shop")


@pytest.fixture
def waiting(service, log_in, old, confirming):
    """A new phone that is to replace the old one, and is not confirmed."""
    return service.complete(log_in("carol"), service.phone(), (NEW,), replaces=old.guid)


def compare(service, origin, phone):
    code = own_comparison_code(phone.device, pin=PIN)
    return service.confirmations.compare(origin, phone.guid, code)


def test_the_old_phone_acts_until_the_new_one_is_confirmed(service, origin, old, waiting):
    assert (state(service, waiting), state(service, old)) == (
        BindingState.UNCONFIRMED,
        BindingState.ACTIVE,
    )
    (new_device,) = old.new_devices()
    assert new_device.replaces == old.guid
    for _ in range(2):
        compare(service, origin, waiting)
        assert (state(service, waiting), state(service, old)) == (
            BindingState.ACTIVE,
            BindingState.REVOKED,
        )
    ends = [e for e in service.events if e.event == "binding.revoke"]
    assert [(e.subject, e.actor, e.reason) for e in ends] == [
        (old.guid, origin.origin.guid, "moved")
    ]


def test_the_old_phone_and_the_others_are_notified_when_the_new_one_is_confirmed(
    service, log_in, origin, old, waiting
):
    compare(service, origin, service.complete(log_in("carol"), service.phone(), (THERE,)))
    service.push()
    service.outbox.pushes.clear()
    compare(service, origin, waiting)
    service.push()
    pushes = {
        (push.message.occasion, push.message.subject, address)
        for push in service.outbox.pushes
        for address in push.addresses
    }
    assert pushes == {
        (Occasion.DEVICE_BOUND, waiting.guid, THERE),
        (Occasion.DEVICE_REVOKED, old.guid, THERE),
        (Occasion.DEVICE_REVOKED, old.guid, HERE),
    }


@pytest.mark.parametrize(
    ("choice", "after"),
    [
        (Choice.ADD, BindingState.ACTIVE),
        (Choice.MOVE, BindingState.REVOKED),
        (Choice.REFUSE, BindingState.ACTIVE),
    ],
)
def test_what_the_old_phone_signs_is_what_becomes_of_it(service, old, waiting, choice, after):
    (new_device,) = old.new_devices()
    old.decide(new_device, choice)
    assert state(service, old) is after
    assert (state(service, waiting) is BindingState.ACTIVE) is (choice is not Choice.REFUSE)


@pytest.mark.parametrize(
    ("choice", "after"),
    [
        (Choice.ADD, (BindingState.REVOKED, BindingState.ACTIVE)),
        (Choice.MOVE, (BindingState.REVOKED, BindingState.REVOKED)),
        (Choice.REFUSE, (BindingState.ACTIVE, BindingState.ACTIVE)),
    ],
)
def test_another_phone_confirms_the_replacement_too(service, log_in, old, choice, after):
    tablet = service.complete(log_in("carol"), service.phone())
    space = service.stored(old.guid).app_space
    service.administration.edit_app_space(space, new_devices=NewDeviceRule.CONFIRMED)
    service.complete(log_in("carol"), service.phone(), replaces=old.guid)
    (new_device,) = tablet.new_devices()
    tablet.decide(new_device, choice)
    assert (state(service, old), state(service, tablet)) == after


def test_another_phone_confirms_a_replacement_when_the_device_limit_is_reached(
    service, log_in, old
):
    """The new phone takes the place of the one that it replaces."""
    tablet = service.complete(log_in("carol"), service.phone())
    space = service.stored(old.guid).app_space
    service.administration.edit_app_space(space, new_devices=NewDeviceRule.CONFIRMED)
    new = service.complete(log_in("carol"), service.phone(), replaces=old.guid)
    full = service.but(policy=attrs.evolve(STANDARD, bindings_limit=2))
    (new_device,) = tablet.new_devices()
    attrs.evolve(tablet, confirmations=full.confirmations).decide(new_device, Choice.ADD)
    states = [state(service, phone) for phone in (old, tablet, new)]
    assert states == [BindingState.REVOKED, BindingState.ACTIVE, BindingState.ACTIVE]


def test_a_new_phone_that_nobody_confirms_replaces_nothing(service, old, waiting):
    service.clock.advance(STANDARD.confirmation_life)
    assert service.invitations.expire() == 1
    assert (state(service, waiting), state(service, old)) == (
        BindingState.EXPIRED,
        BindingState.ACTIVE,
    )


def test_what_has_ended_before_the_confirmation_stays_as_it_is(service, origin, old, waiting):
    guid = old.guid
    old.unbind()
    ended = service.stored(guid)
    compare(service, origin, waiting)
    assert service.stored(guid) == ended
    assert state(service, waiting) is BindingState.ACTIVE


# Any order


class Bank:
    """What becomes of three phones of one person, by a model of replacement that has sets only."""

    def __init__(self):
        self.living = []

    def bind(self, name, replaces):
        """Tell whether the bind is accepted."""
        if replaces is not None and replaces not in self.living:
            return False
        self.living = [one for one in self.living if one != replaces] + [name]
        return True


@settings(max_examples=25, deadline=None)
@given(st.lists(st.none() | st.integers(0, 5), min_size=1, max_size=6))
def test_each_replacement_ends_one_living_device_and_no_other(choices):
    service, bank, phones = FakeService(), Bank(), {}
    space = service.new_app_space("Staff", idp=service.idp.settings())
    invitations = [service.identify(space, "carol") for _ in choices]
    for name, (invitation, choice) in enumerate(zip(invitations, choices, strict=True)):
        phone = service.phone()
        replaced = None if choice is None else phones.get(choice)
        guid = invitation.binding if choice is not None else None
        guid = replaced.guid if replaced is not None else guid
        expected = bank.bind(name, choice)
        try:
            service.complete(invitation, phone, replaces=guid)
        except NotFound:
            assert not expected
            continue
        assert expected
        phones[name] = phone
    (account,) = service.ports.store.get(invitations[0].account.guid)
    active = {device.binding for device in account.devices if device.state is BindingState.ACTIVE}
    assert active == {phones[name].guid for name in bank.living}
