"""The chain of the audit log: it grows without gaps, and shows whatever is done to it."""

import random
from contextlib import nullcontext
from datetime import timedelta

import attrs
import pytest

from counterseal import AuditChain
from counterseal.audit.documents import archive_line, head_kid, read_archive_line, read_head
from counterseal.audit.rules import (
    CHANGED,
    CUT,
    DROPPED,
    HEAD_CHANGED,
    INSERTED,
    REMOVED,
    REWRITTEN,
    UNSEARCHABLE,
    ChainCheck,
    KnownHead,
    event_hash,
    extend,
)
from counterseal.audit.usecases.chain import HEAD_FILE, LOG, UNSIGNED
from counterseal.audit.usecases.heads import STORED_HEAD
from counterseal.errors import Contended, InvalidField, IssuerUntrusted, MalformedToken, Refused
from counterseal.models import OPERATOR, AuditEvent, AuditQuery, SignedHead, UnchainedEvents
from counterseal.models.guid import mint
from counterseal_testing import FakeService
from counterseal_testing.contracts.chain_oracle import archived, first_wrong

PARTITION = 7
REASON = {"who": "Ada", "why": "the keys were lost"}
SUBJECT = mint(PARTITION, bytes(15))


@pytest.fixture
def service():
    return FakeService()


@pytest.fixture
def chain(service):
    chained = AuditChain(service.ports, service.policy)
    while chained.chain():
        pass
    return chained


def record(chain, count, subject=SUBJECT):
    for number in range(count):
        at = chain.ports.clock.now() + timedelta(seconds=number)
        chain.ports.audit.record(
            AuditEvent(at=at, event="challenge.issue", actor=f"{number}", subject=subject)
        )


@pytest.fixture
def events(chain):
    """The chain of one partition, as the log has it: ten events, and their head is signed."""
    record(chain, 10)
    chain.chain()
    chain.sign()
    return chain.ports.audit._chains[PARTITION]


def signs(chain, **arguments):
    report = chain.verify(**arguments)
    return [(one.partition, one.position, one.problem) for one in report.tamperings]


def test_every_event_is_chained_once_and_a_second_verifier_agrees(service, chain):
    service.bind("alice")
    service.ask("alice", "Pay?")
    record(chain, 20)
    while chain.chain(limit=7):
        pass
    assert chain.sign()
    heads = chain.ports.audit.heads()
    stored = []
    for head in heads:
        events = chain.ports.audit.chained(head.partition, 0, 1_000)
        stored += [one.event for one in events]
        assert len(events) == head.position
        assert events[-1].hash == head.hash if events else not any(head.hash)
        assert not first_wrong(
            head.partition, [(one.position, one.hash, one.body) for one in events]
        )
    assert sorted(stored, key=repr) == sorted(chain.ports.audit.events, key=repr)
    report = chain.verify()
    assert (report.tamperings, report.chained, report.unchained) == ((), len(stored), 0)


def test_the_tail_is_reported(chain):
    record(chain, 3)
    report = chain.verify()
    assert report.unchained == 3


def test_of_two_workers_one_appends_what_both_have_read(service, chain):
    record(chain, 5)
    batches = chain.ports.audit.unchained(100)
    assert chain.chain() == 5
    slow = AuditChain(
        attrs.evolve(chain.ports, audit=Rereads(chain.ports.audit, batches)), service.policy
    )
    assert slow.chain() == 5
    assert chain.ports.audit.heads()[PARTITION].position == 5
    chain.sign()
    assert signs(chain) == []


class Rereads:
    """A log whose reader has an old answer of it."""

    def __init__(self, audit, batches):
        self._audit = audit
        self._batches = batches

    def __getattr__(self, name):
        return getattr(self._audit, name)

    def unchained(self, limit):
        return self._batches


def change(event, **changes):
    return attrs.evolve(event, **changes)


@pytest.mark.parametrize("index", [0, 4, 9])
def test_a_removed_event_is_found(chain, events, index):
    del events[index]
    assert (PARTITION, index + 1, REMOVED) in signs(chain)


@pytest.mark.parametrize("index", [0, 4, 9])
def test_a_changed_event_is_found(chain, events, index):
    events[index] = change(events[index], body=events[index].body + b" ")
    assert (PARTITION, index + 1, CHANGED) in signs(chain)


@pytest.mark.parametrize("index", [0, 4, 9])
def test_a_changed_hash_is_found_once(chain, events, index):
    events[index] = change(events[index], hash=bytes(31) + b"x")
    assert signs(chain)[0] == (PARTITION, index + 1, CHANGED)


def test_two_events_in_each_others_place_are_found(chain, events):
    third, sixth = events[2], events[5]
    events[2], events[5] = change(third, body=sixth.body), change(sixth, body=third.body)
    assert [one[1:] for one in signs(chain)] == [(3, CHANGED), (6, CHANGED)]


def test_an_inserted_event_is_found(chain, events):
    inserted = change(events[3], body=b"{}")
    moved = [change(one, position=one.position + 1) for one in events[3:]]
    events[3:] = [inserted, *moved]
    assert (PARTITION, 4, CHANGED) in signs(chain)
    assert (PARTITION, 11, INSERTED) in signs(chain)


def test_an_event_twice_is_found(chain, events):
    events.insert(4, events[3])
    assert (PARTITION, 5, INSERTED) in signs(chain)


def test_a_log_that_is_cut_is_found(chain, events):
    del events[6:]
    assert (PARTITION, 7, REMOVED) in signs(chain)
    head(chain, position=6, hash=events[-1].hash)
    assert signs(chain) == [(PARTITION, 7, CUT.format(STORED_HEAD))]


def head(chain, **changes):
    heads = chain.ports.audit._heads
    heads[PARTITION] = attrs.evolve(heads[PARTITION], **changes)


def test_a_changed_head_is_found(chain, events):
    head(chain, hash=bytes(32))
    assert signs(chain) == [(PARTITION, 10, HEAD_CHANGED)]


def rehash(events, first):
    """Compute hashes anew, as somebody does who knows how."""
    previous = events[first - 1].hash if first else bytes(32)
    for index in range(first, len(events)):
        event = events[index]
        previous = event_hash(PARTITION, event.position, previous, event.body)
        events[index] = change(event, hash=previous)


def test_a_chain_that_was_hashed_anew_is_found_by_the_signed_head(chain, events):
    events[4] = change(events[4], body=events[5].body)
    rehash(events, 4)
    head(chain, hash=events[-1].hash)
    assert signs(chain) == [(PARTITION, 10, REWRITTEN.format(STORED_HEAD))]


def test_no_worker_signs_a_chain_that_was_changed(chain, events):
    events[4] = change(events[4], body=events[5].body)
    rehash(events, 4)
    head(chain, hash=events[-1].hash)
    record(chain, 2)
    chain.chain()
    chain.sign()
    assert (PARTITION, 10, REWRITTEN.format(STORED_HEAD)) in signs(chain)


def test_an_event_that_no_search_finds_is_reported(chain, events):
    events[4] = change(events[4], searchable=False)
    assert signs(chain) == [(PARTITION, 5, UNSEARCHABLE)]


def test_an_older_state_is_found_by_a_head_from_elsewhere(chain, events):
    audit = chain.ports.audit
    older = audit.heads()[PARTITION], audit.signed_head(), list(events)
    record(chain, 5)
    chain.chain()
    chain.sign()
    newer = chain.signed_head()
    assert signs(chain, head_file=newer) == []
    audit._heads[PARTITION], audit._signed_head, events[:] = older
    chain = without_memory(chain)
    assert signs(chain) == []
    assert signs(chain, head_file=newer) == [(PARTITION, 11, CUT.format(HEAD_FILE))]


def test_a_signed_head_is_of_this_service(service, chain, events):
    token = chain.signed_head()
    keys = chain.ports.signer.jwks()
    assert read_head(token, service_keys=keys).heads[PARTITION].position == 10
    other = FakeService(seed=1).ports.signer.jwks()
    with pytest.raises(Refused):
        read_head(token, service_keys=other)
    with pytest.raises(IssuerUntrusted):
        read_head(token, service_keys=())
    with pytest.raises(MalformedToken):
        chain.verify(head_file="no token")
    chain.ports.audit._signed_head = SignedHead(number=9, token=token[:-4] + "AAAA")
    ((partition, position, problem),) = signs(chain)
    assert (partition, position) == (None, 0)
    assert "is not one of this service" in problem
    with pytest.raises(Refused):
        chain.sign()


def without_memory(chain):
    """Return what another process has, which remembers nothing."""
    return AuditChain(chain.ports, chain.policy)


def test_a_signed_head_that_is_gone_is_found(chain, events):
    chain.ports.audit._signed_head = None
    chain = without_memory(chain)
    assert signs(chain) == [(None, 0, UNSIGNED)]


def test_heads_are_signed_once_for_each_change_and_again_by_a_new_key(chain, events):
    number = chain.ports.audit.signed_head().number
    assert chain.sign()
    assert chain.ports.audit.signed_head().number == number
    chain.ports.signer.rotate()
    assert chain.sign()
    assert chain.ports.audit.signed_head().number == number + 1


def lose_keys(chain):
    """Replace the service's keys by others, as after a loss of all of them."""
    signer = FakeService(seed=1).ports.signer
    return AuditChain(attrs.evolve(chain.ports, signer=signer), chain.policy)


def last_event(chain):
    events = [event for batch in chain.ports.audit.unchained(10) for event in batch.events]
    return [(one.event.event, one.event.actor) for one in events]


def test_a_head_of_an_old_key_stays_valid_and_after_its_loss_the_heads_are_renewed(chain, events):
    old_head, old_keys = chain.signed_head(), chain.ports.signer.jwks()
    chain.ports.signer.rotate()
    assert chain.sign()
    assert head_kid(chain.signed_head()) == chain.ports.signer.jwks()[0].kid
    assert signs(chain, head_file=old_head) == []

    chain = lose_keys(chain)
    with pytest.raises(IssuerUntrusted):
        chain.sign()
    with pytest.raises(IssuerUntrusted):
        chain.verify(head_file=old_head)
    assert [one[:2] for one in signs(chain)] == [(None, 0)]
    assert chain.renew(by=OPERATOR, **REASON).tamperings == ()
    assert last_event(chain) == [("audit.renew", OPERATOR.actor)]
    assert signs(chain) == signs(chain, head_file=old_head, head_keys=old_keys) == []
    record(chain, 2)
    chain.chain()
    assert chain.sign()
    number = chain.ports.audit.signed_head().number
    assert chain.renew(by=OPERATOR, **REASON).tamperings == ()
    assert chain.ports.audit.signed_head().number == number
    assert last_event(chain) == []


def test_a_log_without_a_signed_head_is_not_renewed(chain, events):
    chain.ports.audit._signed_head = None
    chain = without_memory(chain)
    assert chain.renew(by=OPERATOR, **REASON).tamperings == ()
    assert signs(chain) == [(None, 0, UNSIGNED)]


@pytest.mark.alone
def test_what_was_changed_before_the_heads_were_renewed_is_still_found(chain, events):
    older = list(events)
    events[4] = change(events[4], body=events[5].body)
    rehash(events, 4)
    head(chain, hash=events[-1].hash)
    chain = lose_keys(chain)
    expected = [(PARTITION, 10, REWRITTEN.format(STORED_HEAD))]
    renewed = chain.renew(by=OPERATOR, **REASON).tamperings
    assert [(one.partition, one.position, one.problem) for one in renewed] == expected
    assert signs(chain) == expected
    events[:] = older
    head(chain, hash=events[-1].hash)
    assert signs(chain) == []


def test_a_signed_head_that_says_nothing_is_renewed_from_the_log(chain, events):
    write_archive(chain, drop=True)
    record(chain, 3)
    chain.chain()
    chain.ports.audit._signed_head = SignedHead(number=9, token="no token")
    assert chain.renew(by=OPERATOR, **REASON).tamperings == ()
    assert signs(chain) == []
    assert chain.ports.audit.signed_head().number == 10


def test_of_two_that_renew_the_heads_one_is_refused(chain, events):
    chain = lose_keys(chain)
    slow = AuditChain(attrs.evolve(chain.ports, audit=Overtaken(chain)), chain.policy)
    with pytest.raises(Contended):
        slow.renew(by=OPERATOR, **REASON)
    assert signs(chain) == []


class Overtaken:
    """A log in which somebody else renews the heads just before."""

    def __init__(self, chain):
        self._chain = chain

    def __getattr__(self, name):
        return getattr(self._chain.ports.audit, name)

    def replace_signed_head(self, head):
        self._chain.renew(by=OPERATOR, **REASON)
        return self._chain.ports.audit.replace_signed_head(head)


def write_archive(chain, *, drop):
    lines = []
    count = chain.archive(lambda page: lines.extend(map(archive_line, page)), drop=drop)
    assert count == len(lines)
    return lines


def read_back(lines):
    return map(read_archive_line, lines)


def test_an_archive_goes_on_where_the_log_begins(chain, events):
    lines = write_archive(chain, drop=True)
    assert events == []
    record(chain, 4)
    chain.chain()
    chain.sign()
    later = write_archive(chain, drop=False)
    report = chain.verify()
    assert (report.tamperings, report.archived) == ((), len(lines))
    report = chain.verify(archive=read_back(lines))
    assert (report.tamperings, report.archived, report.chained) == ((), 0, len(lines) + 4)
    # Also with what the log still has, or with a page that an interrupted run wrote twice.
    assert signs(chain, archive=read_back([*lines, *later])) == []
    assert signs(chain, archive=read_back([*lines[:-2], *lines])) == []
    own = [one for one in archived([*lines, *later]) if one[0] == PARTITION]
    assert not first_wrong(PARTITION, [one[1:] for one in own])


@pytest.mark.alone
def test_a_head_that_is_older_than_what_was_archived_is_not_compared_and_that_is_said(
    chain, events
):
    older = chain.signed_head()
    assert chain.verify(head_file=older).uncompared == 0
    record(chain, 3)
    chain.chain()
    chain.sign()
    lines = write_archive(chain, drop=True)

    # Of the other partition, the last event that was archived is the head's.
    assert chain.verify(head_file=older).uncompared == 1
    report = chain.verify(head_file=older, archive=read_back(lines))
    assert (report.tamperings, report.uncompared) == ((), 0)
    assert chain.verify(head_file=chain.signed_head()).uncompared == 0


def test_a_changed_archive_is_found(chain, events):
    lines = write_archive(chain, drop=True)
    own = [index for index, line in enumerate(lines) if b'"partition":7,' in line]
    without = [line for index, line in enumerate(lines) if index != own[3]]
    assert (PARTITION, 4, REMOVED) in signs(chain, archive=read_back(without))
    cut = [line for index, line in enumerate(lines) if index < own[3]]
    assert (PARTITION, 4, CUT.format(LOG)) in signs(chain, archive=read_back(cut))
    changed = list(lines)
    changed[own[3]] = changed[own[3]].replace(b"challenge.issue", b"challenge.other")
    assert (PARTITION, 4, CHANGED) in signs(chain, archive=read_back(changed))
    missing = [line for line in lines if b'"partition":7,' not in line]
    assert (PARTITION, 1, CUT.format(LOG)) in signs(chain, archive=read_back(missing))


@pytest.mark.parametrize("line", [b"", b"{}", b'{"kind":"event"}', b'{"partition":256}'])
def test_what_is_no_line_of_an_archive_is_refused(line):
    with pytest.raises(InvalidField):
        read_archive_line(line)


def test_an_archive_that_lacks_all_is_found(chain, events):
    write_archive(chain, drop=True)
    assert (PARTITION, 1, CUT.format(LOG)) in signs(chain, archive=())
    assert signs(chain) == []


class Interrupted(Exception):
    """Somebody ended the command."""


@pytest.mark.parametrize("drop", [False, True])
def test_an_archive_may_have_all_of_a_long_run_twice(chain, drop):
    record(chain, 2_500)
    while chain.chain():
        pass
    assert chain.sign()
    lines = []

    def write(page):
        lines.extend(map(archive_line, page))
        if drop and len(lines) > 2_000:
            raise Interrupted

    with pytest.raises(Interrupted) if drop else nullcontext():
        chain.archive(write, drop=drop)
    lines += write_archive(chain, drop=True)
    assert len(lines) > 4_500
    assert signs(chain, archive=read_back(lines)) == []
    first = next(index for index, line in enumerate(lines) if b'"partition":7,' in line)
    again = lines.index(lines[first], first + 1)
    lines[again] = lines[again].replace(lines[again][38:81], lines[again + 1][38:81])
    assert signs(chain, archive=read_back(lines)) == [(PARTITION, 1, INSERTED)]


def test_two_archiving_processes_leave_no_sign(chain, events):
    def write(page):
        if page[0].partition == PARTITION and len(events) == 10:
            record(chain, 5)
            chain.chain()
            assert chain.sign()
            write_archive(chain, drop=True)

    chain.archive(write, drop=True)
    assert chain.ports.audit.heads()[PARTITION].base == 15
    assert signs(chain) == []


def test_what_no_chain_reaches_is_found_and_no_search_has_it(service, chain, events):
    forged = events[2]
    write_archive(chain, drop=True)
    events.append(forged)
    chain.ports.audit._chains[300].append(change(forged, partition=300))
    assert signs(chain) == [(PARTITION, 3, INSERTED), (300, 3, INSERTED)]
    assert chain.ports.audit.search(AuditQuery(subject=SUBJECT), None, 10).events == ()


def test_an_event_that_cannot_be_read_is_chained_and_stops_no_other(chain):
    record(chain, 2)
    (batch,) = (one for one in chain.ports.audit.unchained(100) if one.head.partition == PARTITION)
    head, (stored, rest) = batch.head, batch.events
    unreadable = attrs.evolve(stored, event=None, body=b"{}")
    link = extend(UnchainedEvents(head=head, events=(unreadable, rest)))
    assert [one.event for one in link.events] == [None, rest.event]
    assert sum(link.counts.values()) == 1


def test_what_was_dropped_without_a_signature_is_found(chain, events):
    chain.ports.audit.drop_chained(PARTITION, 4)
    assert signs(chain) == [(PARTITION, 4, DROPPED.format(STORED_HEAD))]


def test_each_of_many_random_changes_is_found_where_it_was_made(chain, events):
    original, numbers = tuple(events), random.Random(17)  # noqa: S311 (a test's)
    head, stored = chain.ports.audit.heads()[PARTITION], chain._stored_heads()
    for _ in range(1_000):
        changed = list(original)
        first = tamper(changed, numbers)
        check = ChainCheck(PARTITION, 0, bytes(32), [known_head(stored[PARTITION])])
        positions = [one.position for event in changed for one in check.add(event)]
        positions += [one.position for one in check.end(head, head)]
        assert min(positions) == first


def known_head(head):
    return KnownHead(source=STORED_HEAD, position=head.position, hash=head.hash, base=head.base)


def tamper(events, numbers):
    """Change a chain in a random way, and return the first position that is not as it was."""
    index = numbers.randrange(len(events))
    match numbers.choice(["remove", "body", "hash", "swap", "insert", "cut", "position"]):
        case "remove":
            del events[index]
        case "body":
            body = bytearray(events[index].body)
            body[numbers.randrange(len(body))] ^= 1 << numbers.randrange(7)
            events[index] = change(events[index], body=bytes(body))
        case "hash":
            events[index] = change(events[index], hash=numbers.randbytes(32))
        case "swap":
            other = numbers.choice([number for number in range(len(events)) if number != index])
            one, two = events[index], events[other]
            events[index] = change(one, body=two.body, hash=two.hash)
            events[other] = change(two, body=one.body, hash=one.hash)
            index = min(index, other)
        case "insert":
            inserted = change(events[index], body=numbers.randbytes(40))
            later = [change(one, position=one.position + 1) for one in events[index:]]
            events[index:] = [inserted, *later]
        case "cut":
            del events[index:]
        case "position":
            events[index] = change(events[index], position=events[index].position + 90)
    return index + 1
