"""The life of a bound device: new keys, new addresses, and the ways in which it stops counting."""

from datetime import timedelta
from functools import partial

import attrs
import pytest

from counterseal import STANDARD, STRICT, ijson, keys
from counterseal.bindings.decisions.devices import KEY_CHANGES_LIMIT
from counterseal.bindings.documents.enrolment import (
    BIND_TYP,
    ENDORSE_TYP,
    ROTATE_TYP,
    Enrolment,
    OfferedKey,
    enrolment_document,
    rotation_claims,
)
from counterseal.device.pin import unwrap
from counterseal.errors import (
    AccountLocked,
    AccountUnbound,
    BindingInactive,
    Foreign,
    IdentityWithdrawn,
    InvalidField,
    KeysIncomplete,
    NotBound,
    NotEndorsed,
    NotFound,
    NotPossessed,
    Refused,
    StrongKeyMissed,
    UnfitKey,
    WrongAuthority,
    WrongKey,
    WrongState,
)
from counterseal.keys import PrivateKey, generate
from counterseal.models import (
    OPERATOR,
    AccountEvent,
    AccountEventKind,
    AddressKind,
    Algorithm,
    Authority,
    BindingState,
    DeviceKey,
    PushAddress,
    Role,
)
from counterseal.models.guid import mint
from counterseal_testing import OutboxNotifier
from counterseal_testing.service import PIN


@pytest.fixture
def alice(service):
    return service.bind("alice")


def own_keys(phone) -> dict[Role, PrivateKey]:
    """The phone's private keys, as only a test gets hold of them."""
    device = phone.device
    return {
        Role.DEVICE: device.device_key,
        Role.STRONG: unwrap(device.strong_key, PIN, device.entropy),
    }


def rotation(phone, *, roles=tuple(Role), **wrong) -> bytes:
    """
    Write a rotation as an honest phone would, but for what is *wrong*.

    Args:
        roles: Of the new keys; a role may come twice.
        wrong: `endorsers` and `provers` replace the keys that sign; `endorse_typ`, `prove_typ`
            and `claims` what they sign; `kids` the names of the new keys.
    """
    fresh = [
        generate(Algorithm.ES256, kid=kid)
        for _, kid in zip(roles, wrong.get("kids") or [f"new-{n}" for n in range(9)], strict=False)
    ]
    device_keys = [
        DeviceKey(role=role, key=key.public) for role, key in zip(roles, fresh, strict=True)
    ]
    claims = rotation_claims(phone.guid, phone.device.bond.app_space, device_keys)
    claims |= wrong.get("claims", {})
    endorsers = own_keys(phone) | wrong.get("endorsers", {})
    offers = tuple(
        OfferedKey(
            role=one.role,
            jwk=keys.jwks_document([one.key])["keys"][0],
            proof=keys.sign(
                wrong.get("provers", {}).get(one.role, key),
                typ=wrong.get("prove_typ", ROTATE_TYP),
                claims=claims,
            ),
            endorsement=None
            if endorsers[one.role] is None
            else keys.sign(
                endorsers[one.role], typ=wrong.get("endorse_typ", ENDORSE_TYP), claims=claims
            ),
        )
        for one, key in zip(device_keys, fresh, strict=True)
    )
    return ijson.compact(enrolment_document(Enrolment(keys=offers)))


def refused(service, phone, body, refusal, verb="rotate"):
    """Send *body*, see it refused and recorded, and nothing changed."""
    before = service.records()
    with pytest.raises(refusal) as caught:
        getattr(service.devices, verb)(phone.call("/keys", body))
    assert service.records() == before
    assert service.last_event() == (f"binding.{verb}", refusal.code)
    assert service.events[-1].actor == phone.guid
    return caught.value


# Rotating


def test_new_keys_replace_the_old_ones(service, alice):
    old = service.stored(alice.guid)
    binding = alice.rotate()
    assert binding == service.stored(alice.guid)
    assert (binding.state, binding.version) == (BindingState.ACTIVE, old.version + 1)
    assert [device_key.role for device_key in binding.keys] == [Role.DEVICE, Role.STRONG]
    assert not set(binding.keys) & set(old.keys)
    lines = [(line.role, line.thumbprint) for line in binding.key_changes]
    assert lines == [
        (device_key.role, device_key.key.thumbprint) for device_key in (*old.keys, *binding.keys)
    ]
    assert service.last_event() == ("binding.rotate", "")
    assert service.answer(alice, service.ask("alice", "Pay?").challenge).approved


@pytest.mark.parametrize("role", Role)
def test_keys_of_the_other_role_stay(service, alice, role):
    old = {device_key.role: device_key.key for device_key in service.stored(alice.guid).keys}
    new = {device_key.role: device_key.key for device_key in alice.rotate([role]).keys}
    (other,) = set(Role) - {role}
    assert new[other] == old[other]
    assert new[role] != old[role]
    assert service.answer(alice, service.ask("alice", "Pay?").challenge).approved


def test_old_keys_prove_and_sign_nothing_any_more(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    stale = attrs.evolve(alice, device=attrs.evolve(alice.device))
    alice.rotate([Role.STRONG])
    with pytest.raises(WrongKey):
        service.answer(stale, challenge)
    alice.rotate([Role.DEVICE])
    with pytest.raises(WrongKey):
        service.answer(stale, challenge, 1)
    assert service.answer(alice, challenge).approved


def test_one_strong_key_may_become_several(service, alice):
    body = rotation(alice, roles=(Role.STRONG, Role.STRONG))
    binding = service.devices.rotate(alice.call("/keys", body)).binding
    assert [device_key.role for device_key in binding.keys] == [
        Role.DEVICE,
        Role.STRONG,
        Role.STRONG,
    ]


@pytest.mark.parametrize("role", Role)
def test_a_new_key_without_an_endorsement_is_refused(service, alice, role):
    body = rotation(alice, endorsers={role: None})
    refused(service, alice, body, NotEndorsed)


@pytest.mark.parametrize("role", Role)
def test_a_new_key_endorsed_by_a_strangers_key_is_refused(service, alice, role):
    stranger = generate(Algorithm.ES256, kid="stranger")
    refused(service, alice, rotation(alice, endorsers={role: stranger}), NotEndorsed)


@pytest.mark.parametrize("role", Role)
def test_a_new_key_endorsed_by_the_key_of_the_other_role_is_refused(service, alice, role):
    (other,) = set(Role) - {role}
    body = rotation(alice, endorsers={role: own_keys(alice)[other]})
    refused(service, alice, body, NotEndorsed)


def test_a_new_device_key_with_a_wrong_endorsement_is_refused_and_costs_no_strike(service, alice):
    forged = generate(Algorithm.ES256, kid=own_keys(alice)[Role.DEVICE].public.kid)
    refused(service, alice, rotation(alice, endorsers={Role.DEVICE: forged}), NotEndorsed)
    assert service.stored(alice.guid).strikes == 0


def test_a_wrong_pin_is_counted_whatever_else_is_wrong(service, alice):
    strong = own_keys(alice)[Role.STRONG].public.kid
    endorsers = {
        Role.DEVICE: generate(Algorithm.ES256, kid="stranger"),
        Role.STRONG: generate(Algorithm.ES256, kid=strong),
    }
    with pytest.raises(StrongKeyMissed):
        service.devices.rotate(alice.call("/keys", rotation(alice, endorsers=endorsers)))
    assert service.stored(alice.guid).strikes == 1


@pytest.mark.parametrize("role", Role)
def test_s15_a_new_key_that_is_not_possessed_is_refused(service, alice, role):
    other = generate(Algorithm.ES256, kid=f"new-{list(Role).index(role)}")
    refused(service, alice, rotation(alice, provers={role: other}), NotPossessed)


@pytest.mark.parametrize("claim", ["iss", "aud", "device", "strong"])
def test_what_is_said_of_new_keys_is_said_of_this_rotation_only(service, alice, claim):
    wrong = [] if claim in {"device", "strong"} else mint(0, bytes(15))
    refused(service, alice, rotation(alice, claims={claim: wrong}), NotPossessed)


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [({"prove_typ": BIND_TYP}, NotPossessed), ({"endorse_typ": ROTATE_TYP}, NotEndorsed)],
)
def test_s12_tokens_of_another_kind_rotate_nothing(service, alice, wrong, refusal):
    refused(service, alice, rotation(alice, **wrong), refusal)


def test_another_devices_rotation_is_refused(service, alice):
    second = service.bind("alice")
    refused(service, alice, rotation(second), NotPossessed)


@pytest.mark.parametrize(
    "roles",
    [(), (Role.DEVICE, Role.DEVICE), (Role.STRONG,) * (STANDARD.strong_keys_limit + 1)],
)
def test_a_device_lives_with_one_device_key_and_some_strong_ones(service, alice, roles):
    refused(service, alice, rotation(alice, roles=roles), KeysIncomplete)


def test_a_new_key_does_not_take_the_name_of_one_that_stays(service, alice):
    kid = own_keys(alice)[Role.DEVICE].public.kid
    body = rotation(alice, roles=(Role.STRONG,), kids=[kid])
    refused(service, alice, body, KeysIncomplete)


def test_more_keys_than_the_policy_allows_are_not_looked_at(service, alice):
    body = rotation(alice, roles=(Role.DEVICE,) + (Role.STRONG,) * (STANDARD.strong_keys_limit + 1))
    document = ijson.parse(body)
    for offered in document["keys"]:
        offered["proof"] = "no token"
    refused(service, alice, ijson.compact(document), KeysIncomplete)


@pytest.mark.parametrize("role", Role)
def test_a_new_key_does_not_take_the_name_of_the_one_it_replaces(service, alice, role):
    kid = own_keys(alice)[role].public.kid
    refused(service, alice, rotation(alice, roles=(role,), kids=[kid]), KeysIncomplete)


def test_a_rotation_that_is_sent_again_costs_no_strike(service, alice):
    body = rotation(alice, roles=(Role.STRONG,))
    service.devices.rotate(alice.call("/keys", body))
    refused(service, alice, body, NotEndorsed)
    assert service.stored(alice.guid).strikes == 0


def test_s18_the_policy_of_now_says_which_algorithms_may_be_rotated_to(service, alice):
    weak = generate(Algorithm.RS256, kid="new-0")
    document = ijson.parse(rotation(alice))
    document["keys"][0]["jwk"] = keys.jwks_document([weak.public])["keys"][0]
    strict = service.but(policy=STRICT)
    refused(strict, alice, ijson.compact(document), UnfitKey)


def test_s18_a_device_key_that_the_policy_no_longer_allows_endorses_its_successor(service, alice):
    """Its proof of the call says no less, and without a new key it would stay for ever."""
    only = service.but(policy=attrs.evolve(STANDARD, algorithms=frozenset({Algorithm.EDDSA})))
    both, own = (
        alice.device.rotation(pin=PIN, new_pin=PIN, roles=roles, algorithm=Algorithm.EDDSA)
        for roles in (tuple(Role), (Role.DEVICE,))
    )
    refused(only, alice, both.body, NotEndorsed)
    binding = only.devices.rotate(alice.call("/keys", own.body)).binding
    algorithms = {each.role: each.key.algorithm for each in binding.keys}
    assert algorithms == {Role.DEVICE: Algorithm.EDDSA, Role.STRONG: Algorithm.ES256}


@pytest.mark.parametrize("member", ["token", "name", "addresses"])
def test_a_rotation_holds_nothing_but_keys(service, alice, member):
    document = ijson.parse(rotation(alice))
    document[member] = [{"kind": "relay", "value": "there"}] if member == "addresses" else "more"
    assert refused(service, alice, ijson.compact(document), InvalidField).field == "rotation"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"keys":1}', b'{"keys":[],"keys":[]}'])
def test_a_body_that_is_no_enrolment_is_refused(service, alice, body):
    refused(service, alice, body, InvalidField)


def test_of_two_rotations_at_once_one_wins(service, alice, meeting, at_once):
    racing = service.but(store=meeting(service.store, 2))
    bodies = [rotation(alice), rotation(alice, kids=["other-0", "other-1"])]
    calls = [alice.call("/keys", body) for body in bodies]
    outcomes = at_once(*(partial(racing.devices.rotate, call) for call in calls))
    assert [type(outcome) for outcome in outcomes].count(WrongKey) == 1
    assert service.stored(alice.guid) in [getattr(each, "binding", None) for each in outcomes]
    assert len(service.stored(alice.guid).key_changes) == 4


def test_s18_a_device_that_is_revoked_before_the_commit_gets_no_new_keys(service, alice):
    racing = service.meanwhile(lambda: service.devices.revoke(alice.guid, by=OPERATOR))
    with pytest.raises(BindingInactive):
        racing.devices.rotate(alice.call("/keys", rotation(alice)))
    assert service.stored(alice.guid).state is BindingState.REVOKED


def test_s18_an_account_that_is_locked_before_the_commit_gets_no_new_keys(service, alice):
    old = service.stored(alice.guid)
    racing = service.meanwhile(lambda: service.accounts.lock(old.account, by=OPERATOR))
    with pytest.raises(AccountLocked):
        racing.devices.rotate(alice.call("/keys", rotation(alice)))
    assert service.stored(alice.guid) == old


def test_the_key_history_is_bounded_and_has_the_keys_of_the_device(service, alice):
    (strong,) = [
        device_key
        for device_key in service.stored(alice.guid).keys
        if device_key.role is Role.STRONG
    ]
    for _ in range(KEY_CHANGES_LIMIT + 1):
        binding = alice.rotate([Role.DEVICE])
    assert len(binding.key_changes) == KEY_CHANGES_LIMIT + 1
    assert binding.key_changes[0].thumbprint == strong.key.thumbprint
    assert {device_key.key.thumbprint for device_key in binding.keys} <= {
        line.thumbprint for line in binding.key_changes
    }


# Updating


def update(**members) -> bytes:
    return ijson.compact(members)


def test_a_device_changes_its_name_and_addresses(service, alice):
    there = {"kind": "relay", "value": "there"}
    binding = service.devices.update(
        alice.call("/device", update(name="Tablet", addresses=[there]))
    ).binding
    assert binding == service.stored(alice.guid)
    assert binding.name == "Tablet"
    assert [(one.kind, one.value) for one in binding.addresses] == [(AddressKind.RELAY, "there")]
    (line,) = service.account().devices
    assert line.addresses == binding.addresses
    assert service.last_event() == ("binding.update", "")
    service.ask("alice", "Pay?")
    service.push()
    assert service.outbox.pushes[-1].addresses == binding.addresses


@pytest.mark.parametrize(
    ("members", "name", "address_count"),
    [
        ({}, "Tablet", 1),
        ({"name": "Phone"}, "Phone", 1),
        ({"addresses": []}, "Tablet", 0),
        ({"name": "Phone", "addresses": []}, "Phone", 0),
    ],
)
def test_an_update_leaves_what_it_does_not_name(service, alice, members, name, address_count):
    there = {"kind": "relay", "value": "there"}
    service.devices.update(alice.call("/device", update(name="Tablet", addresses=[there])))
    binding = service.devices.update(alice.call("/device", update(**members))).binding
    assert (binding.name, len(binding.addresses)) == (name, address_count)
    (line,) = service.account().devices
    assert line.addresses == binding.addresses


def test_an_update_holds_no_keys_and_no_token(service, alice):
    refused(service, alice, update(token="more"), InvalidField, "update")
    refused(service, alice, rotation(alice), InvalidField, "update")


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"name": "x" * 257}, "name"),
        ({"addresses": [{"kind": "relay", "value": "there"}] * 6}, "addresses"),
        ({"addresses": [{"kind": "relay", "value": "x" * 2049}]}, "addresses[0].value"),
    ],
)
def test_an_update_too_long_is_refused(service, alice, members, field):
    assert refused(service, alice, update(**members), InvalidField, "update").field == field


@pytest.mark.alone
def test_an_update_with_an_address_that_cannot_be_sent_to_is_refused_by_its_place(service, alice):
    service.outbox.malformed.add(PushAddress(kind=AddressKind.RELAY, value="typo"))
    members = {"addresses": [{"kind": "relay", "value": value} for value in ("there", "typo")]}
    refusal = refused(service, alice, update(**members), InvalidField, "update")
    assert (refusal.field, refusal.problem) == ("addresses[1].value", "malformed")


def test_an_address_that_no_notifier_sends_to_is_accepted_as_it_is(service, alice):
    silent = service.but(notifier=OutboxNotifier(AddressKind.APNS))
    typo = PushAddress(kind=AddressKind.RELAY, value="typo")
    silent.ports.notifier.malformed.add(typo)
    call = alice.call("/device", update(addresses=[{"kind": "relay", "value": "typo"}]))
    assert silent.devices.update(call).binding.addresses == (typo,)


# Unbinding


def unbind(service, phone):
    return service.devices.unbind(phone.call("/device", method="DELETE"))


def test_s17_a_device_unbinds_itself_for_good(service, alice):
    tablet = service.bind("alice")
    challenge = service.ask("alice", "Pay?").challenge
    service.clock.advance(timedelta(seconds=1))
    unbound = unbind(service, alice)
    assert unbound == service.stored(alice.guid)
    assert (unbound.state, unbound.ended_at) == (BindingState.REVOKED, service.clock.now())
    event = service.events[-1]
    assert (event.event, event.actor, event.subject, event.reason) == (
        *("binding.unbind", alice.guid, alice.guid),
        "",
    )
    (device,) = service.account().devices
    assert device.binding == tablet.guid
    with pytest.raises(BindingInactive):
        alice.pending()
    with pytest.raises(BindingInactive):
        service.answer(alice, challenge)
    assert service.answer(tablet, challenge).approved


def test_an_unbound_phone_signs_nothing_any_more(service, alice):
    display = service.ask("alice", "Pay?").challenge.display
    assert alice.unbind().state is BindingState.REVOKED
    for sign in (
        lambda: alice.call("/device"),
        lambda: alice.device.answer(display, 0, pin=PIN),
        lambda: alice.device.rotation(pin=PIN, new_pin=PIN),
    ):
        with pytest.raises(NotBound):
            sign()


def test_a_repeated_unbind_is_refused_as_any_call_of_a_revoked_device(service, alice):
    unbind(service, alice)
    before = service.records()
    for _ in range(2):
        with pytest.raises(BindingInactive):
            unbind(service, alice)
        assert service.last_event() == ("binding.unbind", "binding_inactive")
    assert service.records() == before


def test_the_last_device_of_an_account_may_unbind_itself(service, alice):
    unbind(service, alice)
    assert service.account().devices == ()
    with pytest.raises(AccountUnbound):
        service.ask("alice", "Pay?")
    assert service.answer(service.bind("alice"), service.ask("alice", "Pay?").challenge).approved


@pytest.mark.parametrize("stolen", ["method", "path", "key"])
def test_only_the_device_itself_unbinds_it(service, alice, stolen):
    call = alice.call("/device", method="DELETE")
    if stolen == "method":
        call = attrs.evolve(call, proof=alice.call("/device", method="PATCH").proof)
    elif stolen == "path":
        call = attrs.evolve(call, proof=alice.call("/devices", method="DELETE").proof)
    else:
        thief = service.bind("mallory").device
        thief.bond = alice.device.bond
        call = thief.signed_call("DELETE", call.uri)
    before = service.records()
    with pytest.raises(Refused) as caught:
        service.devices.unbind(call)
    assert (caught.value.public_code, service.records()) == ("denied", before)
    assert service.last_event() == ("binding.unbind", caught.value.code)


@pytest.mark.parametrize("refusal", [BindingInactive, AccountLocked])
def test_a_device_that_may_not_act_does_not_unbind_itself(service, alice, refusal):
    if refusal is AccountLocked:
        service.accounts.lock(alice.device.bond.account, by=OPERATOR)
    else:
        service.devices.suspend(alice.guid, by=OPERATOR)
    before = service.records()
    with pytest.raises(refusal):
        unbind(service, alice)
    assert service.records() == before


# Suspending, resuming, revoking


def test_staff_suspend_and_resume_a_device(service, alice):
    suspended = service.devices.suspend(alice.guid, by=OPERATOR)
    assert suspended == service.stored(alice.guid)
    assert (suspended.state, suspended.suspended_by) == (BindingState.SUSPENDED, Authority.STAFF)
    assert [line.state for line in service.account().devices] == [BindingState.SUSPENDED]
    assert (service.events[-1].event, service.events[-1].actor) == ("binding.suspend", "staff")
    with pytest.raises(WrongState):
        service.devices.suspend(alice.guid, by=OPERATOR)
    resumed = service.devices.resume(alice.guid, by=OPERATOR)
    assert (resumed.state, resumed.suspended_by) == (BindingState.ACTIVE, None)
    assert [line.state for line in service.account().devices] == [BindingState.ACTIVE]
    assert service.last_event() == ("binding.resume", "")
    assert resumed.keys == suspended.keys
    with pytest.raises(WrongState):
        service.devices.resume(alice.guid, by=OPERATOR)


def test_staff_do_not_resume_what_the_identity_provider_suspended(service):
    space = service.new_app_space("Staff", idp=service.idp.settings())
    carol = service.log_in(space, "carol")
    service.idp.withdraw("carol")
    with pytest.raises(IdentityWithdrawn):
        service.logins.revalidate(carol.device.bond.account)
    with pytest.raises(WrongAuthority):
        service.devices.resume(carol.guid, by=OPERATOR)
    assert service.last_event() == ("binding.resume", "wrong_authority")


def test_s17_a_revocation_is_final_and_recorded_with_time_and_source(service, alice):
    revoked = service.devices.revoke(alice.guid, by=OPERATOR)
    assert revoked == service.stored(alice.guid)
    assert (revoked.state, revoked.ended_at) == (BindingState.REVOKED, service.clock.now())
    assert service.account().devices == ()
    event = service.events[-1]
    assert (event.event, event.actor, event.subject) == ("binding.revoke", "staff", alice.guid)
    assert event.at == service.clock.now()
    for verb in (service.devices.revoke, service.devices.suspend, service.devices.resume):
        with pytest.raises(WrongState):
            verb(alice.guid, by=OPERATOR)


def test_a_suspended_device_and_an_open_invitation_can_be_revoked(service, alice):
    service.devices.suspend(alice.guid, by=OPERATOR)
    revoked = service.devices.revoke(alice.guid, by=OPERATOR)
    assert (revoked.state, revoked.suspended_by) == (BindingState.REVOKED, None)
    invitation = service.invitations.invite(service.origin, "alice")
    assert service.devices.revoke(invitation.binding, by=OPERATOR).state is BindingState.REVOKED
    assert service.account().devices == ()


def test_any_origin_of_the_app_space_revokes_and_is_named(service, alice):
    other = service.new_origin(service.app_space, "Support desk")
    service.devices.revoke(alice.guid, by=other)
    assert service.events[-1].actor == other.origin.guid


def test_an_origin_of_another_app_space_revokes_nothing(service, alice):
    stranger = service.new_origin(service.new_app_space("Insurance"), "Claims")
    before = service.records()
    with pytest.raises(Foreign) as caught:
        service.devices.revoke(alice.guid, by=stranger)
    assert caught.value.public_code == NotFound.public_code
    assert service.records() == before
    event = service.events[-1]
    assert (event.actor, event.reason) == (stranger.origin.guid, "foreign")


@pytest.mark.parametrize("verb", ["suspend", "resume", "revoke"])
def test_what_is_no_device_is_not_found(service, alice, verb):
    for guid in (mint(0, bytes(15)), alice.device.bond.account, service.company.guid):
        with pytest.raises(NotFound):
            getattr(service.devices, verb)(guid, by=OPERATOR)
        assert service.last_event() == (f"binding.{verb}", "not_found")


def test_a_revocation_changes_no_other_device(service, alice):
    second = service.bind("alice")
    service.devices.revoke(alice.guid, by=OPERATOR)
    (line,) = service.account().devices
    assert (line.binding, line.state) == (second.guid, BindingState.ACTIVE)
    assert service.answer(second, service.ask("alice", "Pay?").challenge).approved


@pytest.mark.alone
def test_a_device_locks_its_account(service):
    phone, tablet = service.bind("alice"), service.bind("alice")
    challenge = service.ask("alice", "Pay?").challenge
    records = len(service.records())

    account = phone.lock()

    assert account == service.account()
    assert account.locked_at == service.clock.now()
    assert service.last_event() == ("account.lock", "")
    assert (service.events[-1].actor, service.events[-1].subject) == (phone.guid, account.guid)
    (event,) = (
        record
        for record in service.records().values()
        if isinstance(record, AccountEvent) and record.kind is AccountEventKind.LOCKED
    )
    assert event.device == phone.guid
    # The event is the only new record: no device is notified.
    assert len(service.records()) == records + 1
    for call in (tablet.pending, lambda: tablet.answer(challenge), phone.lock, phone.unbind):
        with pytest.raises(AccountLocked):
            call()


def test_no_device_unlocks_an_account_and_staff_does(service):
    phone = service.bind("alice")
    account = phone.lock()
    with pytest.raises(AccountLocked):
        service.ask("alice", "Pay?")

    service.accounts.unlock(account.guid, by=OPERATOR)

    assert phone.answer(service.ask("alice", "Pay?").challenge).approved


@pytest.mark.parametrize("verb", ["suspend", "revoke"])
def test_a_device_that_is_stopped_locks_nothing(service, verb):
    phone = service.bind("alice")
    getattr(service.devices, verb)(phone.guid, by=OPERATOR)

    with pytest.raises(BindingInactive):
        phone.lock()

    assert service.account().locked_at is None
