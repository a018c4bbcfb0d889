"""
Errors of an origin's client, in the core's families.

- `Refused`: the service refuses (`RequestRefused`), or the reply is not enough to act on
  (`NotApproved`, `EvidenceRefused`, `CallbackRefused`). Do not act, and do not retry.
- `Misuse`: this program or its configuration is wrong (`Unfit`).
- `Unavailable`: there is no reply, or none that can be read. The same call may be retried.

Messages contain no secret, no address, and of the service's replies only the stable codes.
"""

from __future__ import annotations

from datetime import timedelta

from counterseal import Misuse, Refused, Unavailable
from counterseal.errors import InvalidField
from counterseal.models import ChallengeState, Guid, RefusalReason
from counterseal.models.guid import parse


class Unfit(Misuse, code="client_unfit"):
    """
    The client is configured or called with a value that cannot work; fix the program.

    Attributes:
        argument: The name of the argument with this value; None if the text says all.
    """

    def __init__(self, text: str, *, argument: str | None = None) -> None:
        super().__init__(text)
        self.argument = argument


def demand(name: str, value: object, *kinds: type) -> None:
    """
    Require that an argument is of one of *kinds*.

    Raises:
        Unfit: *value* is of another type.
    """
    if not isinstance(value, kinds):
        expected = " or ".join(kind.__name__ for kind in kinds)
        raise Unfit(f"{name}: {expected}, and not {type(value).__name__}", argument=name)


def demand_guid(name: str, text: object) -> Guid:
    """
    Return an argument that is a GUID of the service.

    Raises:
        Unfit: *text* is something else.
    """
    demand(name, text, str)
    try:
        return parse(text, field=name)
    except InvalidField:
        raise Unfit(f"{name}: not a GUID of this service", argument=name) from None


# The service refuses


class RequestRefused(Refused, code="request_refused"):
    """
    The service refused the request.

    Attributes:
        problem: The service's own stable code, or `unknown`.
        status: The status of its reply.
        field: The malformed member, if the service names one.
        detail: The service's sentence for people, if there is one: printable, and shortened. It
            is not part of this error's message.
        request_id: The id of the request in the service's log, if the service names one.
        retry_after: The time in `Retry-After`, if the service sent one.
        repeated: Whether the reply to an earlier attempt of the same call was lost; the service
            may then refuse because that attempt succeeded.
    """

    def __init__(
        self,
        problem: str,
        status: int,
        *,
        field: str | None = None,
        detail: str | None = None,
        request_id: str | None = None,
        retry_after: timedelta | None = None,
    ) -> None:
        where = "" if field is None else f", {field}"
        super().__init__(f"the service says {problem} ({status}{where})")
        self.problem = problem
        self.status = status
        self.field = field
        self.detail = detail
        self.request_id = request_id
        self.retry_after = retry_after
        self.repeated = False


class Unauthorised(RequestRefused, code="request_unauthorised"):
    """The service refuses the credential: it is unknown, revoked, or of another scheme."""


class NotFound(RequestRefused, code="request_not_there"):
    """This origin has no such request, account or device."""


class Unreachable(RequestRefused, code="request_unreachable"):
    """The account cannot be asked: unknown, locked, or without a bound device."""


class AskedTooOften(RequestRefused, code="request_too_often"):
    """Too many requests to this person, or to the service; `retry_after` says when to go on."""


class Finished(RequestRefused, code="request_finished"):
    """The request has ended already."""


class NoApproval(RequestRefused, code="request_no_approval"):
    """There is no approval of the action to use: the person has not approved, or it was ended."""


class ActionUsed(RequestRefused, code="request_action_used"):
    """The approval was used already; it allows one use."""


class ArgumentsDiffer(RequestRefused, code="request_arguments_differ"):
    """The arguments are not those that the person approved: execute nothing."""


# There is no reply


class NotSent(Unavailable, code="not_sent"):
    """The service was not reached; nothing was sent."""


class ReplyLost(Unavailable, code="reply_lost"):
    """The request was sent, but no reply arrived; the service may have executed it or not."""


class Overloaded(Unavailable, code="service_unavailable"):
    """
    The service cannot answer now.

    Attributes:
        retry_after: The time in `Retry-After`, if the service sent one.
    """

    def __init__(self, detail: str = "", *, retry_after: timedelta | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class BadReply(Unavailable, code="bad_reply"):
    """The reply is not one that the service sends; perhaps a proxy sent it."""


# The reply is not enough to act on


class NotApproved(Refused, code="not_approved"):
    """The person did not approve."""


class Declined(NotApproved, code="declined"):
    """
    The person said no.

    Attributes:
        disowned: Whether they said that they did not start this; somebody else may have.
        reason: Why they refused, as they signed it; None if they did not say. Never show
            PRESSURED on a page: whoever presses the person may be looking at it.
    """

    def __init__(
        self, detail: str = "", *, disowned: bool = False, reason: RefusalReason | None = None
    ) -> None:
        super().__init__(detail)
        self.disowned = disowned
        self.reason = reason


class Unanswered(NotApproved, code="unanswered"):
    """
    There is no answer: not yet, or never.

    Attributes:
        state: The state of the request.
    """

    def __init__(self, state: ChallengeState) -> None:
        super().__init__(f"the request is {state.value}")
        self.state = state


class RequirementUnmet(NotApproved, code="requirement_unmet"):
    """The person approved, but a requirement of the origin is not met."""


class NotStrong(RequirementUnmet, code="requirement_strong_key"):
    """No strong key signed the approval."""


class CodeNotTyped(RequirementUnmet, code="requirement_code"):
    """The person typed no matching code."""


class TooSlow(RequirementUnmet, code="requirement_time"):
    """The answer came too long after the request."""


class AnotherAccount(RequirementUnmet, code="requirement_account"):
    """Another user than the required one approved."""


class AnotherDevice(RequirementUnmet, code="requirement_device"):
    """Another device than the required one signed."""


class NoAlternativeMet(RequirementUnmet, code="requirement_any"):
    """
    None of several requirements is met.

    Attributes:
        refusals: The refusal of each requirement, in their order.
    """

    def __init__(self, refusals: tuple[RequirementUnmet, ...]) -> None:
        super().__init__(", ".join(refusal.code for refusal in refusals))
        self.refusals = refusals


class EvidenceRefused(Refused, code="evidence_refused"):
    """
    The reply does not prove an answer to the pending request. Raise an alarm.

    Attributes:
        what: The part that differs or is not proven.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"does not hold: {what}")
        self.what = what


def require_evidence(holds: bool, what: str) -> None:  # noqa: FBT001
    """Raise EvidenceRefused, which names *what*, unless it *holds*."""
    if not holds:
        raise EvidenceRefused(what)


class CallbackRefused(Refused, code="callback_refused"):
    """This is not a callback of the service."""
