import attrs
import pytest
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from counterseal.errors import Conflict, WrongSignature
from counterseal.memory import MemoryAudit, MemoryStore
from counterseal.models import Change, Company
from counterseal.models.guid import mint
from counterseal_testing import START, ApprovedActions, NewDevices, Refusals, WholeCore
from counterseal_testing.histories.model import HistoryModel, core_verify
from counterseal_testing.histories.observers import LeakDetector, RecordingStore
from counterseal_testing.histories.planned_faults import PlannedFault

SHORT = settings(
    max_examples=5,
    stateful_step_count=15,
    phases=[Phase.generate],
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
COMPANY = Company(guid=mint(1, bytes(15)), name="Example", created_at=START)


def played(machine, number):
    """Return what happens in the history of one seed."""
    happened = []

    class Recording(machine):
        def run_operation(self, verb, call, **facts):
            result = super().run_operation(verb, call, **facts)
            happened.append((verb, result.code, str(result.operation.facts.get("device"))))
            return result

    run_state_machine_as_test(seed(number)(Recording), settings=settings(SHORT, max_examples=2))
    return happened


@pytest.mark.parametrize("machine", [WholeCore, NewDevices, Refusals, ApprovedActions])
def test_a_seed_plays_the_same_history_again(machine):
    happened = played(machine, 7)
    assert played(machine, 7) == happened
    assert played(machine, 8) != happened


def test_histories_are_played_on_other_adapters_too():
    stores = []

    class Elsewhere(WholeCore):
        def adapters(self, ports):
            stores.append(MemoryStore(ports.audit))
            return attrs.evolve(ports, store=stores[-1])

    run_state_machine_as_test(Elsewhere, settings=SHORT)

    assert all(store.list(None) for store in stores)


def test_a_store_that_compares_nothing_is_found_out(capsys):
    class Careless(MemoryStore):
        def _compare(self, change):
            pass

    class OnCareless(WholeCore):
        def adapters(self, ports):
            return attrs.evolve(ports, store=Careless(ports.audit))

    short = settings(SHORT, max_examples=200, print_blob=True, verbosity=Verbosity.normal)
    with pytest.raises(AssertionError) as error:
        run_state_machine_as_test(OnCareless, settings=short)

    notes = "\n".join(error.value.__notes__)
    assert "state.begin(" in notes
    assert "@reproduce_failure(" in notes


def test_only_the_whole_core_makes_concurrent_calls():
    with pytest.raises(NotImplementedError):
        HistoryModel.concurrent_call(None, "lock", None)


def test_a_signature_that_does_not_hold_is_nobodys():
    signed = []

    class Listening(WholeCore):
        @staticmethod
        def verify(token, jwk):
            signed.append((token, jwk))
            return core_verify(token, jwk)

    # A few short histories may have nobody answer.
    while not signed:
        run_state_machine_as_test(Listening, settings=SHORT)

    token, jwk = signed[0]
    head, _, _ = token.rpartition(".")
    _, _, foreign = signed[-1][0].rpartition(".")
    assert core_verify(token, jwk)
    if token != signed[-1][0]:
        with pytest.raises(WrongSignature):
            core_verify(f"{head}.{foreign}", jwk)


def test_a_recording_store_reports_each_commit_once_and_each_lost_race():
    recorder = RecordingStore(MemoryStore(MemoryAudit()))
    commits, lost = [], []
    recorder.applied = lambda changes, audit: commits.append((changes, audit))
    recorder.lost = lambda: lost.append(True)
    changes = (Change(None, COMPANY),)

    recorder.commit(changes, (), "one")
    recorder.commit(changes, (), "one")
    with pytest.raises(Conflict):
        recorder.commit(changes, (), "two")
    recorder.commit((Change(COMPANY, COMPANY),), (), "three")

    assert commits == [(changes, ()), ((), ())]
    assert lost == [True]
    assert recorder.get(COMPANY.guid) == recorder.list(None) == (COMPANY,)
    assert recorder.records == {COMPANY.guid: COMPANY}


def test_secrets_are_found_in_texts():
    leaks = LeakDetector()
    leaks.add("the secret")
    leaks.codes.add("123456")
    leaks.require_absent("nothing", "1234567", "a-123456", "abc123456")

    for text in ("it is the secret", "the code is 123456", "a Canary: canary"):
        with pytest.raises(AssertionError):
            leaks.require_absent(text)


@pytest.mark.parametrize(
    ("fault", "harmless"),
    [
        (PlannedFault("lost reply"), True),
        (PlannedFault("lost reply", times=1000), False),
        (PlannedFault("failure", at="wake.notify"), True),
        (PlannedFault("failure"), False),
        (PlannedFault("lock"), False),
    ],
    ids=repr,
)
def test_some_faults_make_no_difference(fault, harmless):
    assert fault.harmless is harmless
