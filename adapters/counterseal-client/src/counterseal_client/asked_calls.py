"""
Calls that a person is asked about: a rule, a call that is bound to a signature, and an asked call.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from inspect import Parameter
from typing import Any, TypeAlias, cast

import attrs

from counterseal import Refused, Unavailable
from counterseal.approvals.documents import UseOutcome
from counterseal.errors import InvalidField
from counterseal.ijson import canonical
from counterseal.memory import SystemEntropy
from counterseal.models import Action
from counterseal_client.approval import Requirement, require_approved
from counterseal_client.client import Client
from counterseal_client.errors import NotApproved, Unfit
from counterseal_client.pending_request import PendingRequest
from counterseal_client.trust import Trust

Arguments: TypeAlias = Mapping[str, Any]
Chosen: TypeAlias = str | Callable[[Arguments], str | None] | None
"""A text, or what returns one for the arguments of a call, by their names."""

NOT_SHOWN = "not shown"
SALT_BYTES = 16
_ENTROPY = SystemEntropy()
_VALUES = (str, int, float, bool, type(None), list, tuple, dict)
_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


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
        accepted: Which arguments it takes itself, if it wraps another one, whose signature that is.
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
    accepted: inspect.Signature
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
            Unfit: Its first parameter is called `self` or `cls`, and is an argument.
        """
        bound = self.signature.bind(*args, **kwargs)
        passed_names = set(bound.arguments)
        bound.apply_defaults()
        # A default may change until the function runs, and one that it wraps may have another.
        defaults = {
            name: bound.arguments[name] for name in bound.arguments if name not in passed_names
        }
        kinds = {name: self.signature.parameters[name].kind for name in defaults}
        args += tuple(
            value for name, value in defaults.items() if kinds[name] is Parameter.POSITIONAL_ONLY
        )
        kwargs = dict(kwargs) | {
            name: value for name, value in defaults.items() if kinds[name] in _BY_NAME
        }
        self.accepted.bind(*args, **kwargs)
        members = [*bound.arguments.items()]
        for name, value in members[: self.skipped]:
            if type(value) in _VALUES:
                # Of a static method, it is an argument, which nobody would be shown.
                raise Unfit(f"{name}: a value, and no object or class of a method", argument=name)
        return BoundCall(
            rule=self,
            args=args,
            kwargs=kwargs,
            arguments=dict(members[self.skipped :]),
            salt=_ENTROPY.token(SALT_BYTES),
        )


@attrs.frozen(kw_only=True)
class BoundCall:
    """
    One call of a function.

    Attributes:
        rule: How it is asked about.
        args: What the function runs with, by position.
        kwargs: The same by name, with the defaults of what the caller left out.
        arguments: All of it by parameter; the caller may still change what is in the values.
        salt: Of the digests of what nobody is shown.
    """

    rule: ApprovalRule
    args: tuple[Any, ...] = attrs.field(repr=False)
    kwargs: Mapping[str, Any] = attrs.field(repr=False)
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
        value = value if convert is None else convert(value)
        try:
            text = canonical(cast("Any", value), field=name)
        except InvalidField as refusal:
            problem = f"{refusal.problem}; `as_argument` can convert it"
            raise InvalidField(f"arguments.{name}", problem) from None
        if name not in self.rule.exclude:
            return _lists(value)
        # With the name: two parameters of the same value have different digests.
        salted = b"\0".join((self.salt, name.encode(), text))
        return f"{NOT_SHOWN} (SHA-256 {hashlib.sha256(salted).hexdigest()})"

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


def _choose(chosen: Chosen, arguments: Arguments) -> str | None:
    return chosen(arguments) if callable(chosen) else chosen


def _lists(value: object) -> object:
    """Return *value* with lists in place of tuples, as JSON has them."""
    if isinstance(value, tuple | list):
        return [_lists(member) for member in value]
    if isinstance(value, dict):
        return {name: _lists(member) for name, member in value.items()}
    return value
