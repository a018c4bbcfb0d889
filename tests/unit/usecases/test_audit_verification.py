"""Verification in steps: any process goes on, nobody forges one, and the log says how it ended."""

from datetime import timedelta

import attrs
import pytest

from counterseal import OPERATOR, AuditChain, AuditVerifications
from counterseal.audit.rules import INSERTED, Tampering
from counterseal.audit.usecases import verification
from counterseal.errors import RoleLacking, WrongState, WrongToken
from counterseal.models import AdminRole
from counterseal.models.guid import PARTITIONS
from counterseal.wire.members import format_time


@pytest.fixture
def root(service):
    return service.stored(service.credentials.create_admin("root", all_companies=True).guid)


@pytest.fixture
def chained(service, root):
    """A service whose events are chained and signed."""
    for name in ("alice", "bob"):
        service.bind(name)
    chain = AuditChain(service.ports, service.policy)
    while chain.chain():
        pass
    chain.sign()
    return service


def verifications(service, pace=timedelta(0)):
    """Return the use case of a process whose clock goes on by *pace* whenever it is read."""
    ports = attrs.evolve(service.ports, clock=Ticking(service.clock, pace))
    return AuditVerifications(ports, service.policy)


class Ticking:
    """A clock that goes on whenever it is read."""

    def __init__(self, clock, pace):
        self._clock, self._pace = clock, pace

    def now(self):
        return self._clock.advance(self._pace) if self._pace else self._clock.now()


def run(service, by, pace):
    """Verify in steps, each in a process of its own; return all steps."""
    steps, ticket = [], verifications(service).begin(by=by)
    while ticket is not None:
        steps.append(verifications(service, pace).go_on(ticket, by=by))
        ticket = steps[-1].ticket
    return steps


def test_one_step_or_many_verify_the_same(chained, root):
    expected = AuditChain(chained.ports, chained.policy).verify()
    (only_step,) = run(chained, root, timedelta(0))
    # The beginning and the end of the verification before are not chained yet.
    steps = run(chained, root, timedelta(milliseconds=100))
    assert len(steps) > 5
    partitions = [step.partitions for step in steps]
    assert partitions == sorted(set(partitions))
    for last in (only_step, steps[-1]):
        assert (last.partitions, last.ticket) == (PARTITIONS, None)
        assert (last.events, last.signs, last.tamperings) == (expected.chained, 0, ())
    assert expected.chained > 5


def chain_all(service):
    chain = AuditChain(service.ports, service.policy)
    while chain.chain():
        pass


def test_the_log_says_who_began_when_and_how_it_ended(chained, root):
    begun_at = format_time(chained.clock.now())
    only_step = run(chained, root, timedelta(seconds=1))[-1]
    begun, ended = chained.events[-2:]
    assert {begun.event, ended.event} == {"audit.verify"}
    assert begun.subject == ended.subject == only_step.guid
    assert (begun.actor, begun.reason) == (root.guid, "begun")
    assert (ended.actor, ended.reason) == (root.guid, "")
    assert format_time(ended.at) > begun_at
    assert ended.attributes == (
        ("begun", begun_at),
        ("events", str(only_step.events)),
        ("signs", "0"),
    )


def test_a_verification_ends_once_whatever_ticket_is_shown_again(chained, root):
    tickets, steps = [verifications(chained).begin(by=root)], []
    while tickets[-1] is not None:
        pace = timedelta(milliseconds=100)
        steps.append(verifications(chained, pace).go_on(tickets[-1], by=root))
        tickets.append(steps[-1].ticket)
    chain_all(chained)
    audit, count = chained.ports.audit, len(chained.events)
    partition = next(head.partition for head in audit.heads() if head.position)
    events = audit._chains[partition]
    events[0] = attrs.evolve(events[0], body=events[0].body + b" ")
    for ticket in tickets[:-1]:
        with pytest.raises(WrongState):
            verifications(chained).go_on(ticket, by=root)
    assert len(chained.events) == count


def test_the_first_step_reads_no_whole_table_and_finds_what_stands_below_a_base(
    chained, root, monkeypatch
):
    audit = chained.ports.audit
    partition = next(head.partition for head in audit.heads() if head.position)
    audit.drop_chained(partition, 1)
    inserted = next(iter(next(chain for chain in audit._chains.values() if chain)))
    inserted = attrs.evolve(inserted, partition=partition, position=1)
    audit._chains[partition].insert(0, inserted)

    def refuse(*_):
        raise AssertionError("the whole table is read")

    monkeypatch.setattr(audit, "misplaced", refuse)
    monkeypatch.setattr(audit, "unchained", refuse)
    tamperings = run(chained, root, timedelta(0))[-1].tamperings
    assert Tampering(partition=partition, position=1, problem=INSERTED) in tamperings


def test_a_change_is_found_named_and_on_record(chained, root):
    audit = chained.ports.audit
    partition = next(head.partition for head in audit.heads() if head.position)
    chain = audit._chains[partition]
    chain[0] = attrs.evolve(chain[0], body=chain[0].body.replace(b"create", b"delete") + b" ")
    for pace in (timedelta(0), timedelta(milliseconds=100)):
        last = run(chained, root, pace)[-1]
        assert last.signs >= 1
        assert {each.partition for each in last.tamperings} == {partition}
        assert chained.last_event() == ("audit.verify", "tampered")


def test_a_change_of_the_head_itself_is_found(chained, root):
    audit = chained.ports.audit
    audit._signed_head = None
    last = run(chained, root, timedelta(milliseconds=100))[-1]
    assert [each.partition for each in last.tamperings] == [None]


def test_only_who_began_goes_on_and_only_for_some_minutes(chained, root):
    other = chained.stored(chained.credentials.create_admin("other", all_companies=True).guid)
    use_case = verifications(chained)
    ticket = use_case.begin(by=root)
    forged = [ticket[:-4] + "AAAA", "", "%", "A" * 5_000]
    for text, by in ((ticket, other), (ticket, OPERATOR), *((text, root) for text in forged)):
        with pytest.raises(WrongToken):
            use_case.go_on(text, by=by)
        assert chained.last_event() == ("audit.verify", "wrong_token")
    chained.clock.advance(verification.TICKET_LIFE)
    with pytest.raises(WrongToken):
        use_case.go_on(ticket, by=root)


def test_a_ticket_lives_for_minutes_and_a_verification_for_hours(chained, root, monkeypatch):
    monkeypatch.setattr(verification, "STEP_TIME", timedelta(0))
    assert timedelta(minutes=10) >= verification.TICKET_LIFE
    ticket, begun_at = verifications(chained).begin(by=root), chained.clock.now()
    while chained.clock.now() - begun_at < verification.VERIFICATION_LIFE - timedelta(minutes=5):
        chained.clock.advance(timedelta(minutes=5))
        ticket = verifications(chained).go_on(ticket, by=root).ticket
    chained.clock.advance(timedelta(minutes=5))
    with pytest.raises(WrongToken):
        verifications(chained).go_on(ticket, by=root)


def test_it_is_for_administrators_of_all_companies(chained, root):
    ticket = verifications(chained).begin(by=root)
    for role, reach in (
        (AdminRole.COMPANY, {"company": chained.company.guid}),
        (AdminRole.APP_SPACE, {"app_space": chained.app_space.guid}),
        (AdminRole.SUPPORT, {"app_space": chained.app_space.guid}),
    ):
        person = chained.stored(chained.credentials.create_admin("x", role=role, **reach).guid)
        for call in (
            lambda by: verifications(chained).begin(by=by),
            lambda by: verifications(chained).go_on(ticket, by=by),
        ):
            with pytest.raises(RoleLacking):
                call(person)
