"""Rules of answering: what a device's call and its answer must prove, and which failures count."""

import string
from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal import keys
from counterseal.bindings.documents.proof import PROOF_TYP, proof_claims
from counterseal.challenges.chart import CHALLENGE, ChallengeEvent
from counterseal.challenges.documents.answer import ANSWER_TYP, DISOWN_TYP, answer_claims
from counterseal.challenges.rules import answering
from counterseal.challenges.rules.answering import (
    addressed_here,
    button_matches,
    caller_proved,
    chosen,
    chosen_device,
    code_matches,
    code_mistyped,
    code_needed,
    codes_exhausted,
    display_matches,
    key_strong_enough,
    own_account,
    proof_holds,
    signature_holds,
    strikes_exhausted,
    strikes_left,
    strong_key_missed,
)
from counterseal.errors import Refused, WrongCode, WrongKey, WrongSignature, WrongState
from counterseal.machines import step
from counterseal.models import Algorithm, ChallengeState, DeviceCall, RefusalReason, Role
from counterseal.policy import STANDARD
from counterseal_testing.strategies import texts

CODE = "042137"
TICK = timedelta.resolution


def coded(world, typed=None, *, button=0, wrong=0, code=CODE, limit=3):
    """An answer to a challenge that asks for a code."""
    return world.answering(
        world.answer(button, code=typed),
        challenge=attrs.evolve(world.challenge, code_asked=True, wrong_codes=wrong),
        code=code,
        policy=attrs.evolve(STANDARD, code_limit=limit),
    )


@pytest.fixture
def verifications(monkeypatch):
    """Count the calls of `keys.verify_by_device`, which does its work none the less."""
    calls = []
    verify = keys.verify_by_device

    def counted(*args, **members):
        calls.append(args)
        return verify(*args, **members)

    monkeypatch.setattr(keys, "verify_by_device", counted)
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


class TestOwnAccount:
    def test_takes_the_challenges_own_account_on_the_callers_device(self, world):
        own_account(world.fetching())

    @pytest.mark.parametrize(
        ("record", "field"),
        [
            ("challenge", "account"),
            ("challenge", "app_space"),
            ("binding", "account"),
            ("binding", "app_space"),
            ("account", "guid"),
        ],
    )
    def test_refuses_records_that_do_not_belong_together(self, world, record, field, refusing):
        changed = attrs.evolve(getattr(world, record), **{field: world.other})
        with refusing("wrong_audience"):
            own_account(world.fetching(**{record: changed}))

    def test_refuses_an_account_id_shared_by_two_app_spaces(self, world, refusing):
        # One account GUID on both sides is not enough.
        with refusing("wrong_audience"):
            own_account(
                world.fetching(
                    challenge=attrs.evolve(
                        world.challenge, account=world.other, app_space=world.other
                    ),
                    account=attrs.evolve(world.account, guid=world.other),
                )
            )


class TestChosenDevice:
    def test_takes_every_device_if_none_is_chosen_and_the_chosen_one(self, world):
        chosen_device(world.fetching())
        chosen = attrs.evolve(world.challenge, device=world.binding.guid)
        chosen_device(world.fetching(challenge=chosen))

    def test_refuses_another_device(self, world, refusing):
        chosen = attrs.evolve(world.challenge, device=world.other)
        with refusing("foreign"):
            chosen_device(world.fetching(challenge=chosen))


class TestProofHolds:
    def test_takes_a_sound_proof(self, world):
        proof_holds(world.proving())

    def test_checks_the_same_facts_once_and_others_again(self, world, monkeypatch):
        calls = []
        monkeypatch.setattr(answering, "within_window", lambda *args: calls.append(args))
        facts = world.proving()
        for _ in range(2):
            proof_holds(facts)
        assert len(calls) == 1
        proof_holds(attrs.evolve(facts))
        assert len(calls) == 2

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


class TestAddressedHere:
    def test_takes_what_is(self, world):
        addressed_here(world.answering())
        addressed_here(world.answering(world.answer(None)))

    @pytest.mark.parametrize(
        ("field", "code"),
        [
            ("device", "wrong_device"),
            ("account", "wrong_audience"),
            ("app_space", "wrong_audience"),
            ("challenge", "wrong_challenge"),
        ],
    )
    @pytest.mark.parametrize("button", [0, None])
    def test_refuses_what_names_another(self, world, field, code, button, refusing):
        with refusing(code):
            addressed_here(world.answering(world.answer(button, **{field: world.other})))

    def test_compares_with_the_records_and_not_with_the_answer(self, world, refusing):
        for record, code in (("binding", "wrong_device"), ("challenge", "wrong_challenge")):
            changed = attrs.evolve(getattr(world, record), guid=world.other)
            with refusing(code):
                addressed_here(world.answering(**{record: changed}))


class TestDisplayMatches:
    def test_takes_the_stored_hash(self, world):
        display_matches(world.answering())

    @given(data=st.data())
    def test_refuses_the_hash_of_a_display_that_differs_in_one_byte(self, world, data):
        display = world.display.encode()
        index = data.draw(st.integers(0, len(display) - 1))
        byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != display[index]))
        changed = display[:index] + bytes([byte]) + display[index + 1 :]
        facts = world.answering(world.answer(display_hash=keys.digest(changed)))
        with pytest.raises(Refused) as caught:
            display_matches(facts)
        assert caught.value.code == "display_changed"

    @given(data=st.data())
    def test_refuses_a_hash_that_differs_in_one_character(self, world, data):
        sound = world.challenge.display_hash
        index = data.draw(st.integers(0, len(sound) - 1))
        other = data.draw(
            st.sampled_from(string.ascii_letters).filter(lambda char: char != sound[index])
        )
        hashed = sound[:index] + other + sound[index + 1 :]
        with pytest.raises(Refused):
            display_matches(world.answering(world.answer(display_hash=hashed)))

    @pytest.mark.parametrize("hashed", ["", "é", "\x00"])
    def test_refuses_what_is_no_hash(self, world, hashed, refusing):
        with refusing("display_changed"):
            display_matches(world.answering(world.answer(display_hash=hashed)))


class TestButtonMatches:
    @pytest.mark.parametrize("button", [0, 1, 2])
    def test_takes_a_stored_button_by_index_and_title(self, world, button):
        button_matches(world.answering(world.answer(button)))

    @pytest.mark.parametrize(
        ("button", "title"),
        [
            (0, "pay"),
            (0, "Pay "),
            (0, "Do not pay"),
            (1, "Pay"),
            (0, ""),
            (3, "Pay"),
            (3, ""),
            (-1, "Pay a little"),
            (-3, "Pay"),
            (2**53 - 1, "Pay"),
        ],
    )
    def test_refuses_any_other_pair(self, world, button, title, refusing):
        facts = world.answering(world.answer(0, button=button, title=title))
        with refusing("button_changed"):
            button_matches(facts)

    @pytest.mark.parametrize("reason", RefusalReason)
    @pytest.mark.parametrize("button", [0, 1, 2])
    def test_takes_a_reason_only_where_the_button_does_not_approve(
        self, world, button, reason, refusing
    ):
        facts = world.answering(world.answer(button, reason=reason))
        if not world.challenge.buttons[button].approving:
            button_matches(facts)
            return
        with refusing("invalid_field"):
            button_matches(facts)

    def test_refuses_an_answer_without_a_button(self, world, refusing):
        facts = world.answering(world.answer(None))
        with refusing("button_changed"):
            button_matches(facts)
        with refusing("button_changed"):
            chosen(facts)

    def test_refuses_a_title_that_was_changed_after_it_was_signed(self, world, refusing):
        first, *rest = world.challenge.buttons
        changed = attrs.evolve(
            world.challenge, buttons=(attrs.evolve(first, title="Pay all"), *rest)
        )
        with refusing("button_changed"):
            button_matches(world.answering(challenge=changed))

    def test_refuses_buttons_that_changed_places(self, world, refusing):
        changed = attrs.evolve(world.challenge, buttons=world.challenge.buttons[::-1])
        with refusing("button_changed"):
            button_matches(world.answering(challenge=changed))


class TestKeyStrongEnough:
    @pytest.mark.parametrize(
        ("button", "kid", "enough"),
        [
            (0, "strong", True),
            (0, "finger", True),
            (0, "own", False),
            (1, "strong", True),
            (1, "own", True),
            (2, "own", True),
        ],
    )
    def test_a_strong_button_takes_a_strong_key(self, world, button, kid, enough, refusing):
        facts = world.answering(world.answer(button), by=world.by_kid[kid])
        if enough:
            key_strong_enough(facts)
        else:
            with refusing("weak_key"):
                key_strong_enough(facts)

    def test_counts_the_keys_role_in_the_store(self, world, refusing):
        weakened = world.device_key_of(Role.DEVICE, world.strong)
        with refusing("weak_key"):
            key_strong_enough(world.answering(signer=weakened))

    def test_leaves_an_unknown_key_to_the_signature(self, world, refusing):
        sound = world.answering()
        facts = attrs.evolve(
            sound,
            signer=None,
            signature=type(sound.signature)(sound.signature.jws, None, ANSWER_TYP),
        )
        key_strong_enough(facts)
        with refusing("wrong_key"):
            signature_holds(facts)


class TestSignatureHolds:
    @pytest.mark.parametrize("kid", ["strong", "finger", "own"])
    @pytest.mark.parametrize("button", [1, None])
    def test_takes_any_key_of_the_binding(self, world, kid, button):
        signature_holds(world.answering(world.answer(button), by=world.by_kid[kid]))

    def test_refuses_a_signature_that_does_not_hold(self, world):
        answer = world.answer()
        wrong = world.broken(world.strong, answer_claims(answer), ANSWER_TYP)
        with pytest.raises(WrongSignature):
            signature_holds(world.answering(answer, signature=wrong))

    def test_refuses_a_stranger_even_with_a_signature_that_holds(self, world):
        sound = world.evidence(world.stranger, answer_claims(world.answer()), ANSWER_TYP)
        signer = world.device_key_of(Role.STRONG, world.stranger)
        with pytest.raises(WrongState, match="no key of the binding"):
            signature_holds(world.answering(signature=sound, signer=signer))

    def test_refuses_a_key_that_was_rotated_away(self, world):
        rotated = attrs.evolve(world.binding, keys=world.binding.keys[:1])
        with pytest.raises(WrongState, match="no key of the binding"):
            signature_holds(world.answering(binding=rotated))

    def test_refuses_a_key_in_another_role_than_the_bindings(self, world):
        risen = world.device_key_of(Role.STRONG, world.own)
        sound = world.answering(world.answer(), by=world.own)
        with pytest.raises(WrongState, match="no key of the binding"):
            signature_holds(attrs.evolve(sound, signer=risen))

    def test_refuses_evidence_under_another_key_than_the_signers(self, world):
        sound = world.answering()
        for signer in (None, world.device_key_of(Role.DEVICE, world.own)):
            with pytest.raises(WrongState, match="another key"):
                signature_holds(attrs.evolve(sound, signer=signer))

    def test_names_the_evidences_own_flaw_first(self, world):
        sound = world.answering()
        nobody = type(sound.signature)(sound.signature.jws, None, ANSWER_TYP)
        with pytest.raises(WrongKey):
            signature_holds(attrs.evolve(sound, signer=None, signature=nobody))

    def test_refuses_an_algorithm_that_the_policy_no_longer_allows(self, world, refusing):
        others = attrs.evolve(STANDARD, algorithms=frozenset(Algorithm) - {Algorithm.EDDSA})
        only = attrs.evolve(STANDARD, algorithms=frozenset({Algorithm.EDDSA}))
        for answer in (world.answer(), world.answer(None)):
            signature_holds(world.answering(answer, policy=only))
            with refusing("wrong_algorithm"):
                signature_holds(world.answering(answer, policy=others))

    @pytest.mark.parametrize(("button", "typ"), [(0, DISOWN_TYP), (None, ANSWER_TYP)])
    def test_refuses_a_disown_for_an_answer_and_an_answer_for_a_disown(
        self, world, button, typ, refusing
    ):
        answer = world.answer(button)
        wrong = world.evidence(world.strong, answer_claims(answer), answer.typ, expected=typ)
        with refusing("wrong_type"):
            signature_holds(world.answering(answer, signature=wrong))


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


class TestCodeMatches:
    def test_takes_the_code(self, world):
        code_matches(coded(world, CODE))

    def test_asks_for_none_where_the_challenge_does_not(self, world):
        for typed in (None, CODE, "999999"):
            code_matches(world.answering(world.answer(code=typed), code=""))

    def test_asks_approving_buttons_only(self, world, refusing):
        assert [code_needed(coded(world, button=index)) for index in range(3)] == [
            True,
            False,
            True,
        ]
        code_matches(coded(world, None, button=1))
        code_matches(coded(world, "999999", button=1))
        with refusing("code_missing"):
            code_matches(coded(world, None, button=2))

    def test_refuses_an_approval_without_it(self, world, refusing):
        with refusing("code_missing"):
            code_matches(coded(world, None))

    @given(st.text(string.digits, max_size=7).filter(lambda text: text != CODE))
    def test_refuses_any_other(self, world, typed):
        with pytest.raises(WrongCode):
            code_matches(coded(world, typed))

    @pytest.mark.parametrize("typed", ["", " 042137", "042137 ", "42137", "\uff1042137"])
    def test_refuses_what_only_looks_like_it(self, world, typed):
        with pytest.raises(WrongCode):
            code_matches(coded(world, typed))

    @pytest.mark.parametrize("typed", ["", "0", CODE])
    def test_refuses_everything_if_the_stored_code_is_lost(self, world, typed):
        with pytest.raises(WrongCode):
            code_matches(coded(world, typed, code=""))

    @pytest.mark.parametrize(("wrong", "attempts_left"), [(0, 2), (1, 1), (2, 0), (3, 0), (9, 0)])
    def test_tells_how_many_are_left(self, world, wrong, attempts_left):
        with pytest.raises(WrongCode) as caught:
            code_matches(coded(world, "999999", wrong=wrong))
        assert caught.value.attempts_left == attempts_left


class TestCodeMistyped:
    def test_takes_a_wrong_code(self, world):
        code_mistyped(coded(world, "999999"))
        code_mistyped(coded(world, ""))

    @pytest.mark.parametrize(("typed", "button"), [(CODE, 0), (None, 0), ("999999", 1)])
    def test_refuses_to_count_what_is_no_wrong_code(self, world, typed, button):
        with pytest.raises(WrongState):
            code_mistyped(coded(world, typed, button=button))

    def test_refuses_to_count_where_no_code_is_asked_for(self, world):
        with pytest.raises(WrongState):
            code_mistyped(world.answering(world.answer(code="999999"), code=CODE))

    @given(
        typed=st.none() | st.sampled_from([CODE, "", "999999"]),
        button=st.integers(0, 2),
        code_asked=st.booleans(),
        code=st.sampled_from([CODE, ""]),
    )
    def test_takes_just_what_the_rule_of_codes_calls_wrong(
        self, world, typed, button, code_asked, code
    ):
        facts = attrs.evolve(
            coded(world, typed, button=button, code=code),
            challenge=attrs.evolve(world.challenge, code_asked=code_asked),
        )
        outcomes = []
        for rule in (code_matches, code_mistyped):
            try:
                rule(facts)
            except Refused as refusal:
                outcomes.append(refusal.code)
            else:
                outcomes.append("taken")
        assert (outcomes[0] == "wrong_code") is (outcomes[1] == "taken")


class TestCodesExhausted:
    @pytest.mark.parametrize(
        ("wrong", "limit", "over"),
        [(0, 3, False), (1, 3, False), (2, 3, True), (3, 3, True), (0, 1, True)],
    )
    def test_at_the_policys_limit_this_one_included(self, world, wrong, limit, over):
        assert codes_exhausted(coded(world, "999999", wrong=wrong, limit=limit)) is over


class TestTheRulesTogether:
    """As the machine asks them, with real evidence: only the one right answer is taken."""

    def test_a_sound_answer_and_a_sound_disown_are_taken(self, world):
        state = world.challenge.state
        for facts, event, after in (
            (world.answering(), ChallengeEvent.ANSWER, ChallengeState.ANSWERED),
            (coded(world, CODE), ChallengeEvent.ANSWER, ChallengeState.ANSWERED),
            (
                world.answering(world.answer(1), by=world.own),
                ChallengeEvent.ANSWER,
                ChallengeState.ANSWERED,
            ),
            (
                world.answering(world.answer(None), by=world.own),
                ChallengeEvent.DISOWN,
                ChallengeState.DISOWNED,
            ),
            (coded(world, "999999"), ChallengeEvent.MISTYPE, ChallengeState.SEEN),
            (coded(world, "999999", wrong=2), ChallengeEvent.MISTYPE, ChallengeState.FAILED),
        ):
            assert step(CHALLENGE, state, event, facts) is after

    @pytest.mark.parametrize("event", [ChallengeEvent.ANSWER, ChallengeEvent.MISTYPE])
    @given(data=st.data())
    def test_one_changed_field_of_a_signed_answer_is_refused(self, world, event, data):
        changes = {
            "device": st.just(world.other),
            "account": st.just(world.other),
            "app_space": st.just(world.other),
            "challenge": st.just(world.other),
            "display_hash": texts(limit=43, blank=True),
            "button": st.integers(-3, 5),
            "title": texts(limit=20, blank=True),
        }
        typed = CODE if event is ChallengeEvent.ANSWER else "999999"
        sound = coded(world, typed)
        field = data.draw(st.sampled_from(sorted(changes)))
        changed = attrs.evolve(sound.answer, **{field: data.draw(changes[field])})
        facts = attrs.evolve(
            sound,
            answer=changed,
            signature=world.evidence(world.strong, answer_claims(changed), ANSWER_TYP),
        )
        step(CHALLENGE, ChallengeState.SEEN, event, sound)
        if changed == sound.answer:
            return
        with pytest.raises(Refused):
            step(CHALLENGE, ChallengeState.SEEN, event, facts)

    def test_an_approval_without_its_code_is_refused_in_every_state(self, world, refusing):
        for state in (ChallengeState.PENDING, ChallengeState.SEEN):
            with refusing("code_missing"):
                step(CHALLENGE, state, ChallengeEvent.ANSWER, coded(world, None))
            with refusing("wrong_state"):
                step(CHALLENGE, state, ChallengeEvent.MISTYPE, coded(world, None))
