"""Rules of evidence: what a session token and the signatures of new keys must prove."""

from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal import keys
from counterseal.bindings.documents.enrolment import (
    BIND_TYP,
    ENDORSE_TYP,
    ROTATE_TYP,
    rotation_claims,
)
from counterseal.bindings.rules.evidence import (
    ReturnFacts,
    keys_complete,
    keys_endorsed,
    keys_possessed,
    login_matches,
    require_complete_key_set,
    split_token,
    token_matches,
)
from counterseal.errors import (
    NotEndorsed,
    NotPossessed,
    Refused,
)
from counterseal.models import Algorithm, Login, LoginState, Role
from counterseal.policy import STANDARD

TICK = timedelta.resolution


class TestSplitToken:
    def test_the_secret_is_all_behind_the_first_dot(self, world):
        assert split_token(f"{world.other}.a.b") == (world.other, "a.b")

    @pytest.mark.parametrize("token", ["", ".", "secret", ".secret", "no-guid.secret"])
    def test_refuses_what_names_no_record(self, token, refusing):
        with refusing("wrong_token"):
            split_token(token)


class TestEvidence:
    def test_proves_nothing_before_the_check_and_has_no_assertion_unless_of_a_passkey(self, world):
        evidence = world.proving().evidence
        assert (evidence.proved, evidence.assertion) == (None, None)
        evidence.require()
        assert evidence.assertion is None


class TestCompletionFacts:
    def test_replaces_the_device_that_it_names(self, world):
        facts = world.completing()
        assert facts.replaced_devices == set()
        assert attrs.evolve(facts, replaces=world.other).replaced_devices == {world.other}


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
        return ReturnFacts(now=world.now, login=login, secret=secret, app_secret=holder)

    @pytest.mark.parametrize("test", [True, False])
    def test_refuses_a_test_for_a_log_in_and_a_log_in_for_a_test(self, world, refusing, test):
        facts = self.facts(world, "state")
        tested = attrs.evolve(facts, login=attrs.evolve(facts.login, test=test), test=test)
        login_matches(tested)
        with refusing("wrong_token"):
            login_matches(attrs.evolve(tested, test=not test))

    @pytest.mark.parametrize("app_secret", ["", "Held", "state", "held "])
    def test_refuses_whoever_did_not_begin(self, world, refusing, app_secret):
        with refusing("wrong_token"):
            login_matches(self.facts(world, "state", app_secret))

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
            lambda: require_complete_key_set(offered, STANDARD),
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
        require_complete_key_set(self.offered(world, "d1", "s1"), policy)
        with refusing("keys_incomplete"):
            require_complete_key_set(self.offered(world, "d1", "s1", "s2"), policy)

    def test_refuses_two_keys_of_one_name(self, world, refusing):
        own, strong = self.offered(world, "d1", "s1")
        renamed = attrs.evolve(strong, key=attrs.evolve(strong.key, kid=own.key.kid))
        with refusing("keys_incomplete"):
            require_complete_key_set((own, renamed), STANDARD)

    def test_refuses_one_key_in_two_roles(self, world, refusing):
        own, strong = self.offered(world, "d1", "s1")
        copy = attrs.evolve(own.key, kid=strong.key.kid)
        with refusing("keys_incomplete"):
            require_complete_key_set((own, attrs.evolve(strong, key=copy)), STANDARD)

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
