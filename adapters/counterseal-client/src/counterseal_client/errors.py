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


class Unfit(Misuse):
    """The client is configured or called with what cannot work; fix the program."""

    code = "client_unfit"


def demand(name: str, value: object, *kinds: type) -> None:
    """
    Demand that an argument is of one of *kinds*.

    Raises:
        Unfit: It is of another one.
    """
    if not isinstance(value, kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise Unfit(f"{name}: {wanted}, and not {type(value).__name__}")


# The service says no


class RequestRefused(Refused):
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

    code = "request_refused"

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


class Unauthorised(RequestRefused):
    """The service does not take this credential: unknown, revoked, or of the other scheme."""

    code = "request_unauthorised"


class NotThere(RequestRefused):
    """This origin has no such request, account or device."""

    code = "request_not_there"


class Unreachable(RequestRefused):
    """The account cannot be asked: unknown, locked, or without a bound device."""

    code = "request_unreachable"


class AskedTooOften(RequestRefused):
    """The person, or the service, was asked too often; `retry_after` says for how long."""

    code = "request_too_often"


class Finished(RequestRefused):
    """It has ended already."""

    code = "request_finished"


# There is no answer


class NotSent(Unavailable):
    """The service was not reached; nothing was sent."""

    code = "not_sent"


class ReplyLost(Unavailable):
    """The request was sent and no reply came; it may or may not have been done."""

    code = "reply_lost"


class Overloaded(Unavailable):
    """
    The service cannot answer now.

    Attributes:
        retry_after: How long it asks to be left alone, where it says so.
    """

    code = "service_unavailable"

    def __init__(self, detail: str = "", *, retry_after: timedelta | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class BadReply(Unavailable):
    """The reply is not one of this service's; perhaps something stands in between."""

    code = "bad_reply"


# It is not enough to act on


class NotApproved(Refused):
    """The person did not approve."""

    code = "not_approved"


class Declined(NotApproved):
    """
    The person said no.

    Attributes:
        disowned: Whether they said that they never asked for this; somebody else may have.
    """

    code = "declined"

    def __init__(self, detail: str = "", *, disowned: bool = False) -> None:
        super().__init__(detail)
        self.disowned = disowned


class Unanswered(NotApproved):
    """
    There is no answer: not yet, or never.

    Attributes:
        state: How the request stands.
    """

    code = "unanswered"

    def __init__(self, state: ChallengeState) -> None:
        super().__init__(f"the request is {state.value}")
        self.state = state


class EvidenceRefused(Refused):
    """
    What came back does not prove an answer to what was asked; an alarm, not a refusal.

    Attributes:
        what: Which part does not hold.
    """

    code = "evidence_refused"

    def __init__(self, what: str) -> None:
        super().__init__(f"does not hold: {what}")
        self.what = what


class CallbackRefused(Refused):
    """This is no callback of the service."""

    code = "callback_refused"
