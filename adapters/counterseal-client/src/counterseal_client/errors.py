"""
What an origin's client raises, in the core's families.

- `Refused`: the service says no (`RequestRefused`), or what it says is not enough to act on
  (`NotApproved`, `EvidenceRefused`, `CallbackRefused`). Do not act, and do not retry.
- `Misuse`: this program or its configuration is wrong (`Unfit`).
- `Unavailable`: there is no answer, or none that can be read. The same call may be retried.

No text holds a secret, an address, or what the service sent besides its stable codes.
"""

from __future__ import annotations

from datetime import timedelta

from counterseal import Misuse, Refused, Unavailable
from counterseal.models import ChallengeState


class Unfit(Misuse, code="client_unfit"):
    """The client is configured or called with what cannot work; fix the program."""


def demand(name: str, value: object, *kinds: type) -> None:
    """
    Demand that an argument is of one of *kinds*.

    Raises:
        Unfit: It is of another one.
    """
    if not isinstance(value, kinds):
        expected = " or ".join(kind.__name__ for kind in kinds)
        raise Unfit(f"{name}: {expected}, and not {type(value).__name__}")


# The service says no


class RequestRefused(Refused, code="request_refused"):
    """
    The service refused the request.

    Attributes:
        problem: The service's own stable code, or `unknown`.
        status: The status of its reply.
        field: The member that it finds wrong, where it names one.
        detail: What it says about it, for people, where it says something: printable, and
            shortened. It stands in no text of this error.
        retry_after: How long it asks to be left alone, where it says so.
        repeated: Whether the reply to an earlier attempt of the same call was lost, so that this
            may be the answer to a repetition of what was done already.
    """

    def __init__(
        self,
        problem: str,
        status: int,
        *,
        field: str | None = None,
        detail: str | None = None,
        retry_after: timedelta | None = None,
    ) -> None:
        where = "" if field is None else f", {field}"
        super().__init__(f"the service says {problem} ({status}{where})")
        self.problem = problem
        self.status = status
        self.field = field
        self.detail = detail
        self.retry_after = retry_after
        self.repeated = False


class Unauthorised(RequestRefused, code="request_unauthorised"):
    """The service does not take this credential: unknown, revoked, or of the other scheme."""


class NotFound(RequestRefused, code="request_not_there"):
    """This origin has no such request, account or device."""


class Unreachable(RequestRefused, code="request_unreachable"):
    """The account cannot be asked: unknown, locked, or without a bound device."""


class AskedTooOften(RequestRefused, code="request_too_often"):
    """The person, or the service, was asked too often; `retry_after` says for how long."""


class Finished(RequestRefused, code="request_finished"):
    """It has ended already."""


# There is no answer


class NotSent(Unavailable, code="not_sent"):
    """The service was not reached; nothing was sent."""


class ReplyLost(Unavailable, code="reply_lost"):
    """The request was sent and no reply came; it may or may not have been done."""


class Overloaded(Unavailable, code="service_unavailable"):
    """
    The service cannot answer now.

    Attributes:
        retry_after: How long it asks to be left alone, where it says so.
    """

    def __init__(self, detail: str = "", *, retry_after: timedelta | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class BadReply(Unavailable, code="bad_reply"):
    """The reply is not one of this service's; perhaps something stands in between."""


# It is not enough to act on


class NotApproved(Refused, code="not_approved"):
    """The person did not approve."""


class Declined(NotApproved, code="declined"):
    """
    The person said no.

    Attributes:
        disowned: Whether they said that they never asked for this; somebody else may have.
    """

    def __init__(self, detail: str = "", *, disowned: bool = False) -> None:
        super().__init__(detail)
        self.disowned = disowned


class Unanswered(NotApproved, code="unanswered"):
    """
    There is no answer: not yet, or never.

    Attributes:
        state: How the request stands.
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
        refusals: The refusal of each, in their order.
    """

    def __init__(self, refusals: tuple[RequirementUnmet, ...]) -> None:
        super().__init__(", ".join(refusal.code for refusal in refusals))
        self.refusals = refusals


class EvidenceRefused(Refused, code="evidence_refused"):
    """
    What came back does not prove an answer to what was asked; an alarm, not a refusal.

    Attributes:
        what: Which part does not hold.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"does not hold: {what}")
        self.what = what


def require_evidence(holds: bool, what: str) -> None:  # noqa: FBT001
    """Raise EvidenceRefused, which names *what*, unless it *holds*."""
    if not holds:
        raise EvidenceRefused(what)


class CallbackRefused(Refused, code="callback_refused"):
    """This is no callback of the service."""
