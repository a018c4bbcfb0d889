"""A signed head that was deleted, replaced or reset is found by the one that is remembered."""

from datetime import timedelta
from functools import partial

import attrs
import pytest

from counterseal import AuditChain
from counterseal.audit.documents import (
    HEAD_TYP,
    head_claims,
    head_line,
    read_unverified_head,
    recognized_by,
)
from counterseal.audit.usecases.chain import HEAD_LINE, UNRENEWED
from counterseal.audit.usecases.heads import REMEMBERED, ProcessHeadMemory
from counterseal.errors import (
    AuditHeadDetached,
    AuditHeadMissing,
    AuditHeadOlder,
    AuditHeadOther,
    AuditRenewalDue,
    InvalidField,
    IssuerUntrusted,
)
from counterseal.keys import sign_with
from counterseal.models import OPERATOR, AuditEvent, MemoryContent, SignedHead
from counterseal.models.guid import PARTITIONS, mint
from counterseal_testing import FakeService

SUBJECT = mint(7, bytes(15))
REASON = {"who": "Ada", "why": "restored after a disk failure"}


@pytest.fixture
def service():
    return FakeService()


@pytest.fixture
def chain(service):
    """The chains of a machine; what is recorded is chained and signed."""
    return signed(AuditChain(service.ports, service.policy))


@pytest.fixture
def log(chain):
    return chain.ports.audit


def machine(chain, memory=None):
    """Return the chains as another machine has them."""
    return AuditChain(chain.ports, chain.policy, memory or ProcessHeadMemory())


def signed(chain, count=3):
    """Record events, chain and sign them."""
    for number in range(count):
        chain.ports.audit.record(
            AuditEvent(
                at=chain.ports.clock.now() + timedelta(seconds=number),
                event="challenge.issue",
                actor=f"{number}",
                subject=SUBJECT,
            )
        )
    while chain.chain():
        pass
    assert chain.sign()
    return chain


def rewrite(log):
    """Remove the first event, delete the chains, and let the service hash the others anew."""
    reset(log, empty())
    del log._events[0]
    log._chained_indexes.clear()
    log._first_unchained = 0


def empty():
    return state(FakeService().ports.audit)


def state(log):
    chains = {partition: list(events) for partition, events in log._chains.items()}
    return tuple(log._heads), log._signed_head, chains


def reset(log, older):
    heads, head, chains = older
    log._heads[:] = heads
    log._signed_head = head
    log._chains.clear()
    log._chains.update({partition: list(events) for partition, events in chains.items()})


def problems(chain, **arguments):
    return [one.problem for one in chain.verify(**arguments).tamperings]


def the_problem(chain, **arguments):
    """Return the one problem that concerns the whole log."""
    (sign,) = [one for one in chain.verify(**arguments).tamperings if one.partition is None]
    return sign.problem


def test_a_deleted_head_is_found_and_nothing_is_signed(chain, log):
    number = chain.memory.load().head.number
    rewrite(log)
    while chain.chain():
        pass
    for _ in range(2):
        with pytest.raises(AuditHeadMissing):
            chain.sign()
    assert log.signed_head() is None
    assert chain.memory.load().head.number == number
    assert REMEMBERED in the_problem(chain)
    assert "audit_head_missing" in the_problem(chain)
    # The events that are gone are named, too.
    assert any(f"missing that {REMEMBERED} has" in problem for problem in problems(chain))
    with pytest.raises(AuditHeadMissing):
        chain.archive(lambda _: None, drop=True)


def test_a_reset_to_an_older_signed_state_is_found(chain, log):
    older = state(log)
    signed(chain)
    reset(log, older)
    with pytest.raises(AuditHeadOlder):
        chain.sign()
    assert "audit_head_older" in the_problem(chain)
    assert problems(machine(chain)) == []


def test_another_head_of_the_same_number_is_found(chain, log):
    older = state(log)
    signed(chain)
    reset(log, older)
    signed(machine(chain), 1)
    with pytest.raises(AuditHeadOther):
        chain.sign()
    assert "audit_head_other" in the_problem(chain)


def test_a_newer_head_of_another_machine_is_taken_over(chain, log):
    other = signed(machine(chain))
    assert chain.memory.load().head.number < log.signed_head().number
    assert chain.sign()
    assert chain.memory.load().head == other.memory.load().head == log.signed_head()
    assert problems(chain) == problems(other) == []


def test_a_newer_head_that_no_key_of_the_service_signed_is_not_taken_over(chain, log):
    remembered = chain.memory.load()
    stranger = AuditChain(
        attrs.evolve(chain.ports, signer=FakeService(seed=1).ports.signer), chain.policy
    )
    (token,) = [stranger._signed_heads.replace(log.signed_head(), log.heads(), None).token]
    assert log.signed_head().token == token
    with pytest.raises(IssuerUntrusted):
        chain.sign()
    assert chain.memory.load() == remembered


def test_a_newer_head_over_rewritten_chains_is_not_taken_over(chain, log):
    remembered = chain.memory.load()
    rewrite(log)
    other = machine(chain)
    while log.signed_head() is None or log.signed_head().number <= remembered.head.number:
        signed(other, 1)
    with pytest.raises(AuditHeadDetached):
        chain.sign()
    assert chain.memory.load() == remembered
    assert any(REMEMBERED in problem for problem in problems(chain))
    assert problems(other) == []


@pytest.mark.parametrize("missing", ["end", "partition"])
def test_a_newer_head_that_has_less_is_not_taken_over(chain, log, missing):
    older = state(log)
    signed(chain)
    reset(log, older if missing == "end" else empty())
    other = machine(chain)
    while log.signed_head() is None or log.signed_head().number <= chain.memory.load().head.number:
        other._signed_heads.replace(log.signed_head(), log.heads(), None)
    with pytest.raises(AuditHeadDetached):
        chain.sign()


def test_what_was_archived_since_is_not_compared(chain, log):
    other = signed(machine(chain))
    other.archive(lambda _: None, drop=True)
    signed(other)
    assert chain.sign()
    assert chain.memory.load().head == log.signed_head()


def test_what_is_archived_while_it_is_compared_is_no_alarm(chain):
    other = signed(machine(chain))
    slow = AuditChain(
        attrs.evolve(chain.ports, audit=ArchivedMeanwhile(chain.ports.audit, signed(other))),
        chain.policy,
        chain.memory,
    )
    assert slow.sign()


class ArchivedMeanwhile:
    """A log whose events somebody archives, after the signed head was read."""

    def __init__(self, log, other):
        self._log, self._other = log, other

    def __getattr__(self, name):
        return getattr(self._log, name)

    def signed_head(self):
        head = self._log.signed_head()
        other, self._other = self._other, None
        if other is not None:
            signed(other)
            other.archive(lambda _: None, drop=True)
        return head


def test_what_is_remembered_is_read_before_the_store(chain, log):
    class SignedMeanwhile(ProcessHeadMemory):
        """The memory of a machine on which another process signs just before it is read."""

        def load(self):
            signed(machine(chain, chain.memory), 1)
            return chain.memory.load()

    assert machine(chain, SignedMeanwhile()).sign()


def test_nothing_more_is_signed_while_nothing_can_be_remembered(chain, log):
    class FullDisk(ProcessHeadMemory):
        """A memory that cannot be written."""

        def remember(self, head):
            raise OSError

    chain = machine(chain, FullDisk(chain.memory.load()))
    number = log.signed_head().number
    for _ in range(3):
        with pytest.raises(OSError):  # noqa: PT011 (the memory's own error)
            signed(chain, 1)
    assert log.signed_head().number == number + 1


def test_a_memory_never_goes_back_but_by_a_renewal(chain):
    memory, first = ProcessHeadMemory(), chain.memory.load().head
    second = attrs.evolve(first, number=first.number + 1)
    memory.remember(second)
    for head in (first, attrs.evolve(second, token="another")):
        memory.remember(head)
        assert memory.load() == MemoryContent(head=second)
    memory.renew(first)
    assert memory.load() == MemoryContent(head=first)


def last_event(log):
    events = [event.event for batch in log.unchained(10) for event in batch.events]
    return [(one.event, one.actor, dict(one.attributes)) for one in events]


@pytest.mark.parametrize("lost", ["deleted", "older", "other", "detached"])
def test_a_renewal_says_who_and_why_and_what_is_there_then_counts(chain, log, lost):
    older = state(log)
    signed(chain)
    if lost == "deleted":
        rewrite(log)
    else:
        reset(log, older)
    for _ in range({"other": 1, "detached": 3}.get(lost, 0)):
        signed(machine(chain), 1)
    while chain.chain():
        pass
    remembered = recognized_by(chain.memory.load().head)
    renewal = chain.renew(by=OPERATOR, **REASON)
    assert (renewal.renewed, renewal.remembered, renewal.tamperings) == (True, remembered, ())
    # What the log has lost is said, and does not come back.
    assert len(renewal.losses) == 1
    assert all(REMEMBERED in one.problem for one in renewal.losses)
    ((event, actor, attributes),) = last_event(log)
    assert (event, actor) == ("audit.renew", OPERATOR.actor)
    assert attributes["number"] == str(remembered.number)
    assert attributes["digest"] == remembered.digest
    assert (attributes["by"], attributes["why"]) == ("Ada", "restored after a disk failure")
    assert attributes["refusal"].startswith("audit_head_")
    assert chain.memory.load() == MemoryContent(head=log.signed_head())
    signed(chain)
    assert problems(chain) == []
    renewal = chain.renew(by=OPERATOR, **REASON)
    assert (renewal.renewed, renewal.losses) == (False, ())
    assert last_event(log) == []


def test_a_process_that_remembers_nothing_has_nothing_to_renew(chain, log):
    """As in a pod whose data folder cannot be written: each process has to start anew."""
    signed(chain)
    rewrite(log)
    while chain.chain():
        pass
    command = machine(chain)
    renewal = command.renew(by=OPERATOR, **REASON)
    assert (renewal.renewed, renewal.remembered) == (False, None)
    assert last_event(log) == []
    assert command.sign()
    with pytest.raises(AuditHeadOlder):
        chain.sign()
    assert machine(chain).sign()


def test_after_a_restore_nothing_is_signed_until_a_renewal(chain, log):
    older = state(log)
    signed(chain)
    reset(log, older)
    content = MemoryContent(replaced_at=chain.ports.clock.now())
    chain = machine(chain, ProcessHeadMemory(content))
    for _ in range(2):
        with pytest.raises(AuditRenewalDue):
            chain.sign()
    assert problems(chain) == [UNRENEWED]
    assert log.signed_head() == older[1]
    renewal = chain.renew(by=OPERATOR, **REASON)
    assert (renewal.renewed, renewal.remembered, renewal.losses) == (True, None, ())
    ((_, _, attributes),) = last_event(log)
    assert attributes == {"by": "Ada", "why": REASON["why"], "refusal": "audit_renewal_due"}
    assert problems(signed(chain)) == []


def test_a_renewal_that_is_not_recorded_has_to_be_repeated(chain, log):
    class Unrecorded:
        """A log that records nothing."""

        def __getattr__(self, name):
            return getattr(log, name)

        def record(self, event):
            raise ConnectionError

    log._signed_head = None
    broken = AuditChain(attrs.evolve(chain.ports, audit=Unrecorded()), chain.policy, chain.memory)
    with pytest.raises(ConnectionError):
        broken.renew(by=OPERATOR, **REASON)
    with pytest.raises(AuditHeadOther):
        chain.sign()
    chain.renew(by=OPERATOR, **REASON)
    assert chain.sign()


@pytest.mark.alone
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"who": ""}, "by"),
        ({"who": " "}, "by"),
        ({"who": "a" * 201}, "by"),
        ({"why": ""}, "why"),
        ({"why": "\u200b"}, "why"),
        ({"why": "a" * 1_001}, "why"),
    ],
)
def test_who_and_why_have_to_be_said(chain, values, field):
    with pytest.raises(InvalidField, match=f"^{field}") as caught:
        chain.renew(by=OPERATOR, **REASON | values)
    assert caught.value.field == field


def test_the_line_of_a_log_finds_a_reset_where_nothing_is_remembered(chain, log):
    older = state(log)
    signed(chain)
    line = recognized_by(log.signed_head())
    assert f"audit head {line.number}, " in head_line(line)
    assert problems(chain, head_line=line) == []
    reset(log, older)
    restarted = machine(chain)
    assert problems(restarted) == []
    problem = the_problem(restarted, head_line=line)
    assert HEAD_LINE in problem
    assert "audit_head_older" in problem
    # It has no hashes: when as many heads were signed again, nothing shows.
    while log.signed_head().number <= line.number:
        signed(restarted, 1)
    assert problems(restarted, head_line=line) == []


# The number is signed


def renumbered(head, number):
    return attrs.evolve(head, number=number)


def spread(chain, count):
    """Record events in all partitions, chain and sign them."""
    for partition in range(PARTITIONS):
        for number in range(count):
            chain.ports.audit.record(
                AuditEvent(
                    at=chain.ports.clock.now(),
                    event="challenge.issue",
                    actor=f"{number}",
                    subject=mint(partition, bytes(15)),
                )
            )
    return signed(chain, 0)


@pytest.mark.parametrize("number", [100, 2**53, 2**63 - 1])
def test_a_number_that_is_not_the_signed_one_is_found_and_not_remembered(chain, log, number):
    older = state(log)
    signed(chain)
    line = recognized_by(log.signed_head())
    content = chain.memory.load()
    reset(log, older)
    log._signed_head = renumbered(log.signed_head(), number)
    restarted = machine(chain)
    for process in (chain, restarted):
        with pytest.raises(AuditHeadOther):
            process.sign()
    assert (chain.memory.load(), restarted.memory.load()) == (content, MemoryContent())
    assert "audit_head_other" in the_problem(restarted, head_line=line)


def test_a_number_that_nothing_can_follow_is_refused_until_the_head_is_deleted(chain, log):
    log._signed_head = renumbered(log.signed_head(), 2**63 - 1)
    with pytest.raises(InvalidField, match=r"number"):
        chain.renew(by=OPERATOR, **REASON)
    log._signed_head = None
    chain.renew(by=OPERATOR, **REASON)
    assert problems(signed(chain)) == []


@pytest.mark.parametrize("remembers", [True, False])
def test_a_head_from_before_a_renewal_is_never_newer(service, remembers):
    """Somebody who has read the store puts a state back that a restore has lost."""
    chain = AuditChain(service.ports, service.policy)
    log = chain.ports.audit
    spread(chain, 1)
    backup = state(log)
    for _ in range(5):
        spread(chain, 1)
    chain.archive(lambda _: None, drop=True)
    lost = state(log)
    reset(log, backup)
    if not remembers:
        replaced_at = chain.ports.clock.now()
        chain = machine(chain, ProcessHeadMemory(MemoryContent(replaced_at=replaced_at)))
    chain.renew(by=OPERATOR, **REASON)
    spread(chain, 1)
    assert problems(chain) == []
    content = chain.memory.load()
    assert content.head.number < lost[1].number
    reset(log, lost)
    with pytest.raises(AuditHeadOlder):
        chain.sign()
    assert chain.memory.load() == content
    assert "audit_head_older" in the_problem(chain)
    log._signed_head = renumbered(log.signed_head(), 1_000)
    with pytest.raises(AuditHeadOther):
        chain.sign()


def test_renewals_have_an_order_also_while_the_clock_stands_still(chain, log):
    states = []
    for _ in range(2):
        log._signed_head = None
        chain.renew(by=OPERATOR, **REASON)
        signed(chain)
        states.append(state(log))
    first, second = (read_unverified_head(head.token).renewed_at for _, head, _ in states)
    assert first < second
    assert read_unverified_head(signed(chain).signed_head()).renewed_at == second


def unnumbered(chain, number):
    """Replace the signed head by the one that an older release would have signed."""
    log = chain.ports.audit
    signer = chain.ports.signer
    claims = head_claims(log.heads(), chain.ports.clock.now(), number, None)
    del claims["number"]
    issuer = signer.jwks()[0]
    token = sign_with(partial(signer.sign, issuer.kid), issuer, typ=HEAD_TYP, claims=claims)
    log._signed_head = SignedHead(number=number, token=token)


def test_a_head_of_an_older_release_is_taken_over_and_signed_with_its_number(chain, log):
    unnumbered(chain, 2)
    upgraded = machine(chain)
    upgraded.require_head()
    # An older process beside it signs on until then.
    unnumbered(chain, 3)
    assert upgraded.sign()
    assert read_unverified_head(log.signed_head().token).number == 4
    assert problems(upgraded) == []
    content = upgraded.memory.load()
    unnumbered(chain, 5)
    with pytest.raises(AuditHeadOlder):
        upgraded.sign()
    assert upgraded.memory.load() == content
    assert "audit_head_older" in the_problem(upgraded)


class Counting:
    """A log that counts the events that are read."""

    def __init__(self, log):
        self._log, self.count = log, 0

    def __getattr__(self, name):
        return getattr(self._log, name)

    def chained(self, *arguments):
        page = self._log.chained(*arguments)
        self.count += len(page)
        return page


@pytest.mark.parametrize("missing", ["an event", "a partition"])
def test_what_is_refused_is_compared_once(chain, log, missing):
    content = chain.memory.load()
    if missing == "an event":
        rewrite(log)
    else:
        reset(log, empty())
    other = machine(chain)
    for _ in range(4):
        signed(other, 50)
    counting = Counting(log)
    ports = attrs.evolve(chain.ports, audit=counting)
    with pytest.raises(AuditHeadDetached):
        AuditChain(ports, chain.policy, ProcessHeadMemory(content)).sign()
    assert counting.count <= len(log.events)
