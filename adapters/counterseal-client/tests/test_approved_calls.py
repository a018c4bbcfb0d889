"""`requires_approval`: a function runs if, and only if, a person approved these arguments."""

import asyncio
import functools
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from datetime import date, timedelta

import pytest

from counterseal import Unavailable
from counterseal.errors import InvalidField
from counterseal_client import (
    ActionProgress,
    ActionUsed,
    ArgumentsChanged,
    Client,
    CodeNotTyped,
    Declined,
    MatchingCode,
    ReplyLost,
    Unanswered,
    Unfit,
    requires_approval,
)

pytestmark = pytest.mark.parametrize("flask_service", ["basic"], indirect=True)
SECOND = timedelta(seconds=1)


class AskingClient(Client):
    """
    The origin's client, whose person answers as soon as they are asked.

    Attributes:
        questions: What they were asked.
        then: What happens after each question.
    """

    def ask(self, *arguments, **options):
        pending_request = super().ask(*arguments, **options)
        self.questions.append(pending_request)
        self.then(pending_request)
        return pending_request


class LosingClient(AskingClient):
    """A client that loses the reply to each use, after the service has counted it."""

    def consume(self, *arguments):
        super().consume(*arguments)
        raise ReplyLost


@pytest.fixture(params=["plain", "async"])
def way(request):
    """Whether functions are coroutine functions."""
    return request.param


@pytest.fixture
def world(flask_service):
    """The service, with a person who approves."""
    flask_service.clients = []

    def client(kind=AskingClient, **settings):
        origin = flask_service.client(kind=kind, **settings)
        origin.questions = []
        origin.then = approve
        flask_service.clients.append(origin)
        return origin

    def approve(pending_request):
        phone.answer(phone.fetch(pending_request.guid))

    def refuse(pending_request):
        phone.answer(phone.fetch(pending_request.guid), 1)

    with flask_service.client() as origin:
        phone = flask_service.bound(origin.bind("zoe"))
    flask_service.make, flask_service.approve, flask_service.refuse = client, approve, refuse
    yield flask_service
    for origin in flask_service.clients:
        origin.close()


class Tool:
    """A tool that is called either way, and what it was run with."""

    def __init__(self, world, way, client=None, **options):
        self.runs, self.failure = [], None
        self.client = client or world.make()
        self._trust, self._way, self._options = world.trust, way, options

    def decorated(self, function):
        """Return a function of the same signature that needs an approval."""
        if self._way == "async":
            function = self._asynchronous(function)
        options = {"account": "zoe", "timeout": SECOND * 2} | self._options
        return requires_approval(self.client, self._trust, **options)(function)

    def _asynchronous(self, function):
        async def tool(*args, **kwargs):
            return function(*args, **kwargs)

        tool.__signature__ = inspect.signature(function)
        tool.__qualname__ = function.__qualname__
        return tool

    def call(self, *args, **kwargs):
        def transfer(amount, payee, *notes, copies=1, **more):
            self.runs.append((amount, payee, notes, copies, more))
            if self.failure is not None:
                raise self.failure
            return "done"

        return finish(self.decorated(transfer)(*args, **kwargs))

    @property
    def progress(self):
        return self.client.action(self.client.questions[-1])


def finish(result):
    return asyncio.run(result) if inspect.iscoroutine(result) else result


def test_an_approved_call_runs_once_and_is_reported(world, way):
    tool = Tool(world, way)
    assert tool.call(10, payee="Zoë") == "done"
    assert tool.runs == [(10, "Zoë", (), 1, {})]
    (pending_request,) = tool.client.questions
    assert pending_request.action.arguments == {
        "amount": 10,
        "payee": "Zoë",
        "notes": [],
        "copies": 1,
        "more": {},
    }
    assert (tool.progress.state, tool.progress.use.state.value) == (ActionProgress.USED, "EXECUTED")


def test_a_function_that_raises_is_reported_as_failed(world, way):
    tool = Tool(world, way)
    tool.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        tool.call(10, "Zoë", "first", "second", copies=2, urgent=True)
    assert tool.runs == [(10, "Zoë", ("first", "second"), 2, {"urgent": True})]
    assert tool.progress.use.state.value == "FAILED"


def test_a_refused_call_does_not_run(world, way):
    tool = Tool(world, way)
    tool.client.then = world.refuse
    with pytest.raises(Declined):
        tool.call(10, "Zoë")
    assert tool.runs == []


def test_a_refusal_is_raised_as_the_embedder_says(world, way):
    tool = Tool(world, way, refusal=PermissionError)
    tool.client.then = world.refuse
    with pytest.raises(PermissionError) as raised:
        tool.call(10, "Zoë")
    assert isinstance(raised.value.__cause__, Declined)
    assert tool.runs == []


def test_a_requirement_that_is_not_met_is_a_refusal(world, way):
    tool = Tool(world, way, requirements=[MatchingCode()])
    with pytest.raises(CodeNotTyped):
        tool.call(10, "Zoë")
    assert (tool.runs, tool.progress.state) == ([], ActionProgress.APPROVED)


def test_a_call_without_an_answer_does_not_run_and_withdraws_the_question(world, way):
    tool = Tool(world, way)
    tool.client.then = lambda _: None
    with pytest.raises(Unanswered):
        tool.call(10, "Zoë")
    assert tool.runs == []
    assert tool.client.status(tool.client.questions[0]).state.value == "CANCELLED"


def test_without_the_service_nothing_runs(world, way):
    tool = Tool(world, way, client=world.make(url="http://127.0.0.1:1"))
    with pytest.raises(Unavailable):
        tool.call(10, "Zoë")
    assert tool.runs == []


def test_a_use_without_a_reply_runs_nothing(world, way):
    tool = Tool(world, way, client=world.make(LosingClient))
    with pytest.raises(ReplyLost):
        tool.call(10, "Zoë")
    assert (tool.runs, tool.progress.use.state.value) == ([], "UNKNOWN")


def test_arguments_that_are_changed_while_the_person_decides_do_not_run(world, way):
    payee = {"iban": "DE02120300000000202051"}
    tool = Tool(world, way)

    def change(pending_request):
        world.approve(pending_request)
        payee["iban"] = "DE02500105170137075030"

    tool.client.then = change
    with pytest.raises(ArgumentsChanged):
        tool.call(10, payee)
    assert (tool.runs, tool.progress.state) == ([], ActionProgress.WITHDRAWN)


def test_arguments_that_are_changed_after_the_use_do_not_run(world, way):
    payee = {"iban": "DE02120300000000202051"}

    class LateClient(AskingClient):
        def consume(self, *arguments):
            action = super().consume(*arguments)
            payee["iban"] = "DE02500105170137075030"
            return action

    tool = Tool(world, way, client=world.make(LateClient))
    with pytest.raises(ArgumentsChanged):
        tool.call(10, payee)
    assert (tool.runs, tool.progress.use.state.value) == ([], "FAILED")


def test_a_second_call_asks_again_and_one_with_the_same_key_does_not_run(world, way):
    tool = Tool(world, way)
    tool.call(10, "Zoë")
    tool.call(10, "Zoë")
    assert len({question.guid for question in tool.client.questions}) == len(tool.runs) == 2

    task = Tool(world, way, idempotency_key="task-1")
    task.call(10, "Zoë")
    task.client.then = lambda _: None
    with pytest.raises(ActionUsed):
        task.call(10, "Zoë")
    assert len({question.guid for question in task.client.questions}) == len(task.runs) == 1


def test_what_is_excluded_is_bound_and_not_shown(world, way):
    tool = Tool(world, way, exclude=["payee"])
    secret = ["correct horse"]
    tool.call(10, secret)
    tool.call(10, secret)
    first, second = (each.action.arguments["payee"] for each in tool.client.questions)
    assert first.startswith("not shown (")
    assert first != second
    assert "horse" not in first
    alike = Tool(world, way, client=tool.client, exclude=["amount", "payee"])
    alike.call(secret, secret)
    arguments = tool.client.questions[-1].action.arguments
    assert arguments["amount"] != arguments["payee"]

    tool.client.then = lambda question: (world.approve(question), secret.append("battery"))
    with pytest.raises(ArgumentsChanged):
        tool.call(10, secret)
    assert len(tool.runs) == 2


def test_an_argument_that_is_no_json_is_refused_by_name_or_converted(world, way):
    tool = Tool(world, way)
    with pytest.raises(InvalidField) as raised:
        tool.call(10, date(2030, 1, 31))
    assert raised.value.field == "arguments.payee"
    assert (tool.runs, tool.client.questions) == ([], [])

    endless = []
    endless.append(endless)
    with pytest.raises(InvalidField):
        tool.call(10, endless)
    assert tool.client.questions == []

    converting = Tool(world, way, as_argument={"payee": date.isoformat})
    converting.call(10, date(2030, 1, 31))
    assert converting.client.questions[0].action.arguments["payee"] == "2030-01-31"
    assert converting.runs[0][1] == date(2030, 1, 31)


def test_a_call_that_does_not_bind_asks_nobody(world, way):
    tool = Tool(world, way)
    with pytest.raises(TypeError):
        tool.call(10)
    assert (tool.runs, tool.client.questions) == ([], [])


def test_options_may_depend_on_the_arguments(world, way):
    tool = Tool(
        world,
        way,
        resource=lambda arguments: f"transfer to {arguments['payee']}",
        purpose=lambda arguments: f"{arguments['amount']} are due.",
        agent="assistant",
    )
    tool.call(10, "Zoë")
    action = tool.client.questions[0].action
    assert (action.resource, action.purpose) == ("transfer to Zoë", "10 are due.")


def test_a_function_runs_with_the_defaults_that_were_shown(world, way):
    tool = Tool(world, way)

    def pay(payee, copies=1, /, amount=10, *, urgent=False):
        return payee, copies, amount, urgent

    @functools.wraps(pay)
    def wrapper(payee, copies=2, /, amount=1000, **options):
        return pay(payee, copies, amount, **options)

    for function in (pay, wrapper):
        decorated = tool.decorated(function)
        function.__defaults__ = (3, 3000)
        assert finish(decorated("Zoë")) == ("Zoë", 1, 10, False)
        assert finish(decorated("Zoë", 5, urgent=True)) == ("Zoë", 5, 10, True)
        arguments = tool.client.questions[-1].action.arguments
        assert arguments == {"payee": "Zoë", "copies": 5, "amount": 10, "urgent": True}
        function.__defaults__ = (1, 10)


def test_a_wrapper_that_takes_less_than_is_shown_asks_nobody(world):
    client = world.make()

    def pay(payee, amount=10):
        return payee, amount

    @functools.wraps(pay)
    def wrapper(payee):
        return pay(payee, 1000)

    with pytest.raises(TypeError):
        requires_approval(client, world.trust, account="zoe")(wrapper)("Zoë")
    assert client.questions == []


def test_self_is_no_argument_of_a_method(world):
    client = world.make()

    class Bank:
        @requires_approval(client, world.trust, account="zoe", timeout=SECOND * 2)
        def transfer(self, amount):
            return self, amount

    bank = Bank()
    assert bank.transfer(10) == (bank, 10)
    (pending_request,) = client.questions
    assert pending_request.action.arguments == {"amount": 10}
    assert pending_request.action.resource == "Bank.transfer"


def test_an_argument_that_is_called_like_a_receiver_is_not_hidden(world):
    client = world.make()

    class Tickets:
        @staticmethod
        @requires_approval(client, world.trust, account="zoe")
        def upgrade(cls, seat):  # noqa: PLW0211 (a class of seats)
            return cls, seat

    with pytest.raises(Unfit) as raised:
        Tickets.upgrade("first", 12)
    assert raised.value.argument == "cls"
    assert client.questions == []


def test_what_cannot_work_is_refused_where_it_is_written(world):
    client = world.make()

    def generator():
        yield 1

    async def asynchronous_generator():
        yield 1

    def plain(amount):
        return amount

    for function, options, argument in (
        (generator, {}, "function"),
        (asynchronous_generator, {}, "function"),
        (functools.partial(plain, 1), {}, "function"),
        (functools.cache(plain), {}, "function"),
        (staticmethod(plain), {}, "function"),
        (Tool, {}, "function"),
        (plain, {"account": None}, "account"),
        (plain, {"account": 42}, "account"),
        (plain, {"purpose": ["why"]}, "purpose"),
        (plain, {"exclude": ["payee"]}, "exclude"),
        (plain, {"exclude": "amount"}, "exclude"),
        (plain, {"as_argument": {"payee": str}}, "as_argument"),
        (plain, {"exclude": ["amount"], "idempotency_key": "1"}, "idempotency_key"),
        (plain, {"timeout": 5}, "timeout"),
        (plain, {"refusal": "no"}, "refusal"),
        (plain, {"refusal": KeyboardInterrupt}, "refusal"),
    ):
        with pytest.raises(Unfit) as raised:
            requires_approval(client, world.trust, **{"account": "zoe"} | options)(function)
        assert raised.value.argument == argument
    with pytest.raises(Unfit, match="generator: a generator"):
        requires_approval(client, world.trust, account="zoe")(generator)


def test_names_that_are_read_once_count_for_each_function(world):
    client = world.make()
    decorate = requires_approval(
        client, world.trust, account="zoe", timeout=SECOND * 2, exclude=iter(["secret"])
    )
    for function in (lambda secret: secret, lambda secret: secret[:1]):
        decorate(function)("correct horse")
    assert all("horse" not in str(question.action.arguments) for question in client.questions)


def test_a_task_that_is_cancelled_withdraws_its_question(world):
    client, runs = world.make(), []

    @requires_approval(client, world.trust, account="zoe", timeout=SECOND * 2)
    async def transfer(amount):
        runs.append(amount)

    async def scenario():
        question, loop = asyncio.Event(), asyncio.get_running_loop()
        client.then = lambda _: loop.call_soon_threadsafe(question.set)
        task = asyncio.create_task(transfer(10))
        await question.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    assert runs == []
    assert client.status(client.questions[0]).state.value in {"CANCELLED", "EXPIRED"}


def test_calls_that_wait_take_no_thread_of_the_event_loop(world):
    """Each is answered only once both were asked about; the event loop has one thread."""
    client, person = world.make(), ContextVar("person")
    both, alone = threading.Barrier(2), threading.Lock()

    def approve(pending_request):
        both.wait(60)
        with alone:
            world.approve(pending_request)

    client.then = approve

    @requires_approval(
        client, world.trust, account=lambda _: person.get(), timeout=timedelta(seconds=30)
    )
    async def transfer(amount):
        return amount

    async def scenario():
        person.set("zoe")
        with ThreadPoolExecutor(1) as threads:
            asyncio.get_running_loop().set_default_executor(threads)
            return await asyncio.gather(transfer(10), transfer(20))

    assert asyncio.run(scenario()) == [10, 20]
