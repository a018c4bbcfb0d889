"""An idempotency key: the same question again gets the first result, and no second challenge."""

from datetime import timedelta
from functools import partial

import attrs
import pytest

from counterseal import STANDARD, Submission
from counterseal._idempotency import reserve
from counterseal.challenges.documents.question import question_document
from counterseal.errors import (
    AccountUnbound,
    Indeterminate,
    InvalidField,
    KeyInProgress,
    KeyReused,
    StoreUnavailable,
)
from counterseal.models import (
    AddressKind,
    Challenge,
    KeyScope,
    PushAddress,
    Question,
    TextContent,
)
from counterseal.models.guid import account_partition, mint
from counterseal_testing.faults import Fault, Faults, faulty, raising

KEY = "order-17"
LEASE = STANDARD.idempotency_lease


@pytest.fixture
def alice(service):
    return service.bind("alice")


@pytest.fixture
def ask(service):
    return partial(service.ask, "alice", "Pay 10 EUR?", idempotency_key=KEY, show_code=True)


def challenges(service):
    return [record for record in service.records().values() if isinstance(record, Challenge)]


def begun(service):
    """Begin a call, as a process does that dies before its commit."""
    question = Question(account_id="alice", content=TextContent(text="Pay 10 EUR?"), show_code=True)
    partition = account_partition(service.app_space.guid, "alice")
    guid = mint(partition, service.entropy.token(15))
    return reserve(
        service.ports,
        service.policy,
        KeyScope.ISSUE,
        service.origin,
        question_document(question),
        key=KEY,
        guid=guid,
    )


def refused(service, ask, refusal):
    before = service.records()
    with pytest.raises(refusal):
        ask()
    assert service.records() == before
    assert service.last_event() == ("challenge.issue", refusal.code)


def test_s24_the_same_question_again_gets_the_first_result_and_code(service, alice, ask):
    first = ask()
    again = ask()
    assert again == first
    assert again.code is not None
    assert challenges(service) == [first.challenge]
    assert len(service.happened("challenge.issue")) == 1


def test_s24_a_repeat_notifies_nobody_again_and_is_not_asked_again(service, ask):
    service.bind("alice", addresses=(PushAddress(kind=AddressKind.RELAY, value="there"),))
    ask()
    ask()
    service.push()
    assert len(service.outbox.pushes) == 1
    assert len(service.account().history.recent) == 1


def test_s24_a_repeat_gets_the_challenge_as_it_stands(service, alice, ask):
    first = ask()
    ended = alice.answer(first.challenge, code=first.code)
    assert ask().challenge == ended


def test_s24_another_payload_is_refused(service, alice, ask):
    ask()
    for change in (
        {"show_code": False},
        {"transaction_id": "t"},
        {"duration": timedelta(seconds=30)},
    ):
        refused(service, partial(ask, **change), KeyReused)
    refused(service, lambda: service.ask("alice", "Pay?", idempotency_key=KEY), KeyReused)


def test_s24_a_key_is_its_origins_own(service, alice, ask):
    other = service.new_origin(service.app_space, "Other shop")
    assert ask(origin=other).challenge.guid != ask().challenge.guid


def test_s24_a_call_that_is_still_running_is_refused(service, alice, ask):
    begun(service)
    refused(service, ask, KeyInProgress)
    service.clock.advance(LEASE - timedelta(microseconds=1))
    refused(service, ask, KeyInProgress)


def test_s24_a_call_whose_process_died_is_taken_over_under_the_guid_it_reserved(
    service, alice, ask
):
    dead = begun(service)
    service.clock.advance(LEASE)
    assert ask().challenge.guid == dead.guid
    assert ask().challenge.guid == dead.guid
    assert len(challenges(service)) == 1


def test_s24_a_call_that_died_after_its_commit_is_found(service, alice, ask):
    """The reservation was never finished; the record is there."""
    faults = Faults()
    faults.fail("idempotency.finish")
    dying = service.but(idempotency=faulty(service.ports.idempotency, "idempotency", faults))
    first = dying.ask("alice", "Pay 10 EUR?", idempotency_key=KEY, show_code=True)
    refused(service, ask, KeyInProgress)
    service.clock.advance(LEASE)
    assert ask() == first
    assert challenges(service) == [first.challenge]


def test_only_a_port_that_is_unavailable_may_leave_a_reservation_unfinished(service, alice):
    """An adapter that is defective is heard of."""
    faults = Faults()
    faults.add(Fault(effect=raising(ZeroDivisionError()), at="idempotency.finish"))
    broken = service.but(idempotency=faulty(service.ports.idempotency, "idempotency", faults))
    with pytest.raises(ZeroDivisionError):
        broken.ask("alice", "Pay 10 EUR?", idempotency_key=KEY)


def test_s24_a_slow_call_and_its_heir_make_one_challenge(service, alice, ask):
    """The first call's lease runs out while it is at its commit."""

    def takes_long():
        service.clock.advance(LEASE)
        takes_long.heir = ask()

    racing = service.meanwhile(takes_long)
    slow = racing.ask("alice", "Pay 10 EUR?", idempotency_key=KEY, show_code=True)
    assert slow == takes_long.heir
    assert challenges(service) == [slow.challenge]


def test_s24_of_calls_at_once_one_is_made_and_the_others_are_refused(service, alice, at_once):
    for number in range(10):
        ask = partial(service.ask, "alice", "Pay?", idempotency_key=f"order-{number}")
        outcomes = at_once(*[ask] * 4)
        issued = {out.challenge.guid for out in outcomes if not isinstance(out, KeyInProgress)}
        assert len(issued) == 1
        service.challenges.cancel(service.origin, issued.pop())
        service.clock.advance(STANDARD.ask_window)


def test_s24_a_lost_reply_makes_no_second_challenge(service, alice):
    faults = Faults()
    faults.lose_reply(times=STANDARD.commit_attempts)
    losing = service.but(store=faulty(service.store, "store", faults))
    ask = partial(losing.ask, "alice", "Pay?", idempotency_key=KEY)
    with pytest.raises(Indeterminate):
        ask()
    (challenge,) = challenges(service)
    assert ask().challenge == challenge


def test_a_refused_call_frees_its_key(service, ask):
    service.invitations.invite(service.origin, "alice")
    refused(service, ask, AccountUnbound)
    service.bind("alice")
    assert ask() == ask()


def test_a_call_that_failed_frees_its_key(service, alice, ask):
    faults = Faults()
    faults.fail("store.commit")
    failing = service.but(store=faulty(service.store, "store", faults))
    with pytest.raises(StoreUnavailable):
        failing.ask("alice", "Pay 10 EUR?", idempotency_key=KEY, show_code=True)
    assert challenges(service) == []
    assert ask() == ask()


def test_s24_a_key_is_remembered_for_as_long_as_the_policy_says(service, alice, ask):
    first = ask()
    service.clock.advance(STANDARD.idempotency_life - timedelta(microseconds=1))
    assert ask().challenge.guid == first.challenge.guid
    service.clock.advance(timedelta(microseconds=1))
    assert ask().challenge.guid != first.challenge.guid


@pytest.mark.parametrize("key", ["", "k" * 257, "lone \ud800"])
def test_a_key_too_long_or_empty_is_refused(service, alice, key):
    ask = partial(service.ask, "alice", "Pay?", idempotency_key=key)
    refused(service, ask, InvalidField)


def test_a_submission_is_a_part_of_the_question_and_a_repeat_says_that_it_is_one(service, alice):
    ask = partial(service.ask, "alice", "Pay 10 EUR?", idempotency_key=KEY)
    issue = partial(ask, extension=Submission("{}"))

    first = issue()

    assert first.challenge.submission == "{}"
    assert not first.repeated
    again = issue()
    assert (again, again.repeated) == (first, True)
    refused(service, lambda: issue(extension=Submission('{"note":"other"}')), KeyReused)
    refused(service, lambda: issue(extension=None), KeyReused)


class Hiding:
    """An extension whose document has a member of the question."""

    def extend(self, _, challenge):
        return challenge

    def document(self):
        return {"content": "always the same"}


def test_an_extension_hides_no_other_question_from_a_repeat(service, alice):
    ask = partial(service.ask, "alice", idempotency_key=KEY, extension=Hiding())
    ask("Pay 10 EUR?")
    refused(service, lambda: ask("Pay 1,000 EUR?"), KeyReused)


def test_no_call_goes_ahead_while_the_port_is_down(service, alice):
    faults = Faults()
    faults.fail("idempotency.begin")
    failing = service.but(idempotency=faulty(service.ports.idempotency, "idempotency", faults))
    with pytest.raises(StoreUnavailable):
        failing.ask("alice", "Pay?", idempotency_key=KEY)
    assert challenges(service) == []


def test_without_a_key_each_call_is_its_own(service, alice):
    assert len({service.ask("alice", "Pay?").challenge.guid for _ in range(2)}) == 2
    assert service.ports.idempotency._reservations == {}


def test_a_reservation_keeps_no_payload(service, alice):
    with begun(service) as call:
        assert "10 EUR" not in repr(attrs.asdict(call.reservation))
