"""
Policies of App Spaces and origins: each setting that they narrow counts where it is decided.

Each scenario returns what is to be seen of one setting. It has to be the same whether the service
has the stricter value, the App Space, or, where it may, the origin; and another without it.
"""

import ast
from datetime import timedelta

import attrs
import pytest
from folders import paths_of
from trees import tree_of

from counterseal import STANDARD, STRICT, keys
from counterseal._setting import Direction
from counterseal.bindings.documents.enrolment import BIND_TYP, Enrolment, OfferedKey, bind_claims
from counterseal.errors import Foreign, InvalidField, NotFound, Refused, RoleLacking, Unavailable
from counterseal.keys import generate
from counterseal.models import (
    Action,
    AddressKind,
    AdminRole,
    Algorithm,
    AppSpacePolicy,
    BindingState,
    CallbackType,
    Clients,
    DeviceKey,
    Level,
    NewDeviceRule,
    OriginPolicy,
    PasskeyUse,
    PushAddress,
    Reaction,
    RefusalReason,
    Role,
    Scheme,
)
from counterseal.narrowing import FIELDS
from counterseal_testing.authenticator import ORIGIN as PASSKEY_ORIGIN
from counterseal_testing.authenticator import FakePasskey
from counterseal_testing.identity import APP_RETURN
from counterseal_testing.service import PIN

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DOMAIN = "shop.example"
WRONG_CODE = "000000"
CONFIRMED = {"new_devices": NewDeviceRule.CONFIRMED}


@attrs.define
class World:
    """A service, an App Space of it in which something is narrowed, and an origin there."""

    service: object
    space: object
    party: object

    def ask(self, content="Pay?", **members):
        return self.service.ask("alice", content, origin=self.party, **members)

    def bind(self, account_id="alice", **how):
        return self.service.bind(account_id, origin=self.party, **how)

    def since(self, moment):
        return moment - self.service.clock.now()

    def advance(self, span):
        self.service.clock.advance(span)


def outcome(call):
    """Return how *call* ends: the refusal's code, or `done`."""
    try:
        call()
    except (Refused, Unavailable) as error:
        return error.code
    return "done"


def ask_twice(world):
    world.bind()
    return outcome(world.ask), outcome(world.ask)


def refuse(world, phone):
    phone.disown(phone.fetch(world.ask().challenge.guid))


def ask_after_refusals(count, *pauses):
    def observe(world):
        phone = world.bind()
        for _ in range(count):
            refuse(world, phone)
            for pause in pauses:
                world.advance(pause)
        return outcome(world.ask)

    return observe


def ask_after_long_cooldown(world):
    phone = world.bind()
    refuse(world, phone)
    world.advance(MINUTE)
    refuse(world, phone)
    world.advance(90 * SECOND)
    return outcome(world.ask)


def refuse_for(world, reason):
    phone = world.bind()
    challenge = phone.fetch(world.ask().challenge.guid)
    phone.answer(challenge, 1, reason=reason)
    return world.service.stored(challenge.account)


def locked_by(reason):
    return lambda world: refuse_for(world, reason).locked_at is not None


def ask_the_day_after(world):
    refuse_for(world, RefusalReason.OTHER)
    world.advance(25 * HOUR)
    return outcome(world.ask)


def default_life(world):
    world.bind()
    return world.since(world.ask().challenge.deadline)


def longest_life(world):
    world.bind()
    return outcome(lambda: world.ask(duration=5 * MINUTE))


ACTION = Action(type="tool-call", resource="send", arguments={})


def default_action_life(world):
    world.bind()
    return world.since(world.ask(ACTION).challenge.deadline)


def longest_action_life(world):
    world.bind()
    return outcome(lambda: world.ask(ACTION, duration=5 * MINUTE))


def default_validity(world):
    world.bind()
    challenge = world.ask(ACTION).challenge
    return challenge.action.valid_until - challenge.deadline


def longest_validity(world):
    world.bind()
    until = world.service.clock.now() + HOUR
    return outcome(lambda: world.ask(attrs.evolve(ACTION, valid_until=until)))


def used_without_arguments(world):
    phone, challenge = world.bind(), world.ask(ACTION).challenge
    phone.answer(challenge)
    return outcome(lambda: world.service.actions.consume_unpresented(world.party, challenge.guid))


def invitation_life(world):
    return world.since(world.service.invitations.invite(world.party, "alice").deadline)


def ceremony_life(world):
    started = world.service.ceremonies.start_registration(world.party, "alice", DOMAIN)
    return world.since(started.registration.deadline)


def registration_algorithms(world):
    return world.service.ceremonies.start_registration(world.party, "alice", DOMAIN).algorithms


def compared_wrongly(world):
    new = world.bind()
    confirmations, code = world.service.confirmations, "AAAA-AAAA-AAAA"
    first = outcome(lambda: confirmations.compare(world.party, new.guid, code))
    return first, world.service.stored(new.guid).state


def twice(call):
    return lambda world: (outcome(lambda: call(world)), outcome(lambda: call(world)))


def confirmation_life(world):
    return world.since(world.service.stored(world.bind().guid).deadline)


def login_life(world):
    return world.since(world.service.logins.redirect(world.space.guid, APP_RETURN).deadline)


def asked_again(world):
    phone = world.service.log_in(world.space, "carol")
    world.advance(2 * MINUTE)
    phone.pending()
    return world.since(world.service.stored(phone.device.bond.account).confirmed_at)


def believed_meanwhile(world):
    phone = world.service.log_in(world.space, "carol")
    world.advance(10 * MINUTE)
    world.service.idp.down = True
    return outcome(phone.pending)


def replaceable(world):
    world.service.log_in(world.space, "carol")
    return len(world.service.identify(world.space, "carol").devices)


def strike(world):
    phone = world.bind()
    challenge = world.ask().challenge
    phone.pin = "0000"
    first = outcome(lambda: phone.answer(challenge))
    device = world.service.stored(phone.guid)
    phone.pin = PIN
    again = outcome(lambda: phone.answer(challenge))
    return first, again, device.state


def mistype(world):
    phone = world.bind()
    challenge = world.ask(show_code=True).challenge
    first = outcome(lambda: phone.answer(challenge, code=WRONG_CODE))
    return (
        first,
        world.service.stored(challenge.guid).state,
        world.service.stored(challenge.account).locked_at is None,
    )


def ask_later(world):
    world.bind()
    world.ask()
    world.advance(11 * MINUTE)
    return outcome(world.ask)


def invite_by_device(world):
    phone = world.bind()
    invite = world.service.confirmations.invite
    return tuple(outcome(lambda: invite(phone.call("/invite"))) for _ in range(2))


def new_device(world):
    return world.service.stored(world.bind().guid).state


def bind_by_algorithm(world):
    return outcome(world.bind), outcome(lambda: world.bind("bob", algorithm=Algorithm.EDDSA))


def bind_passkey(world):
    return outcome(lambda: world.bind(passkey=FakePasskey()))


def bind_two_strong_keys(world):
    invitation = world.service.invitations.invite(world.party, "alice")
    roles = (Role.DEVICE, Role.STRONG, Role.STRONG)
    fresh = [generate(Algorithm.ES256, kid=f"key-{number}") for number in range(len(roles))]
    device_keys = tuple(
        DeviceKey(role=role, key=key.public) for role, key in zip(roles, fresh, strict=True)
    )
    claims = bind_claims(invitation.token, world.space.guid, device_keys)
    offers = tuple(
        OfferedKey(
            role=each.role,
            jwk=keys.jwks_document([each.key])["keys"][0],
            proof=keys.sign(key, typ=BIND_TYP, claims=claims),
        )
        for each, key in zip(device_keys, fresh, strict=True)
    )
    enrolment = Enrolment(token=invitation.token, keys=offers)
    return outcome(lambda: world.service.enrolments.complete(enrolment))


def bind_twice(world):
    return outcome(world.bind), outcome(world.bind)


def pushed_title(world):
    address = PushAddress(kind=AddressKind.RELAY, value="there")
    world.bind(addresses=(address,))
    challenge = world.ask(notification_title="From the shop").challenge
    world.service.push()
    (push,) = world.service.outbox.pushes_for(challenge.guid)
    return push.message.title


compare = twice(lambda w: w.service.confirmations.compare(w.party, w.party.origin.guid, "A"))
authenticate = twice(lambda w: w.service.ceremonies.start_authentication(w.party, "zoe", DOMAIN))
invite = twice(lambda w: w.service.invitations.invite(w.party, "alice"))
one_refusal = ask_after_refusals(1)

SCENARIOS = {
    "challenge_life": (MINUTE, {}, default_life),
    "challenge_life_limit": (4 * MINUTE, {}, longest_life),
    "action_life": (MINUTE, {}, default_action_life),
    "action_life_limit": (4 * MINUTE, {"action_life": MINUTE}, longest_action_life),
    "action_validity": (MINUTE, {}, default_validity),
    "action_validity_limit": (10 * MINUTE, {}, longest_validity),
    "arguments_required": (True, {"arguments_required": False}, used_without_arguments),
    "session_token_life": (MINUTE, {}, invitation_life),
    "confirmation_life": (2 * MINUTE, CONFIRMED, confirmation_life),
    "login_life": (MINUTE, {}, login_life),
    "ceremony_life": (MINUTE, {}, ceremony_life),
    "revalidation_life": (MINUTE, {}, asked_again),
    "revalidation_grace": (0 * SECOND, {"revalidation_grace": HOUR}, believed_meanwhile),
    "strike_limit": (1, {}, strike),
    "code_limit": (1, {}, mistype),
    "comparison_limit": (1, CONFIRMED, compared_wrongly),
    "code_limit_account": (1, {}, mistype),
    "pending_limit": (1, {}, ask_twice),
    "ask_window": (HOUR, {"ask_limit_origin": 1}, ask_later),
    "ask_limit_origin": (1, {}, ask_twice),
    "ask_limit": (1, {}, ask_twice),
    "ask_limit_unapproved": (1, {}, ask_twice),
    "cooldown_after": (1, {}, one_refusal),
    "cooldown": (10 * MINUTE, {"cooldown_after": 1}, ask_after_refusals(1, 5 * MINUTE)),
    "cooldown_limit": (
        HOUR,
        {"cooldown_after": 1, "cooldown": MINUTE, "cooldown_limit": MINUTE},
        ask_after_long_cooldown,
    ),
    "cx_pending_limit": (1, {}, ask_twice),
    "cx_ask_limit": (1, {}, ask_twice),
    "cx_ask_limit_unapproved": (1, {}, ask_twice),
    "cx_cooldown": (True, {"cooldown_after": 1}, one_refusal),
    **{
        f"on_{reason.value}": (
            STANDARD.reactions_to(reason) | {Reaction.LOCK_ACCOUNT},
            {},
            locked_by(reason),
        )
        for reason in RefusalReason
    },
    "codes_demanded": (
        48 * HOUR,
        {"on_other": frozenset({Reaction.DEMAND_CODES})},
        ask_the_day_after,
    ),
    "origin_rate": (1, {}, ask_twice),
    "authenticate_rate": (1, {}, authenticate),
    "invite_rate": (1, {}, invite),
    "device_invite_rate": (1, {}, invite_by_device),
    "comparison_rate": (1, {}, compare),
    "new_devices": (NewDeviceRule.CONFIRMED, {}, new_device),
    "device_invitations": (False, {}, invite_by_device),
    "device_replacement": (False, {}, replaceable),
    "algorithms": (frozenset({Algorithm.EDDSA}), {}, bind_by_algorithm),
    "passkeys": (PasskeyUse.REFUSE, {"passkey_origin": PASSKEY_ORIGIN}, bind_passkey),
    "strong_keys_limit": (1, {}, bind_two_strong_keys),
    "bindings_limit": (1, {}, bind_twice),
    "origin_texts": (False, {}, pushed_title),
}
"""The stricter value of each setting, what else the service says, and what is to be seen."""

WITH_PROVIDER = {"login_life", "revalidation_life", "revalidation_grace", "device_replacement"}
OF_ORIGINS = [name for name, field in FIELDS.items() if field.metadata["by_origins"]]


def world_of(new_service, name, base, *, service=None, app_space=None, origin=None):
    """Return a world whose service, App Space or origin has a value of the setting *name*."""
    world_service = new_service(policy=attrs.evolve(STANDARD, **base, **(service or {})))
    idp = world_service.idp.settings() if name in WITH_PROVIDER else None
    space = world_service.new_app_space("Narrowed", idp=idp)
    party = world_service.new_origin(space, "Shop")
    administration, guid = world_service.administration, party.origin.guid
    administration.allow_callback(guid, DOMAIN, kind=CallbackType.DOMAIN)
    if name.startswith("cx_"):
        administration.edit_origin(guid, clients=Clients.CX)
    for member, value in (app_space or {}).items():
        members = {"policy": {member: value}}
        if member in {"new_devices", "device_invitations"}:
            members = {member: value}
        space = administration.edit_app_space(space.guid, **members)
    if origin:
        administration.edit_origin(guid, policy=origin)
    return World(world_service, space, world_service.renewed(party))


def test_there_is_a_scenario_of_each_setting_that_can_be_narrowed():
    narrowable = {
        name
        for name, field in FIELDS.items()
        if field.metadata["direction"] is not Direction.SERVICE
    }
    assert set(SCENARIOS) == narrowable


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_an_app_space_narrows_counts_as_if_the_service_said_so(new_service, name):
    value, base, observe = SCENARIOS[name]
    stricter = base | {name: value}
    of_service = observe(world_of(new_service, name, stricter))
    of_app_space = observe(world_of(new_service, name, base, app_space={name: value}))

    assert of_app_space == of_service
    assert observe(world_of(new_service, name, base)) != of_service


@pytest.mark.parametrize("name", OF_ORIGINS)
def test_what_an_origin_narrows_counts_as_if_the_service_said_so(new_service, name):
    value, base, observe = SCENARIOS[name]
    of_service = observe(world_of(new_service, name, base | {name: value}))

    assert observe(world_of(new_service, name, base, origin={name: value})) == of_service


def test_another_app_space_is_not_narrowed(new_service):
    world = world_of(new_service, "strike_limit", {}, app_space={"strike_limit": 1})
    other = World(world.service, world.service.app_space, world.service.origin)

    assert strike(other)[2] is BindingState.ACTIVE
    assert strike(world)[2] is BindingState.REVOKED


# What changes after the fact: the policy of now counts (decision 0022)


def test_a_key_that_the_app_space_no_longer_allows_answers_no_more(new_service):
    world = world_of(new_service, "algorithms", {})
    phone = world.bind()
    challenge = world.ask().challenge
    only = frozenset({Algorithm.EDDSA})
    edit = world.service.administration.edit_app_space
    edit(world.space.guid, policy={"algorithms": only})

    assert outcome(lambda: phone.answer(phone.fetch(challenge.guid))) == "wrong_algorithm"
    assert outcome(phone.rotate) == "unfit_key"
    assert registration_algorithms(
        attrs.evolve(world, party=world.service.renewed(world.party))
    ) == {Algorithm.EDDSA}
    edit(world.space.guid, policy={"algorithms": None})
    assert phone.answer(phone.fetch(challenge.guid)).approved


def test_a_device_learns_how_many_attempts_its_app_space_leaves_it(new_service):
    world = world_of(new_service, "strike_limit", {}, app_space={"strike_limit": 3})
    phone = world.bind()
    devices, update = world.service.devices, b'{"name":"Tablet"}'

    assert devices.authenticate(phone.call("/device")).attempts_left == 3
    assert devices.update(phone.call("/device", update)).attempts_left == 3


@pytest.mark.parametrize("ends", ["expired", "cancelled"])
def test_what_nobody_answered_is_counted_by_the_policy_of_the_app_space(new_service, ends):
    """A worker that expires, and an origin that cancels, have not read the service's alone."""
    base = {"cooldown": 10 * MINUTE}
    world = world_of(new_service, "cooldown_after", base, app_space={"cooldown_after": 1})
    world.bind()
    world.ask()
    other = world.ask(duration=10 * MINUTE).challenge
    world.advance(3 * MINUTE)
    if ends == "expired":
        assert world.service.challenges.expire() == 1
    else:
        world.service.challenges.cancel(world.party, other.guid)
    assert outcome(world.ask) == "code_demanded"


def test_a_setting_that_the_service_has_tightened_since_wins(new_service):
    world = world_of(new_service, "pending_limit", {}, app_space={"pending_limit": 3})
    world.bind()
    strict = world.service.but(policy=attrs.evolve(STRICT, supersede=False))
    world.service = strict

    assert outcome(world.ask) == "done"
    assert outcome(world.ask) == "too_many_pending"


def test_an_app_space_that_had_new_devices_count_at_once_follows_a_stricter_service(new_service):
    world = world_of(
        new_service, "new_devices", {}, app_space={"new_devices": NewDeviceRule.AT_ONCE}
    )
    world.service = world.service.but(policy=attrs.evolve(STANDARD, **CONFIRMED))

    assert new_device(world) is BindingState.UNCONFIRMED


# Editing


@pytest.fixture
def administration(service):
    return service.administration


def test_what_is_edited_is_stored_and_taken_back(service, administration):
    space, origin = service.app_space.guid, service.origin.origin.guid
    assert service.app_space.policy is None
    edited = administration.edit_app_space(
        space,
        policy={
            "challenge_life": 90 * SECOND,
            "algorithms": frozenset({Algorithm.PS256, Algorithm.ES256}),
            "origin_texts": False,
        },
    )
    assert edited.policy == AppSpacePolicy(
        challenge_life=90, algorithms=(Algorithm.ES256, Algorithm.PS256), origin_texts=False
    )
    assert edited == service.stored(space)
    assert isinstance(edited.policy.challenge_life, int)
    edited = administration.edit_app_space(space, policy={"challenge_life": None, "code_limit": 2})
    assert edited.policy == AppSpacePolicy(
        code_limit=2, algorithms=(Algorithm.ES256, Algorithm.PS256), origin_texts=False
    )
    version = edited.version
    assert administration.edit_app_space(space, policy={"code_limit": 2}).version == version
    taken_back = dict.fromkeys(("code_limit", "algorithms", "origin_texts"))
    assert administration.edit_app_space(space, policy=taken_back).policy is None
    edited_origin = administration.edit_origin(origin, policy={"invite_rate": 10})
    assert edited_origin.policy == OriginPolicy(invite_rate=10)
    assert administration.edit_origin(origin, name="Other").policy == OriginPolicy(invite_rate=10)
    assert administration.edit_origin(origin, policy={"invite_rate": None}).policy is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nothing": 1}, "policy.nothing: no setting of the policy"),
        ({"x\n": 1}, "policy.x\\\\n: no setting of the policy"),
        ({"proof_past": MINUTE}, "policy.proof_past: the service alone decides it"),
        ({"new_devices": NewDeviceRule.CONFIRMED}, "policy.new_devices: said as newDevices"),
        ({"device_invitations": False}, "policy.device_invitations: said as deviceInvitations"),
        ({"code_limit": 4}, "policy.code_limit: looser than 3, which the service says"),
        ({"code_limit": 0}, "policy.code_limit: must be within 1 and 10"),
        ({"code_limit": "2"}, "policy.code_limit: must be within 1 and 10"),
        ({"challenge_life": 90}, "policy.challenge_life: must be within 0:00:01 and 0:10:00"),
        ({"challenge_life": 1.5 * SECOND}, "policy.challenge_life: not in whole seconds"),
        (
            {"challenge_life": 3 * MINUTE},
            "policy.challenge_life: looser than 120 seconds, which the service says",
        ),
        ({"ask_window": MINUTE}, "policy.ask_window: looser than 600 seconds"),
        (
            {"algorithms": frozenset({Algorithm.ES256, Algorithm.ML_DSA_44})},
            "policy.algorithms: looser than ES256, EdDSA, PS256, RS256, which the service says",
        ),
        ({"algorithms": frozenset()}, "policy.algorithms: at least one algorithm"),
        ({"passkeys": PasskeyUse.ALLOW}, "policy.passkeys: looser than with_device_key"),
        ({"passkeys": "refuse"}, "policy.passkeys: must be one of refuse"),
        (
            {"arguments_required": False},
            "policy.arguments_required: looser than true, which the service says",
        ),
        ({"origin_texts": 0}, "policy.origin_texts: must be True or False"),
        (
            {"on_not_mine": frozenset({Reaction.ALERT})},
            "policy.on_not_mine: looser than alert, demand_codes, which the service says",
        ),
        ({"on_other": frozenset({"alert"})}, "policy.on_other: "),
        (
            {"challenge_life": 100 * SECOND, "challenge_life_limit": 50 * SECOND},
            "policy.challenge_life: challenge_life would be longer than challenge_life_limit",
        ),
        ({"cooldown": HOUR}, "policy.cooldown: cooldown would be longer than cooldown_limit"),
    ],
)
def test_what_an_app_space_may_not_say_is_refused_by_name(service, changes, message):
    before = service.records()
    with pytest.raises(InvalidField, match=f"^{message.replace('.', '[.]', 1)}") as caught:
        service.administration.edit_app_space(service.app_space.guid, policy=changes)
    assert caught.value.field.startswith("policy.")
    assert service.records() == before


def test_an_app_space_may_be_as_strict_as_it_likes(service):
    settings = {name: value for name, (value, _, _) in SCENARIOS.items()}
    del settings["new_devices"], settings["device_invitations"]
    edited = service.administration.edit_app_space(
        service.app_space.guid, policy=settings | {"cooldown_limit": HOUR}
    )
    assert {
        name for name, value in attrs.asdict(edited.policy, recurse=False).items() if value
    } >= settings.keys() - {"device_replacement", "origin_texts", "revalidation_grace"}


def test_an_origin_cannot_loosen_what_its_app_space_says(service, administration):
    space, origin = service.app_space.guid, service.origin.origin.guid
    administration.edit_app_space(space, policy={"challenge_life_limit": MINUTE, "invite_rate": 9})
    for changes, message in (
        ({"challenge_life": 90 * SECOND}, "looser than 60 seconds, which the App Space says"),
        ({"challenge_life_limit": 61 * SECOND}, "looser than 60 seconds, which the App Space says"),
        ({"invite_rate": 10}, "looser than 9, which the App Space says"),
        ({"origin_rate": 6_001}, "looser than 6000, which the service says"),
        ({"code_limit": 1}, "an App Space narrows it, and no origin"),
        ({"new_devices": NewDeviceRule.CONFIRMED}, "an App Space narrows it, and no origin"),
        (
            {"challenge_life": 50 * SECOND, "challenge_life_limit": 40 * SECOND},
            "challenge_life would be longer than challenge_life_limit",
        ),
    ):
        with pytest.raises(InvalidField, match=message) as caught:
            administration.edit_origin(origin, policy=changes)
        assert caught.value.field == f"policy.{next(iter(changes))}"
    assert administration.edit_origin(origin, policy={"invite_rate": 9}).policy == OriginPolicy(
        invite_rate=9
    )


def test_a_contradiction_names_the_setting_that_was_to_change(service, administration):
    space = service.app_space.guid
    administration.edit_app_space(space, policy={"challenge_life": 100 * SECOND})
    with pytest.raises(InvalidField) as caught:
        administration.edit_app_space(space, policy={"challenge_life_limit": 50 * SECOND})
    assert caught.value.field == "policy.challenge_life_limit"
    administration.edit_app_space(space, policy={"cooldown": HOUR, "cooldown_limit": HOUR})
    with pytest.raises(InvalidField) as caught:
        administration.edit_app_space(space, policy={"cooldown_limit": None})
    assert caught.value.field == "policy.cooldown_limit"
    # The App Space's own default follows its limit, if it has not said one.
    administration.edit_app_space(
        space, policy={"challenge_life": None, "challenge_life_limit": 50 * SECOND}
    )


def test_a_contradiction_with_a_service_that_is_stricter_since_hinders_no_other_edit(
    service, administration
):
    space = service.app_space.guid
    administration.edit_app_space(space, policy={"challenge_life": 100 * SECOND})
    strict = attrs.evolve(STANDARD, challenge_life=MINUTE, challenge_life_limit=MINUTE)
    edited = service.but(policy=strict).administration.edit_app_space(
        space, policy={"code_limit": 2}
    )
    assert edited.policy == AppSpacePolicy(challenge_life=100, code_limit=2)


# Reading


def test_the_effective_policy_says_who_decided(service, administration):
    space, origin = service.app_space.guid, service.origin.origin.guid
    administration.edit_app_space(space, policy={"session_token_life": MINUTE, "code_limit": 2})
    administration.edit_origin(origin, policy={"session_token_life": 30 * SECOND}, pending_limit=2)
    settings = {each.name: each for each in administration.effective_policy(space, origin)}

    assert list(settings) == list(FIELDS)
    life = settings["session_token_life"]
    assert (life.value, life.decided_by) == (30 * SECOND, Level.ORIGIN)
    assert (life.service, life.app_space, life.origin) == (5 * MINUTE, MINUTE, 30 * SECOND)
    assert settings["code_limit"].decided_by is Level.APP_SPACE
    assert (settings["pending_limit"].value, settings["pending_limit"].origin) == (2, 2)
    assert settings["proof_past"].decided_by is Level.SERVICE
    of_space = {each.name: each for each in administration.effective_policy(space, None)}
    assert of_space["session_token_life"].value == MINUTE
    assert of_space["session_token_life"].origin is None


def test_the_effective_policy_of_an_origin_elsewhere_is_not_found(service, administration):
    other = service.new_app_space("Other")
    with pytest.raises(NotFound):
        administration.effective_policy(other.guid, service.origin.origin.guid)
    with pytest.raises(NotFound):
        administration.effective_policy(service.origin.origin.guid, None)


def administrator(service, role, app_space):
    issued = service.credentials.create_admin(
        "Example", role=role, app_space=app_space, scheme=Scheme.SIGNATURE
    )
    return service.stored(issued.guid)


def test_only_who_administers_a_record_narrows_it_and_sees_what_counts(service):
    space, origin = service.app_space.guid, service.origin.origin.guid
    elsewhere = service.new_app_space("Other").guid
    support = service.by(administrator(service, AdminRole.SUPPORT, space)).administration
    stranger = service.by(administrator(service, AdminRole.APP_SPACE, elsewhere)).administration
    own = service.by(administrator(service, AdminRole.APP_SPACE, space)).administration

    with pytest.raises(RoleLacking):
        support.edit_app_space(space, policy={"code_limit": 1})
    with pytest.raises(RoleLacking):
        support.edit_origin(origin, policy={"invite_rate": 1})
    with pytest.raises(RoleLacking):
        support.effective_policy(space, origin)
    for call in (
        lambda: stranger.effective_policy(space, None),
        lambda: stranger.effective_policy(space, origin),
        lambda: stranger.edit_origin(origin, policy={"invite_rate": 1}),
    ):
        with pytest.raises(Foreign):
            call()
    assert own.edit_origin(origin, policy={"invite_rate": 1}).policy.invite_rate == 1
    assert own.effective_policy(space, None)


# Nobody goes around it


@pytest.mark.one_python
def test_no_use_case_reads_a_setting_that_can_be_narrowed_from_the_services_policy():
    readings = [
        f"{path.name}: {node.attr}"
        for path in paths_of("usecases")
        for node in ast.walk(tree_of(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in SCENARIOS
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "policy"
        and isinstance(node.value.value, ast.Name)
        and node.value.value.id in {"self", "tools"}
    ]
    assert readings == []
