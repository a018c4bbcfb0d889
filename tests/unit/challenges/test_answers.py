"""What a bound device does: ask what is pending, read it, answer it or disown it."""

from datetime import timedelta
from functools import partial

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal import STANDARD, ijson, keys, verify_receipt
from counterseal.bindings.documents.enrolment import BIND_TYP, ENDORSE_TYP, ROTATE_TYP
from counterseal.bindings.documents.proof import PROOF_TYP
from counterseal.challenges.documents.answer import ANSWER_TYP, DISOWN_TYP
from counterseal.challenges.documents.receipt import RECEIPT_TYP
from counterseal.device.pin import unwrap
from counterseal.errors import (
    ButtonChanged,
    DeadlinePassed,
    DisplayChanged,
    Foreign,
    IssuerUntrusted,
    MalformedToken,
    NotFound,
    ReceiptChanged,
    Replayed,
    WeakKey,
    WrongAlgorithm,
    WrongAudience,
    WrongDevice,
    WrongKey,
    WrongRequest,
    WrongSignature,
    WrongState,
    WrongType,
)
from counterseal.keys import PrivateKey, generate
from counterseal.models import Algorithm, Button, ChallengeState, Change, Role
from counterseal.models.guid import mint
from counterseal.outbox.decisions.outbox import NEW_CALLBACKS
from counterseal_testing.service import CALLBACK, PIN

TICK = timedelta(microseconds=1)


@pytest.fixture
def alice(service):
    return service.bind("alice")


@pytest.fixture
def challenge(service, alice):
    return service.ask("alice", "Pay 10 EUR to Zoë?", callback=CALLBACK).challenge


def strong_key(phone) -> PrivateKey:
    return unwrap(phone.device.strong_key, PIN, phone.device.entropy)


def forged(service, phone, to, *, key=None, typ=ANSWER_TYP, **claims) -> str:
    """What the phone honestly signs to approve, but for what is given."""
    honest = keys.read(service.signed(phone, to), limit=9999).claimed
    return keys.sign(key or strong_key(phone), typ=typ, claims=honest | claims)


def refused(service, phone, token, refusal, verb="answer"):
    """Send *token*, see it refused and recorded, and nothing changed."""
    before = service.records()
    with pytest.raises(refusal):
        getattr(service.answers, verb)(phone.call("/answers", token.encode()))
    assert service.records() == before
    assert service.last_event() == (f"challenge.{verb}", refusal.code)


# Asking what is pending, and reading it


def test_a_device_sees_what_its_account_is_asked(service, alice):
    second = service.bind("alice")
    service.bind("bob")
    challenges = tuple(service.ask("alice", f"Pay {n} EUR?").challenge for n in (1, 2, 3))
    service.ask("bob", "Pay?")
    assert alice.pending() == second.pending() == challenges
    alice.answer(challenges[0])
    service.challenges.cancel(service.origin, challenges[1].guid)
    assert second.pending() == challenges[2:]


def test_what_is_over_is_not_pending_swept_or_not(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    service.clock.jump(challenge.deadline - TICK)
    assert alice.pending() == (challenge,)
    service.clock.jump(challenge.deadline)
    assert alice.pending() == ()
    service.challenges.expire()
    assert alice.pending() == ()


@pytest.mark.alone
def test_reading_is_recorded_once(service, alice, challenge):
    second = service.bind("alice")
    fetched = alice.fetch(challenge.guid)
    assert fetched == service.stored(challenge.guid)
    assert fetched == attrs.evolve(challenge, state=ChallengeState.SEEN, version=2)
    (event,) = service.happened("challenge.fetch")
    assert (event.actor, event.subject, event.reason) == (alice.guid, challenge.guid, "")
    assert second.fetch(challenge.guid) == alice.fetch(challenge.guid) == fetched
    assert len(service.happened("challenge.fetch")) == 1


def test_a_finished_challenge_is_read_as_it_ended(service, alice, challenge):
    ended = alice.answer(challenge)
    assert alice.fetch(challenge.guid) == ended
    service.clock.jump(challenge.deadline)
    assert alice.fetch(challenge.guid) == ended


@pytest.mark.parametrize("how", ["answer", "refuse", "disown"])
def test_another_device_learns_the_outcome_and_not_what_proves_it(service, alice, challenge, how):
    second = service.bind("alice")
    ended = (
        alice.disown(challenge)
        if how == "disown"
        else alice.answer(challenge, int(how == "refuse"))
    )
    fetched = second.fetch(challenge.guid)
    assert (fetched.outcome.token, fetched.outcome.receipt) == (None, None)
    restored = {"token": ended.outcome.token, "receipt": ended.outcome.receipt}
    assert attrs.evolve(fetched, outcome=attrs.evolve(fetched.outcome, **restored)) == ended
    assert alice.fetch(challenge.guid) == ended == service.stored(challenge.guid)


def test_what_nobody_answered_is_read_as_it_ended(service, alice, challenge):
    ended = service.challenges.cancel(service.origin, challenge.guid)
    assert alice.fetch(challenge.guid) == ended


def test_s5_a_challenge_is_not_read_from_its_deadline_on(service, alice, challenge):
    service.clock.jump(challenge.deadline)
    with pytest.raises(DeadlinePassed):
        alice.fetch(challenge.guid)
    service.clock.jump(challenge.deadline - TICK)
    alice.fetch(challenge.guid)


def test_another_accounts_challenge_is_foreign_and_looks_like_none(service, challenge):
    mallory = service.bind("mallory")
    with pytest.raises(Foreign) as caught:
        mallory.fetch(challenge.guid)
    assert caught.value.public_code == NotFound.public_code
    for guid in (mint(0, bytes(15)), mallory.guid, service.company.guid):
        with pytest.raises(NotFound):
            mallory.fetch(guid)
    assert service.stored(challenge.guid) == challenge


def test_an_answer_before_the_commit_is_not_made_unseen(service, alice, challenge):
    second = service.bind("alice")
    racing = service.meanwhile(lambda: second.answer(challenge))
    fetched = racing.answers.fetch(alice.call("/x", method="GET"), challenge.guid)
    assert fetched.state is ChallengeState.ANSWERED


# Answering


@pytest.mark.parametrize("fetched", [False, True], ids=["pending", "seen"])
def test_an_approval(service, alice, challenge, fetched):
    if fetched:
        alice.fetch(challenge.guid)
    service.clock.advance(timedelta(seconds=7))
    token = service.signed(alice, challenge)
    ended = service.send(alice, token)
    assert ended == service.stored(challenge.guid)
    assert (ended.state, ended.approved) == (ChallengeState.ANSWERED, True)
    outcome, strong = ended.outcome, strong_key(alice).public
    assert (outcome.device, outcome.kid, outcome.thumbprint) == (
        alice.guid,
        strong.kid,
        strong.thumbprint,
    )
    assert (outcome.button, outcome.token, outcome.at) == (0, token, service.clock.now())
    assert [callback.challenge for callback in service.callback_records()] == [challenge.guid]
    event = service.events[-1]
    assert (event.event, event.actor, event.subject) == (
        "challenge.answered",
        alice.guid,
        challenge.guid,
    )
    history = service.account().history
    assert (history.open, history.asked_since_approval, history.refusals) == ((), 0, 0)


@pytest.mark.parametrize("weak", [True, False], ids=["device key", "strong key"])
def test_s9_a_refusal_is_terminal_signed_and_its_own_event(service, alice, challenge, weak):
    ended = service.answer(alice, challenge, 1, weak=weak)
    assert (ended.state, ended.approved) == (ChallengeState.ANSWERED, False)
    assert ended.outcome.button == 1
    assert verify_receipt(ended.outcome.receipt).approved is False
    assert service.last_event() == ("challenge.answered", "")
    assert service.account().history.refusals == 1
    with pytest.raises(WrongState):
        alice.answer(challenge)
    with pytest.raises(WrongState):
        alice.disown(challenge)


@pytest.mark.parametrize("strong", [True, False], ids=["strong key", "device key"])
def test_s9_a_disown_is_terminal_signed_and_another_event(service, alice, challenge, strong):
    ended = service.disown(alice, challenge, strong=strong)
    assert ended == service.stored(challenge.guid)
    assert (ended.state, ended.approved) == (ChallengeState.DISOWNED, False)
    assert (ended.outcome.device, ended.outcome.button) == (alice.guid, None)
    receipt = verify_receipt(ended.outcome.receipt)
    assert (receipt.state, receipt.approved) == (ChallengeState.DISOWNED, False)
    assert service.last_event() == ("challenge.disowned", "")
    assert service.account().history.refusals == 1
    assert [callback.challenge for callback in service.callback_records()] == [challenge.guid]
    with pytest.raises(WrongState):
        alice.answer(challenge)
    with pytest.raises(WrongState):
        service.challenges.cancel(service.origin, challenge.guid)


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.EDDSA])
def test_answers_of_either_small_algorithm_are_accepted(service, algorithm):
    bob = service.bind("bob", algorithm=algorithm)
    assert bob.answer(service.ask("bob", "Pay?").challenge).approved


def test_rsa_answers_are_accepted(service, rsa_phone):
    phone = service.complete(service.invitations.invite(service.origin, "rita"), rsa_phone)
    assert phone.answer(service.ask("rita", "Pay?").challenge).approved


def test_those_who_wait_for_the_challenge_are_woken(service, alice, challenge):
    guids = []

    class Wake:
        def notify(self, guid):
            guids.append((guid, service.stored(challenge.guid).state))

    service.but(wake=Wake()).answer(alice, challenge)
    answered = ChallengeState.ANSWERED
    assert guids == [
        (challenge.guid, answered),
        (challenge.account, answered),
        (NEW_CALLBACKS, answered),
    ]


@pytest.mark.parametrize("verb", ["answer", "disown"])
def test_s5_nothing_is_accepted_from_the_deadline_on(service, alice, challenge, verb):
    for late in (timedelta(0), TICK, timedelta(hours=1)):
        service.clock.jump(challenge.deadline + late)
        with pytest.raises(DeadlinePassed):
            getattr(alice, verb)(challenge)
        assert service.stored(challenge.guid) == challenge
    service.clock.jump(challenge.deadline - TICK)
    getattr(alice, verb)(challenge)


def test_a_clock_that_stepped_back_accepts_no_answer_before_its_question(service, alice, challenge):
    service.clock.jump(challenge.issued_at - timedelta(seconds=30))
    ended = alice.answer(challenge)
    assert ended.outcome.at == challenge.issued_at
    assert verify_receipt(ended.outcome.receipt).at == challenge.issued_at


def test_s6_what_was_finished_stays_readable_from_then_on(service, alice, challenge):
    late = service.clock.advance(STANDARD.challenge_life - TICK)
    ended = alice.answer(challenge)
    assert ended.keep_until == max(challenge.keep_until, late + STANDARD.retention)
    other = service.ask("alice", "Pay?").challenge
    service.clock.jump(other.deadline + timedelta(days=7))
    service.challenges.expire()
    assert service.stored(other.guid).keep_until == service.clock.now() + STANDARD.retention


def test_s5_an_answer_to_what_was_swept_says_that_the_deadline_had_passed(
    service, alice, challenge
):
    service.clock.jump(challenge.deadline)
    service.challenges.expire()
    with pytest.raises(WrongState) as caught:
        alice.answer(challenge)
    assert caught.value.detail == "It is over: the deadline passed before it was answered."


def test_s5_an_answer_signed_in_time_and_sent_too_late_is_refused(service, alice, challenge):
    service.clock.jump(challenge.deadline - TICK)
    token = service.signed(alice, challenge)
    service.clock.jump(challenge.deadline)
    refused(service, alice, token, DeadlinePassed)


def test_s5_an_answer_whose_first_commit_lost_a_race_is_measured_by_the_later_clock(
    service, alice, challenge
):
    def delay():
        service.clock.jump(challenge.deadline)
        service.invitations.invite(service.origin, "alice")

    with pytest.raises(DeadlinePassed):
        service.meanwhile(delay).answer(alice, challenge)
    assert service.stored(challenge.guid) == challenge


# What an answer has to say: one test a check, in which only that check fails


@pytest.mark.parametrize(
    ("claims", "refusal"),
    [
        ({"display": keys.digest(b"another document")}, DisplayChanged),
        ({"display": ""}, DisplayChanged),
        ({"button": 1}, ButtonChanged),
        ({"title": "Reject"}, ButtonChanged),
        ({"button": 2}, ButtonChanged),
        ({"button": 2**53 - 1}, ButtonChanged),
        ({"button": -1}, MalformedToken),
        ({"button": True}, MalformedToken),
        ({"button": "0"}, MalformedToken),
        ({"more": 1}, MalformedToken),
        ({"code": 1}, MalformedToken),
        ({"iss": "nonsense"}, MalformedToken),
        ({"iss": mint(0, bytes(15))}, WrongDevice),
        ({"sub": mint(0, bytes(15))}, WrongAudience),
        ({"aud": mint(0, bytes(15))}, WrongAudience),
        ({"challenge": mint(0, bytes(15))}, NotFound),
    ],
    ids=str,
)
def test_s10_an_answer_says_what_is_stored_or_is_refused(
    service, alice, challenge, claims, refusal
):
    refused(service, alice, forged(service, alice, challenge, **claims), refusal)


def test_s10_an_answer_to_another_open_challenge_is_refused(service, alice, challenge):
    other = service.ask("alice", "Pay 1000 EUR to Mallory?").challenge
    refused(service, alice, forged(service, alice, challenge, challenge=other.guid), DisplayChanged)


def test_s10_an_answer_that_names_another_device_of_the_account_is_refused(
    service, alice, challenge
):
    second = service.bind("alice")
    refused(service, alice, forged(service, alice, challenge, iss=second.guid), WrongDevice)
    refused(service, second, service.signed(alice, challenge), WrongDevice)


def test_another_accounts_challenge_cannot_be_answered(service, alice, challenge):
    mallory = service.bind("mallory")
    own = service.ask("mallory", "Pay?").challenge
    token = forged(service, mallory, own, challenge=challenge.guid, display=challenge.display_hash)
    refused(service, mallory, token, Foreign)


def test_another_app_spaces_challenge_cannot_be_answered(service, challenge):
    insurance = service.new_app_space("Insurance")
    alice_there = service.bind("alice", origin=service.new_origin(insurance, "Claims"))
    own = service.ask("alice", "Claim?", origin=service.new_origin(insurance, "Claims")).challenge
    token = forged(
        service, alice_there, own, challenge=challenge.guid, display=challenge.display_hash
    )
    refused(service, alice_there, token, Foreign)


@given(index=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_s10_a_stored_document_with_one_bit_changed_cannot_be_answered(new_service, index, bit):
    """Whoever reaches the database changes what is shown; no signature covers that."""
    service = new_service()
    alice = service.bind("alice")
    challenge = service.ask("alice", "Pay 10 EUR to Zoe?").challenge
    raw = bytearray(challenge.display.encode())
    raw[index % len(raw)] ^= 1 << bit
    changed = attrs.evolve(challenge, version=2, display=raw.decode("latin-1"))
    service.store.commit((Change(challenge, changed),), (), "tampered")
    honest = service.signed(alice, challenge)
    claims = keys.read(honest, limit=9999).claimed
    claims["display"] = keys.digest(changed.display.encode())
    token = keys.sign(strong_key(alice), typ=ANSWER_TYP, claims=claims)
    with pytest.raises(DisplayChanged):
        service.send(alice, token)
    # One that was signed over the true document is true, and the receipt shows the change.
    receipt = service.send(alice, honest).outcome.receipt
    with pytest.raises(ReceiptChanged):
        verify_receipt(receipt)


def test_a_strong_button_needs_the_strong_key(service, alice, challenge):
    refused(service, alice, service.signed(alice, challenge, weak=True), WeakKey)


def test_a_strong_refusal_needs_the_strong_key_too(service, alice):
    buttons = (
        Button(title="Yes", strong=False, approving=True),
        Button(title="Never", strong=True),
    )
    challenge = service.ask("alice", "Pay?", buttons=buttons).challenge
    refused(service, alice, service.signed(alice, challenge, 1, weak=True), WeakKey)
    assert service.answer(alice, challenge, 0, weak=True).approved


# Keys, algorithms and kinds


def test_s13_an_answer_by_a_key_of_ones_own_is_refused(service, alice, challenge):
    own = generate(Algorithm.ES256, kid="own")
    refused(service, alice, forged(service, alice, challenge, key=own), WrongKey)


def test_s13_an_answer_that_carries_its_own_key_is_refused(service, alice, challenge):
    own = generate(Algorithm.ES256, kid=strong_key(alice).public.kid)
    token = forged(service, alice, challenge, key=own)
    header, payload, _ = token.split(".")
    for members in (
        {"jwk": ijson.parse(own.public.jwk)},
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example/cert"},
        {"crit": []},
    ):
        own_header = keys.b64url(ijson.compact(ijson.parse(keys.unb64url(header)) | members))
        signed = f"{own_header}.{payload}"
        refused(
            service, alice, f"{signed}.{keys.b64url(own.sign(signed.encode()))}", MalformedToken
        )


def test_s18_a_key_whose_algorithm_the_policy_no_longer_allows_signs_nothing(
    service, alice, challenge
):
    strict = service.but(
        policy=attrs.evolve(STANDARD, algorithms=frozenset(Algorithm) - {Algorithm.ES256})
    )
    for button in (0, 1):
        with pytest.raises(WrongAlgorithm):
            strict.answer(alice, challenge, button)
    assert service.stored(challenge.guid) == challenge
    assert service.answer(alice, challenge).approved


def test_s13_another_devices_key_signs_nothing(service, alice, challenge):
    second = service.bind("alice")
    refused(service, alice, forged(service, alice, challenge, key=strong_key(second)), WrongKey)


def test_s13_the_algorithm_is_the_keys_own(service, alice, challenge):
    kid = strong_key(alice).public.kid
    other = generate(Algorithm.EDDSA, kid=kid)
    refused(service, alice, forged(service, alice, challenge, key=other), WrongAlgorithm)
    _, payload, signature = service.signed(alice, challenge).split(".")
    for alg in ("none", "HS256", "RS256"):
        header = keys.b64url(ijson.compact({"alg": alg, "kid": kid, "typ": ANSWER_TYP}))
        refused(service, alice, f"{header}.{payload}.{signature}", WrongAlgorithm)


@pytest.mark.parametrize(
    "typ", [BIND_TYP, ROTATE_TYP, ENDORSE_TYP, PROOF_TYP, RECEIPT_TYP, DISOWN_TYP, "JWT", ""]
)
def test_s12_a_token_of_another_kind_is_no_answer(service, alice, challenge, typ):
    refused(service, alice, forged(service, alice, challenge, typ=typ), WrongType)


def test_s12_an_answer_is_no_disown_and_a_disown_no_answer(service, alice, challenge):
    refused(service, alice, service.signed(alice, challenge), WrongType, "disown")
    refused(service, alice, alice.device.disown(challenge.display), WrongType)


def test_s12_what_is_called_a_disown_has_to_be_one(service, alice, challenge):
    token = forged(service, alice, challenge, typ=DISOWN_TYP)
    refused(service, alice, token, MalformedToken, "disown")


@pytest.mark.parametrize("body", [b"", b"a.b.c", b"{}", b"\xff", b"x" * 20_000])
@pytest.mark.parametrize("verb", ["answer", "disown"])
def test_s35_a_body_that_is_no_token_is_refused_and_recorded(service, alice, challenge, verb, body):
    with pytest.raises(MalformedToken):
        getattr(service.answers, verb)(alice.call("/answers", body))
    assert service.last_event() == (f"challenge.{verb}", "malformed_token")
    assert service.stored(challenge.guid) == challenge


def test_a_flipped_signature_of_the_device_key_is_refused(service, alice, challenge):
    token = service.signed(alice, challenge, 1, weak=True)
    words, _, signature = token.rpartition(".")
    raw = bytearray(keys.unb64url(signature))
    raw[-1] ^= 1
    refused(service, alice, f"{words}.{keys.b64url(bytes(raw))}", WrongSignature)


def test_an_answer_comes_in_a_proven_call_of_its_own(service, alice, challenge):
    """The proof covers the body, and counts once."""
    call = alice.call("/answers", service.signed(alice, challenge, 1).encode())
    swapped = attrs.evolve(call, body=service.signed(alice, challenge, 0).encode())
    with pytest.raises(WrongRequest):
        service.answers.answer(swapped)
    service.answers.answer(call)
    with pytest.raises(Replayed):
        service.answers.answer(call)


# Repeats, S8


@pytest.fixture
def repeated(service, alice, challenge):
    """Send a token again, and see the recorded result and nothing else."""

    def run(token, verb="answer"):
        before, events = service.records(), service.events
        call = alice.call("/answers", token.encode())
        ended = getattr(service.answers, verb)(call)
        assert ended == service.stored(challenge.guid)
        assert (service.records(), service.events) == (before, events)
        return ended

    return run


def test_s8_the_identical_answer_again_gets_the_recorded_result(
    service, alice, challenge, repeated
):
    token = service.signed(alice, challenge)
    ended = service.send(alice, token)
    assert repeated(token) == ended
    service.clock.jump(challenge.deadline)
    assert repeated(token) == ended
    service.deliver()
    assert repeated(token) == ended
    assert len(service.callback_records()) == 1


def test_s8_the_same_words_signed_again_get_the_recorded_result(
    service, alice, challenge, repeated, malleated
):
    """ECDSA signs the same words in many ways, and whoever sees one signature can make another."""
    token = service.signed(alice, challenge)
    ended = service.send(alice, token)
    words = keys.read(token, limit=9999).claimed
    again = keys.sign(strong_key(alice), typ=ANSWER_TYP, claims=words)
    assert again.rpartition(".")[0] == token.rpartition(".")[0]
    assert again != token
    for other in (again, malleated(token)):
        assert repeated(other) == ended
    assert ended.outcome.token == token
    assert len(service.callback_records()) == 1


def test_s8_the_very_token_again_gets_the_recorded_result_though_its_key_is_gone(
    service, alice, challenge, repeated, malleated
):
    token = service.signed(alice, challenge)
    ended = service.send(alice, token)
    alice.rotate()
    assert repeated(token) == ended
    refused(service, alice, malleated(token), WrongKey)
    refused(service, service.bind("alice"), token, WrongState)


def test_s8_the_identical_disown_again_gets_the_recorded_result(
    service, alice, challenge, repeated
):
    token = alice.device.disown(challenge.display)
    ended = service.answers.disown(alice.call("/disowns", token.encode()))
    assert repeated(token, "disown") == ended


def test_s8_another_answer_with_the_same_button_is_no_repeat(service, alice, challenge):
    service.answer(alice, challenge)
    refused(service, alice, service.signed(alice, challenge), WrongState)


def test_s8_another_device_gets_no_result_for_repeating_the_words(service, alice, challenge):
    token = service.signed(alice, challenge)
    service.send(alice, token)
    second = service.bind("alice")
    refused(service, second, token, WrongState)


def test_s8_a_repeat_of_what_was_refused_is_verified_afresh(service, alice, challenge):
    service.clock.jump(challenge.deadline)
    token = service.signed(alice, challenge)
    refused(service, alice, token, DeadlinePassed)
    refused(service, alice, token, DeadlinePassed)


def test_s8_repeats_at_once_are_one_answer(service, alice, challenge, meeting, at_once):
    token = service.signed(alice, challenge)
    racing = service.but(store=meeting(service.store, 4))
    outcomes = at_once(*[lambda: racing.send(alice, token)] * 4)
    assert {outcome.version for outcome in outcomes} == {2}
    assert all(outcome == service.stored(challenge.guid) for outcome in outcomes)
    assert len(service.callback_records()) == 1
    assert len(service.happened("challenge.answered")) == 1


# Receipts


def test_receipts_are_chained_per_account(service, alice):
    bob = service.bind("bob")
    trusted = service.ports.signer.jwks()
    receipts = []
    for respond in (
        alice.answer,
        partial(alice.answer, button=1),
        alice.disown,
    ):
        ended = respond(service.ask("alice", "Pay?").challenge)
        receipts.append(verify_receipt(ended.outcome.receipt, trusted=trusted))
        bob.answer(service.ask("bob", "Pay?").challenge)
    assert [receipt.number for receipt in receipts] == [1, 2, 3]
    assert [receipt.previous for receipt in receipts] == ["", receipts[0].hash, receipts[1].hash]
    account = service.account()
    assert (account.receipts, account.receipt_hash) == (3, receipts[2].hash)
    assert service.account("bob").receipts == 3


def test_what_nobody_answered_has_no_receipt(service, alice, challenge):
    service.challenges.cancel(service.origin, challenge.guid)
    service.ask("alice", "Pay?")
    service.clock.advance(STANDARD.challenge_life)
    service.challenges.expire()
    assert service.account().receipts == 0


def test_answers_at_once_to_two_questions_lose_no_receipt(service, alice, meeting, at_once):
    several = [service.ask("alice", "Pay?").challenge for _ in range(4)]
    racing = service.but(store=meeting(service.store, 4))
    ended = at_once(
        *(lambda question=question: racing.answer(alice, question) for question in several)
    )
    receipts = sorted(
        (verify_receipt(one.outcome.receipt) for one in ended), key=lambda one: one.number
    )
    assert [receipt.number for receipt in receipts] == [1, 2, 3, 4]
    assert [receipt.previous for receipt in receipts[1:]] == [one.hash for one in receipts[:-1]]
    assert service.account().receipt_hash == receipts[-1].hash


def test_a_receipt_is_the_services_own(service, alice, challenge):
    stranger = generate(Algorithm.ES256, kid="stranger").public
    receipt = alice.answer(challenge).outcome.receipt
    with pytest.raises(IssuerUntrusted):
        verify_receipt(receipt, trusted=(stranger,))


def test_a_receipt_is_signed_by_the_newest_of_the_services_keys(service, alice, challenge):
    service.ports.signer.rotate()
    newest, oldest = service.ports.signer.jwks()
    receipt = alice.answer(challenge).outcome.receipt
    assert verify_receipt(receipt, trusted=(newest,)).proven
    with pytest.raises(IssuerUntrusted):
        verify_receipt(receipt, trusted=(oldest,))


def test_a_receipt_tells_how_the_device_came_to_its_key(service, alice):
    alice.rotate([Role.STRONG])
    ended = alice.answer(service.ask("alice", "Pay?").challenge)
    receipt = verify_receipt(ended.outcome.receipt)
    assert receipt.key == strong_key(alice).public
    assert receipt.role is Role.STRONG
