"""The file that remembers the audit log's signed head, and the worker that compares with it."""

import json
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest

from counterseal import AuditChain
from counterseal.errors import InvalidField, StoreUnavailable
from counterseal.models import OPERATOR, AuditEvent, MemoryContent, SignedHead
from counterseal_server.audit_heads import EVERY_COMPARISON, EVERY_LINE, AuditHeads
from counterseal_server.head_memory import HEAD_NOTE, FileHeadMemory
from counterseal_server.metrics import Metrics
from counterseal_testing import FakeService

LIMIT = 100


@pytest.fixture
def service():
    return FakeService()


@pytest.fixture
def memory(tmp_path):
    return FileHeadMemory(tmp_path)


@pytest.fixture
def head(service):
    """A signed head of a service."""
    chain = AuditChain(service.ports, service.policy)
    record(service)
    chain.chain()
    chain.sign()
    return service.ports.audit.signed_head()


def record(service):
    event = AuditEvent(at=service.clock.now(), event="challenge.issue", actor="staff")
    service.ports.audit.record(event)


def numbered(head, number):
    return SignedHead(number=number, token=head.token)


def test_what_is_written_is_read_and_only_its_owner_reads_it(memory, head, service, tmp_path):
    assert memory.load() == MemoryContent()
    memory.remember(head)
    assert memory.load() == MemoryContent(head=head)
    assert (tmp_path / HEAD_NOTE).stat().st_mode & 0o777 == 0o600
    # It is a file for `audit verify --head`, too.
    assert json.loads((tmp_path / HEAD_NOTE).read_text())["auditHead"] == head.token
    memory.mark_replaced(service.clock.now())
    assert memory.load() == MemoryContent(head=head, replaced_at=service.clock.now())
    memory.remember(numbered(head, 2))
    assert memory.load().replaced_at == service.clock.now()
    memory.renew(head)
    assert memory.load() == MemoryContent(head=head)
    memory.forget()
    memory.forget()
    assert memory.load() == MemoryContent()


def test_a_lower_number_is_never_written_whoever_comes_last(memory, head, tmp_path):
    numbers = [[10 * step + thread for step in range(1, 8)] for thread in range(4)]
    pairs = []

    def remember(mine):
        for number in mine:
            FileHeadMemory(tmp_path).remember(numbered(head, number))
            pairs.append((number, memory.load().head.number))

    threads = [threading.Thread(target=remember, args=(mine,)) for mine in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert memory.load().head.number == 73
    assert all(number <= then for number, then in pairs)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", HEAD_NOTE]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"number": 1}',
        '{"number": 1, "auditHead": "no token"}',
        '{"number": -1, "auditHead": "TOKEN"}',
        '{"number": "1", "auditHead": "TOKEN"}',
        '{"auditHead": "TOKEN"}',
        '{"storeReplacedAt": "yesterday"}',
    ],
)
def test_a_file_that_says_something_else_is_refused_until_a_renewal(memory, head, tmp_path, text):
    (tmp_path / HEAD_NOTE).write_text(text.replace("TOKEN", head.token))
    for action in (memory.load, lambda: memory.remember(head)):
        with pytest.raises(InvalidField, match=r"audit-head\.json cannot be read"):
            action()
    memory.renew(head)
    assert memory.load() == MemoryContent(head=head)


def test_a_renewal_mends_a_file_that_cannot_be_read(memory, head, service, tmp_path):
    (tmp_path / HEAD_NOTE).write_text("{}")
    chain = AuditChain(service.ports, service.policy, memory)
    with pytest.raises(InvalidField):
        chain.sign()
    assert chain.renew(by=OPERATOR, who="Ada", why="the disk was full").tamperings == ()
    assert memory.load().head == service.ports.audit.signed_head()
    assert chain.sign()


# The worker


@pytest.fixture
def metrics():
    now = [0.0]
    metrics = Metrics(lambda: now[0])
    metrics.now = now
    return metrics


@pytest.fixture
def heads(service, metrics, memory, caplog):
    """The audit log's worker; its log is empty."""
    caplog.set_level("INFO")
    runtime = SimpleNamespace(
        ports=service.ports,
        audit_chain=lambda: AuditChain(service.ports, service.policy, memory),
    )
    return AuditHeads(runtime, metrics)


def value(metrics, name):
    lines = [line.split() for line in metrics.text().decode().splitlines()]
    ((_, text),) = [line for line in lines if line[0] == name]
    return float(text)


def messages(caplog):
    texts = [(record.levelname, record.getMessage()) for record in caplog.records]
    caplog.clear()
    return texts


def test_the_log_names_the_head_at_the_start_and_every_hour(service, heads, caplog):
    record(service)
    heads.chain(LIMIT)
    ((level, line),) = messages(caplog)
    assert (level, line.partition(",")[0]) == ("INFO", "audit head 1")
    for _ in range(3):
        service.clock.advance(EVERY_LINE / 4)
        record(service)
        heads.chain(LIMIT)
    assert messages(caplog) == []
    service.clock.advance(EVERY_LINE / 4)
    heads.chain(LIMIT)
    ((level, line),) = messages(caplog)
    assert (level, line.partition(",")[0]) == ("INFO", "audit head 4")


def test_a_deleted_head_is_noticed_though_nothing_is_recorded(service, heads, metrics, caplog):
    record(service)
    heads.chain(LIMIT)
    messages(caplog)
    service.ports.audit._signed_head = None
    service.clock.advance(EVERY_COMPARISON - timedelta(milliseconds=1))
    heads.chain(LIMIT)
    assert value(metrics, "counterseal_audit_head_refused") == 0
    service.clock.advance(timedelta(milliseconds=1))
    heads.chain(LIMIT)
    assert value(metrics, "counterseal_audit_head_refused") == 1
    ((level, line),) = messages(caplog)
    assert level == "ERROR"
    assert line.startswith("audit: audit_head_missing: nothing is signed until counterseal audit ")


def test_while_it_is_refused_the_log_is_unsigned_and_the_line_comes_every_hour(
    service, heads, metrics, memory, caplog
):
    record(service)
    heads.chain(LIMIT)
    signed = service.ports.audit.signed_head()
    messages(caplog)
    service.ports.audit._signed_head = None
    record(service)
    for second in range(1, 4):
        metrics.now[0] = float(second)
        heads.chain(LIMIT)
        assert value(metrics, "counterseal_audit_unsigned_seconds") == second
    assert len(messages(caplog)) == 1
    service.clock.advance(EVERY_LINE)
    heads.chain(LIMIT)
    assert len(messages(caplog)) == 1

    service.ports.audit._signed_head = signed
    service.clock.advance(EVERY_COMPARISON)
    heads.chain(LIMIT)
    assert value(metrics, "counterseal_audit_head_refused") == 0
    assert value(metrics, "counterseal_audit_unsigned_seconds") == 0
    assert memory.load().head.number == 2


def test_while_it_is_refused_it_is_compared_no_more_often(service, heads, memory):
    record(service)
    heads.chain(LIMIT)
    service.ports.audit._signed_head = None
    loads = []

    def load():
        loads.append(1)
        return FileHeadMemory.load(memory)

    memory.load = load
    for _ in range(3):
        for _ in range(5):
            record(service)
            assert heads.chain(LIMIT) == 1
        service.clock.advance(EVERY_COMPARISON)
    assert len(loads) == 3


def test_after_a_restore_there_is_a_warning_and_no_alarm(service, heads, metrics, memory, caplog):
    memory.mark_replaced(service.clock.now())
    record(service)
    metrics.now[0] = 9.0
    heads.chain(LIMIT)
    ((level, line),) = messages(caplog)
    assert (level, line.partition(": nothing")[0]) == ("WARNING", "audit: audit_renewal_due")
    assert value(metrics, "counterseal_audit_head_refused") == 0
    assert value(metrics, "counterseal_audit_unsigned_seconds") == 9
    assert service.ports.audit.signed_head() is None


def test_a_store_that_does_not_respond_is_a_failure_and_no_alarm(service, heads, metrics):
    def fail():
        raise StoreUnavailable

    record(service)
    service.ports.audit.signed_head = fail
    with pytest.raises(StoreUnavailable):
        heads.chain(LIMIT)
    assert value(metrics, "counterseal_audit_head_refused") == 0
