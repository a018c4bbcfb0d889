"""Finishing a bind: a session token counts once, for keys that are possessed."""

import hashlib
from datetime import timedelta
from functools import partial

import attrs
import pytest

from counterseal import STANDARD, STRICT, keys
from counterseal.bindings.documents.enrolment import BIND_TYP, ROTATE_TYP, bind_claims
from counterseal.errors import (
    AccountLocked,
    AccountUnbound,
    BindingInactive,
    DeadlinePassed,
    InvalidField,
    KeysIncomplete,
    MalformedToken,
    NotPossessed,
    SignerUnavailable,
    TokenSpent,
    UnfitKey,
    WrongState,
    WrongToken,
)
from counterseal.models import (
    OPERATOR,
    AddressKind,
    Algorithm,
    BindingState,
    DeviceKey,
    KeyChange,
    PushAddress,
    Role,
)
from counterseal.models.guid import mint
from counterseal_testing.service import PIN

TICK = timedelta(microseconds=1)


@pytest.fixture
def invitation(service):
    return service.invitations.invite(service.origin, "alice")


@pytest.fixture
def enrolment(service, invitation):
    """What an honest device sends."""
    return service.phone().device.enrolment(invitation.token, service.app_space.guid, pin=PIN)


def with_key(enrolment, index, **changes):
    offered = list(enrolment.keys)
    offered[index] = attrs.evolve(offered[index], **changes)
    return attrs.evolve(enrolment, keys=tuple(offered))


def refused(service, enrolment, refusal):
    """Send *enrolment*, see it refused and recorded, and nothing changed."""
    before = service.records()
    with pytest.raises(refusal):
        service.enrolments.complete(enrolment)
    assert service.records() == before
    assert service.last_event() == ("binding.complete", refusal.code)


def test_finishing_a_bind_makes_the_device_active(service, invitation):
    before = service.stored(invitation.binding)
    service.clock.advance(timedelta(seconds=7))
    now = service.clock.now()
    addresses = (PushAddress(kind=AddressKind.RELAY, value="there"),)
    offered = attrs.evolve(
        service.phone().device.enrolment(
            invitation.token,
            service.app_space.guid,
            pin=PIN,
            name="Phone",
            addresses=addresses,
            language="de",
        ),
        platform="iOS 26",
        app_version="2.1",
    )
    bound = service.enrolments.complete(offered)
    binding, account = service.stored(invitation.binding), service.account()

    assert (bound.binding, bound.account, bound.app_space) == (binding, account, service.app_space)
    assert bound.service_keys == service.ports.signer.jwks()
    assert [key.role for key in binding.keys] == [Role.DEVICE, Role.STRONG]
    assert [key.key.kid for key in binding.keys] == [key.jwk["kid"] for key in offered.keys]
    assert binding == attrs.evolve(
        before,
        version=2,
        state=BindingState.ACTIVE,
        enrolled=binding.enrolled,
        name="Phone",
        platform="iOS 26",
        app_version="2.1",
        language="de",
        keys=binding.keys,
        addresses=addresses,
        key_changes=tuple(
            KeyChange(at=now, role=key.role, thumbprint=key.key.thumbprint) for key in binding.keys
        ),
        bound_at=now,
        last_seen_at=now,
    )
    (line,) = account.devices
    assert (line.state, line.addresses) == (BindingState.ACTIVE, addresses)


def test_s17_a_bind_is_recorded_with_time_and_source(service, invitation, enrolment):
    service.clock.advance(timedelta(seconds=7))
    service.enrolments.complete(enrolment)
    event = service.events[-1]
    assert (event.event, event.actor) == ("binding.complete", invitation.binding)
    assert (event.subject, event.at) == (invitation.binding, service.clock.now())


# A peek at the invitation


def test_a_peek_with_the_token_returns_its_app_space_and_company(service, invitation, enrolment):
    before = service.records()
    target = service.enrolments.peek(invitation.token)
    assert (target.app_space, target.company) == (service.app_space, service.company)
    assert service.records() == before
    service.enrolments.complete(enrolment)
    service.clock.advance(STANDARD.session_token_life)
    target = service.enrolments.peek(invitation.token)
    assert (target.app_space, target.company) == (service.app_space, service.company)


def test_a_peek_returns_the_account_until_a_device_has_used_the_token(
    service, invitation, enrolment
):
    account = service.enrolments.peek(invitation.token).account
    assert account == invitation.account
    service.enrolments.complete(enrolment)
    assert service.enrolments.peek(invitation.token).account is None


def test_bind_peek_and_status_return_the_company_as_it_is_stored(service, invitation, enrolment):
    """Also where the service remembers which company it is."""
    guid, phone = service.company.guid, service.bind("bob")
    for name in ("Example Ltd, Utrecht", None, "Example plc, Utrecht"):
        company = service.administration.verify_company(guid, name)
        assert service.enrolments.peek(invitation.token).company == company
        assert service.enrolments.complete(enrolment).company == company
        assert service.devices.status(phone.call("/device"))[1] == company


def test_a_wrong_token_peeks_at_nothing(service, invitation):
    guid = invitation.binding
    other = service.invitations.invite(service.origin, "bob").token.partition(".")[2]
    nobody = mint(0, bytes(15))
    for token in ("", ".", guid, f"{guid}.", f"{guid}.{other}", f"{nobody}.{other}"):
        with pytest.raises(WrongToken):
            service.enrolments.peek(token)
        assert service.last_event() == ("binding.peek", "wrong_token")
    # Nor what became of it.
    service.clock.advance(STANDARD.session_token_life)
    with pytest.raises(WrongToken):
        service.enrolments.peek(f"{guid}.{other}")


def test_a_peek_at_an_invitation_that_is_over_is_refused(service, invitation, enrolment):
    service.clock.advance(STANDARD.session_token_life - TICK)
    service.enrolments.peek(invitation.token)
    service.clock.advance(TICK)
    with pytest.raises(DeadlinePassed):
        service.enrolments.peek(invitation.token)
    assert service.last_event() == ("binding.peek", "deadline_passed")
    service.invitations.expire()
    with pytest.raises(DeadlinePassed):
        service.enrolments.peek(invitation.token)

    again = service.invitations.invite(service.origin, "alice")
    service.devices.revoke(again.binding, by=OPERATOR)
    with pytest.raises(BindingInactive):
        service.enrolments.peek(again.token)


def test_the_endorsement_of_a_rotation_has_no_place_in_a_bind(service, enrolment):
    before = service.records()
    with pytest.raises(InvalidField) as caught:
        service.enrolments.complete(with_key(enrolment, 1, endorsement="a.b.c"))
    assert caught.value.field == "keys[1].endorsement"
    assert service.records() == before
    assert service.last_event() == ("binding.complete", "invalid_field")


# Possession, S15


def test_s15_until_its_keys_are_proved_a_binding_is_asked_nothing(service, invitation, enrolment):
    with pytest.raises(AccountUnbound):
        service.ask("alice", "Pay?")
    refused(service, with_key(enrolment, 1, proof=enrolment.keys[0].proof), NotPossessed)
    with pytest.raises(AccountUnbound):
        service.ask("alice", "Pay?")
    service.enrolments.complete(enrolment)
    service.ask("alice", "Pay?")


@pytest.mark.parametrize("index", [0, 1])
def test_s15_a_proof_by_another_key_is_refused(service, enrolment, index):
    thief = keys.generate(Algorithm.ES256, kid=enrolment.keys[index].jwk["kid"])
    claims = keys.read(enrolment.keys[index].proof, limit=9999).claimed
    proof = keys.sign(thief, typ=BIND_TYP, claims=claims)
    refused(service, with_key(enrolment, index, proof=proof), NotPossessed)


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("claim", ["token", "aud", "device", "strong"])
def test_s15_a_proof_that_says_something_else_is_refused(service, invitation, index, claim):
    device = service.phone().device
    strong = keys.generate(Algorithm.ES256, kid="strong")
    private = [device.device_key, strong]
    device_keys = [
        DeviceKey(role=Role.DEVICE, key=device.device_key.public),
        DeviceKey(role=Role.STRONG, key=strong.public),
    ]
    honest = device.enrolment(invitation.token, service.app_space.guid, pin=PIN)
    claims = bind_claims(invitation.token, service.app_space.guid, device_keys)
    proofs = [keys.sign(key, typ=BIND_TYP, claims=claims) for key in private]
    jwks = [{**keys.jwks_document([key.public])["keys"][0]} for key in private]
    right = with_key(
        with_key(honest, 0, jwk=jwks[0], proof=proofs[0]), 1, jwk=jwks[1], proof=proofs[1]
    )
    wrong = claims | {claim: [] if isinstance(claims[claim], list) else "other"}
    proof = keys.sign(private[index], typ=BIND_TYP, claims=wrong)
    refused(service, with_key(right, index, proof=proof), NotPossessed)
    service.enrolments.complete(right)


def test_s12_a_proof_of_another_kind_is_refused(service, invitation, enrolment):
    device = service.phone().device
    honest = device.enrolment(invitation.token, service.app_space.guid, pin=PIN)
    claims = keys.read(honest.keys[0].proof, limit=9999).claimed
    proof = keys.sign(device.device_key, typ=ROTATE_TYP, claims=claims)
    refused(service, with_key(honest, 0, proof=proof), NotPossessed)


def test_s15_keys_of_one_bind_do_not_prove_another(service, enrolment):
    other = service.invitations.invite(service.origin, "alice")
    refused(service, attrs.evolve(enrolment, token=other.token), NotPossessed)


def test_a_proof_that_is_no_token_is_refused(service, enrolment):
    refused(service, with_key(enrolment, 0, proof="nonsense"), MalformedToken)


# One use (S16)


def test_s16_the_token_is_refused_from_its_deadline_on(service, invitation, enrolment):
    service.clock.jump(invitation.deadline)
    refused(service, enrolment, DeadlinePassed)
    service.clock.jump(invitation.deadline - TICK)
    service.enrolments.complete(enrolment)


def test_s16_the_same_keys_again_get_the_recorded_result(service, enrolment):
    first = service.enrolments.complete(enrolment)
    service.clock.advance(timedelta(hours=1))
    before, events = service.records(), service.events
    again = service.enrolments.complete(enrolment)
    assert again.binding == first.binding
    assert again.service_keys == first.service_keys
    assert (service.records(), service.events) == (before, events)


def test_s16_other_keys_are_refused_and_reported(service, invitation, enrolment):
    service.enrolments.complete(enrolment)
    thief = service.phone().device
    stolen = thief.enrolment(invitation.token, service.app_space.guid, pin=PIN)
    refused(service, stolen, TokenSpent)
    assert service.events[-1].subject == invitation.binding


@pytest.mark.parametrize("index", [0, 1])
def test_s16_the_recorded_result_is_for_whoever_possesses_the_keys(service, enrolment, index):
    """The keys are public, and the token may have been seen."""
    service.enrolments.complete(enrolment)
    other = enrolment.keys[1 - index].proof
    refused(service, with_key(enrolment, index, proof=other), NotPossessed)


@pytest.mark.parametrize("change", ["role", "kid"])
def test_s16_the_same_keys_named_otherwise_are_other_keys(service, invitation, change):
    device = service.phone().device
    enrolment = device.enrolment(invitation.token, service.app_space.guid, pin=PIN)
    service.enrolments.complete(enrolment)
    if change == "role":
        own, strong = enrolment.keys
        enrolment = attrs.evolve(
            enrolment,
            keys=(attrs.evolve(own, role=Role.STRONG), attrs.evolve(strong, role=Role.DEVICE)),
        )
    else:
        enrolment = with_key(enrolment, 0, jwk={**enrolment.keys[0].jwk, "kid": "renamed"})
    refused(service, enrolment, TokenSpent)


def test_s16_of_eight_devices_with_one_token_exactly_one_is_bound(service, meeting, at_once):
    for _ in range(5):
        invitation = service.invitations.invite(service.origin, "alice")
        enrolments = [
            service.phone().device.enrolment(invitation.token, service.app_space.guid, pin=PIN)
            for _ in range(8)
        ]
        racing = service.but(store=meeting(service.store, 8))
        outcomes = at_once(
            *(partial(racing.enrolments.complete, enrolment) for enrolment in enrolments)
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == [
            "Bound",
            *["TokenSpent"] * 7,
        ]
        winner = next(out for out in outcomes if not isinstance(out, TokenSpent))
        assert service.stored(invitation.binding) == winner.binding


@pytest.mark.parametrize("state", [BindingState.SUSPENDED, BindingState.REVOKED])
def test_the_recorded_result_is_for_active_devices(service, invitation, enrolment, state):
    service.enrolments.complete(enrolment)
    if state is BindingState.SUSPENDED:
        service.devices.suspend(invitation.binding, by=OPERATOR)
    else:
        service.devices.revoke(invitation.binding, by=OPERATOR)
    refused(service, enrolment, BindingInactive)


def test_a_revoked_invitation_binds_nothing(service, invitation, enrolment):
    service.devices.revoke(invitation.binding, by=OPERATOR)
    refused(service, enrolment, WrongState)


def test_an_expired_invitation_binds_nothing(service, invitation, enrolment):
    service.clock.jump(invitation.deadline)
    service.invitations.expire()
    refused(service, enrolment, WrongState)


# Wrong tokens


def test_a_wrong_secret_is_refused_before_and_after_the_bind(service, invitation, enrolment):
    wrong = attrs.evolve(enrolment, token=f"{invitation.binding}.{'A' * 22}")
    refused(service, wrong, WrongToken)
    service.enrolments.complete(enrolment)
    refused(service, wrong, WrongToken)


@pytest.mark.parametrize("became", ["bound", "revoked", "late", "expired", "locked"])
def test_a_wrong_secret_learns_nothing_of_the_invitation(service, invitation, enrolment, became):
    if became == "bound":
        service.enrolments.complete(enrolment)
    elif became == "revoked":
        service.devices.revoke(invitation.binding, by=OPERATOR)
    elif became == "locked":
        service.accounts.lock(invitation.account.guid, by=OPERATOR)
    else:
        service.clock.jump(invitation.deadline)
    if became == "expired":
        service.invitations.expire()
    refused(service, attrs.evolve(enrolment, token=f"{invitation.binding}.wrong"), WrongToken)


def test_strangers_tokens_all_look_the_same(service, invitation, enrolment):
    unknown = mint(7, bytes(15))
    for token in (
        "",
        ".",
        "nonsense",
        f"{unknown}.secret",
        f"{service.company.guid}.secret",
        f"{invitation.account.guid}.secret",
        invitation.binding,
        f"{invitation.binding}.",
        invitation.token.upper(),
    ):
        refused(service, attrs.evolve(enrolment, token=token), WrongToken)
    assert WrongToken.public_code == "denied"


# Standing


def test_s18_a_locked_account_binds_nothing(service, invitation, enrolment):
    service.accounts.lock(invitation.account.guid, by=OPERATOR)
    refused(service, enrolment, AccountLocked)


def test_s18_an_account_that_is_locked_before_the_commit_binds_nothing(
    service, invitation, enrolment
):
    racing = service.meanwhile(lambda: service.accounts.lock(invitation.account.guid, by=OPERATOR))
    with pytest.raises(AccountLocked):
        racing.enrolments.complete(enrolment)
    assert service.stored(invitation.binding).state is BindingState.INVITED


def test_s18_an_invitation_that_is_revoked_before_the_commit_binds_nothing(
    service, invitation, enrolment
):
    racing = service.meanwhile(lambda: service.devices.revoke(invitation.binding, by=OPERATOR))
    with pytest.raises(WrongState):
        racing.enrolments.complete(enrolment)
    assert service.stored(invitation.binding).keys == ()


# What is offered


@pytest.fixture
def offer(service, invitation):
    """Return the enrolment of new keys in these roles, one after the other."""
    space = service.app_space.guid

    def offer(*roles):
        private = [keys.generate(Algorithm.ES256, kid=f"key-{n}") for n in range(len(roles))]
        device_keys = [
            DeviceKey(role=role, key=key.public) for role, key in zip(roles, private, strict=True)
        ]
        claims = bind_claims(invitation.token, space, device_keys)
        template = service.phone().device.enrolment(invitation.token, space, pin=PIN)
        return attrs.evolve(
            template,
            keys=tuple(
                attrs.evolve(
                    template.keys[0],
                    role=one.role,
                    jwk=keys.jwks_document([one.key])["keys"][0],
                    proof=keys.sign(key, typ=BIND_TYP, claims=claims),
                )
                for one, key in zip(device_keys, private, strict=True)
            ),
        )

    return offer


def test_keys_without_one_device_key_and_a_strong_key_are_refused(service, offer):
    for roles in ((), (Role.DEVICE,), (Role.STRONG,), (Role.DEVICE, Role.DEVICE, Role.STRONG)):
        refused(service, offer(*roles), KeysIncomplete)
    most = STANDARD.strong_keys_limit
    refused(service, offer(*[Role.STRONG] * (most + 1)), KeysIncomplete)
    refused(service, offer(Role.DEVICE, *[Role.STRONG] * (most + 1)), KeysIncomplete)
    bound = service.enrolments.complete(offer(Role.DEVICE, *[Role.STRONG] * most))
    assert len(bound.binding.keys) == most + 1


def test_too_many_keys_are_refused_before_the_session_token_is_looked_at(service, offer):
    too_many = offer(Role.DEVICE, *[Role.STRONG] * (STANDARD.strong_keys_limit + 1))
    wrong = attrs.evolve(too_many, token=too_many.token[:-1] + "-")
    refused(service, wrong, KeysIncomplete)


def test_an_app_space_allows_fewer_strong_keys(service, offer):
    service.administration.edit_app_space(service.app_space.guid, policy={"strong_keys_limit": 1})
    refused(service, offer(Role.DEVICE, Role.STRONG, Role.STRONG), KeysIncomplete)
    bound = service.enrolments.complete(offer(Role.DEVICE, Role.STRONG))
    assert len(bound.binding.keys) == 2


def test_what_was_bound_is_bound_if_fewer_strong_keys_are_allowed_later(service, offer):
    enrolment = offer(Role.DEVICE, Role.STRONG, Role.STRONG)
    bound = service.enrolments.complete(enrolment)
    service.administration.edit_app_space(service.app_space.guid, policy={"strong_keys_limit": 1})
    assert service.enrolments.complete(enrolment).binding == bound.binding


def test_an_app_space_allows_fewer_algorithms(service, offer):
    edit = service.administration.edit_app_space
    edit(service.app_space.guid, policy={"algorithms": frozenset({Algorithm.EDDSA})})
    refused(service, offer(Role.DEVICE, Role.STRONG), UnfitKey)


def test_a_repeated_bind_succeeds_after_the_app_space_forbids_its_algorithm(service, offer):
    enrolment = offer(Role.DEVICE, Role.STRONG)
    bound = service.enrolments.complete(enrolment)
    edit = service.administration.edit_app_space
    edit(service.app_space.guid, policy={"algorithms": frozenset({Algorithm.EDDSA})})
    assert service.enrolments.complete(enrolment).binding == bound.binding
    refused(service, offer(Role.DEVICE, Role.STRONG), TokenSpent)


def test_one_key_does_not_take_two_roles(service, enrolment):
    twice = with_key(
        enrolment,
        1,
        jwk={**enrolment.keys[0].jwk, "kid": "another-name"},
        proof=enrolment.keys[0].proof,
    )
    refused(service, twice, KeysIncomplete)


def test_the_policy_says_which_algorithms_may_be_bound(service, new_service):
    strict = new_service(policy=STRICT)
    invitation = strict.invitations.invite(strict.origin, "alice")
    weak = keys.generate(Algorithm.RS256, kid="weak")
    enrolment = strict.phone().device.enrolment(invitation.token, strict.app_space.guid, pin=PIN)
    offered = with_key(enrolment, 0, jwk=keys.jwks_document([weak.public])["keys"][0])
    refused(strict, offered, UnfitKey)


def test_s14_an_unfit_key_is_refused_at_bind(service, enrolment):
    y = "A" * 43
    refused(service, with_key(enrolment, 0, jwk={**enrolment.keys[0].jwk, "y": y}), UnfitKey)


def test_what_is_no_key_is_refused_by_its_place(service, enrolment):
    with pytest.raises(InvalidField) as caught:
        service.enrolments.complete(with_key(enrolment, 1, jwk={"kty": "EC"}))
    assert caught.value.field == "keys[1].jwk.kid"


def test_what_is_stored_of_the_keys_that_completed_a_binding_stays_as_it_is(
    service, invitation, enrolment
):
    """A later version of the service has to know the same keys again."""
    device_keys = service.enrolments.complete(enrolment).binding.keys
    lines = [f"{each.role.value} {each.key.kid} {each.key.thumbprint}" for each in device_keys]
    digest = hashlib.sha256("\n".join(sorted(lines)).encode()).digest()
    assert service.stored(invitation.binding).enrolled == keys.b64url(digest)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "x" * 257}, "name"),
        ({"name": "lone \ud800"}, "name"),
        (
            {"addresses": (PushAddress(kind=AddressKind.RELAY, value="there"),) * 6},
            "addresses",
        ),
        (
            {"addresses": (PushAddress(kind=AddressKind.RELAY, value="x" * 2049),)},
            "addresses[0].value",
        ),
        ({"platform": "x" * 65}, "platform"),
        ({"app_version": "x" * 65}, "appVersion"),
        ({"language": "x y"}, "language"),
    ],
)
def test_a_malformed_enrolment_is_refused_by_field(service, enrolment, changes, field):
    with pytest.raises(InvalidField) as caught:
        service.enrolments.complete(attrs.evolve(enrolment, **changes))
    assert caught.value.field == field
    assert service.last_event() == ("binding.complete", "invalid_field")


def test_an_address_that_cannot_be_sent_to_is_refused_by_its_place(service, enrolment):
    there, typo = (PushAddress(kind=AddressKind.RELAY, value=name) for name in ("there", "typo"))
    service.outbox.malformed.add(typo)
    with pytest.raises(InvalidField) as caught:
        service.enrolments.complete(attrs.evolve(enrolment, addresses=(there, typo)))
    assert (caught.value.field, caught.value.problem) == ("addresses[1].value", "malformed")
    assert service.last_event() == ("binding.complete", "invalid_field")
    # The invitation is as good as it was.
    assert service.enrolments.complete(attrs.evolve(enrolment, addresses=(there,)))


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.EDDSA])
def test_keys_of_either_small_algorithm_are_bound(service, algorithm):
    phone = service.bind("alice", algorithm=algorithm)
    assert {key.key.algorithm for key in service.stored(phone.guid).keys} == {algorithm}


def test_rsa_keys_are_bound(service, invitation, rsa_phone):
    phone = service.complete(invitation, rsa_phone)
    assert {key.key.algorithm for key in service.stored(phone.guid).keys} == {Algorithm.PS256}


class NoSigner:
    """A signer that does not answer."""

    def __getattr__(self, name):
        raise SignerUnavailable


def test_a_wrong_token_is_refused_and_recorded_without_the_signer(service, invitation, enrolment):
    """Guesses must not cost a call to a key management service each."""
    wrong = attrs.evolve(enrolment, token=f"{invitation.binding}.{'0' * 22}")
    with pytest.raises(WrongToken):
        service.but(signer=NoSigner()).enrolments.complete(wrong)
    assert service.last_event() == ("binding.complete", "wrong_token")


def test_a_bind_whose_signer_did_not_answer_is_repeated(service, invitation, enrolment):
    with pytest.raises(SignerUnavailable):
        service.but(signer=NoSigner()).enrolments.complete(enrolment)
    bound = service.enrolments.complete(enrolment)
    assert bound.service_keys == service.ports.signer.jwks()
    assert bound.binding == service.stored(invitation.binding)
