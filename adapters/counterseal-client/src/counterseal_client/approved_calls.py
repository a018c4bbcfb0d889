"""
Functions that run only with a person's approval of exactly their arguments: `requires_approval`.

A call binds its arguments to the function's signature, asks, waits, verifies the proof, and uses
the approval for the arguments as they are then; the function runs if all of that succeeded.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

import attrs

from counterseal import Refused, Unavailable
from counterseal.approvals.documents import UseOutcome
from counterseal.errors import InvalidField
from counterseal.ijson import canonical
from counterseal.memory import SystemEntropy
from counterseal.models import Action
from counterseal_client.approval import Requirement, demand_requirements, require_approved
from counterseal_client.client import Client
from counterseal_client.errors import NotApproved, Unfit, demand
from counterseal_client.pending_request import PendingRequest
from counterseal_client.trust import Trust

P = ParamSpec("P")
T = TypeVar("T")
Arguments: TypeAlias = Mapping[str, Any]
Chosen: TypeAlias = str | Callable[[Arguments], str | None] | None
"""A text, or what returns one for the arguments of a call, by their names."""

WAIT = timedelta(minutes=5)
NOT_SHOWN = "not shown"
SALT_BYTES = 16
_ENTROPY = SystemEntropy()


class ArgumentsChanged(Refused, code="arguments_changed"):
    """The arguments of the call are not those any more that the person was asked about."""


@attrs.frozen(kw_only=True)
class ApprovalRule:
    """
    How calls of one function are asked about.

    Attributes:
        client: The client of the origin that asks.
        trust: The service's keys.
        account: The origin's own id of the user who is asked.
        signature: Of the function.
        skipped: How many parameters come before the arguments: 1 for a method.
        action_type: The type of the action.
        resource: What the action acts on.
        agent: The program that wants to act.
        run: The agent's run, task or conversation.
        purpose: Why.
        language: Of what is displayed; None for that of the device that is asked.
        timeout: How long the person may answer.
        exclude: The parameters whose values nobody is shown.
        as_argument: What turns a value into JSON, by the name of the parameter.
        requirements: What the approval must meet.
        idempotency_key: Of the request; a repeated call with it asks nobody again.
        refusal: What is raised where the person did not approve; None for the client's own error.
    """

    client: Client
    trust: Trust
    account: Chosen
    signature: inspect.Signature
    skipped: int
    action_type: str
    resource: Chosen
    agent: Chosen
    run: Chosen
    purpose: Chosen
    language: Chosen
    timeout: timedelta
    exclude: frozenset[str]
    as_argument: Mapping[str, Callable[[Any], Any]]
    requirements: tuple[Requirement, ...]
    idempotency_key: Chosen
    refusal: type[Exception] | None

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> BoundCall:
        """
        Bind a call to the signature.

        Raises:
            TypeError: It does not bind, as without the decorator.
        """
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        arguments = dict(list(bound.arguments.items())[self.skipped :])
        return BoundCall(rule=self, arguments=arguments, salt=_ENTROPY.token(SALT_BYTES))


@attrs.frozen(kw_only=True)
class BoundCall:
    """
    One call of a function.

    Attributes:
        rule: How it is asked about.
        arguments: By the names of parameters; the caller may still change what is in them.
        salt: Of the digests of what nobody is shown.
    """

    rule: ApprovalRule
    arguments: Arguments = attrs.field(repr=False)
    salt: bytes = attrs.field(repr=False)

    def displayed_arguments(self) -> dict[str, Any]:
        """
        Return the arguments as the person is shown them, as they are now.

        Raises:
            InvalidField: One cannot be written as JSON; the error names it.
        """
        return {name: self._displayed(name, value) for name, value in self.arguments.items()}

    def _displayed(self, name: str, value: object) -> object:
        convert = self.rule.as_argument.get(name)
        value = _lists(value if convert is None else convert(value))
        try:
            text = canonical(cast("Any", value), field=name)
        except InvalidField as refusal:
            problem = f"{refusal.problem}; `as_argument` can convert it"
            raise InvalidField(f"arguments.{name}", problem) from None
        if name not in self.rule.exclude:
            return value
        return f"{NOT_SHOWN} (SHA-256 {hashlib.sha256(self.salt + text).hexdigest()})"

    def ask(self) -> AskedCall:
        """Ask the person; raises as `Client.ask`, and `InvalidField` for arguments."""
        rule, arguments = self.rule, self.displayed_arguments()
        account = _choose(rule.account, self.arguments)
        if account is None:
            raise Unfit("account: no id of a user", argument="account")
        action = Action(
            type=rule.action_type,
            resource=_choose(rule.resource, self.arguments) or "",
            arguments=arguments,
            agent=_choose(rule.agent, self.arguments),
            run=_choose(rule.run, self.arguments),
            purpose=_choose(rule.purpose, self.arguments),
            language=_choose(rule.language, self.arguments),
        )
        pending_request = rule.client.ask(
            account,
            action,
            duration=rule.timeout,
            idempotency_key=_choose(rule.idempotency_key, self.arguments),
        )
        snapshot = canonical(cast("Any", arguments))
        return AskedCall(call=self, pending_request=pending_request, snapshot=snapshot)


@attrs.frozen(kw_only=True)
class AskedCall:
    """
    A call that a person was asked about.

    Attributes:
        call: The call.
        pending_request: What was asked.
        snapshot: The arguments as they were then, in canonical form (RFC 8785).
    """

    call: BoundCall
    pending_request: PendingRequest
    snapshot: bytes = attrs.field(repr=False)

    def wait(self) -> bool:
        """Wait for the answer for a while, and tell whether the request has ended."""
        rule = self.call.rule
        return rule.client.wait(self.pending_request, rule.timeout).finished

    def cancel(self) -> None:
        """Cancel the request, which nobody waits for; one that has ended stays as it is."""
        with suppress(Refused, Unavailable):
            self.call.rule.client.cancel(self.pending_request)

    def use(self) -> None:
        """
        Require the approval, and use it for the arguments as they are now.

        Raises:
            NotApproved: The person did not approve, or what the rule's `refusal` is.
            EvidenceRefused: The reply does not prove an approval.
            ArgumentsChanged: The caller changed an argument meanwhile.
            ActionUsed, ArgumentsDiffer, Finished: As `Client.consume`.
            Unavailable: The service was not reached, or a reply was lost: run nothing.
        """
        rule = self.call.rule
        reply = rule.client.status(self.pending_request)
        try:
            require_approved(
                reply, self.pending_request, rule.trust, requirements=rule.requirements
            )
        except NotApproved as refused:
            if rule.refusal is None:
                raise
            raise rule.refusal(str(refused)) from refused
        try:
            arguments = self.require_unchanged()
        except Refused:
            with suppress(Refused, Unavailable):
                rule.client.withdraw(self.pending_request)
            raise
        rule.client.consume(self.pending_request, arguments)

    def require_unchanged(self) -> dict[str, Any]:
        """
        Return the arguments as they are now.

        Raises:
            ArgumentsChanged: They are not those that the person was asked about.
        """
        arguments = self.call.displayed_arguments()
        if canonical(cast("Any", arguments)) != self.snapshot:
            raise ArgumentsChanged
        return arguments

    def report(self, outcome: UseOutcome) -> None:
        """Report what came of the use; a report that fails changes nothing of what happened."""
        with suppress(Refused, Unavailable):
            self.call.rule.client.report(self.pending_request, outcome)


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
    A function that is a coroutine function stays one; the calls of the client are made in threads.
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
        exclude: Parameters whose values nobody is shown, such as secrets: the person sees
            "not shown" and a salted SHA-256, which binds the value.
        as_argument: What turns a value into JSON, by the name of its parameter.
        requirements: What the approval must meet, besides that it is one.
        idempotency_key: A random text, such as the id of a task: a call with the same key and
            arguments finds the request of the first one. Not together with *exclude*.
        refusal: The exception in place of `NotApproved`, which becomes its cause.

    Raises:
        Unfit: An option cannot work, or the function is a generator, which would run later than
            the call.
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
    if exclude and idempotency_key is not None:
        text = "idempotency_key: not with exclude, whose salt differs in a repeated call"
        raise Unfit(text, argument="idempotency_key")
    demanded = demand_requirements(requirements)

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise Unfit(f"{function.__qualname__}: a generator", argument="function")
        signature = inspect.signature(function)
        skipped = _receivers(function, signature)
        names = [*signature.parameters][skipped:]
        for option, chosen in (("exclude", exclude), ("as_argument", as_argument or {})):
            for name in chosen:
                if name not in names:
                    raise Unfit(f"{option}: no parameter {name}", argument=option)
        rule = ApprovalRule(
            client=client,
            trust=trust,
            account=account,
            signature=signature,
            skipped=skipped,
            action_type=type,
            resource=_name(function) if resource is None else resource,
            agent=agent,
            run=run,
            purpose=purpose,
            language=language,
            timeout=timeout,
            exclude=frozenset(exclude),
            as_argument=dict(as_argument or {}),
            requirements=demanded,
            idempotency_key=idempotency_key,
            refusal=refusal,
        )
        if inspect.iscoroutinefunction(function):
            return cast("Callable[P, T]", _asynchronous(function, rule))
        return _synchronous(function, rule)

    return decorate


def _synchronous(function: Callable[P, T], rule: ApprovalRule) -> Callable[P, T]:
    @functools.wraps(function)
    def approved(*args: P.args, **kwargs: P.kwargs) -> T:
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
            result = function(*args, **kwargs)
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
        asking = asyncio.ensure_future(asyncio.to_thread(rule.bind(args, kwargs).ask))
        try:
            asked_call = await asyncio.shield(asking)
            is_finished = await asyncio.to_thread(asked_call.wait)
        except BaseException:
            # A task that is cancelled while it asks has a question, too, once the reply is there.
            with suppress(Exception):
                await asyncio.shield(asyncio.to_thread((await asking).cancel))
            raise
        if not is_finished:
            await asyncio.to_thread(asked_call.cancel)
        await asyncio.to_thread(asked_call.use)
        try:
            asked_call.require_unchanged()
            result = await function(*args, **kwargs)
        except Exception:
            # Of a cancellation nothing is reported: the function may have done its work.
            await asyncio.to_thread(asked_call.report, UseOutcome.FAILED)
            raise
        await asyncio.to_thread(asked_call.report, UseOutcome.EXECUTED)
        return result

    return approved


def _name(function: Callable[..., Any]) -> str:
    """Return the function's name, for a method after that of its class."""
    return function.__qualname__.rpartition("<locals>.")[2]


def _receivers(function: Callable[..., Any], signature: inspect.Signature) -> int:
    """Return 1 if the first parameter is that of a method: `self` or `cls`; else 0."""
    return int("." in _name(function) and next(iter(signature.parameters), "") in {"self", "cls"})


def _choose(chosen: Chosen, arguments: Arguments) -> str | None:
    return chosen(arguments) if callable(chosen) else chosen


def _lists(value: object) -> object:
    """Return *value* with lists in place of tuples, as JSON has them."""
    if isinstance(value, tuple | list):
        return [_lists(member) for member in value]
    if isinstance(value, dict):
        return {name: _lists(member) for name, member in value.items()}
    return value
