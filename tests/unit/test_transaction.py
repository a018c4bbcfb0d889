"""The one way to commit: read and decide again after a conflict, ask again after a lost reply."""

import ast
import inspect
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trees import tree_of

import counterseal
from counterseal import STANDARD, keys
from counterseal._audit_context import AuditContext, demand_rate, record_refusal, refusals
from counterseal._plan import (
    AuditEntry,
    Decision,
    Queries,
    Reading,
    Signing,
    Tools,
    account_of,
    bindings_of,
    nothing,
    pending_of,
    record_with_account,
    records,
    require,
)
from counterseal._transaction import Loaded, Transactions, changes_of
from counterseal.errors import (
    Conflict,
    Contended,
    DeadlineAhead,
    Indeterminate,
    NotFound,
    StoreUnavailable,
    TooOften,
    WrongRecord,
    WrongState,
)
from counterseal.models import Account, AuditEvent, Binding, Change, Company, revise
from counterseal.models.guid import mint
from counterseal_testing.faults import Faults, faulty

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SOURCE = Path(counterseal.__file__).parent
CONTEXT = AuditContext(event="company.rename", actor="staff")
FEW = attrs.evolve(STANDARD, commit_attempts=3)
NOBODY = mint(0, bytes(15))
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class ScriptedStore:
    """Does to each commit what the script says; then, or by default, what it should."""

    def __init__(self, store, *script):
        self._store = store
        self._script = list(script)
        self.operations = []
        self.commits = []
        self.reads = []

    def __getattr__(self, name):
        self.reads.append(name)
        return getattr(self._store, name)

    def commit(self, changes, audit, operation):
        self.operations.append(operation)
        step = self._script.pop(0) if self._script else "apply"
        if step == "conflict":
            raise Conflict
        if step == "down":
            raise StoreUnavailable
        if step == "lost before":
            raise Indeterminate
        self._store.commit(changes, audit, operation)
        self.commits.append(changes)
        if step == "lost after":
            raise Indeterminate


class Renaming:
    """Rename the company under a scripted store; remember how often it was decided."""

    def __init__(self, service):
        self.service = service
        self.decisions = 0

    def decision(self, **more):
        def decide(stored, tools):
            self.decisions += 1
            company = require(stored[0], Company)
            renamed = revise(company, name="Renamed")
            members = {"writes": (renamed,), "audit": (AuditEntry(company.guid),)} | more
            return Decision(result=renamed, **members)

        return records(self.service.company.guid), decide

    def __call__(self, *script, loaded=None, **more):
        self.store = ScriptedStore(self.service.ports.store, *script)
        ports = attrs.evolve(self.service.ports, store=self.store)
        first, decide = self.decision(**more)
        return Transactions(ports, FEW).transact(CONTEXT, loaded or first, decide)


@pytest.fixture
def rename(service):
    return Renaming(service)


@pytest.fixture
def run(service):
    return lambda first, decide: Transactions(service.ports, FEW).transact(CONTEXT, first, decide)


def loaded_before(record):
    """Return *record* as it was read before the transaction."""
    return Loaded((record,), (record,), reading=records(record.guid))


def name(service):
    return service.stored(service.company.guid).name


# The commit


def test_the_decision_is_committed_with_its_audit_and_returned(service, rename):
    assert rename() == service.stored(service.company.guid)
    assert name(service) == "Renamed"
    assert service.events[-1] == AuditEvent(
        at=service.clock.now(),
        event="company.rename",
        actor="staff",
        subject=service.company.guid,
    )
    assert (rename.decisions, rename.store.reads) == (1, ["get"])


def test_an_entry_may_say_more_than_its_context(service, rename):
    entry = AuditEntry(None, "company.tell", "code", actor="worker", attributes=(("a", "b"),))
    rename(audit=(entry,))
    assert service.events[-1] == AuditEvent(
        at=service.clock.now(),
        event="company.tell",
        actor="worker",
        reason="code",
        attributes=(("a", "b"),),
    )


def test_nothing_to_write_is_no_commit(rename):
    rename(writes=(), audit=())
    assert rename.store.operations == []


def test_what_is_recorded_is_recorded_in_a_commit_that_guards_what_was_read(service, rename):
    company = service.company
    rename(writes=(), guards=(company,))
    assert rename.store.commits == [(Change(company, company),)]
    assert service.last_event() == ("company.rename", "")


def test_after_a_conflict_it_is_read_and_decided_again_under_a_new_operation(rename):
    assert rename("conflict", "conflict").version == 2
    assert rename.decisions == 3
    assert rename.store.reads == ["get"] * 3
    assert len(set(rename.store.operations)) == 3


def test_a_commit_that_loses_every_race_is_contended_and_bounded(service, rename):
    with pytest.raises(Contended):
        rename(*["conflict"] * 9)
    assert rename.decisions == len(rename.store.operations) == FEW.commit_attempts
    assert name(service) == "Example Ltd"


def test_a_lost_reply_is_asked_for_again_under_the_same_operation(service, rename):
    rename("lost after")
    assert rename.decisions == 1
    assert len(rename.store.operations) == 2
    assert len(set(rename.store.operations)) == 1
    assert service.stored(service.company.guid).version == 2
    assert len(service.happened("company.rename")) == 1


def test_a_commit_that_never_arrived_is_tried_afresh(service, rename):
    rename("lost before", "lost before")
    assert (rename.decisions, len(rename.store.operations)) == (1, 3)
    assert service.stored(service.company.guid).version == 2


def test_replies_lost_each_time_stay_indeterminate(rename):
    with pytest.raises(Indeterminate):
        rename(*["lost before"] * 9)
    assert (rename.decisions, len(rename.store.operations)) == (1, FEW.commit_attempts)


def test_a_store_that_goes_down_behind_a_lost_reply_leaves_it_indeterminate(service, rename):
    """That it did not answer the second time says nothing about the first."""
    with pytest.raises(Indeterminate):
        rename("lost after", "down")
    assert name(service) == "Renamed"


def test_a_conflict_behind_a_lost_reply_is_decided_again(rename):
    assert rename("lost before", "conflict", "apply").version == 2
    assert rename.decisions == 2


def test_a_store_that_is_down_is_not_asked_again(service, rename):
    with pytest.raises(StoreUnavailable):
        rename("down")
    assert len(rename.store.operations) == 1
    assert name(service) == "Example Ltd"


# Refusals


def test_a_refusal_with_a_consequence_is_committed_before_it_is_raised(service, rename):
    with pytest.raises(NotFound):
        rename(refusal=NotFound())
    assert name(service) == "Renamed"
    assert service.last_event() == ("company.rename", "")


def test_a_refusal_whose_commit_lost_its_race_is_decided_again(service, rename):
    with pytest.raises(NotFound):
        rename("conflict", refusal=NotFound())
    assert rename.decisions == 2
    assert service.stored(service.company.guid).version == 2


def test_a_refusal_whose_consequence_cannot_be_committed_is_not_raised(rename):
    with pytest.raises(StoreUnavailable):
        rename("down", refusal=NotFound())


def refuse(stored, tools):
    raise WrongState


def test_a_refused_decision_is_recorded_once_and_commits_nothing(service):
    before, events = service.records(), service.events
    context = AuditContext(event="company.rename", actor="me", subject=service.company.guid)
    with pytest.raises(WrongState):
        Transactions(service.ports, FEW).transact(context, nothing(), (refuse))
    assert service.records() == before
    assert service.events == (
        *events,
        AuditEvent(
            at=service.clock.now(),
            event="company.rename",
            actor="me",
            subject=service.company.guid,
            reason="wrong_state",
        ),
    )


def test_a_refusal_of_a_decision_that_stores_nothing_is_recorded(service, run):
    events = service.events
    with pytest.raises(WrongState):
        run(nothing(), (lambda *_: Decision(result=None, refusal=WrongState())))
    assert service.last_event() == ("company.rename", "wrong_state")
    assert len(service.events) == len(events) + 1


def test_only_a_decision_that_says_so_is_not_recorded(service, run):
    events = service.events
    lost = Decision(result=None, refusal=WrongState(), unrecorded=True)
    with pytest.raises(WrongState):
        run(nothing(), (lambda *_: lost))
    assert service.events == events


def unrecorded(source):
    """The functions of *source* that leave a refusal out of the audit log."""
    return {
        function.name
        for function in ast.walk(tree_of(source))
        if isinstance(function, FUNCTIONS)
        for node in ast.walk(function)
        if isinstance(node, ast.keyword) and node.arg == "unrecorded"
    }


def test_only_a_race_that_a_worker_expects_to_lose_is_not_recorded():
    root = Path(counterseal.__file__).parent
    users = {
        str(path.relative_to(root)): functions
        for path in root.rglob("*.py")
        if (functions := unrecorded(path.read_text("utf-8")))
    }
    assert users == {
        "outbox/decisions/claims.py": {"_claim"},
        "events/decisions.py": {"mark_published"},
        "_transaction.py": {"_decide_unless_lost"},
    }


def test_a_refusal_by_the_readings_parser_is_recorded_too(service, run):
    with pytest.raises(WrongState):
        run(Reading("get", (NOBODY,), refuse), (lambda value, tools: Decision(result=value)))
    assert service.last_event() == ("company.rename", "wrong_state")


def test_an_unexpected_error_leaves_as_it_is(service, run):
    before, events = service.records(), service.events
    with pytest.raises(ZeroDivisionError):
        run(nothing(), (lambda stored, tools: Decision(result=1 // 0)))
    assert (service.records(), service.events) == (before, events)


def test_a_refusal_before_a_transaction_is_recorded_as_it_leaves_the_block(service):
    with pytest.raises(WrongState), refusals(service.ports, CONTEXT):
        raise WrongState
    assert service.last_event() == ("company.rename", "wrong_state")
    events = service.events
    with pytest.raises(StoreUnavailable), refusals(service.ports, CONTEXT):
        raise StoreUnavailable
    with refusals(service.ports, CONTEXT):
        pass
    assert service.events == events


def test_a_refusal_that_the_audit_log_cannot_take_is_unavailable(service):
    class Down:
        def record(self, event):
            raise StoreUnavailable

    ports = attrs.evolve(service.ports, audit=Down())
    with pytest.raises(StoreUnavailable):
        record_refusal(ports, CONTEXT, WrongState())
    with pytest.raises(StoreUnavailable), refusals(ports, CONTEXT):
        raise WrongState


def test_an_event_names_the_app_space_of_its_records(service, run):
    """Of the context, or else of the subject, or else of what is written or was read."""
    origin, company, other = (
        service.origin.origin,
        service.company,
        service.new_app_space("Other"),
    )
    space = service.app_space.guid
    context = AuditContext(event="company.rename", actor="staff")
    reading = records(company.guid, other.guid, origin.guid)
    entry = (AuditEntry(None),)

    def recorded(subject, *, refusal=None, own=None):
        one = attrs.evolve(context, subject=subject, app_space=own)
        audit, guards = ((), ()) if refusal else (entry, (company,))
        decision = Decision(result=None, audit=audit, guards=guards, refusal=refusal)
        with suppress(WrongState):
            Transactions(service.ports, FEW).transact(one, reading, (lambda *_: decision))
        return service.events[-1].app_space

    for refusal in (None, WrongState()):
        assert recorded(origin.guid, refusal=refusal) == space
        assert recorded(other.guid, refusal=refusal) == other.guid
        assert recorded(None, refusal=refusal) == other.guid
        assert recorded(origin.guid, refusal=refusal, own=other.guid) == other.guid
    with pytest.raises(WrongState):
        Transactions(service.ports, FEW).transact(context, records(company.guid), (refuse))
    assert service.events[-1].app_space is None
    renamed = revise(origin, name="Shop")
    write = Decision(result=None, writes=(renamed,), audit=entry)
    Transactions(service.ports, FEW).transact(context, records(origin.guid), (lambda *_: write))
    assert service.events[-1].app_space == space


def test_a_call_past_its_rate_is_refused_and_recorded(service):
    for _ in range(3):
        demand_rate(service.ports, CONTEXT, ("rename", "staff"), 3)
    with pytest.raises(TooOften) as caught:
        demand_rate(service.ports, CONTEXT, ("rename", "staff"), 3)
    assert (caught.value.reason, caught.value.retry_after) == ("rename_rate", 60)
    assert service.last_event() == ("company.rename", "too_often")
    demand_rate(service.ports, CONTEXT, ("rename", "somebody else"), 3)


# Readings


def test_each_reading_is_one_trip_to_the_verb_that_it_names(service):
    alice = service.bind("alice")
    challenge = service.ask("alice", "Pay?").challenge
    account, store = service.account(), service.ports.store
    for reading, verb, expected in (
        (records(alice.guid, NOBODY), "get", (service.stored(alice.guid), None)),
        (record_with_account(challenge.guid), "get_with_account", (challenge, account)),
        (
            record_with_account(challenge.guid, alice.guid),
            "get_with_account",
            (challenge, account, service.stored(alice.guid)),
        ),
        (account_of(service.app_space.guid, "alice"), "account", account),
        (bindings_of(account.guid), "bindings", (service.stored(alice.guid),)),
        (pending_of(account.guid), "pending", (challenge,)),
    ):
        watched = ScriptedStore(store)
        transactions = Transactions(attrs.evolve(service.ports, store=watched), FEW)
        result = transactions.transact(CONTEXT, reading, lambda value, _: Decision(result=value))
        assert result == expected
        assert transactions.load(reading).value == expected
        assert watched.reads == [verb] * 2


def test_a_plan_may_read_nothing(service):
    watched = ScriptedStore(service.ports.store)
    transactions = Transactions(attrs.evolve(service.ports, store=watched), FEW)
    decide = lambda stored, _: Decision(result=stored)  # noqa: E731
    assert transactions.transact(CONTEXT, nothing(), decide) == ()
    assert watched.reads == []


def test_a_reading_is_parsed_into_what_the_decision_gets(service, run):
    reading = Reading("get", (service.company.guid,), lambda stored, tools: stored[0].name)
    assert run(reading, (lambda value, tools: Decision(result=value))) == "Example Ltd"


def test_what_was_loaded_before_is_not_read_again_until_a_race_is_lost(service, rename):
    company = service.stored(service.company.guid)
    loaded = loaded_before(company)
    assert rename(loaded=loaded).version == 2
    assert rename.store.reads == []


def test_after_a_lost_race_what_was_loaded_before_counts_no_more(service, rename):
    company = service.stored(service.company.guid)
    rename("conflict", loaded=loaded_before(company))
    assert rename.store.reads == ["get"]


def test_all_trips_of_an_attempt_share_one_moment_after_the_first(service):
    class Moving:
        def __init__(self):
            self.readings = 0

        def now(self):
            self.readings += 1
            return service.clock.now()

    clock, moments = Moving(), []

    async def decide(stored, tools):
        moments.append(tools.now)
        await records(service.company.guid)
        moments.append(tools.now)
        return Decision(result=None)

    ports = attrs.evolve(service.ports, clock=clock)
    Transactions(ports, FEW).transact(CONTEXT, nothing(), decide)
    assert moments[0] is moments[1]
    assert clock.readings == 1


def test_a_decision_that_reads_by_itself_has_no_time_before_its_first_trip(service):
    async def decide(tools):
        with pytest.raises(AttributeError):
            _ = tools.now
        await records(service.company.guid)
        return Decision(result=tools.now)

    assert Transactions(service.ports, FEW).act(CONTEXT, decide) == service.clock.now()


def test_a_decision_that_reads_nothing_is_of_the_time_of_its_end(service):
    async def decide(tools):
        return Decision(result=tools)

    tools = Transactions(service.ports, FEW).act(CONTEXT, decide)
    assert tools.now == service.clock.now()


def test_a_decision_gets_these_tools_and_no_others(service, run):
    tools = run(nothing(), (lambda stored, tools: Decision(result=tools)))
    assert [field.name for field in attrs.fields(Tools)] == [
        *("now", "entropy", "seal", "open", "policy", "trace")
    ]
    assert tools.now == service.clock.now()
    assert len(tools.entropy(9)) == 9
    assert tools.open(tools.seal(b"secret", "here"), "here") == b"secret"
    assert tools.policy is FEW
    assert tools.trace is None


def test_what_is_required_is_of_its_kind(service):
    assert require(service.company, Company) is service.company
    for record in (None, service.company):
        with pytest.raises(NotFound):
            require(record, Account)


# What a decision may write and guard


def test_a_record_that_was_not_read_is_not_written(service, run):
    company = service.stored(service.company.guid)
    with pytest.raises(WrongRecord):
        run(
            nothing(),
            (lambda stored, tools: Decision(result=None, writes=(revise(company, name="New"),))),
        )
    assert name(service) == "Example Ltd"


def test_a_record_that_was_not_read_is_not_guarded(service, run):
    with pytest.raises(WrongRecord):
        run(
            nothing(),
            (
                lambda stored, tools: Decision(
                    result=None, guards=(service.company,), audit=(AuditEntry(None),)
                )
            ),
        )


def test_a_record_that_is_there_is_not_created_again(service, run):
    again = attrs.evolve(service.company, version=1)
    with pytest.raises(WrongRecord):
        run(
            records(service.company.guid),
            (lambda stored, tools: Decision(result=None, writes=(again,))),
        )


def test_two_versions_of_one_record_in_one_attempt_are_a_lost_race(service, run):
    """Whatever was decided on the first of them is decided again."""
    guid, attempts = service.company.guid, []

    async def decide(first, _):
        attempts.append(first[0].name)
        if len(attempts) == 1:
            service.administration.edit_company(guid, "Meanwhile Ltd")
        await records(guid)
        return Decision(result=None, writes=(revise(first[0], name="New"),))

    run(records(guid), decide)
    assert attempts == ["Example Ltd", "Meanwhile Ltd"]
    assert name(service) == "New"


COMPANIES = [
    Company(guid=mint(0, bytes([number] * 15)), version=version, name="One", created_at=NOW)
    for number in range(3)
    for version in range(1, 4)
]


@given(
    stored=st.lists(st.sampled_from(COMPANIES), unique_by=lambda record: record.guid),
    writes=st.lists(st.sampled_from(COMPANIES), max_size=3),
    guards=st.lists(st.sampled_from(COMPANIES), max_size=3),
)
def test_a_commit_creates_what_is_new_and_follows_what_was_read_and_nothing_else(
    stored, writes, guards
):
    decision = Decision(result=None, writes=tuple(writes), guards=tuple(guards))
    old = {record.guid: record for record in stored}
    sound = all(
        record.version == old[record.guid].version + 1
        if record.guid in old
        else record.version == 1
        for record in writes
    ) and all(record in stored for record in guards)
    trips = (tuple(stored), None, (None,))
    if not sound:
        with pytest.raises(WrongRecord):
            changes_of(decision, trips, NOW)
        return
    changes = changes_of(decision, trips, NOW)
    assert changes == (
        *(Change(old.get(record.guid), record) for record in writes),
        *(Change(record, record) for record in guards),
    )
    assert all(change.old is change.new for change in changes[len(writes) :])


# Signing


SIGNING = Signing(typ="test+jwt", payload=lambda _: b'{"a":1}')


def test_what_a_decision_wants_signed_is_signed_before_the_commit(service, run):
    company = service.company

    async def decide(*_):
        token = await SIGNING
        renamed = revise(company, name=token[:20])
        return Decision(result=token, writes=(renamed,), audit=(AuditEntry(company.guid),))

    token = run(loaded_before(company), decide)
    jws = keys.read(token, limit=1000)
    issuer = service.ports.signer.jwks()[0]
    assert keys.verify(jws, issuer, expected_typ="test+jwt") == {"a": 1}
    assert name(service) == token[:20]


def test_several_tokens_are_signed_one_after_another(run):
    async def decide(*_):
        return Decision(result=(await SIGNING, await SIGNING))

    one, two = run(nothing(), decide)
    assert one.rpartition(".")[0] == two.rpartition(".")[0]


def test_a_signer_that_is_out_of_reach_leaves_everything_as_it_was(service):
    faults = Faults()
    faults.fail("signer.sign")
    ports = attrs.evolve(service.ports, signer=faulty(service.ports.signer, "signer", faults))
    before, events = service.records(), service.events

    async def decide(*_):
        return Decision(result=await SIGNING)

    with pytest.raises(StoreUnavailable):
        Transactions(ports, FEW).transact(CONTEXT, nothing(), decide)
    assert (service.records(), service.events) == (before, events)


# Wakes


class Waiting:
    """A Wake that remembers whom it rang for, and what was stored by then."""

    def __init__(self, service, *, down=False):
        self.service, self.down, self.guids = service, down, []

    def notify(self, guid):
        self.guids.append((guid, name(self.service)))
        if self.down:
            raise StoreUnavailable


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("refusal", [None, NotFound()])
def test_those_who_wait_are_woken_once_it_is_committed(service, rename, down, refusal):
    wake = Waiting(service, down=down)
    store = ScriptedStore(service.ports.store, "conflict")
    ports = attrs.evolve(service.ports, store=store, wake=wake)
    decision = rename.decision(wakes=(NOBODY, service.company.guid), refusal=refusal)
    if refusal is None:
        Transactions(ports, FEW).transact(CONTEXT, *decision)
    else:
        with pytest.raises(NotFound):
            Transactions(ports, FEW).transact(CONTEXT, *decision)
    assert wake.guids == [(NOBODY, "Renamed"), (service.company.guid, "Renamed")]


def test_nobody_is_woken_for_what_is_not_committed(service, rename):
    wake = Waiting(service)
    store = ScriptedStore(service.ports.store, *["conflict"] * 9)
    ports = attrs.evolve(service.ports, store=store, wake=wake)
    with pytest.raises(Contended):
        Transactions(ports, FEW).transact(CONTEXT, *rename.decision(wakes=(NOBODY,)))
    assert wake.guids == []


# Sweeping


@pytest.fixture
def sweep(service):
    """Sweep three companies, under rules that the test gives; return how many were dealt with."""
    due = [service.administration.create_company(f"Company {number}") for number in range(3)]

    def run(*verdicts):
        outcomes = dict(zip((company.guid for company in due), verdicts, strict=True))

        def decide(stored, tools):
            outcome = outcomes[stored[0].guid]
            if isinstance(outcome, Exception):
                raise outcome
            return Decision(result=None, writes=(revise(stored[0], name=outcome),))

        transactions = Transactions(service.ports, FEW)
        return transactions.sweep(CONTEXT, due, records, decide)

    run.names = lambda: [service.stored(company.guid).name for company in due]
    run.due = due
    return run


def test_a_sweep_deals_with_each_record_that_is_due(sweep):
    assert sweep("a", "b", "c") == 3
    assert sweep.names() == ["a", "b", "c"]


@pytest.mark.parametrize("lost", [WrongState(), DeadlineAhead()], ids=str)
def test_a_sweep_passes_over_what_another_worker_swept_and_does_not_record_it(service, sweep, lost):
    events = service.events
    assert sweep("a", lost, "c") == 2
    assert sweep.names() == ["a", "Company 1", "c"]
    assert service.events == events


def test_a_sweep_records_every_other_refusal(service, sweep):
    assert sweep("a", NotFound(), "c") == 2
    event = service.events[-1]
    assert (event.subject, event.reason) == (sweep.due[1].guid, "not_found")


def test_a_sweep_stops_where_a_port_fails_and_what_was_done_stays(sweep):
    with pytest.raises(StoreUnavailable):
        sweep("a", StoreUnavailable(), "c")
    assert sweep.names() == ["a", "Company 1", "Company 2"]


# Where it is called


@cache
def calls_of(tree):
    """The line of each call in *tree*, and what it calls."""
    return [
        (node.lineno, ast.unparse(node.func))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


def called(tree, *names):
    """The lines where one of *names* is called, as a name or as an attribute."""
    for line, function in calls_of(tree):
        if function in names or function.endswith(tuple(f".{name}" for name in names)):
            yield line


def callers_of(trees, *names):
    return {file for file, tree in trees.items() for _ in called(tree, *names)}


@cache
def sources():
    return {
        str(path.relative_to(SOURCE)): tree_of(path.read_text("utf-8"))
        for path in sorted(SOURCE.rglob("*.py"))
    }


def test_only_admission_makes_a_loaded_authenticated_device():
    """Else nothing is there, or it is a record that the transaction's commit compares."""
    trees = sources()
    assert callers_of(trees, "Loaded") == {
        *("_transaction.py", "bindings/usecases/admission.py", "_idempotency.py"),
        "outbox/usecases/claims.py",
    }
    assert callers_of(trees, "AuthenticatedDevice") == {"bindings/decisions/device_requests.py"}
    assert callers_of(
        trees, "transactions.load", "_transactions.load", "open_request", "admit"
    ) == {"bindings/usecases/admission.py"}
    assert callers_of(trees, "identify") == {
        *("bindings/decisions/device_requests.py", "bindings/usecases/admission.py")
    }


def unadmitted(tree):
    """
    The functions that open or admit a device's call, and do not transact with what was admitted.
    """
    admissions = {"admit", "self._admit"}
    for function in ast.walk(tree):
        if not isinstance(function, FUNCTIONS):
            continue
        calls = {
            call: ast.unparse(call.func)
            for call in ast.walk(function)
            if isinstance(call, ast.Call)
        }
        names = {*calls.values()}
        if not names & {"open_request", *admissions}:
            continue
        admitted = {
            tuple(ast.unparse(element) for element in target.elts)
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and ast.unparse(node.value.func) in admissions
            for target in node.targets
            if isinstance(target, ast.Tuple)
        }
        runs = [call for call, name in calls.items() if name.endswith("transactions.transact")]
        if not names & admissions or any(
            tuple(ast.unparse(argument) for argument in run.args[:2]) not in admitted
            for run in runs
        ):
            yield function.name


ADMITTED = """
def pending(self, call):
    request = open_request(call, self.policy)
    context, device = admit(self._transactions, context, request)
    return self._transactions.transact(context, device, decide)
"""

ADMITTED_IN_ONE_STEP = """
def rotate(self, call):
    context, device = self._admit(call, "binding.rotate", None)
    return self._transactions.transact(context, device, decide)
"""


def test_whoever_opens_a_devices_call_admits_it():
    """Otherwise there is no replay guard, and no Identity Provider is asked."""
    trees = {file: tree for file, tree in sources().items() if "/usecases" in file}
    assert {file: names for file in trees if (names := [*unadmitted(trees[file])])} == {}
    assert [*unadmitted(ast.parse(ADMITTED))] == []
    assert [*unadmitted(ast.parse(ADMITTED_IN_ONE_STEP))] == []


@pytest.mark.parametrize(
    "planted",
    [
        ADMITTED.replace("context, device = admit(self._transactions, context, request)", "pass"),
        ADMITTED.replace("context, device =", "_, device ="),
        ADMITTED.replace(", device, decide", ", decide"),
        ADMITTED.replace(", device, decide", ", other, decide"),
        ADMITTED_IN_ONE_STEP.replace("rotate(", "pending(").replace(", device, d", ", other, d"),
    ],
)
def test_a_request_that_is_planted_and_not_admitted_is_found(planted):
    assert [*unadmitted(ast.parse(planted))] == ["pending"]


PORTS = {"ports", "store", "clock", "entropy", "sealer", "signer", "identity", "notifier", "wake"}


def effects_in_lambdas(tree):
    """The lines of lambdas that name a port: a decision has no effects."""
    return [
        node.lineno
        for function in ast.walk(tree)
        if isinstance(function, ast.Lambda)
        for node in ast.walk(function.body)
        if (isinstance(node, ast.Attribute) and node.attr in PORTS and not of_tools(node))
        or (isinstance(node, ast.Name) and node.id in PORTS)
    ]


def of_tools(node):
    return isinstance(node.value, ast.Name) and node.value.id == "tools"


def test_no_lambda_of_a_use_case_names_a_port():
    trees = {file: tree for file, tree in sources().items() if "/usecases" in file}
    assert {file: names for file in trees if (names := effects_in_lambdas(trees[file]))} == {}


@pytest.mark.parametrize(
    ("planted", "lines"),
    [
        ("lambda stored, tools: decide(stored, self.ports.clock.now())", True),
        ("lambda stored, tools: decide(stored, ports.notifier.kinds())", True),
        ("lambda stored, tools: store.get(stored)", True),
        ("lambda stored, tools: decide(stored, tools.entropy(16))", False),
    ],
)
def test_a_lambda_that_names_a_port_is_found(planted, lines):
    assert bool(effects_in_lambdas(ast.parse(f"decision = ({planted})"))) is lines


def test_each_query_is_a_read_of_the_store():
    queries, verbs, part_verbs = (
        {name: inspect.signature(verb) for name, verb in vars(kind).items() if name[0] != "_"}
        for kind in (Queries, counterseal.ports.Store, counterseal.ports.PartSearch)
    )
    verbs |= part_verbs
    assert {"get", "get_with_account", "account"} < queries.keys() < verbs.keys() - {"commit"}
    for name, signature in queries.items():
        assert list(signature.parameters) == list(verbs[name].parameters)


def test_what_is_read_is_of_its_kind(service):
    alice = service.bind("alice")
    assert require(service.stored(alice.guid), Binding) == service.stored(alice.guid)
    with pytest.raises(NotFound):
        require(service.stored(alice.guid), Account)
