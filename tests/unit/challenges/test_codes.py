"""The matching code: an approval needs it; wrong ones end challenges and lock accounts."""

from functools import partial

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from counterseal import STANDARD, ijson
from counterseal._transaction import tools_of
from counterseal.challenges.decisions.issuing import new_code
from counterseal.challenges.documents.messages import processed_document
from counterseal.errors import (
    AccountLocked,
    BindingInactive,
    CodeMissing,
    StrongKeyMissed,
    WrongCode,
    WrongState,
)
from counterseal.memory import memory_ports
from counterseal.models import OPERATOR, AddressKind, Button, ChallengeState, Codes, PushAddress
from counterseal_testing.service import CALLBACK

PORTS = memory_ports()
LIMIT = STANDARD.code_limit
YES_OR_NO = (
    Button(title="Yes", strong=False, approving=True),
    Button(title="Yes, always", strong=True, approving=True),
    Button(title="No", strong=False),
    Button(title="Never", strong=True),
)


@pytest.fixture
def alice(service):
    return service.bind("alice")


@pytest.fixture
def issued(service, alice):
    return service.ask("alice", "Pay 10 EUR?", show_code=True, callback=CALLBACK)


def wrong(code):
    return f"{(int(code) + 1) % 10**6:06}"


def mistyped(call) -> int:
    """See *call* refused for a wrong code; return how many attempts are left."""
    with pytest.raises(WrongCode) as caught:
        call()
    return caught.value.attempts_left


# Without the code (S1)


@pytest.mark.parametrize("fetched", [False, True], ids=["pending", "seen"])
@pytest.mark.parametrize("button", [0, 1], ids=["weak", "strong"])
@pytest.mark.parametrize("device", ["first", "second"])
def test_s1_no_approval_without_the_code_on_any_path(service, alice, fetched, button, device):
    second = service.bind("alice")
    phone = alice if device == "first" else second
    issued = service.ask("alice", "Pay?", show_code=True, buttons=YES_OR_NO)
    if fetched:
        phone.fetch(issued.challenge.guid)
    with pytest.raises(CodeMissing):
        phone.answer(issued.challenge, button)
    assert service.last_event() == ("challenge.answer", "code_missing")
    challenge = service.stored(issued.challenge.guid)
    assert challenge.state is (ChallengeState.SEEN if fetched else ChallengeState.PENDING)
    assert (challenge.wrong_codes, service.account().history.wrong_codes) == (0, 0)
    assert mistyped(lambda: phone.answer(issued.challenge, button, code="")) == LIMIT - 1
    assert not service.challenges.status(service.origin, challenge.guid).approved
    assert phone.answer(issued.challenge, button, code=issued.code).approved


def test_s1_no_approval_without_the_code_of_a_repeated_issue(service, alice):
    ask = partial(service.ask, "alice", "Pay?", show_code=True, idempotency_key="order-17")
    ask()
    with pytest.raises(CodeMissing):
        alice.answer(ask().challenge)


def test_s1_no_approval_without_the_code_of_a_superseding_question(new_service):
    service = new_service(policy=attrs.evolve(STANDARD, pending_limit=1, supersede=True))
    alice = service.bind("alice")
    service.ask("alice", "Pay?")
    issued = service.ask("alice", "Pay?", show_code=True)
    with pytest.raises(CodeMissing):
        alice.answer(issued.challenge)
    assert alice.answer(issued.challenge, code=issued.code).approved


def test_s1_the_code_of_another_challenge_is_none(service, alice, issued):
    other = service.ask("alice", "Pay 20 EUR?", show_code=True)
    assert other.code != issued.code
    mistyped(lambda: alice.answer(issued.challenge, code=other.code))


@pytest.mark.parametrize("spelling", [" {}", "{} ", "0{}", "+{}", "{}\n"])
def test_s1_a_code_has_one_spelling(service, alice, issued, spelling):
    mistyped(lambda: alice.answer(issued.challenge, code=spelling.format(issued.code)))


def test_s1_the_callback_of_what_was_never_approved_says_so(service, alice, issued):
    for _ in range(LIMIT):
        mistyped(lambda: alice.answer(issued.challenge, code=wrong(issued.code)))
    service.deliver()
    (attempt,) = service.sender.attempts
    body = ijson.parse(attempt.delivery.body)
    assert (body["state"], body["approved"], body["buttonSelected"]) == ("FAILED", False, None)


@pytest.mark.parametrize("button", [2, 3])
def test_a_refusal_needs_no_code(service, alice, button):
    issued = service.ask("alice", "Pay?", show_code=True, buttons=YES_OR_NO)
    ended = alice.answer(issued.challenge, button)
    assert (ended.state, ended.approved) == (ChallengeState.ANSWERED, False)


@pytest.mark.parametrize("typed", [None, "000000"])
def test_where_no_code_is_asked_for_none_counts(service, alice, typed):
    assert alice.answer(service.ask("alice", "Pay?").challenge, code=typed).approved


def test_a_disown_needs_no_code(service, alice, issued):
    assert alice.disown(issued.challenge).state is ChallengeState.DISOWNED


def test_an_origin_that_shows_no_codes_has_the_flag_echoed_only(service, alice):
    cloud = service.new_origin(service.app_space, "CX client", codes=Codes.ECHOED)
    issued = service.ask("alice", "Pay?", show_code=True, origin=cloud)
    challenge = issued.challenge
    assert (issued.code, challenge.show_code, challenge.code_asked) == (None, True, False)
    assert ijson.parse(challenge.display)["code"] is False
    assert alice.answer(challenge).approved


# Where the code is (S2, S4)


def test_s2_the_code_is_in_nothing_that_a_push_a_device_or_a_callback_gets(service):
    phone = service.bind("alice", addresses=(PushAddress(kind=AddressKind.RELAY, value="there"),))
    issued = service.ask("alice", "Pay?", show_code=True, callback=CALLBACK)
    code, now = issued.code, service.clock.now()
    service.push()
    (push,) = service.outbox.pushes
    fetched = phone.fetch(issued.challenge.guid)
    (pending,) = phone.pending()
    answered = phone.answer(fetched, 1)
    service.deliver()
    (attempt,) = service.sender.attempts
    for message in (
        attrs.asdict(push),
        fetched.display,
        pending.display,
        processed_document(fetched, now=now),
        processed_document(answered, now=now),
        attempt.delivery.body.decode(),
        [repr(record) for record in service.records().values()],
        repr(issued),
        service.events,
    ):
        assert code not in repr(message)


def test_the_code_is_sealed_for_its_challenge_and_gone_when_it_ends(service, alice, issued):
    challenge = issued.challenge
    assert issued.code.encode() not in challenge.sealed_code
    assert challenge.open_code(service.ports.sealer.open) == issued.code
    assert alice.answer(challenge, code=issued.code).sealed_code == b""


class FixedEntropy:
    def __init__(self, value):
        self.value = value

    def token(self, size):
        assert size >= 16
        return self.value.to_bytes(size)


@given(st.integers(0, 2**128 - 1))
@example(0)
@example(10**6)
@example(999_999)
@example(2**128 - 1)
def test_s4_a_code_is_six_digits_each_as_likely_as_the_others(number):
    """128 bits of luck leave no code likelier than another by more than one in 10**32."""
    code = new_code(tools_of(attrs.evolve(PORTS, entropy=FixedEntropy(number)), STANDARD))
    assert len(code) == 6
    assert int(code) == number % 10**6


def test_s4_codes_come_from_entropy_and_differ(service, alice):
    codes = set()
    for _ in range(40):
        issued = service.ask("alice", "Pay?", show_code=True)
        codes.add(issued.code)
        service.challenges.cancel(service.origin, issued.challenge.guid)
        service.clock.advance(STANDARD.ask_window)
    assert len(codes) == 40


# Wrong codes (S3)


@pytest.mark.parametrize("fetched", [False, True])
def test_s3_three_wrong_codes_end_the_challenge(service, alice, issued, fetched):
    challenge = issued.challenge
    if fetched:
        challenge = alice.fetch(challenge.guid)
    for count in range(1, LIMIT):
        attempts_left = mistyped(lambda: alice.answer(challenge, code=wrong(issued.code)))
        stored = service.stored(challenge.guid)
        assert (attempts_left, stored.wrong_codes, stored.state) == (
            LIMIT - count,
            count,
            challenge.state,
        )
    assert mistyped(lambda: alice.answer(challenge, code=wrong(issued.code))) == 0
    ended = service.stored(challenge.guid)
    assert (ended.state, ended.wrong_codes) == (ChallengeState.FAILED, LIMIT)
    assert (ended.outcome.at, ended.outcome.token) == (service.clock.now(), None)
    assert not ended.approved
    with pytest.raises(WrongState):
        alice.answer(challenge, code=issued.code)
    assert [callback.challenge for callback in service.callback_records()] == [challenge.guid]
    assert service.account().history.open == ()
    assert service.account().history.refusals == 1


def test_s3_wrong_codes_are_recorded(service, alice, issued):
    for _ in range(LIMIT):
        mistyped(lambda: alice.answer(issued.challenge, code=wrong(issued.code)))
    recorded = [(event.event, event.reason) for event in service.events[-LIMIT - 1 :]]
    assert recorded == [
        *[("challenge.mistype", "wrong_code")] * LIMIT,
        ("challenge.failed", "wrong_code"),
    ]
    assert {event.actor for event in service.events[-LIMIT - 1 :]} == {alice.guid}


def test_s3_wrong_codes_of_several_devices_add_up(service, alice, issued):
    second = service.bind("alice")
    for phone, attempts_left in ((alice, 2), (second, 1), (alice, 0)):
        code = wrong(issued.code)
        assert mistyped(lambda p=phone, c=code: p.answer(issued.challenge, code=c)) == attempts_left
    assert service.stored(issued.challenge.guid).state is ChallengeState.FAILED


def test_s3_the_code_is_looked_at_under_a_right_signature_only(service, alice, issued):
    guessing = attrs.evolve(alice, pin="0000")
    with pytest.raises(StrongKeyMissed):
        guessing.answer(issued.challenge, code=wrong(issued.code))
    assert service.stored(issued.challenge.guid).wrong_codes == 0
    assert service.account().history.wrong_codes == 0


def test_s3_wrong_codes_of_parallel_challenges_lock_the_account_at_the_policys_limit(
    service, alice
):
    limit = STANDARD.code_limit_account
    assert limit <= 100
    for count in range(1, limit + 1):
        issued = service.ask("alice", "Pay?", show_code=True)
        mistyped(lambda issued=issued: alice.answer(issued.challenge, code=wrong(issued.code)))
        assert service.account().history.wrong_codes == count
        assert (service.account().locked_at is not None) == (count == limit)
        service.challenges.cancel(service.origin, issued.challenge.guid)
        service.clock.advance(STANDARD.ask_window)
    locks = service.happened("account.lock")
    assert [(event.subject, event.reason) for event in locks] == [
        (alice.device.bond.account, "wrong_code")
    ]
    with pytest.raises(AccountLocked):
        alice.pending()
    with pytest.raises(AccountLocked):
        service.ask("alice", "Pay?", show_code=True)


def test_s3_the_code_that_ends_the_challenge_can_lock_the_account_too(new_service):
    service = new_service(policy=attrs.evolve(STANDARD, code_limit_account=LIMIT))
    alice = service.bind("alice")
    issued = service.ask("alice", "Pay?", show_code=True, callback=CALLBACK)
    for _ in range(LIMIT):
        mistyped(lambda: alice.answer(issued.challenge, code=wrong(issued.code)))
    assert service.account().locked_at == service.clock.now()
    assert service.account().history.wrong_codes == LIMIT
    assert service.stored(issued.challenge.guid).state is ChallengeState.FAILED
    assert len(service.callback_records()) == 1
    with pytest.raises(AccountLocked):
        alice.answer(issued.challenge, code=issued.code)


def test_s3_a_right_code_clears_the_accounts_count_and_nothing_else_does(service, alice):
    issued = service.ask("alice", "Pay?", show_code=True)
    mistyped(lambda: alice.answer(issued.challenge, code=wrong(issued.code)))
    alice.answer(service.ask("alice", "Pay?").challenge)
    assert service.account().history.wrong_codes == 1
    other = service.ask("alice", "Pay?", show_code=True)
    alice.answer(other.challenge, 1)
    assert service.account().history.wrong_codes == 1
    alice.answer(issued.challenge, code=issued.code)
    assert service.account().history.wrong_codes == 0


def test_s3_wrong_codes_at_once_are_all_counted(service, alice, issued, meeting, at_once):
    racing = service.but(store=meeting(service.store, LIMIT))
    tokens = [service.signed(alice, issued.challenge, code=wrong(issued.code))] * LIMIT
    outcomes = at_once(*(partial(racing.send, alice, token) for token in tokens))
    assert sorted(outcome.attempts_left for outcome in outcomes) == list(range(LIMIT))
    assert service.stored(issued.challenge.guid).state is ChallengeState.FAILED
    assert service.account().history.wrong_codes == LIMIT
    assert len(service.callback_records()) == 1


def test_s3_guesses_at_once_over_parallel_challenges_are_all_counted(
    service, alice, meeting, at_once
):
    several = [service.ask("alice", "Pay?", show_code=True) for _ in range(4)]
    racing = service.but(store=meeting(service.store, 4))
    outcomes = at_once(
        *(
            partial(racing.answer, alice, issued.challenge, code=wrong(issued.code))
            for issued in several
        )
    )
    assert {type(outcome) for outcome in outcomes} == {WrongCode}
    assert service.account().history.wrong_codes == 4


def test_s18_the_policy_of_now_says_how_many_codes_may_be_wrong(service, alice, issued):
    strict = service.but(policy=attrs.evolve(STANDARD, code_limit=1))
    assert mistyped(lambda: strict.answer(alice, issued.challenge, code=wrong(issued.code))) == 0
    assert service.stored(issued.challenge.guid).state is ChallengeState.FAILED


def test_s18_a_wrong_code_of_a_device_that_is_revoked_before_the_commit_counts_nothing(
    service, alice, issued
):
    racing = service.meanwhile(lambda: service.devices.revoke(alice.guid, by=OPERATOR))
    with pytest.raises(BindingInactive):
        racing.answer(alice, issued.challenge, code=wrong(issued.code))
    assert service.stored(issued.challenge.guid).wrong_codes == 0
