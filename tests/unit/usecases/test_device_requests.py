"""Device calls: what proves one, and how little a stranger learns or changes."""

from datetime import timedelta

import attrs
import pytest

from counterseal import STANDARD, ijson, keys
from counterseal.bindings.documents.proof import PROOF_TYP, Proof, proof_claims
from counterseal.challenges.documents.answer import ANSWER_TYP
from counterseal.errors import (
    AccountLocked,
    BindingInactive,
    IdentityUnavailable,
    IdentityWithdrawn,
    MalformedToken,
    Replayed,
    StaleProof,
    WrongAlgorithm,
    WrongAudience,
    WrongDevice,
    WrongIssuer,
    WrongKey,
    WrongRequest,
    WrongSignature,
    WrongType,
)
from counterseal.keys import PrivateKey, generate
from counterseal.models import OPERATOR, Algorithm, ChallengeState, Change
from counterseal.models.guid import mint
from counterseal_testing.phone import SERVICE
from counterseal_testing.service import PIN

PATH = "/challenges"
URI = SERVICE + PATH


@pytest.fixture
def alice(service):
    return service.bind("alice")


def proof_of(phone, **changes) -> Proof:
    """What the phone honestly claims about a POST of `{}`, but for *changes*."""
    device = phone.device
    honest = Proof(
        device=phone.guid,
        account=device.bond.account,
        app_space=device.bond.app_space,
        method="POST",
        uri=URI,
        body_hash=keys.digest(b"{}"),
        issued_at=int(device.clock.now().timestamp()),
        id=keys.b64url(device.entropy.token(16)),
    )
    return attrs.evolve(honest, **changes)


def call_of(phone, *, key: PrivateKey | None = None, typ=PROOF_TYP, body=b"{}", **changes):
    claims = proof_claims(proof_of(phone, **changes))
    token = keys.sign(key or phone.device.device_key, typ=typ, claims=claims)
    return attrs.evolve(phone.call(PATH, body), proof=token)


def refused(service, call, refusal):
    """See *call* refused and recorded, and nothing changed."""
    before = service.records()
    with pytest.raises(refusal):
        service.devices.authenticate(call)
    assert service.records() == before
    assert service.last_event() == ("device.prove", refusal.code)


def test_an_honest_call_is_proven(service, alice):
    proven = service.devices.authenticate(call_of(alice))
    assert proven.binding == service.stored(alice.guid)
    assert proven.account == service.account()
    assert proven.app_space == service.app_space
    assert proven.others == ()


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"method": "PUT"}, WrongRequest),
        ({"method": "post"}, WrongRequest),
        ({"uri": URI + "/"}, WrongRequest),
        ({"uri": URI + "?a=b"}, WrongRequest),
        ({"uri": URI.replace("https", "http")}, WrongRequest),
        ({"body_hash": keys.digest(b"")}, WrongRequest),
        ({"body": b"{} "}, WrongRequest),
        ({"account": mint(0, bytes(15))}, WrongDevice),
        ({"app_space": mint(0, bytes(15))}, WrongDevice),
    ],
)
def test_a_proof_counts_for_its_request_and_audience_only(service, alice, change, refusal):
    refused(service, call_of(alice, **change), refusal)


def test_a_proof_counts_in_its_own_app_space_only(service, alice):
    other = service.new_app_space("Insurance")
    bob = service.bind("bob")
    refused(service, call_of(alice, app_space=other.guid), WrongAudience)
    refused(service, call_of(alice, account=bob.device.bond.account), WrongAudience)


@pytest.mark.parametrize(
    ("seconds", "holds"), [(-300, True), (-301, False), (60, True), (61, False)]
)
def test_a_proof_is_fresh_within_the_window(service, alice, seconds, holds):
    now = int(service.clock.now().timestamp())
    call = call_of(alice, issued_at=now + seconds)
    if holds:
        service.devices.authenticate(call)
    else:
        refused(service, call, StaleProof)


def test_a_proof_is_accepted_once(service, alice):
    call = call_of(alice)
    service.devices.authenticate(call)
    refused(service, call, Replayed)
    service.clock.advance(timedelta(seconds=300))
    refused(service, call, Replayed)
    service.clock.advance(timedelta(seconds=1))
    refused(service, call, StaleProof)


def test_a_proof_from_ahead_is_accepted_once_for_as_long_as_it_is_fresh(service, alice):
    call = call_of(alice, issued_at=int(service.clock.now().timestamp()) + 60)
    service.devices.authenticate(call)
    service.clock.advance(timedelta(seconds=360))
    refused(service, call, Replayed)


def test_s8_the_other_signature_of_a_proof_is_a_replay_too(service, alice, malleated):
    call = call_of(alice)
    service.devices.authenticate(call)
    refused(service, attrs.evolve(call, proof=malleated(call.proof)), Replayed)


def test_two_devices_may_use_one_id(service, alice):
    bob = service.bind("bob")
    service.devices.authenticate(call_of(alice, id="same"))
    service.devices.authenticate(call_of(bob, id="same"))


def test_a_stranger_burns_no_ids(service, alice):
    thief = generate(Algorithm.ES256, kid=alice.device.device_key.public.kid)
    refused(service, call_of(alice, key=thief, id="guessed"), WrongSignature)
    service.devices.authenticate(call_of(alice, id="guessed"))


# Keys come from the store (S13)


def test_s13_a_proof_by_a_key_of_ones_own_is_refused(service, alice):
    own = generate(Algorithm.ES256, kid="own")
    refused(service, call_of(alice, key=own), WrongKey)


def test_s13_a_proof_that_carries_its_own_key_is_refused(service, alice):
    own = generate(Algorithm.ES256, kid=alice.device.device_key.public.kid)
    honest = call_of(alice, key=own)
    header, payload, _ = honest.proof.split(".")
    header = ijson.parse(keys.unb64url(header)) | {"jwk": ijson.parse(own.public.jwk)}
    signed = f"{keys.b64url(ijson.compact(header))}.{payload}"
    token = f"{signed}.{keys.b64url(own.sign(signed.encode()))}"
    refused(service, attrs.evolve(honest, proof=token), MalformedToken)


def test_s13_the_algorithm_comes_from_the_store(service, alice):
    kid = alice.device.device_key.public.kid
    refused(service, call_of(alice, key=generate(Algorithm.EDDSA, kid=kid)), WrongAlgorithm)
    honest = call_of(alice)
    _, payload, _ = honest.proof.split(".")
    header = keys.b64url(ijson.compact({"alg": "none", "typ": PROOF_TYP, "kid": kid}))
    refused(service, attrs.evolve(honest, proof=f"{header}.{payload}.{'A' * 86}"), WrongAlgorithm)


def test_the_strong_key_proves_no_call(service, alice):
    (strong,) = [key for key in service.stored(alice.guid).keys if key.role.value == "strong"]
    impostor = generate(Algorithm.ES256, kid=strong.key.kid)
    refused(service, call_of(alice, key=impostor), WrongKey)


def test_another_devices_key_proves_no_call(service, alice):
    second = service.bind("alice")
    refused(service, call_of(alice, key=second.device.device_key), WrongKey)


def test_s12_a_token_of_another_kind_is_no_proof(service, alice):
    refused(service, call_of(alice, typ=ANSWER_TYP), WrongType)


@pytest.mark.parametrize("proof", ["", "a.b.c", "nonsense", "\ud800"])
@pytest.mark.parametrize(
    "verb", ["authenticate", "rotate", "update", "unbind", "lock", "pending", "answer", "disown"]
)
def test_s35_a_proof_that_is_no_token_is_refused_and_recorded(service, alice, verb, proof):
    use_case = service.answers if hasattr(service.answers, verb) else service.devices
    call = attrs.evolve(call_of(alice), proof=proof)
    with pytest.raises(MalformedToken):
        getattr(use_case, verb)(call)
    event = service.events[-1]
    assert (event.actor, event.reason) == ("stranger", "malformed_token")


def test_s35_a_fetch_whose_proof_is_no_token_is_refused_and_recorded(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    with pytest.raises(MalformedToken):
        service.answers.fetch(attrs.evolve(call_of(alice), proof="nonsense"), challenge.guid)
    event = service.events[-1]
    assert (event.event, event.actor) == ("challenge.fetch", "stranger")
    assert event.reason == "malformed_token"


# Who may call


def test_unknown_devices_look_like_those_whose_proof_does_not_hold(service, alice):
    for stranger in (
        mint(0, bytes(15)),
        service.company.guid,
        alice.device.bond.account,
        service.invitations.invite(service.origin, "alice").binding,
    ):
        claims = proof_claims(attrs.evolve(proof_of(alice), device=stranger))
        token = keys.sign(alice.device.device_key, typ=PROOF_TYP, claims=claims)
        with pytest.raises((WrongDevice, WrongKey)) as caught:
            service.devices.authenticate(attrs.evolve(call_of(alice), proof=token))
        assert caught.value.public_code == WrongSignature.public_code == "denied"


def test_s18_a_locked_accounts_device_proves_nothing(service, alice):
    service.accounts.lock(alice.device.bond.account, by=OPERATOR)
    refused(service, call_of(alice), AccountLocked)
    service.accounts.unlock(alice.device.bond.account, by=OPERATOR)
    service.devices.authenticate(call_of(alice))


@pytest.mark.parametrize("verb", ["suspend", "revoke"])
def test_s18_a_device_that_is_not_active_proves_nothing(service, alice, verb):
    getattr(service.devices, verb)(alice.guid, by=OPERATOR)
    refused(service, call_of(alice), BindingInactive)


@pytest.mark.parametrize(
    ("verb", "reason"), [("suspend", "suspended"), ("revoke", "revoked"), ("unbind", "revoked")]
)
def test_only_the_proven_learn_what_became_of_their_device(service, alice, verb, reason):
    if verb == "unbind":
        service.devices.unbind(alice.call("/device", method="DELETE"))
    else:
        getattr(service.devices, verb)(alice.guid, by=OPERATOR)
    with pytest.raises(BindingInactive) as caught:
        service.devices.authenticate(call_of(alice))
    assert caught.value.reason == reason
    thief = generate(Algorithm.ES256, kid=alice.device.device_key.public.kid)
    refused(service, call_of(alice, key=thief), WrongSignature)


def test_only_the_proven_learn_that_they_are_locked_out(service, alice):
    service.accounts.lock(alice.device.bond.account, by=OPERATOR)
    thief = generate(Algorithm.ES256, kid=alice.device.device_key.public.kid)
    refused(service, call_of(alice, key=thief), WrongSignature)


def test_a_call_that_lost_its_race_is_not_its_own_replay(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    racing = service.meanwhile(lambda: service.ask("alice", "And this?"))
    assert racing.answer(alice, challenge).state is ChallengeState.ANSWERED


def test_s18_a_key_that_is_replaced_before_the_commit_proves_nothing(service, alice):
    call = alice.call("/device", b'{"name":"Tablet"}')
    racing = service.meanwhile(alice.rotate)
    with pytest.raises(WrongKey):
        racing.devices.update(call)
    assert service.stored(alice.guid).name != "Tablet"


def test_a_thousand_wrong_signatures_by_a_stranger_change_nothing(service, alice):
    """He knows every GUID and key id, and tries every call there is."""
    challenge = service.ask("alice", "Pay?", show_code=True).challenge
    strong = service.stored(alice.guid).keys[1].key
    thief = service.phone()
    device = thief.device
    device.device_key = generate(Algorithm.ES256, kid=alice.device.device_key.public.kid)
    device.strong_key = attrs.evolve(device.strong_key, kid=strong.kid)
    device.bond = alice.device.bond
    answer = service.signed(thief, challenge, code="000000").encode()
    disown = device.disown(challenge.display).encode()
    rotation = device.rotation(pin=PIN, new_pin=PIN).body
    before = service.records()
    proofs = dict(service.ports.replay._ends_by_value)

    calls = [
        lambda: service.answers.answer(thief.call(PATH, answer)),
        lambda: service.answers.disown(thief.call(PATH, disown)),
        lambda: service.answers.fetch(thief.call(PATH), challenge.guid),
        lambda: service.answers.pending(thief.call(PATH)),
        lambda: service.devices.rotate(thief.call(PATH, rotation)),
        lambda: service.devices.update(thief.call(PATH, b'{"name":"mine"}')),
        lambda: service.devices.unbind(thief.call(PATH)),
        lambda: service.devices.lock(thief.call(PATH)),
        lambda: service.devices.authenticate(thief.call(PATH)),
    ]
    for number in range(1_000):
        with pytest.raises(WrongSignature):
            calls[number % len(calls)]()
    assert service.records() == before
    assert service.ports.replay._ends_by_value == proofs
    assert len([event for event in service.events if event.reason == "wrong_signature"]) == 1_000
    assert service.answer(alice, challenge, 1).state is ChallengeState.ANSWERED


# Whether the Identity Provider still vouches


class Counting:
    """An Identity Provider that counts how often it is challenge."""

    def __init__(self, idp):
        self._idp = idp
        self.times = 0

    def __getattr__(self, name):
        return getattr(self._idp, name)

    def revalidate(self, settings, identity, *, company):
        self.times += 1
        return self._idp.revalidate(settings, identity, company=company)


@pytest.fixture
def carol(service):
    """A phone of a user whom the Identity Provider named."""
    return service.log_in(service.new_app_space("Staff", idp=service.idp.settings()), "carol")


def test_the_identity_provider_is_asked_when_its_last_word_is_old(service, carol):
    idp = Counting(service.idp)
    asking = service.but(identity=idp)
    asking.devices.authenticate(call_of(carol))
    service.clock.advance(STANDARD.revalidation_life - timedelta(microseconds=1))
    asking.devices.authenticate(call_of(carol))
    assert idp.times == 0
    service.clock.advance(timedelta(microseconds=1))
    proven = asking.devices.authenticate(call_of(carol))
    asking.devices.authenticate(call_of(carol))
    assert idp.times == 1
    assert proven.account == service.stored(carol.device.bond.account)
    assert proven.account.confirmed_at == service.clock.now()


def test_a_policy_that_believes_no_old_word_asks_once_a_call(service, carol):
    idp = Counting(service.idp)
    wary = service.but(identity=idp, policy=attrs.evolve(STANDARD, revalidation_life=timedelta(0)))
    wary.devices.authenticate(call_of(carol))
    assert idp.times == 1
    wary.devices.authenticate(call_of(carol))
    assert idp.times == 2


def test_a_withdrawn_users_call_is_refused(service, carol):
    service.idp.withdraw("carol")
    service.clock.advance(STANDARD.revalidation_life)
    with pytest.raises(IdentityWithdrawn):
        service.devices.authenticate(call_of(carol))
    with pytest.raises(BindingInactive):
        service.devices.authenticate(call_of(carol))


def test_a_call_is_refused_while_the_identity_provider_does_not_answer(service, carol):
    service.clock.advance(STANDARD.revalidation_life)
    service.idp.down = True
    before = service.records()
    with pytest.raises(IdentityUnavailable):
        service.devices.authenticate(call_of(carol))
    assert service.records() == before


def test_a_user_of_another_issuer_than_the_app_spaces_is_refused(service, carol):
    space = service.stored(carol.device.bond.app_space)
    moved = attrs.evolve(
        space, version=2, idp=attrs.evolve(space.idp, issuer="https://other.example")
    )
    service.store.commit((Change(space, moved),), (), "move")
    with pytest.raises(WrongIssuer):
        service.devices.authenticate(call_of(carol))
