"""Refusals: questions that may not be asked now, or not like this."""

from __future__ import annotations

from counterseal.errors.families import Refused


class TooManyPending(Refused):
    """The person has enough open questions; ask again later."""

    code = "too_many_pending"

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"seconds to wait: {retry_after:g}")
        self.retry_after = retry_after


class TooOften(Refused):
    """The person was asked too often; ask again later."""

    code = "too_often"

    def __init__(self, reason: str, retry_after: float) -> None:
        super().__init__(f"{reason}; seconds to wait: {retry_after:g}")
        self.reason = reason
        self.retry_after = retry_after


class CodeDemanded(Refused):
    """After so many refusals the person may be asked with a matching code only."""

    code = "code_demanded"


class CallbackForbidden(Refused):
    """The callback address is not on the origin's allow-list."""

    code = "callback_forbidden"


class CallbackUncallable(Refused):
    """
    Nothing would ever be sent to the callback address.

    Attributes:
        reason: Why, in words that hold nothing of the address.
    """

    code = "callback_uncallable"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class KeyInProgress(Refused):
    """A call with the same idempotency key is still running."""

    code = "key_in_progress"


class KeyReused(Refused):
    """The idempotency key was used for another payload."""

    code = "key_reused"
