"""Refusals: what is not there, not theirs, or not in a state for this."""

from __future__ import annotations

from counterseal.errors.families import Refused


class InvalidField(Refused):
    """A field of the input is missing, malformed or too large."""

    code = "invalid_field"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class NotFound(Refused):
    """No such record."""

    code = "not_found"


class Foreign(Refused):
    """The record exists and belongs to somebody else."""

    code = "foreign"
    outward = "not_found"


class AccountUnknown(Refused):
    """The App Space knows no such account."""

    code = "account_unknown"
    outward = "unreachable"


class AccountUnbound(Refused):
    """The account has no active device."""

    code = "account_unbound"
    outward = "unreachable"


class AccountLocked(Refused):
    """The account is locked."""

    code = "account_locked"
    outward = "unreachable"


class BindingInactive(Refused):
    """The device's binding is not active."""

    code = "binding_inactive"
    outward = "denied"


class WrongKind(Refused):
    """The App Space identifies its users in another way."""

    code = "wrong_kind"


class WrongState(Refused):
    """The record's state does not allow this event."""

    code = "wrong_state"

    def __init__(self, problem: str = "", *, detail: str | None = None) -> None:
        """Take *problem* for the log, and *detail* for the caller."""
        super().__init__(problem)
        self.detail = detail


class DeadlinePassed(Refused):
    """The deadline has come."""

    code = "deadline_passed"


class DeadlineAhead(Refused):
    """The deadline has not come yet."""

    code = "deadline_ahead"


class LeaseLost(Refused):
    """Another worker holds or has taken this callback."""

    code = "lease_lost"
