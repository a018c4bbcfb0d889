"""A new phone: invited by an old one or bound as ever, and confirmed before it counts."""

from contextlib import nullcontext
from datetime import timedelta
from operator import attrgetter
from types import SimpleNamespace

import attrs
import pytest

from counterseal import STANDARD, keys
from counterseal.bindings.documents.confirmation import (
    CONFIRM_TYP,
    Choice,
    Confirmation,
    comparison_code,
    confirmation_claims,
)
from counterseal.bindings.documents.enrolment import thumbprints_of
from counterseal.device import comparison_code_of, own_comparison_code, sign_confirmation
from counterseal.errors import (
    AccountLocked,
    AccountUnbound,
    BindingInactive,
    DeadlinePassed,
    InvalidField,
    KeysChanged,
    MalformedToken,
    NewDeviceForbidden,
    NotFound,
    Refused,
    StrongKeyMissed,
    TokenSpent,
    TooManyBindings,
    TooOften,
    WeakKey,
    WrongAudience,
    WrongCode,
    WrongDevice,
    WrongKey,
    WrongState,
    WrongToken,
    WrongType,
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
from counterseal_testing.faults import Faults, faulty
from counterseal_testing.service import PIN

HERE, THERE = (PushAddress(kind=AddressKind.RELAY, value=value) for value in ("here", "there"))
CONFIRMED = attrs.evolve(STANDARD, new_devices=NewDeviceRule.CONFIRMED)


@pytest.fixture
def old(service):
    return service.bind("alice", addresses=(HERE,))


@pytest.fixture
def new(service, old):
    """A phone that the old one invited; it is bound, and not confirmed."""
    return service.complete(old.invite(), service.phone(), (THERE,))


@pytest.fixture
def careful(new_service):
    """A service that has every new device confirmed."""
    return new_service(policy=CONFIRMED)


def state(service, phone):
    return service.stored(phone.guid).state


def decide_on_new(phone, choice):
    (new_device,) = phone.new_devices()
    return phone.decide(new_device, choice)


def claims_of(old, new_device, **changes):
    bond = old.device.bond
    sound = {
        "device": bond.device,
        "account": bond.account,
        "app_space": bond.app_space,
        "binding": new_device.device,
        "thumbprints": new_device.thumbprints(),
        "choice": Choice.ADD,
        "issued_at": 0,
        "id": "one",
    }
    return confirmation_claims(Confirmation(**{**sound, **changes}))


def send_token(service, old, token):
    return service.confirmations.decide(old.call("/device/confirmations", token.encode()))


# What waits


def test_an_invited_phone_counts_for_nothing_until_it_is_confirmed(service, old, new):
    challenge = service.ask("alice", "Pay?").challenge
    binding = service.stored(new.guid)
    assert (binding.state, binding.endorser, binding.origin, binding.bound_at) == (
        *(BindingState.UNCONFIRMED, old.guid),
        *(None, None),
    )
    assert binding.deadline == service.clock.now() + STANDARD.confirmation_life
    for call in (
        new.pending,
        lambda: new.fetch(challenge.guid),
        lambda: new.answer(challenge),
        new.rotate,
        new.invite,
        new.new_devices,
        new.unbind,
    ):
        with pytest.raises(BindingInactive) as caught:
            call()
        assert caught.value.reason == "unconfirmed"
    service.devices.revoke(old.guid, by=OPERATOR)
    with pytest.raises(AccountUnbound):
        service.ask("alice", "Pay?")


def test_an_unconfirmed_phone_is_notified_of_nothing(service, old, new):
    service.push()
    service.outbox.pushes.clear()
    service.ask("alice", "Pay?")
    service.push()
    assert [push.addresses for push in service.outbox.pushes] == [(HERE,)]


def test_the_old_phone_is_asked(service, old, new):
    service.push()
    (push,) = service.outbox.pushes
    message = push.message
    assert (message.occasion, message.subject, push.addresses) == (
        *(Occasion.DEVICE_UNCONFIRMED, new.guid),
        (HERE,),
    )
    assert message.body == "Add a new device to your account?"
    assert message.life == STANDARD.confirmation_life
    (new_device,) = old.new_devices()
    assert (new_device.device, new_device.expires_at) == (
        new.guid,
        service.stored(new.guid).deadline,
    )
    assert comparison_code_of(old.device, new_device) == own_comparison_code(new.device, pin=PIN)


@pytest.mark.parametrize("choice", [Choice.ADD, Choice.REFUSE])
def test_nobody_is_asked_about_what_was_decided(service, old, new, choice):
    decide_on_new(old, choice)
    service.push()
    occasions = {push.message.occasion for push in service.outbox.pushes}
    assert Occasion.DEVICE_UNCONFIRMED not in occasions


def test_the_bind_may_be_repeated_while_it_waits(service, old):
    invitation, phone = old.invite(), service.phone()
    enrolment = phone.device.enrolment(invitation.token, service.app_space.guid, pin=PIN)
    first = service.enrolments.complete(enrolment)
    assert service.enrolments.complete(enrolment).binding == first.binding
    with pytest.raises(TokenSpent):
        service.complete(invitation, service.phone())
    assert service.enrolments.peek(invitation.token).app_space == service.app_space


def test_one_link_binds_one_of_two_new_phones_and_two_links_wait_side_by_side(service, old):
    first, second = (service.complete(old.invite(), service.phone()) for _ in range(2))
    waiting = old.new_devices()
    assert [one.device for one in waiting] == [first.guid, second.guid]
    codes = {comparison_code_of(old.device, one) for one in waiting}
    assert len(codes) == 2
    old.decide(waiting[1], Choice.ADD)
    assert (state(service, first), state(service, second)) == (
        BindingState.UNCONFIRMED,
        BindingState.ACTIVE,
    )


# Add, move, refuse


def test_an_old_phone_adds_the_new_one(service, old, new):
    decide_on_new(old, Choice.ADD)
    event = service.events[-1]
    assert (event.event, event.actor, event.subject) == ("binding.confirm", old.guid, new.guid)
    assert (state(service, old), old.new_devices()) == (BindingState.ACTIVE, ())
    challenge = service.ask("alice", "Pay?").challenge
    assert service.answer(new, challenge).approved
    assert old.pending() == ()


@pytest.mark.parametrize("choice", Choice)
def test_a_decision_changes_this_of_the_new_device(service, old, new, choice):
    service.clock.advance(timedelta(seconds=9))
    before, (new_device,) = service.stored(new.guid), old.new_devices()
    token = sign_confirmation(old.device, new_device, choice, pin=PIN)
    binding = send_token(service, old, token)

    if choice is Choice.REFUSE:
        changes = {"state": BindingState.REVOKED, "ended_at": service.clock.now()}
    else:
        changes = {"state": BindingState.ACTIVE, "bound_at": service.clock.now()}
    assert binding == service.stored(new.guid)
    assert binding == attrs.evolve(
        before, version=before.version + 1, confirmer=old.guid, confirmation=token, **changes
    )


def test_what_the_old_phone_signed_stays_verifiable(service, old, new):
    binding = decide_on_new(old, Choice.ADD)
    jws = keys.read(binding.confirmation, limit=STANDARD.token_bytes)
    claims = keys.verify(jws, old.device.unlock(PIN).public, expected_typ=CONFIRM_TYP)
    own = thumbprints_of(binding.keys)
    assert {role: claims[role] for role in own} == own
    assert (claims["binding"], claims["choice"]) == (new.guid, "add")


def test_an_old_phone_moves_to_the_new_one_while_a_question_is_open(service, old, new):
    tablet = service.bind("alice", addresses=(PushAddress(kind=AddressKind.RELAY, value="tab"),))
    challenge = service.ask("alice", "Pay?").challenge
    service.push()
    service.outbox.pushes.clear()
    decide_on_new(old, Choice.MOVE)
    moved = service.stored(old.guid)
    assert (moved.state, moved.ended_at) == (BindingState.REVOKED, service.clock.now())
    ended = service.happened("binding.revoke")[-1]
    assert (ended.subject, ended.actor, ended.reason) == (old.guid, old.guid, "moved")
    devices = {device.binding: device.state for device in service.account().devices}
    assert devices == {tablet.guid: BindingState.ACTIVE, new.guid: BindingState.ACTIVE}
    service.push()
    messages = {(push.message.occasion, push.message.subject) for push in service.outbox.pushes}
    assert messages == {(Occasion.DEVICE_BOUND, new.guid), (Occasion.DEVICE_REVOKED, old.guid)}
    with pytest.raises(BindingInactive):
        service.answer(old, challenge)
    assert service.answer(new, challenge).approved


def test_an_old_phone_refuses_the_new_one(service, old, new):
    service.push()
    service.outbox.pushes.clear()
    decide_on_new(old, Choice.REFUSE)
    assert [device.binding for device in service.account().devices] == [old.guid]
    assert service.last_event() == ("binding.refuse", "")
    service.push()
    (push,) = service.outbox.pushes
    assert (push.message.occasion, push.message.subject, push.addresses) == (
        *(Occasion.DEVICE_REVOKED, new.guid),
        (HERE,),
    )
    with pytest.raises(BindingInactive):
        new.pending()


@pytest.mark.parametrize("choice", [Choice.ADD, Choice.REFUSE])
def test_the_same_confirmation_again_returns_the_recorded_result(service, old, new, choice):
    (new_device,) = old.new_devices()
    token = sign_confirmation(old.device, new_device, choice, pin=PIN)
    first = send_token(service, old, token)
    before = service.records()
    assert send_token(service, old, token) == first
    assert service.records() == before
    for other in Choice:
        with pytest.raises(WrongState):
            old.decide(new_device, other)


def test_the_call_itself_is_not_replayed(service, old, new):
    (new_device,) = old.new_devices()
    token = sign_confirmation(old.device, new_device, Choice.ADD, pin=PIN)
    call = old.call("/device/confirmations", token.encode())
    service.confirmations.decide(call)
    with pytest.raises(Refused) as caught:
        service.confirmations.decide(call)
    assert caught.value.code == "replayed"


def test_a_confirmation_is_for_one_device_only(service, old, new):
    """One that was signed for an earlier device, even with the same keys, confirms no other."""
    (first,) = old.new_devices()
    token = sign_confirmation(old.device, first, Choice.ADD, pin=PIN)
    old.decide(first, Choice.REFUSE)
    service.complete(old.invite(), attrs.evolve(new, device=attrs.evolve(new.device, bond=None)))
    (second,) = old.new_devices()
    assert second.thumbprints() == first.thumbprints()
    with pytest.raises(WrongState):
        send_token(service, old, token)
    assert service.stored(second.device).state is BindingState.UNCONFIRMED


# What origins and waiting calls learn


def events_after(service, decide):
    """Return the kind and the device of each account event that a decision commits."""
    before = service.records().keys()
    decide()
    new_events = [
        record
        for guid, record in service.records().items()
        if isinstance(record, AccountEvent) and guid not in before
    ]
    return [(event.kind, event.device) for event in sorted(new_events, key=attrgetter("number"))]


@pytest.mark.parametrize(
    ("choice", "kinds"),
    [
        (Choice.ADD, [AccountEventKind.DEVICE_ADDED]),
        (Choice.MOVE, [AccountEventKind.DEVICE_ADDED, AccountEventKind.REVOKED]),
        (Choice.REFUSE, []),
    ],
)
def test_a_decision_commits_an_event_of_each_device_that_it_binds_or_revokes(
    service, old, new, choice, kinds
):
    committed_events = events_after(service, lambda: decide_on_new(old, choice))
    assert committed_events == list(zip(kinds, [new.guid, old.guid], strict=False))


def test_a_confirmation_wakes_the_calls_that_wait_for_the_account(service, old, new):
    woken = []
    waking = service.but(wake=SimpleNamespace(notify=woken.append))
    (new_device,) = old.new_devices()
    send_token(waking, old, sign_confirmation(old.device, new_device, Choice.ADD, pin=PIN))
    assert old.device.bond.account in woken


def test_what_is_confirmed_while_the_list_is_read_is_not_listed(service, old, new):
    faults = Faults()
    # One trip reads the account; the next one reads the devices that wait.
    faults.meanwhile(lambda: decide_on_new(old, Choice.ADD), at="store.get", after=True)
    raced = service.but(store=faulty(service.store, "store", faults))
    waiting_devices = attrs.evolve(old, confirmations=raced.confirmations).new_devices()
    assert (faults.happened, waiting_devices) == (1, ())


# Who may, and what has to be signed


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"device": "new"}, WrongDevice),
        ({"account": "new"}, WrongAudience),
        ({"app_space": "new"}, WrongAudience),
        ({"thumbprints": {"device": [], "strong": []}}, KeysChanged),
        ({"thumbprints": {"device": ["A" * 43], "strong": ["B" * 43]}}, KeysChanged),
        ({"thumbprints": {"device": [1], "strong": [None]}}, KeysChanged),
    ],
)
def test_another_claim_confirms_nothing(service, old, new, changes, refusal):
    (new_device,) = old.new_devices()
    members = {name: new.guid if value == "new" else value for name, value in changes.items()}
    claims = claims_of(old, new_device, **members)
    token = keys.sign(old.device.unlock(PIN), typ=CONFIRM_TYP, claims=claims)
    with pytest.raises(refusal):
        send_token(service, old, token)
    assert state(service, new) is BindingState.UNCONFIRMED


def test_keys_in_the_other_role_are_other_keys(service, old, new):
    (new_device,) = old.new_devices()
    thumbprints = new_device.thumbprints()
    swapped = {"device": thumbprints["strong"], "strong": thumbprints["device"]}
    claims = claims_of(old, new_device, thumbprints=swapped)
    with pytest.raises(KeysChanged):
        send_token(service, old, keys.sign(old.device.unlock(PIN), typ=CONFIRM_TYP, claims=claims))


@pytest.mark.parametrize(
    ("sign", "refusal"),
    [
        ("device key", WeakKey),
        ("stranger's key", WrongKey),
        ("new phone's key", WrongKey),
        ("other type", WrongType),
    ],
)
def test_only_the_strong_key_of_the_calling_device_confirms(service, old, new, sign, refusal):
    (new_device,) = old.new_devices()
    key = {
        "device key": old.device.device_key,
        "stranger's key": service.phone().device.unlock(PIN),
        "new phone's key": new.device.unlock(PIN),
        "other type": old.device.unlock(PIN),
    }[sign]
    typ = "counterseal-answer+jwt" if sign == "other type" else CONFIRM_TYP
    with pytest.raises(refusal):
        send_token(service, old, keys.sign(key, typ=typ, claims=claims_of(old, new_device)))
    assert state(service, new) is BindingState.UNCONFIRMED


def test_a_wrong_pin_is_a_strike_and_the_right_one_forgives(service, old, new):
    mistaken = attrs.evolve(old, pin="0000")
    with pytest.raises(StrongKeyMissed) as caught:
        decide_on_new(mistaken, Choice.ADD)
    assert caught.value.attempts_left == STANDARD.strike_limit - 1
    assert service.stored(old.guid).strikes == 1
    decide_on_new(old, Choice.ADD)
    assert (service.stored(old.guid).strikes, state(service, new)) == (0, BindingState.ACTIVE)


def test_the_last_strike_revokes_the_old_phone_and_adds_nothing(service, old, new):
    mistaken = attrs.evolve(old, pin="0000")
    (new_device,) = old.new_devices()
    service.bind("alice", addresses=(THERE,))
    for _ in range(STANDARD.strike_limit):
        with pytest.raises(StrongKeyMissed):
            mistaken.decide(new_device, Choice.MOVE)
    assert (state(service, old), state(service, new)) == (
        BindingState.REVOKED,
        BindingState.UNCONFIRMED,
    )
    service.push()
    push = service.outbox.pushes[-1]
    assert (push.message.occasion, push.message.subject, push.addresses) == (
        *(Occasion.DEVICE_REVOKED, old.guid),
        (THERE,),
    )
    with pytest.raises(BindingInactive):
        old.decide(new_device, Choice.ADD)


def test_a_stricter_limit_counts_earlier_strikes(service, old, new):
    with pytest.raises(StrongKeyMissed):
        decide_on_new(attrs.evolve(old, pin="0000"), Choice.ADD)
    stricter = service.but(policy=attrs.evolve(STANDARD, strike_limit=1))
    (new_device,) = old.new_devices()
    token = sign_confirmation(old.device, new_device, Choice.ADD, pin=PIN)
    with pytest.raises(BindingInactive):
        send_token(stricter, old, token)


def test_a_stranger_confirms_nothing(service, old, new):
    mallory = service.bind("mallory")
    assert mallory.new_devices() == ()
    (new_device,) = old.new_devices()
    with pytest.raises(Refused) as caught:
        mallory.decide(new_device, Choice.ADD)
    assert (caught.value.code, caught.value.public_code) == ("foreign", "not_found")


def test_there_has_to_be_such_a_device(service, old, new):
    (new_device,) = old.new_devices()
    challenge = service.ask("alice", "Pay?").challenge
    with pytest.raises(NotFound):
        old.decide(attrs.evolve(new_device, device=challenge.guid), Choice.ADD)


def test_a_device_does_not_confirm_itself(service, old):
    bond = old.device.bond
    claims = confirmation_claims(
        Confirmation(
            device=bond.device,
            account=bond.account,
            app_space=bond.app_space,
            binding=bond.device,
            thumbprints=thumbprints_of(service.stored(old.guid).keys),
            choice=Choice.ADD,
            issued_at=0,
            id="one",
        )
    )
    with pytest.raises(WrongState):
        send_token(service, old, keys.sign(old.device.unlock(PIN), typ=CONFIRM_TYP, claims=claims))


@pytest.mark.parametrize("body", ["", "no token", "é", "a.b.c"])
def test_what_is_no_token_is_refused(service, old, new, body):
    with pytest.raises(MalformedToken):
        service.confirmations.decide(old.call("/device/confirmations", body.encode()))
    assert service.last_event() == ("binding.confirm", "malformed_token")


def test_an_unknown_choice_is_refused(service, old, new):
    (new_device,) = old.new_devices()
    claims = claims_of(old, new_device) | {"choice": "adopt"}
    with pytest.raises(MalformedToken):
        send_token(service, old, keys.sign(old.device.unlock(PIN), typ=CONFIRM_TYP, claims=claims))


def test_a_locked_account_gets_no_new_device(service, old, new):
    (new_device,) = old.new_devices()
    service.accounts.lock(old.device.bond.account, by=OPERATOR)
    for call in (old.invite, lambda: old.decide(new_device, Choice.ADD)):
        with pytest.raises(AccountLocked):
            call()


def test_a_stolen_phone_that_is_revoked_has_invited_nobody(service, old):
    tablet, invitation = service.bind("alice"), old.invite()
    service.devices.revoke(old.guid, by=OPERATOR)
    before = service.records()
    with pytest.raises(WrongState):
        service.complete(invitation, service.phone())
    assert service.records() == before
    assert tablet.new_devices() == ()


@pytest.mark.parametrize("end", ["revoke", "suspend"])
def test_what_a_stolen_phone_had_invited_is_only_refused(service, old, new, end):
    tablet = service.bind("alice")
    (new_device,) = tablet.new_devices()
    getattr(service.devices, end)(old.guid, by=OPERATOR)
    for choice in (Choice.ADD, Choice.MOVE):
        with pytest.raises(WrongState):
            tablet.decide(new_device, choice)
    for code in (own_comparison_code(new.device, pin=PIN), "00000-00000"):
        with pytest.raises(WrongState):
            service.confirmations.compare(service.origin, new.guid, code)
    assert service.stored(new.guid).wrong_codes == 0
    assert tablet.decide(new_device, Choice.REFUSE).state is BindingState.REVOKED


# The deadline


def test_a_new_phone_that_nobody_confirms_ends(service, old, new):
    (new_device,) = old.new_devices()
    service.clock.advance(STANDARD.confirmation_life)
    with pytest.raises(DeadlinePassed):
        old.decide(new_device, Choice.ADD)
    assert old.new_devices() == ()
    assert service.sweep() == 1
    assert state(service, new) is BindingState.EXPIRED
    assert [device.binding for device in service.account().devices] == [old.guid]


def test_a_new_phone_takes_a_place_until_its_deadline(new_service):
    service = new_service(policy=attrs.evolve(STANDARD, bindings_limit=2))
    old = service.bind("alice")
    service.complete(old.invite(), service.phone())
    with pytest.raises(TooManyBindings):
        service.invitations.invite(service.origin, "alice")
    service.clock.advance(STANDARD.confirmation_life)
    assert service.invitations.invite(service.origin, "alice")


# As many devices as the policy allows


@pytest.fixture
def full(new_service):
    """A service whose accounts have one device each."""
    return new_service(policy=attrs.evolve(STANDARD, bindings_limit=1))


def test_a_person_with_all_devices_moves_to_another(full):
    old = full.bind("alice")
    new = full.complete(old.invite(), full.phone())
    before = full.records()
    with pytest.raises(TooManyBindings):
        decide_on_new(old, Choice.ADD)
    assert full.records() == before
    assert full.last_event() == ("binding.confirm", "too_many_bindings")
    decide_on_new(old, Choice.MOVE)
    assert (state(full, old), state(full, new)) == (BindingState.REVOKED, BindingState.ACTIVE)


def test_an_origin_adds_none_beyond_the_limit(full):
    old = full.bind("alice")
    new = full.complete(old.invite(), full.phone())
    code = own_comparison_code(new.device, pin=PIN)
    for typed in (code, "00000-00000"):
        with pytest.raises(TooManyBindings):
            full.confirmations.compare(full.origin, new.guid, typed)
    assert full.stored(new.guid).wrong_codes == 0
    full.devices.suspend(old.guid, by=OPERATOR)
    full.devices.resume(old.guid, by=OPERATOR)
    with pytest.raises(TooManyBindings):
        full.confirmations.compare(full.origin, new.guid, code)


def test_an_invitation_whose_place_another_device_has_got_is_refused(full):
    """It was made while there was a place, and binds once there is one again."""
    wide = full.but(policy=attrs.evolve(STANDARD, bindings_limit=2))
    old = wide.bind("alice")
    invitation, phone = wide.invitations.invite(wide.origin, "alice"), wide.phone()
    wide.complete(old.invite(), wide.phone())
    decide_on_new(old, Choice.ADD)
    before = wide.records()
    with pytest.raises(TooManyBindings):
        wide.complete(invitation, phone)
    assert wide.records() == before
    old.unbind()
    assert state(wide, wide.complete(invitation, phone)) is BindingState.ACTIVE


def test_a_lower_limit_lets_people_move_and_add_nothing(service):
    old, tablet = service.bind("alice"), service.bind("alice")
    new, other = (service.complete(old.invite(), service.phone()) for _ in range(2))
    lower = service.but(policy=attrs.evolve(STANDARD, bindings_limit=1))
    first, _ = tablet.new_devices()
    add = sign_confirmation(tablet.device, first, Choice.ADD, pin=PIN)
    with pytest.raises(TooManyBindings):
        send_token(lower, tablet, add)
    move = sign_confirmation(tablet.device, first, Choice.MOVE, pin=PIN)
    send_token(lower, tablet, move)
    states = [state(service, phone) for phone in (old, tablet, new, other)]
    assert states == [
        *(BindingState.ACTIVE, BindingState.REVOKED),
        *(BindingState.ACTIVE, BindingState.UNCONFIRMED),
    ]


# Invitations by devices


def test_invitations_by_devices_are_limited(service, old):
    tablet = service.bind("alice")
    for phone in (old, tablet, old):
        phone.invite()
    with pytest.raises(TooOften):
        tablet.invite()
    assert service.last_event() == ("binding.invite", "too_often")
    assert service.bind("bob").invite()


def test_a_thief_without_the_pin_leaves_the_origin_places(service, old):
    for _ in range(5):
        service.complete(old.invite(), service.phone())
        service.clock.advance(timedelta(minutes=1))
    with pytest.raises(TooManyBindings):
        old.invite()
    service.bind("alice")
    old.decide(old.new_devices()[0], Choice.REFUSE)
    assert old.invite()


def test_the_policy_forbids_them(new_service):
    service = new_service(policy=attrs.evolve(STANDARD, device_invitations=False))
    old = service.bind("alice")
    before = service.records()
    with pytest.raises(NewDeviceForbidden):
        old.invite()
    assert service.records() == before


def test_the_app_space_forbids_them(service, old):
    service.administration.edit_app_space(service.app_space.guid, device_invitations=False)
    with pytest.raises(NewDeviceForbidden):
        old.invite()
    service.administration.edit_app_space(service.app_space.guid, device_invitations=True)
    assert old.invite()


FORBIDDEN = attrs.evolve(STANDARD, device_invitations=False)


@pytest.mark.parametrize("by", ["policy", "App Space"])
def test_forbidding_them_stops_those_that_were_made(service, old, new, by):
    """At the bind and at the confirmation; the new phone can still be refused."""
    invitation = old.invite()
    (new_device,) = old.new_devices()
    if by == "policy":
        forbidding, party = service.but(policy=FORBIDDEN), service.origin
    else:
        service.administration.edit_app_space(service.app_space.guid, device_invitations=False)
        forbidding = service
        party = attrs.evolve(service.origin, app_space=service.stored(service.app_space.guid))
    code = own_comparison_code(new.device, pin=PIN)
    tokens = {
        choice: sign_confirmation(old.device, new_device, choice, pin=PIN) for choice in Choice
    }
    before = service.records()
    for event, call in (
        ("binding.complete", lambda: forbidding.complete(invitation, service.phone())),
        ("binding.confirm", lambda: send_token(forbidding, old, tokens[Choice.ADD])),
        ("binding.confirm", lambda: send_token(forbidding, old, tokens[Choice.MOVE])),
        ("binding.compare", lambda: forbidding.confirmations.compare(party, new.guid, code)),
        ("binding.compare", lambda: forbidding.confirmations.compare(party, new.guid, "0" * 10)),
    ):
        with pytest.raises(NewDeviceForbidden):
            call()
        assert service.last_event() == (event, "new_device_forbidden")
        assert service.records() == before
    send_token(forbidding, old, tokens[Choice.REFUSE])
    assert state(service, new) is BindingState.REVOKED


def test_an_invitation_by_an_origin_stays_where_devices_may_not_invite(service):
    invitation = service.invitations.invite(service.origin, "alice")
    strict = service.but(policy=FORBIDDEN)
    assert state(service, strict.complete(invitation, service.phone())) is BindingState.ACTIVE


def test_a_stranger_does_not_learn_that_they_are_forbidden(service, old):
    invitation = old.invite()
    wrong = attrs.evolve(invitation, token=f"{invitation.binding}.{'A' * 22}")
    with pytest.raises(WrongToken):
        service.but(policy=FORBIDDEN).complete(wrong, service.phone())


# Where every new device is confirmed


def test_the_first_device_is_confirmed_by_the_origin(careful):
    phone = careful.bind("alice")
    assert state(careful, phone) is BindingState.UNCONFIRMED
    with pytest.raises(AccountUnbound):
        careful.ask("alice", "Pay?")
    code = own_comparison_code(phone.device, pin=PIN)
    binding = careful.confirmations.compare(careful.origin, phone.guid, code.lower())
    origin = careful.origin.origin.guid
    assert (binding.state, binding.confirmer, binding.confirmation) == (
        *(BindingState.ACTIVE, origin),
        "",
    )
    assert careful.answer(phone, careful.ask("alice", "Pay?").challenge).approved
    assert careful.confirmations.compare(careful.origin, phone.guid, code) == binding


def test_the_app_space_may_be_stricter_than_the_policy_and_never_laxer(service, careful):
    space = service.app_space.guid
    service.administration.edit_app_space(space, new_devices=NewDeviceRule.CONFIRMED)
    assert state(service, service.bind("alice")) is BindingState.UNCONFIRMED
    edited = service.administration.edit_app_space(space, new_devices="")
    assert edited.new_devices is None
    assert state(service, service.bind("bob")) is BindingState.ACTIVE
    with pytest.raises(InvalidField, match="newDevices: looser than confirmed"):
        careful.administration.edit_app_space(
            careful.app_space.guid, new_devices=NewDeviceRule.AT_ONCE
        )


def test_a_second_device_is_confirmed_by_the_first(careful):
    first = careful.bind("alice")
    code = own_comparison_code(first.device, pin=PIN)
    careful.confirmations.compare(careful.origin, first.guid, code)
    second = careful.bind("alice")
    decide_on_new(first, Choice.ADD)
    assert state(careful, second) is BindingState.ACTIVE


def test_an_origin_may_confirm_a_phone_that_another_phone_invited(service, new):
    code = own_comparison_code(new.device, pin=PIN)
    service.confirmations.compare(service.origin, new.guid, code)
    assert state(service, new) is BindingState.ACTIVE


@pytest.mark.parametrize("spell", [str.lower, str.upper, " ".join])
def test_a_code_counts_however_it_is_spelt(service, new, spell):
    code = own_comparison_code(new.device, pin=PIN)
    typed = spell(code.replace("0", "O").replace("1", "l").replace("-", " "))
    service.confirmations.compare(service.origin, new.guid, typed)
    assert state(service, new) is BindingState.ACTIVE


def test_wrong_codes_are_counted_and_the_last_one_ends_the_binding(service, old, new):
    code = own_comparison_code(new.device, pin=PIN)
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    for remaining in (2, 1):
        with pytest.raises(WrongCode) as caught:
            service.confirmations.compare(service.origin, new.guid, wrong)
        assert caught.value.attempts_left == remaining
        assert service.last_event() == ("binding.miscompare", "wrong_code")
    assert service.stored(new.guid).wrong_codes == STANDARD.comparison_limit - 1
    with pytest.raises(WrongCode) as caught:
        service.confirmations.compare(service.origin, new.guid, "0")
    assert caught.value.attempts_left == 0
    assert [(event.event, event.subject, event.reason) for event in service.events[-2:]] == [
        ("binding.miscompare", new.guid, "wrong_code"),
        ("binding.revoke", new.guid, "wrong_code"),
    ]
    service.push()
    push = service.outbox.pushes[-1]
    assert (push.message.occasion, push.message.subject, push.addresses) == (
        *(Occasion.DEVICE_REVOKED, new.guid),
        (HERE,),
    )
    binding = service.stored(new.guid)
    assert (binding.state, binding.wrong_codes, binding.ended_at) == (
        *(BindingState.REVOKED, STANDARD.comparison_limit),
        service.clock.now(),
    )
    assert [device.binding for device in service.account().devices] == [old.guid]
    with pytest.raises(WrongState):
        service.confirmations.compare(service.origin, new.guid, code)


def test_a_confirmed_device_is_no_place_to_try_codes(service, new):
    """A code is compared with that of a confirmed device for a repeated call only."""
    code = own_comparison_code(new.device, pin=PIN)
    confirmed = service.confirmations.compare(service.origin, new.guid, code)
    before = service.records()
    for _ in range(STANDARD.comparison_limit + 1):
        with pytest.raises(WrongState):
            service.confirmations.compare(service.origin, new.guid, "00000-00000")
    assert service.confirmations.compare(service.origin, new.guid, code) == confirmed
    assert service.records() == before


def test_a_code_is_computed_once_for_each_call(service, new, monkeypatch):
    computed = []

    def compute(*arguments):
        computed.append(arguments)
        return comparison_code(*arguments)

    monkeypatch.setattr("counterseal.bindings.comparison_code", compute)
    code = own_comparison_code(new.device, pin=PIN)
    computed.clear()
    for number, (typed, outcome) in enumerate(
        [("0", WrongCode), ("1", WrongCode), (code, None), (code, None), ("0", WrongState)], 1
    ):
        with nullcontext() if outcome is None else pytest.raises(outcome):
            service.confirmations.compare(service.origin, new.guid, typed)
        assert len(computed) == number


def test_an_origin_sends_so_many_codes_in_a_minute_and_another_is_not_delayed(service, new):
    narrow = service.but(policy=attrs.evolve(STANDARD, comparison_rate=2))
    other = service.new_origin(service.app_space, "Second shop")
    absent = new.guid[:-1] + ("0" if new.guid[-1] != "0" else "1")
    for _ in range(2):
        with pytest.raises(NotFound):
            narrow.confirmations.compare(service.origin, absent, "0")
    with pytest.raises(TooOften):
        narrow.confirmations.compare(service.origin, new.guid, "0")
    assert service.last_event() == ("binding.compare", "too_often")
    code = own_comparison_code(new.device, pin=PIN)
    assert narrow.confirmations.compare(other, new.guid, code).state is BindingState.ACTIVE
    service.clock.advance(timedelta(minutes=2))
    with pytest.raises(WrongState):
        narrow.confirmations.compare(service.origin, new.guid, code)


def test_an_origin_of_another_app_space_confirms_nothing(service, new):
    elsewhere = service.new_origin(service.new_app_space("Other app"), "Other shop")
    code = own_comparison_code(new.device, pin=PIN)
    with pytest.raises(Refused) as caught:
        service.confirmations.compare(elsewhere, new.guid, code)
    assert (caught.value.code, state(service, new)) == ("foreign", BindingState.UNCONFIRMED)


@pytest.mark.parametrize("subject", ["device", "invitation", "challenge"])
def test_an_origin_confirms_only_what_waits(service, old, subject):
    invitation, challenge = old.invite(), service.ask("alice", "Pay?").challenge
    guid = {"device": old.guid, "invitation": invitation.binding, "challenge": challenge.guid}
    refusal = NotFound if subject == "challenge" else WrongState
    with pytest.raises(refusal):
        service.confirmations.compare(service.origin, guid[subject], "AAAAA-AAAAA")


def test_too_late_locked_or_too_long_is_refused(service, old, new):
    code = own_comparison_code(new.device, pin=PIN)
    with pytest.raises(InvalidField):
        service.confirmations.compare(service.origin, new.guid, "A" * 65)
    service.accounts.lock(old.device.bond.account, by=OPERATOR)
    with pytest.raises(AccountLocked):
        service.confirmations.compare(service.origin, new.guid, code)
    service.accounts.unlock(old.device.bond.account, by=OPERATOR)
    service.clock.advance(STANDARD.confirmation_life)
    with pytest.raises(DeadlinePassed):
        service.confirmations.compare(service.origin, new.guid, code)
    assert service.stored(new.guid).wrong_codes == 0


# Races


def test_two_decisions_at_once_leave_one(service, old, new):
    (new_device,) = old.new_devices()
    token = sign_confirmation(old.device, new_device, Choice.MOVE, pin=PIN)
    raced = service.meanwhile(lambda: old.decide(new_device, Choice.REFUSE))
    with pytest.raises(WrongState):
        send_token(raced, old, token)
    assert (state(service, old), state(service, new)) == (
        BindingState.ACTIVE,
        BindingState.REVOKED,
    )


def test_a_phone_that_is_revoked_meanwhile_adds_nothing(service, old, new):
    (new_device,) = old.new_devices()
    token = sign_confirmation(old.device, new_device, Choice.ADD, pin=PIN)
    raced = service.meanwhile(lambda: service.devices.revoke(old.guid, by=OPERATOR))
    with pytest.raises(BindingInactive):
        send_token(raced, old, token)
    assert state(service, new) is BindingState.UNCONFIRMED


def test_erasing_forgets_what_was_signed(service, old, new):
    binding = decide_on_new(old, Choice.ADD)
    assert binding.confirmation
    service.accounts.erase(old.device.bond.account, by=OPERATOR)
    erased = service.stored(new.guid)
    assert (erased.confirmation, erased.keys) == ("", ())
