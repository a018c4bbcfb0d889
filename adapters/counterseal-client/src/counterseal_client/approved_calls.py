"""
Functions that run only with a person's approval of exactly their arguments: `requires_approval`.

A call binds its arguments to the function's signature, asks, waits, verifies the proof, and uses
the approval for the arguments as they are then; the function runs if all of that succeeded.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar, cast

from counterseal.approvals.documents import UseOutcome
from counterseal_client.approval import Requirement, demand_requirements
from counterseal_client.asked_calls import ApprovalRule, AskedCall, BoundCall, Chosen
from counterseal_client.client import Client
from counterseal_client.errors import Unfit, demand
from counterseal_client.trust import Trust

P = ParamSpec("P")
T = TypeVar("T")

WAIT = timedelta(minutes=5)


def requires_approval(
    client: Client,
    trust: Trust,
    *,
    account: Chosen,
    type: str = "tool-call",  # noqa: A002 (the member's name)
    resource: Chosen = None,
    agent: Chosen = None,
    run: Chosen = None,
    purpose: Chosen = None,
    language: Chosen = None,
    timeout: timedelta = WAIT,
    exclude: Collection[str] = (),
    as_argument: Mapping[str, Callable[[Any], Any]] | None = None,
    requirements: Iterable[Requirement] = (),
    idempotency_key: Chosen = None,
    refusal: type[Exception] | None = None,
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """
    Let a function run only after a person has approved the call with exactly its arguments.

    Each call asks, waits for the answer, verifies its proof, uses the approval once for the
    arguments as they are then, runs the function, and reports `EXECUTED`, or `FAILED` if it raises.
    It runs nothing if anything before that raises, or if the reply to the use was lost.
    A coroutine function stays one; each of its calls waits in a thread of its own. A call that
    waits has one of the client's `connections`: give the client as many as calls wait at once.
    Decorate the function that does the work: one that only returns an awaitable or a generator has
    ended, and is reported, before that runs.

    What the person is shown is all parameters with their values, defaults included. For a method,
    `self` or `cls` is no argument. A text among the options may also be a function, which gets the
    arguments by their names and returns the text.

    Args:
        client: The client of the origin that asks.
        trust: The service's keys.
        account: The origin's own id of the user who is asked; never let an agent choose it.
        type: The action's type, which the service has to know.
        resource: What the action acts on; None for the function's name, after its class's.
        agent: The program that wants to act, as the person is shown it.
        run: The agent's run, task or conversation.
        purpose: Why, in your words.
        language: Of what is displayed; None for that of the device that is asked.
        timeout: How long the person may answer, in whole seconds; the call waits as long.
        exclude: Names of parameters whose values nobody is shown, such as secrets: the person sees
            "not shown" and a salted SHA-256, which binds the value.
        as_argument: What turns a value into JSON, by the name of its parameter.
        requirements: What the approval must meet, besides that it is one.
        idempotency_key: A random text, such as the id of a task: a call with the same key and
            arguments finds the request of the first one. Not together with *exclude*.
        refusal: The exception in place of `NotApproved`, which becomes its cause.

    Raises:
        Unfit: An option cannot work, or what is decorated is no function or method, or is a
            generator, which would run later than the call.
        TypeError: From a call: it does not bind to the signature; nobody was asked.
        InvalidField: From a call: an argument cannot be written as JSON; nobody was asked.
        NotApproved: From a call: the person refused or did not answer in time.
        ArgumentsChanged: From a call: an argument was changed while it waited.
        Refused, Unavailable: From a call: as `Client.ask`, `wait`, `require_approved` and
            `consume`.
    """
    demand("client", client, Client)
    demand("trust", trust, Trust)
    demand("timeout", timeout, timedelta)
    if account is None:
        raise Unfit("account: no id of a user", argument="account")
    for option, chosen in (
        ("account", account),
        ("resource", resource),
        ("agent", agent),
        ("run", run),
        ("purpose", purpose),
        ("language", language),
        ("idempotency_key", idempotency_key),
    ):
        _demand_chosen(option, chosen)
    _demand_exception(refusal)
    if isinstance(exclude, str):
        raise Unfit("exclude: a text, and not names", argument="exclude")
    # Once, whatever it is: an iterator would be empty for the next function.
    excluded, converters = frozenset(exclude), dict(as_argument or {})
    if excluded and idempotency_key is not None:
        text = "idempotency_key: not with exclude, whose salt differs in a repeated call"
        raise Unfit(text, argument="idempotency_key")
    demanded = demand_requirements(requirements)

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        signature = _signature(function)
        skipped = _receivers(function, signature)
        names = [*signature.parameters][skipped:]
        for option, chosen in (("exclude", excluded), ("as_argument", converters)):
            for name in chosen:
                if name not in names:
                    raise Unfit(f"{option}: no parameter {name}", argument=option)
        rule = ApprovalRule(
            client=client,
            trust=trust,
            account=account,
            signature=signature,
            accepted=inspect.signature(function, follow_wrapped=False),
            skipped=skipped,
            action_type=type,
            resource=_name(function) if resource is None else resource,
            agent=agent,
            run=run,
            purpose=purpose,
            language=language,
            timeout=timeout,
            exclude=excluded,
            as_argument=converters,
            requirements=demanded,
            idempotency_key=idempotency_key,
            refusal=refusal,
        )
        if inspect.iscoroutinefunction(function):
            return cast("Callable[P, T]", _asynchronous(function, rule))
        return _synchronous(function, rule)

    return decorate


def _synchronous(function: Callable[..., T], rule: ApprovalRule) -> Callable[..., T]:
    @functools.wraps(function)
    def approved(*args: Any, **kwargs: Any) -> T:
        asked_call = rule.bind(args, kwargs).ask()
        try:
            is_finished = asked_call.wait()
        except BaseException:
            asked_call.cancel()
            raise
        if not is_finished:
            asked_call.cancel()
        asked_call.use()
        try:
            asked_call.require_unchanged()
            result = function(*asked_call.call.args, **asked_call.call.kwargs)
        except Exception:
            # Of an interruption nothing is reported: the function may have done its work.
            asked_call.report(UseOutcome.FAILED)
            raise
        asked_call.report(UseOutcome.EXECUTED)
        return result

    return approved


def _asynchronous(function: Callable[..., Any], rule: ApprovalRule) -> Callable[..., Any]:
    @functools.wraps(function)
    async def approved(*args: Any, **kwargs: Any) -> Any:
        bound_call, thread = rule.bind(args, kwargs), CallThread()
        try:
            asked_call = await _ask(bound_call, thread)
            await thread.run(asked_call.use)
            try:
                asked_call.require_unchanged()
                result = await function(*bound_call.args, **bound_call.kwargs)
            except Exception:
                # Of a cancellation nothing is reported: the function may have done its work.
                await thread.run(asked_call.report, UseOutcome.FAILED)
                raise
            await thread.run(asked_call.report, UseOutcome.EXECUTED)
            return result
        finally:
            thread.close()

    return approved


async def _ask(bound_call: BoundCall, thread: CallThread) -> AskedCall:
    """Ask, and wait for the answer; what nobody waits for any more is cancelled."""
    asking = thread.run(bound_call.ask)
    try:
        asked_call = await asyncio.shield(asking)
        is_finished = await thread.run(asked_call.wait)
    except BaseException:
        # A task that is cancelled while it asks has a question, too, once the reply is there. Its
        # thread may still wait, so another one cancels.
        with suppress(Exception):
            await asyncio.shield(asyncio.to_thread((await asking).cancel))
        raise
    if not is_finished:
        await thread.run(asked_call.cancel)
    return asked_call


class CallThread:
    """
    The thread of one call, which waits for a person.

    The threads of the event loop are few: if some calls waited in all of them, no other would ask.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="approved call")

    def run(self, function: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        """Run *function* in the thread, with the context of the caller."""
        work = functools.partial(copy_context().run, function, *args)
        return asyncio.get_running_loop().run_in_executor(self._executor, work)

    def close(self) -> None:
        """End the thread after what it does; wait for nothing."""
        self._executor.shutdown(wait=False)


def _demand_chosen(option: str, chosen: object) -> None:
    if not (chosen is None or isinstance(chosen, str) or callable(chosen)):
        raise Unfit(f"{option}: neither a text nor a function", argument=option)


def _demand_exception(refusal: object) -> None:
    if refusal is not None and not (isinstance(refusal, type) and issubclass(refusal, Exception)):
        raise Unfit("refusal: not a class of exceptions", argument="refusal")


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    """
    Return the signature of a function or a method.

    Raises:
        Unfit: *function* is something else, such as a class or a cache, or a generator.
    """
    if not (
        inspect.isfunction(function) or inspect.ismethod(function) or inspect.isbuiltin(function)
    ):
        text = f"function: a function or a method, and not {type(function).__name__}"
        raise Unfit(text, argument="function")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise Unfit(f"{function.__qualname__}: a generator", argument="function")
    try:
        return inspect.signature(function)
    except ValueError:
        raise Unfit(f"{function.__qualname__}: no signature", argument="function") from None


def _name(function: Callable[..., Any]) -> str:
    """Return the function's name, for a method after that of its class."""
    return function.__qualname__.rpartition("<locals>.")[2]


def _receivers(function: Callable[..., Any], signature: inspect.Signature) -> int:
    """Return 1 if the first parameter is that of a method: `self` or `cls`; else 0."""
    is_bound = inspect.ismethod(function)
    return int(
        not is_bound
        and "." in _name(function)
        and next(iter(signature.parameters), "") in {"self", "cls"}
    )
