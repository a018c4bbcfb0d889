"""Rules of evidence: what a proof, a session token and new keys' signatures have to show."""

from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal import keys
from counterseal.errors import (
    NotEndorsed,
    NotPossessed,
    Refused,
    WrongKey,
    WrongSignature,
    WrongState,
)
from counterseal.models import Algorithm, DeviceCall, Login, LoginState, Role
from counterseal.policy import STANDARD
from counterseal.rules.evidence import (
    caller_proved,
    complete,
    keys_complete,
    keys_endorsed,
    keys_possessed,
    login_matches,
    proof_holds,
    strikes_exhausted,
    strikes_left,
    strong_key_missed,
    token_matches,
)
from counterseal.rules.facts import Redeeming
from counterseal.wire.answer import ANSWER_TYP, answer_claims
from counterseal.wire.enrolment import BIND_TYP, ENDORSE_TYP, ROTATE_TYP, rotation_claims
from counterseal.wire.proof import PROOF_TYP, proof_claims

TICK = timedelta.resolution


@pytest.fixture
def verifications(monkeypatch):
    """Count the calls of `keys.verify`, which does its work none the less."""
    calls = []
    verify = keys.verify

    def counted(*args, **members):
        calls.append(args)
        return verify(*args, **members)

    monkeypatch.setattr(keys, "verify", counted)
    return calls


class TestEvidence:
    def test_that_holds_is_verified_once(self, world, verifications):
        evidence = world.proving().evidence
        for _ in range(3):
            evidence.require()
        assert len(verifications) == 1

    def test_that_does_not_hold_is_verified_once_and_refused_every_time(self, world, verifications):
        evidence = world.broken(world.own, proof_claims(world.proof()), PROOF_TYP)
        for _ in range(3):
            with pytest.raises(WrongSignature):
                evidence.require()
        assert len(verifications) == 1

    def test_is_not_verified_before_it_is_asked_for(self, world, verifications):
        world.proving()
        assert verifications == []

    def test_under_no_key_is_refused(self, world, verifications):
        evidence = world.proving().evidence
        with pytest.raises(WrongKey):
            type(evidence)(evidence.jws, None, PROOF_TYP).require()
        assert verifications == []

    def test_several_rules_ask_for_one_verification(self, world, verifications):
        facts = world.striking()
        caller_proved(facts)
        strong_key_missed(facts)
        caller_proved(facts)
        assert len(verifications) == 2  # the proof, and the answer

    def test_of_another_kind_or_under_another_key_is_refused(self, world):
        claims = proof_claims(world.proof())
        for evidence, code in (
            (world.evidence(world.own, claims, PROOF_TYP, expected=ANSWER_TYP), "wrong_type"),
            (world.evidence(world.own, claims, PROOF_TYP, under=world.strong.public), "wrong_key"),
        ):
            with pytest.raises(Refused) as caught:
                evidence.require()
            assert caught.value.code == code


class TestProofHolds:
    def test_takes_a_sound_proof(self, world):
        proof_holds(world.proving())

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"device": "other"}, "wrong_device"),
            ({"account": "other"}, "wrong_audience"),
            ({"app_space": "other"}, "wrong_audience"),
            ({"method": "GET"}, "wrong_request"),
            ({"method": "post"}, "wrong_request"),
            ({"uri": "https://auth.example.com/api/x?y=2"}, "wrong_request"),
            ({"uri": "https://auth.example.com/api/x"}, "wrong_request"),
            ({"uri": "http://auth.example.com/api/x?y=1"}, "wrong_request"),
            ({"body_hash": keys.digest(b"Body")}, "wrong_request"),
            ({"body_hash": keys.digest(b"")}, "wrong_request"),
            ({"body_hash": ""}, "wrong_request"),
        ],
        ids=str,
    )
    def test_refuses_a_proof_of_something_else_though_its_signature_holds(
        self, world, change, code, refusing
    ):
        change = {
            name: world.other if value == "other" else value for name, value in change.items()
        }
        with refusing(code):
            proof_holds(world.proving(world.proof(**change)))

    @given(st.binary(max_size=8), st.binary(max_size=8))
    def test_takes_the_body_that_was_proved_and_no_other(self, world, proved, body):
        call = attrs.evolve(world.call, body=body)
        facts = world.proving(
            world.proof(body_hash=keys.digest(proved)), call=call, body_hash=keys.digest(body)
        )
        if proved == body:
            proof_holds(facts)
        else:
            with pytest.raises(Refused):
                proof_holds(facts)

    @pytest.mark.parametrize(
        ("age", "fresh"), [(300, True), (301, False), (-60, True), (-61, False)]
    )
    def test_takes_a_proof_within_the_window_only(self, world, age, fresh, refusing):
        facts = world.proving(world.proof(issued_at=int(world.now.timestamp()) - age))
        if fresh:
            proof_holds(facts)
        else:
            with refusing("stale_proof"):
                proof_holds(facts)

    @pytest.mark.parametrize(("age", "tick"), [(300, TICK), (-60, -TICK)])
    def test_refuses_one_tick_past_the_window(self, world, age, tick, refusing):
        facts = world.proving(world.proof(issued_at=int(world.now.timestamp()) - age))
        with refusing("stale_proof"):
            proof_holds(attrs.evolve(facts, now=facts.now + tick))

    def test_refuses_a_signature_that_does_not_hold(self, world, refusing):
        evidence = world.broken(world.own, proof_claims(world.proof()), PROOF_TYP)
        with refusing("wrong_signature"):
            proof_holds(world.proving(evidence=evidence))

    def test_refuses_where_the_device_holds_no_such_key(self, world, refusing):
        sound = world.proving().evidence
        with refusing("wrong_key"):
            proof_holds(world.proving(evidence=type(sound)(sound.jws, None, PROOF_TYP)))

    def test_compares_everything_before_the_signature(self, world, verifications):
        for change in ({"device": world.other}, {"account": world.other}, {"issued_at": 0}):
            with pytest.raises(Refused):
                proof_holds(world.proving(world.proof(**change)))
        assert verifications == []


class TestCallerProved:
    def test_takes_a_proven_call_of_the_binding_itself(self, world):
        for facts in (world.fetching(), world.rotating(), world.striking(), world.answering()):
            caller_proved(facts)

    def test_refuses_another_devices_call(self, world, refusing):
        other = attrs.evolve(world.binding, guid=world.other)
        proving = world.proving(world.proof(device=world.other), binding=other)
        proof_holds(proving)
        for facts in (world.fetching, world.rotating, world.striking, world.answering):
            with refusing("wrong_device"):
                caller_proved(facts(proving=proving))

    def test_refuses_a_proof_by_a_key_that_is_not_the_bindings_device_key(self, world, refusing):
        for signer in (world.strong, world.stranger):
            with refusing("wrong_key"):
                caller_proved(world.fetching(proving=world.proving(signer=signer)))

    def test_refuses_a_device_whose_key_was_changed_since(self, world, refusing):
        rotated = attrs.evolve(
            world.binding,
            keys=(world.device_key_of(Role.DEVICE, world.key("newer")), *world.binding.keys[1:]),
        )
        with refusing("wrong_key"):
            caller_proved(world.fetching(binding=rotated))

    def test_refuses_a_binding_without_a_device_key(self, world, refusing):
        without = attrs.evolve(world.binding, keys=world.binding.keys[1:])
        sound = world.proving().evidence
        proving = world.proving(binding=without, evidence=type(sound)(sound.jws, None, PROOF_TYP))
        with refusing("wrong_key"):
            caller_proved(world.fetching(binding=without, proving=proving))

    def test_verifies_the_proof_itself(self, world, refusing):
        evidence = world.broken(world.own, proof_claims(world.proof()), PROOF_TYP)
        with refusing("wrong_signature"):
            caller_proved(world.fetching(proving=world.proving(evidence=evidence)))
        with refusing("wrong_request"):
            other = DeviceCall(method="POST", uri="https://auth.example.com/", proof="")
            caller_proved(world.fetching(proving=world.proving(call=other)))


class TestTokenMatches:
    def test_takes_the_invitations_secret(self, world):
        token_matches(world.completing(secret="secret"))

    @given(st.text(st.characters(codec="utf-8")).filter(lambda text: text != "secret"))
    def test_refuses_any_other(self, world, secret):
        with pytest.raises(Refused) as caught:
            token_matches(world.completing(secret=secret))
        assert caught.value.code == "wrong_token"


class TestLoginMatches:
    def facts(self, world, secret, holder="held"):
        login = Login(
            guid=world.other,
            state=LoginState.STARTED,
            app_space=world.other,
            redirect_uri="https://service.example/idp",
            app_return="com.example.app:/login",
            secret_hash=keys.token_hash("state"),
            holder_hash=keys.token_hash("held"),
            sealed_verifier=b"",
            sealed_nonce=b"",
            created_at=world.now,
            deadline=world.now,
            keep_until=world.now,
        )
        return Redeeming(now=world.now, login=login, secret=secret, holder_secret=holder)

    @pytest.mark.parametrize("holder_secret", ["", "Held", "state", "held "])
    def test_refuses_whoever_did_not_begin(self, world, refusing, holder_secret):
        with refusing("wrong_token"):
            login_matches(self.facts(world, "state", holder_secret))

    def test_takes_the_logins_secret(self, world):
        login_matches(self.facts(world, "state"))

    @pytest.mark.parametrize("secret", ["", "State", "state ", "stat"])
    def test_refuses_any_other(self, world, secret, refusing):
        with refusing("wrong_token"):
            login_matches(self.facts(world, secret))


class TestKeysComplete:
    def offered(self, world, *kids):
        """`d1 s2`: a device key and a strong one, of those names."""
        roles = {"d": Role.DEVICE, "s": Role.STRONG}
        return tuple(world.device_key_of(roles[kid[0]], world.key(kid)) for kid in kids)

    @pytest.mark.parametrize(
        ("kids", "fine"),
        [
            ("d1 s1", True),
            ("s1 d1", True),
            ("d1 s1 s2 s3 s4", True),
            ("", False),
            ("d1", False),
            ("s1", False),
            ("d1 d2 s1", False),
            ("d1 s1 s2 s3 s4 s5", False),
            ("d1 s1 s1", False),
        ],
    )
    def test_takes_one_device_key_and_some_strong_ones_each_once(self, world, kids, fine, refusing):
        offered = self.offered(world, *kids.split())
        for rule in (
            lambda: complete(offered, STANDARD),
            lambda: keys_complete(world.completing(keys=offered)),
            lambda: keys_complete(world.rotating(keys=offered)),
        ):
            if fine:
                rule()
            else:
                with refusing("keys_incomplete"):
                    rule()

    def test_takes_as_many_strong_keys_as_the_policy_says(self, world, refusing):
        policy = attrs.evolve(STANDARD, strong_keys_limit=1)
        complete(self.offered(world, "d1", "s1"), policy)
        with refusing("keys_incomplete"):
            complete(self.offered(world, "d1", "s1", "s2"), policy)

    def test_refuses_two_keys_of_one_name(self, world, refusing):
        own, strong = self.offered(world, "d1", "s1")
        renamed = attrs.evolve(strong, key=attrs.evolve(strong.key, kid=own.key.kid))
        with refusing("keys_incomplete"):
            complete((own, renamed), STANDARD)

    def test_refuses_one_key_in_two_roles(self, world, refusing):
        own, strong = self.offered(world, "d1", "s1")
        copy = attrs.evolve(own.key, kid=strong.key.kid)
        with refusing("keys_incomplete"):
            complete((own, attrs.evolve(strong, key=copy)), STANDARD)

    def test_refuses_a_rotation_that_brings_no_key(self, world, refusing):
        with refusing("keys_incomplete"):
            keys_complete(attrs.evolve(world.rotating(keys=world.binding.keys), fresh=()))

    @pytest.mark.parametrize("role", [Role.DEVICE, Role.STRONG])
    @pytest.mark.parametrize("kid", ["own", "strong", "finger"])
    def test_refuses_a_new_key_under_the_name_of_another_that_the_device_has(
        self, world, role, kid, refusing
    ):
        fresh = world.device_key_of(role, world.key("new"))
        renamed = attrs.evolve(fresh, key=attrs.evolve(fresh.key, kid=kid))
        other = world.device_key_of(
            Role.STRONG if role is Role.DEVICE else Role.DEVICE, world.key("another")
        )
        facts = world.rotating(keys=(fresh, other))
        keys_complete(attrs.evolve(facts, fresh=(fresh, other)))
        for added in ((renamed, other), (other, renamed)):
            with refusing("keys_incomplete"):
                keys_complete(attrs.evolve(facts, keys=added, fresh=added))

    def test_refuses_a_key_that_the_device_has_with_another_algorithm(self, world, refusing):
        own, strong, _ = world.binding.keys
        changed = attrs.evolve(strong, key=attrs.evolve(strong.key, algorithm=Algorithm.RS256))
        with refusing("keys_incomplete"):
            keys_complete(attrs.evolve(world.rotating(keys=(own, changed)), fresh=(changed,)))

    def test_takes_a_key_that_the_device_has_under_its_own_name(self, world):
        own, strong, _ = world.binding.keys
        keys_complete(attrs.evolve(world.rotating(keys=(own, strong)), fresh=(strong,)))


class TestKeysPossessed:
    def test_takes_what_every_new_key_signed(self, world):
        keys_possessed(world.completing())
        keys_possessed(world.rotating())

    @pytest.mark.parametrize("index", [0, 1])
    @pytest.mark.parametrize("make", ["completing", "rotating"])
    def test_refuses_if_one_key_did_not_sign(self, world, make, index):
        facts = getattr(world, make)()
        typ = BIND_TYP if make == "completing" else ROTATE_TYP
        fresh = facts.keys[index]
        signer = {"own": world.own, "strong": world.strong}.get(fresh.key.kid) or world.key(
            fresh.key.kid
        )
        sound = facts.possession
        wrong = [
            # another key's signature under its name
            world.broken(signer, facts.expected, typ),
            # a token of another kind
            world.evidence(signer, facts.expected, "counterseal-proof+jwt", expected=typ),
            # what was not to be signed
            world.evidence(signer, {**facts.expected, "aud": world.other}, typ),
            world.evidence(signer, {**facts.expected, "more": 1}, typ),
            world.evidence(signer, {**facts.expected, "strong": []}, typ),
            # a stranger's own
            world.evidence(world.stranger, facts.expected, typ),
        ]
        for evidence in wrong:
            pieces = [*sound]
            pieces[index] = evidence
            with pytest.raises(NotPossessed):
                keys_possessed(attrs.evolve(facts, possession=tuple(pieces)))

    @pytest.mark.parametrize("make", ["completing", "rotating"])
    def test_refuses_proofs_that_are_too_few_too_many_or_in_another_order(self, world, make):
        facts = getattr(world, make)()
        one, two = facts.possession
        for pieces in ((), (one,), (two,), (two, one), (one, one), (one, two, two)):
            with pytest.raises(NotPossessed):
                keys_possessed(attrs.evolve(facts, possession=pieces))

    def test_of_a_rotation_asks_the_new_keys_only(self, world):
        new = (Role.DEVICE, world.key("new"))
        facts = world.rotating((new,))
        keys_possessed(attrs.evolve(facts, keys=(*facts.fresh, *world.binding.keys[1:])))


class TestKeysEndorsed:
    def test_takes_new_keys_that_old_ones_of_their_role_signed(self, world):
        keys_endorsed(world.rotating())

    def test_any_old_key_of_the_role_will_do(self, world):
        new = ((Role.STRONG, world.key("n1")), (Role.STRONG, world.key("n2")))
        keys_endorsed(world.rotating(new, endorsers=[world.strong, world.finger]))
        keys_endorsed(world.rotating(new, endorsers=[world.finger, world.finger]))

    @pytest.mark.parametrize(
        ("role", "endorser"),
        [
            (Role.STRONG, "own"),
            (Role.STRONG, "stranger"),
            (Role.STRONG, "new"),
            (Role.DEVICE, "strong"),
            (Role.DEVICE, "finger"),
            (Role.DEVICE, "stranger"),
            (Role.DEVICE, "new"),
        ],
    )
    def test_refuses_the_word_of_another_roles_key_of_a_stranger_and_of_the_new_key_itself(
        self, world, role, endorser
    ):
        endorser = world.by_kid.get(endorser) or world.key(endorser)
        with pytest.raises(NotEndorsed):
            keys_endorsed(world.rotating(((role, world.key("new")),), endorsers=[endorser]))

    def test_refuses_if_one_endorsement_does_not_hold(self, world):
        facts = world.rotating()
        first, second = facts.endorsements
        wrong = [
            world.broken(world.strong, facts.expected, ENDORSE_TYP),
            world.evidence(world.strong, facts.expected, ROTATE_TYP, expected=ENDORSE_TYP),
            world.evidence(world.strong, {**facts.expected, "iss": world.other}, ENDORSE_TYP),
            world.evidence(world.strong, {**facts.expected, "strong": []}, ENDORSE_TYP),
        ]
        for evidence in wrong:
            with pytest.raises(NotEndorsed):
                keys_endorsed(attrs.evolve(facts, endorsements=(first, evidence)))
        nobody = type(second)(second.jws, None, ENDORSE_TYP)
        with pytest.raises(NotEndorsed):
            keys_endorsed(attrs.evolve(facts, endorsements=(first, nobody)))

    def test_refuses_endorsements_that_are_too_few_or_too_many(self, world):
        facts = world.rotating()
        first, second = facts.endorsements
        for pieces in ((), (first,), (second, first), (first, second, second)):
            with pytest.raises(NotEndorsed):
                keys_endorsed(attrs.evolve(facts, endorsements=pieces))

    def test_refuses_a_rotation_of_nothing(self, world):
        facts = attrs.evolve(
            world.rotating(), fresh=(), endorsements=(), expected=rotation_claims("", "", ())
        )
        with pytest.raises(NotEndorsed):
            keys_endorsed(facts)


class TestStrongKeyMissed:
    def test_takes_a_wrong_signature_in_the_name_of_any_strong_key(self, world):
        strong_key_missed(world.striking())
        claims = answer_claims(world.answer())
        strong_key_missed(world.striking(answer=world.broken(world.finger, claims, ANSWER_TYP)))

    def test_refuses_to_strike_where_the_signature_holds(self, world):
        claims = answer_claims(world.answer())
        with pytest.raises(WrongState):
            strong_key_missed(
                world.striking(answer=world.evidence(world.strong, claims, ANSWER_TYP))
            )

    @pytest.mark.parametrize("kid", ["own", "stranger"])
    def test_refuses_to_strike_for_a_key_that_is_not_the_bindings_strong_one(self, world, kid):
        claims = answer_claims(world.answer())
        with pytest.raises(WrongKey):
            strong_key_missed(
                world.striking(answer=world.broken(world.by_kid[kid], claims, ANSWER_TYP))
            )

    def test_refuses_to_strike_for_no_key_at_all(self, world):
        sound = world.striking().answer
        with pytest.raises(WrongKey):
            strong_key_missed(world.striking(answer=type(sound)(sound.jws, None, ANSWER_TYP)))

    def test_refuses_to_strike_for_a_token_that_is_wrong_in_another_way(self, world, refusing):
        claims = answer_claims(world.answer())
        wrong = world.evidence(world.strong, claims, PROOF_TYP, expected=ANSWER_TYP)
        with refusing("wrong_type"):
            strong_key_missed(world.striking(answer=wrong))
        evidence = world.evidence(world.own, claims, ANSWER_TYP, under=world.strong.public)
        with refusing("wrong_key"):
            strong_key_missed(world.striking(answer=evidence))


class TestStrikesLeft:
    @pytest.mark.parametrize(
        ("strikes", "limit", "attempts_left"),
        [(0, 5, True), (4, 5, True), (5, 5, False), (9, 5, False), (2, 3, True), (3, 3, False)],
    )
    def test_refuses_a_device_that_a_stricter_policy_would_have_revoked(
        self, world, strikes, limit, attempts_left, refusing
    ):
        facts = world.answering(
            binding=attrs.evolve(world.binding, strikes=strikes),
            policy=attrs.evolve(STANDARD, strike_limit=limit),
        )
        if attempts_left:
            strikes_left(facts)
        else:
            with refusing("binding_inactive"):
                strikes_left(facts)


class TestStrikesExhausted:
    @pytest.mark.parametrize(
        ("strikes", "limit", "over"),
        [(0, 5, False), (3, 5, False), (4, 5, True), (5, 5, True), (0, 1, True), (9, 5, True)],
    )
    def test_at_the_policys_limit_this_one_included(self, world, strikes, limit, over):
        facts = world.striking(
            binding=attrs.evolve(world.binding, strikes=strikes),
            policy=attrs.evolve(STANDARD, strike_limit=limit),
        )
        assert strikes_exhausted(facts) is over
