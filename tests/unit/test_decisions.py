"""The one way to commit: decide again after a conflict, ask again after a lost reply."""

import attrs
import pytest

from counterseal import STANDARD
from counterseal.decisions import Act, Decision, found, read, refused, settle, sweep, within_rate
from counterseal.errors import (
    Conflict,
    Contended,
    Indeterminate,
    NotFound,
    StoreUnavailable,
    TooOften,
    WrongState,
)
from counterseal.models import Account, AuditEvent, Binding, Change, Company
from counterseal.models.guid import mint

ACT = Act(event="company.rename", actor="staff")
FEW = attrs.evolve(STANDARD, commit_attempts=3)


class ScriptedStore:
    """Does to each commit what the script says; then, or by default, what it should."""

    def __init__(self, store, *script):
        self._store = store
        self._script = list(script)
        self.asked = []

    def __getattr__(self, name):
        return getattr(self._store, name)

    def commit(self, changes, audit, operation):
        self.asked.append(operation)
        step = self._script.pop(0) if self._script else "apply"
        if step == "conflict":
            raise Conflict
        if step == "down":
            raise StoreUnavailable
        if step == "lost before":
            raise Indeterminate
        self._store.commit(changes, audit, operation)
        if step == "lost after":
            raise Indeterminate


@pytest.fixture
def settled(service):
    """Rename the company under a scripted store; return what came of it."""

    def run(*script, refusal=None, policy=FEW):
        store = ScriptedStore(service.ports.store, *script)
        ports = attrs.evolve(service.ports, store=store)
        run.store, run.decided = store, 0

        def decide():
            run.decided += 1
            old = service.stored(service.company.guid)
            new = attrs.evolve(old, version=old.version + 1, name="Renamed")
            event = AuditEvent(at=service.clock.now(), event=ACT.event, actor=ACT.actor)
            return Decision(
                changes=(Change(old, new),), audit=(event,), result=new, refusal=refusal
            )

        return settle(ports, policy, ACT, decide)

    return run


def name(service):
    return service.stored(service.company.guid).name


def test_the_decision_is_committed_with_its_audit_and_returned(service, settled):
    assert settled() == service.stored(service.company.guid)
    assert name(service) == "Renamed"
    assert service.last_event() == ("company.rename", "")
    assert settled.decided == 1


def test_nothing_to_change_is_no_commit(service):
    store = ScriptedStore(service.ports.store)
    ports = attrs.evolve(service.ports, store=store)
    assert settle(ports, FEW, ACT, lambda: Decision(result="fine")) == "fine"
    assert store.asked == []


def test_after_a_conflict_it_is_decided_again_under_a_new_operation(settled):
    assert settled("conflict", "conflict").version == 2
    assert settled.decided == 3
    assert len(set(settled.store.asked)) == 3


def test_a_commit_that_loses_every_race_is_contended_and_bounded(service, settled):
    with pytest.raises(Contended):
        settled(*["conflict"] * 9)
    assert settled.decided == len(settled.store.asked) == FEW.commit_attempts
    assert name(service) == "Example Ltd"


def test_a_lost_reply_is_asked_for_again_under_the_same_operation(service, settled):
    settled("lost after")
    assert settled.decided == 1
    assert len(settled.store.asked) == 2
    assert len(set(settled.store.asked)) == 1
    assert service.stored(service.company.guid).version == 2
    assert len(service.happened("company.rename")) == 1


def test_a_commit_that_never_arrived_is_tried_afresh(service, settled):
    settled("lost before", "lost before")
    assert (settled.decided, len(settled.store.asked)) == (1, 3)
    assert service.stored(service.company.guid).version == 2


def test_replies_lost_each_time_stay_indeterminate(settled):
    with pytest.raises(Indeterminate):
        settled(*["lost before"] * 9)
    assert (settled.decided, len(settled.store.asked)) == (1, FEW.commit_attempts)


def test_a_store_that_goes_down_behind_a_lost_reply_leaves_it_indeterminate(service, settled):
    """That it did not answer the second time says nothing about the first."""
    with pytest.raises(Indeterminate):
        settled("lost after", "down")
    assert name(service) == "Renamed"


def test_a_conflict_behind_a_lost_reply_is_decided_again(service, settled):
    assert settled("lost before", "conflict", "apply").version == 2
    assert settled.decided == 2


def test_a_store_that_is_down_is_not_asked_again(service, settled):
    with pytest.raises(StoreUnavailable):
        settled("down")
    assert len(settled.store.asked) == 1
    assert name(service) == "Example Ltd"


def test_a_refusal_with_a_consequence_is_committed_before_it_is_raised(service, settled):
    with pytest.raises(NotFound):
        settled(refusal=NotFound())
    assert name(service) == "Renamed"
    assert service.last_event() == ("company.rename", "")


def test_a_refusal_whose_commit_lost_its_race_is_decided_again(service, settled):
    with pytest.raises(NotFound):
        settled("conflict", refusal=NotFound())
    assert settled.decided == 2
    assert service.stored(service.company.guid).version == 2


def test_a_refusal_whose_consequence_cannot_be_committed_is_not_told(service, settled):
    with pytest.raises(StoreUnavailable):
        settled("down", refusal=NotFound())


def test_a_refused_decision_is_recorded_and_commits_nothing(service):
    before = service.records()
    act = Act(event="company.rename", actor="somebody", subject=service.company.guid)

    def decide():
        raise WrongState

    with pytest.raises(WrongState):
        settle(service.ports, FEW, act, decide)
    assert service.records() == before
    assert service.events[-1] == AuditEvent(
        at=service.clock.now(),
        event="company.rename",
        actor="somebody",
        subject=service.company.guid,
        reason="wrong_state",
    )


def test_an_unexpected_error_leaves_as_it_is(service):
    before, events = service.records(), service.events

    def decide():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        settle(service.ports, FEW, ACT, decide)
    assert (service.records(), service.events) == (before, events)


def test_a_refusal_that_the_audit_log_cannot_take_is_unavailable(service):
    class Down:
        def record(self, event):
            raise StoreUnavailable

    ports = attrs.evolve(service.ports, audit=Down())
    with pytest.raises(StoreUnavailable):
        refused(ports, ACT, WrongState())


# Rates


def test_an_act_past_its_rate_is_refused_and_recorded(service):
    for _ in range(3):
        within_rate(service.ports, ACT, ("rename", "staff"), 3)
    with pytest.raises(TooOften) as caught:
        within_rate(service.ports, ACT, ("rename", "staff"), 3)
    assert (caught.value.reason, caught.value.retry_after) == ("rename_rate", 60)
    assert service.last_event() == ("company.rename", "too_often")
    within_rate(service.ports, ACT, ("rename", "somebody else"), 3)


# Sweeping


@pytest.fixture
def swept(service):
    """Sweep three companies, under rules that the test gives; return how many were settled."""
    due = [service.administration.create_company(f"Company {number}") for number in range(3)]

    def run(*verdicts):
        outcomes = dict(zip((company.guid for company in due), verdicts, strict=True))

        def decide(guid):
            if isinstance(outcomes[guid], Exception):
                raise outcomes[guid]
            old = service.stored(guid)
            new = attrs.evolve(old, version=old.version + 1, name=outcomes[guid])
            return Decision(changes=(Change(old, new),), result=None)

        return sweep(service.ports, FEW, ACT, due, decide)

    run.names = lambda: [service.stored(company.guid).name for company in due]
    run.due = due
    return run


def test_a_sweep_settles_each_record_that_is_due(swept):
    assert swept("a", "b", "c") == 3
    assert swept.names() == ["a", "b", "c"]


def test_a_sweep_passes_over_what_moved_meanwhile_and_records_it(service, swept):
    assert swept("a", WrongState(), "c") == 2
    assert swept.names() == ["a", "Company 1", "c"]
    event = service.events[-1]
    assert (event.subject, event.reason) == (swept.due[1].guid, "wrong_state")


def test_a_sweep_stops_where_a_port_fails_and_what_was_settled_stays(swept):
    with pytest.raises(StoreUnavailable):
        swept("a", StoreUnavailable(), "c")
    assert swept.names() == ["a", "Company 1", "Company 2"]


# Loading


def test_what_is_read_is_of_its_kind(service):
    alice = service.bind("alice")
    assert read(service.store, alice.guid, Binding) == service.stored(alice.guid)
    with pytest.raises(NotFound):
        read(service.store, alice.guid, Account)
    with pytest.raises(NotFound):
        read(service.store, mint(0, bytes(15)), Binding)
    assert found(service.company, Company) is service.company
    with pytest.raises(NotFound):
        found(None, Company)
