"""Requests with the program's own data: what is asked, what is done, and what ends them."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from interrupted_requests import LONG, PAUSE, payment_question
from own_orders import (
    TABLE,
    Base,
    Order,
    Payment,
    new_async_requests,
    new_requests,
    new_sessions,
    pay,
    pay_async,
    place_order,
)
from sqlalchemy import MetaData, delete, func, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from counterseal import Refused, Unavailable
from counterseal.errors import (
    AccountUnbound,
    AccountUnknown,
    ActionUsed,
    Foreign,
    InvalidField,
    NotFound,
    StoreUnavailable,
    WrongState,
)
from counterseal.models import Question, TextContent, UseState
from counterseal_sql.own_data import (
    ApprovalRequests,
    ApprovalTable,
    LocalService,
    TransactionEnded,
    steps,
)
from counterseal_testing import FakeService

KEY = "order-1"
USER = "user-1"


class Program:
    """The program on a database of its own, Counterseal in memory, and the user's phone."""

    def __init__(self, url):
        self.service = FakeService()
        self.phone = self.service.bind(USER)
        self.calls = LocalService(self.service.ports, self.service.policy, self.service.origin)
        self.sessions = new_sessions(url)
        self.requests = new_requests(self.calls, self.sessions)
        self.engine = self.sessions.kw["bind"]
        Base.metadata.create_all(self.engine)

    def new_order(self, key=KEY, user=USER):
        with self.sessions.begin() as session:
            place_order(session, self.requests, user, key)

    def answer(self, button=0):
        (challenge,) = self.phone.pending()
        self.phone.answer(self.phone.fetch(challenge.guid), button)

    def work(self):
        self.service.clock.advance(LONG)
        return self.requests.work()

    def order_state(self, key=KEY):
        with self.sessions() as session:
            return session.scalar(select(Order.state).where(Order.key == key))

    def payments(self):
        with self.sessions() as session:
            return session.scalar(select(func.count()).select_from(Payment))


@pytest.fixture
def program(server):
    program = Program(str(server.bare()))
    yield program
    program.engine.dispose()


def test_a_worker_asks_and_does_once_what_was_approved(program):
    program.new_order()
    assert program.requests.work() == 0  # the program itself may ask first
    assert program.work() == 1
    assert program.work() == 1  # nobody has answered
    assert program.order_state() == "waiting"
    program.answer()
    assert program.work() == 1
    assert (program.order_state(), program.payments()) == ("paid", 1)
    assert program.work() == 0
    request = program.requests.finish(KEY)
    status = program.service.actions.status(program.service.origin, request.challenge)
    assert (request.outcome, request.use, request.reported) == ("used", status.use.guid, True)
    assert status.use.state is UseState.EXECUTED
    assert request.account_id == USER


def test_a_page_need_not_wait_for_a_worker(program):
    program.new_order()
    assert program.requests.finish(KEY).challenge is not None
    assert program.requests.finish(KEY).outcome is None
    program.answer()
    assert program.requests.finish(KEY).outcome == "used"
    assert program.payments() == 1


def test_nothing_is_asked_of_what_was_rolled_back(program):
    with program.sessions() as session:
        place_order(session, program.requests, USER, KEY)
        session.flush()
        with pytest.raises(NotFound):
            program.requests.ask(KEY)
        session.rollback()
    assert program.work() == 0
    assert program.phone.pending() == ()


def test_a_second_request_of_one_key_is_refused_by_the_database(program):
    program.new_order()
    with pytest.raises(IntegrityError), program.sessions.begin() as session:
        session.execute(program.requests.insert(payment_question(USER, KEY), key=KEY))


def test_the_code_is_returned_again_and_stored_nowhere(program):
    question = payment_question(USER, KEY)
    question = Question(account_id=USER, content=question.content, show_code=True)
    with program.sessions.begin() as session:
        session.execute(program.requests.insert(question, key=KEY))
    program.work()
    issued = program.requests.ask(KEY)
    assert issued.code is not None
    assert program.requests.ask(KEY).code == issued.code
    with program.sessions() as session:
        assert issued.code not in str(session.execute(select(TABLE.table)).all())
    assert len(program.phone.pending()) == 1


def test_nobody_is_asked_again_once_the_key_may_be_forgotten(program):
    program.new_order()
    program.requests.ask(KEY)
    program.service.clock.advance(program.calls.repeat_for)
    with pytest.raises(WrongState):
        program.requests.ask(KEY)


def test_a_request_that_has_ended_is_not_asked_again(program):
    program.new_order()
    program.requests.ask(KEY)
    program.answer(1)
    program.work()
    with pytest.raises(WrongState):
        program.requests.ask(KEY)


@pytest.mark.parametrize(
    ("key", "content", "field"),
    [
        ("", None, "key"),
        ("x" * 257, None, "key"),
        ("ü" * 129, None, "key"),
        (7, None, "key"),
        (KEY, TextContent(text="Pay?"), "action"),
    ],
)
def test_a_request_that_cannot_be_asked_is_refused_at_once(program, key, content, field):
    question = payment_question(USER, KEY)
    question = Question(account_id=USER, content=content or question.content)
    with pytest.raises(InvalidField) as refusal:
        program.requests.insert(question, key=key)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (lambda program: program.answer(1), "declined"),
        (
            lambda program: program.phone.disown(
                program.phone.fetch(program.phone.pending()[0].guid)
            ),
            "disowned",
        ),
        (lambda program: program.service.clock.advance(timedelta(days=2)), "expired"),
        (
            lambda program: program.service.challenges.cancel(
                program.service.origin, program.phone.pending()[0].guid
            ),
            "cancelled",
        ),
        (
            lambda program: (program.answer(), program.phone.unbind()),
            "approver_inactive",
        ),
    ],
)
def test_a_request_without_an_approval_ends_once(program, end, outcome):
    program.new_order()
    program.requests.ask(KEY)
    end(program)
    assert program.work() == 1
    assert (program.order_state(), program.payments()) == (outcome, 0)
    assert program.work() == 0
    assert program.requests.finish(KEY).outcome == outcome


@pytest.mark.parametrize(
    ("prepare", "error"),
    [
        (lambda service: None, AccountUnknown),
        (lambda service: service.bind("user-2").unbind(), AccountUnbound),
    ],
)
def test_a_refusal_for_good_ends_a_request_with_its_code(program, prepare, error):
    prepare(program.service)
    program.new_order(user="user-2")
    program.new_order("order-2", user="user-2")
    with pytest.raises(error):
        program.requests.ask(KEY)
    assert program.order_state() == error.code
    assert program.work() == 1
    assert program.order_state("order-2") == error.code
    assert program.work() == 0


def test_a_refusal_for_a_while_defers_a_request(program):
    policy = program.service.policy
    for number in range(policy.pending_limit + 1):
        program.new_order(f"order-{number}")
    assert program.work() == policy.pending_limit + 1
    waiting = [f"order-{number}" for number in range(policy.pending_limit + 1)]
    unasked = [key for key in waiting if program.requests.finish(key).challenge is None]
    assert len(unasked) == 1
    assert program.order_state(unasked[0]) == "waiting"


class BrokenCalls(LocalService):
    """Counterseal, while its store does not answer to one of the calls."""

    broken = None

    def ask(self, request):
        self._answer("ask")
        return super().ask(request)

    def use(self, request):
        self._answer("use")
        return super().use(request)

    def report(self, request):
        self._answer("report")
        super().report(request)

    def _answer(self, name):
        if self.broken == name:
            raise StoreUnavailable


def test_a_failure_of_counterseal_changes_nothing_and_is_tried_again(program):
    service = program.service
    calls = BrokenCalls(service.ports, service.policy, service.origin)
    program.requests = new_requests(calls, program.sessions)
    program.new_order()
    payments = []
    for name in ("ask", "use", "report"):
        calls.broken = name
        with pytest.raises(Unavailable):
            program.work()
        with pytest.raises(Unavailable):
            program.requests.finish(KEY)
        payments.append(program.payments())
        calls.broken = None
        if name == "ask":
            program.requests.ask(KEY)
            program.answer()
    assert payments == [0, 0, 1]
    assert not program.requests.unfinished()
    assert program.work() == 1
    assert program.requests.finish(KEY).reported
    assert program.payments() == 1


def test_a_function_that_raises_is_called_again_and_stops_no_other(program):
    failures = [RuntimeError("out of order")]

    def pay_later(session, request):
        pay(session, request)
        if request.key == KEY and failures:
            raise failures.pop()

    program.requests = new_requests(program.calls, program.sessions, pay_later)
    for key in (KEY, "order-2"):
        program.new_order(key)
        program.requests.ask(key)
        program.answer()
    with pytest.raises(RuntimeError, match="out of order") as failure:
        program.work()
    assert failure.value.__notes__ == [f"the approval request {KEY!r}"]
    assert [request.key for request in program.requests.unfinished()] == [KEY]
    assert (program.order_state(), program.order_state("order-2")) == ("waiting", "paid")
    program.work()
    assert program.order_state() == "paid"
    assert program.payments() == 2


def test_functions_that_always_raise_delay_no_other(program):
    def pay_one(session, request):
        if request.key != "order-2":
            raise RuntimeError(request.key)
        pay(session, request)

    program.requests = new_requests(program.calls, program.sessions, pay_one)
    for key in ("order-0", "order-1", "order-2"):
        program.new_order(key)
        program.requests.ask(key)
        program.answer()
    with pytest.raises(ExceptionGroup) as failures:
        program.work()
    assert [str(failure) for failure in failures.value.exceptions] == ["order-0", "order-1"]
    assert program.order_state("order-2") == "paid"


def test_a_round_ends_after_so_many_failures(program, monkeypatch):
    monkeypatch.setattr(steps, "FAILURES", 2)

    def raise_always(session, request):
        raise RuntimeError(request.key)

    program.requests = new_requests(program.calls, program.sessions, raise_always)
    for key in ("order-0", "order-1", "order-2"):
        program.new_order(key)
        program.requests.ask(key)
        program.answer()
    with pytest.raises(ExceptionGroup):
        program.work()
    with pytest.raises(RuntimeError, match="order-2"):
        program.requests.work()


def pay_and_commit(session, request):
    pay(session, request)
    session.commit()


def pay_and_roll_back(session, request):
    pay(session, request)
    session.rollback()


def pay_and_hide_an_error(session, request):
    pay(session, request)
    with suppress(DBAPIError):
        session.execute(text("SELECT no_such_column"))


def approve_what_ends_its_transaction(program, pay):
    """Let *pay* be called in the transaction that it ends; return the challenge."""
    program.requests = new_requests(program.calls, program.sessions, pay)
    program.new_order()
    challenge = program.requests.ask(KEY).challenge.guid
    program.answer()
    with pytest.raises(TransactionEnded):
        program.work()
    return challenge


def test_what_is_rolled_back_is_not_reported(program):
    challenge = approve_what_ends_its_transaction(program, pay_and_roll_back)
    status = program.service.actions.status(program.service.origin, challenge)
    assert status.use.state is UseState.UNKNOWN
    program.requests = new_requests(program.calls, program.sessions)
    assert program.work() == 1
    assert program.payments() == 1


def test_what_is_committed_too_early_is_not_done_again(program):
    approve_what_ends_its_transaction(program, pay_and_commit)
    assert program.work() == 1
    assert program.requests.finish(KEY).reported
    assert program.payments() == 1


def test_an_error_that_is_hidden_in_an_aborted_transaction(postgres_server):
    program = Program(str(postgres_server.bare()))
    approve_what_ends_its_transaction(program, pay_and_hide_an_error)
    assert [request.key for request in program.requests.unfinished()] == [KEY]
    program.requests = new_requests(program.calls, program.sessions)
    program.work()
    assert program.payments() == 1
    program.engine.dispose()


def test_the_key_of_a_deleted_row_pays_nothing_again(program):
    program.new_order()
    program.requests.ask(KEY)
    program.answer()
    program.requests.finish(KEY)
    with program.sessions.begin() as session:
        session.execute(delete(TABLE.table))
        session.execute(program.requests.insert(payment_question(USER, KEY), key=KEY))
    with pytest.raises(ActionUsed):
        program.requests.ask(KEY)
    request = program.requests.finish(KEY)
    assert (request.outcome, request.reported, program.payments()) == ("action_used", True, 1)
    assert program.order_state() == "action_used"


class LateAsk(LocalService):
    """Counterseal, where another worker pays after an `ask` of this one has begun."""

    between = None

    def ask(self, request):
        if self.between is not None:
            self.between()
        return super().ask(request)


def test_a_worker_that_asks_late_does_not_end_what_another_one_has_paid(program):
    service = program.service
    calls = LateAsk(service.ports, service.policy, service.origin)
    late_requests = new_requests(calls, program.sessions)
    program.new_order()

    def pay_meanwhile():
        calls.between = None
        program.requests.ask(KEY)
        program.answer()
        program.requests.finish(KEY)

    calls.between = pay_meanwhile
    assert late_requests.finish(KEY).outcome == "used"
    assert (program.order_state(), program.payments()) == ("paid", 1)


@pytest.mark.parametrize("is_used", [False, True])
def test_only_the_arguments_that_were_approved_are_used(program, is_used):
    program.new_order()
    program.requests.ask(KEY)
    program.answer()
    request = program.requests.finish(KEY) if not is_used else None
    if is_used:
        (challenge,) = (ended.guid for ended in program.phone.ended())
        arguments = payment_question(USER, KEY).content.arguments
        program.service.actions.consume(program.service.origin, challenge, arguments)
        with program.sessions.begin() as session:
            changed = func.replace(TABLE.table.c.question, "10.00", "99.00")
            session.execute(update(TABLE.table).values(question=changed))
        assert program.work() == 1
        assert (program.order_state(), program.payments()) == ("arguments_differ", 0)
    else:
        assert request.arguments == {"order": KEY, "amount": "10.00"}
        with program.sessions() as session:
            assert session.scalar(select(Payment.amount)) == "10.00"


@pytest.mark.parametrize("text", ['"10.00"', '"pay"'])
def test_a_row_that_was_changed_is_not_used(program, text):
    program.new_order()
    program.requests.ask(KEY)
    program.answer()
    with program.sessions.begin() as session:
        changed = func.replace(TABLE.table.c.question, text, '"99.00"')
        session.execute(update(TABLE.table).values(question=changed))
    request = program.requests.finish(KEY)
    assert (request.outcome, program.payments()) == ("arguments_differ", 0)
    status = program.service.actions.status(program.service.origin, request.challenge)
    assert status.use is None


def test_a_program_that_is_another_origin_ends_no_request(program):
    program.new_order()
    program.requests.ask(KEY)
    service = program.service
    party = service.new_origin(service.app_space, "Another shop")
    others = LocalService(service.ports, service.policy, party)
    requests = new_requests(others, program.sessions)
    service.clock.advance(LONG)
    for call in (requests.work, requests.unfinished, lambda: requests.finish(KEY)):
        with pytest.raises(Foreign):
            call()
    assert program.order_state() == "waiting"


def test_a_use_that_is_reported_otherwise_remains_so(program):
    program.new_order()
    challenge = program.requests.ask(KEY).challenge.guid
    program.answer()
    service = program.service
    arguments = payment_question(USER, KEY).content.arguments
    service.actions.consume(service.origin, challenge, arguments)
    service.actions.report(service.origin, challenge, UseState.FAILED)
    program.work()
    assert program.requests.finish(KEY).reported
    status = service.actions.status(service.origin, challenge)
    assert status.use.state is UseState.FAILED


def test_a_row_that_is_gone_is_never_done(program):
    program.new_order()
    program.requests.ask(KEY)
    program.answer()
    with program.sessions.begin() as session:
        session.execute(delete(TABLE.table))
    assert program.work() == 0
    assert program.payments() == 0
    with pytest.raises(NotFound):
        program.requests.finish(KEY)


def test_processes_that_finish_at_once_pay_once(program):
    program.new_order()
    program.requests.ask(KEY)
    program.answer()
    barrier = threading.Barrier(4)

    def finish(key):
        barrier.wait()
        return program.requests.finish(key)

    with ThreadPoolExecutor(4) as pool:
        finished = list(pool.map(finish, [KEY] * 4))
    assert {request.outcome for request in finished} == {"used"}
    assert program.payments() == 1


def test_a_worker_passes_by_what_another_one_has_claimed(postgres_server):
    program = Program(str(postgres_server.bare()))
    for key in (KEY, "order-2"):
        program.new_order(key)
    program.service.clock.advance(LONG)
    now = program.calls.now()
    with program.sessions.begin() as first, program.sessions.begin() as second:
        requests = [TABLE.claim(session, now, now + PAUSE) for session in (first, second)]
        assert {request.key for request in requests} == {KEY, "order-2"}
        assert TABLE.claim(second, now, now + PAUSE) is None
    program.engine.dispose()


def test_asynchronous_sessions_do_the_same(postgres_server):
    program = Program(str(postgres_server.bare()))

    async def use_requests():
        sessions, requests = new_async_requests(program.calls, program.engine.url, pay_async)
        for key, user in ((KEY, USER), ("order-2", "user-2"), ("order-3", USER)):
            async with sessions.begin() as session:
                session.add(Order(key=key))
                await session.execute(requests.insert(payment_question(user, key), key=key))
        with pytest.raises(AccountUnknown):
            await requests.ask("order-2")
        challenge = (await requests.ask(KEY)).challenge.guid
        arguments = payment_question(USER, KEY).content.arguments
        program.answer()
        program.service.actions.consume(program.service.origin, challenge, arguments)
        assert [request.key for request in await requests.unfinished()] == [KEY]
        assert (await requests.finish(KEY)).outcome == "used"
        program.service.clock.advance(LONG)
        assert await requests.work() == 1
        await sessions.kw["bind"].dispose()

    asyncio.run(use_requests())
    states = [program.order_state(key) for key in (KEY, "order-2", "order-3")]
    assert states == ["paid", "account_unknown", "waiting"]
    assert len(program.phone.pending()) == 1
    program.engine.dispose()


def test_alembic_finds_the_table_among_the_programs_own(program):
    with program.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []
        other = MetaData()
        ApprovalTable(other, "more_requests")
        added = [change[0] for change in compare_metadata(context, other)]
    assert "add_table" in added


def test_a_pause_is_positive(program):
    with pytest.raises(ValueError, match="pause"):
        ApprovalRequests(
            program.calls,
            program.sessions,
            TABLE,
            on_approval=pay,
            pause=timedelta(0),
        )


def test_a_repr_has_no_content(program):
    program.new_order()
    assert "10.00" not in repr(program.requests.finish(KEY))
    assert issubclass(WrongState, Refused)
