"""Sessions: administrators who are logged in as persons, and the links that lead to a log-in."""

from __future__ import annotations

import enum
from datetime import datetime

import attrs

from counterseal.models import fields
from counterseal.models.guid import Guid
from counterseal.models.record import Index, Listing


class SessionState(enum.Enum):
    """The states of a session; `counterseal.machines` says how they follow."""

    INVITED = "INVITED"
    """A one-time link was made; nobody has opened it yet."""
    ENROLLING = "ENROLLING"
    """A browser has redeemed the link, and may do nothing but register a passkey."""
    ACTIVE = "ACTIVE"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


LIVING_SESSIONS = frozenset({SessionState.INVITED, SessionState.ENROLLING, SessionState.ACTIVE})


class LogInMethod(enum.Enum):
    """How an administrator logged in."""

    LINK = "link"
    """By a one-time link, and the passkey that was registered with it."""
    PASSKEY = "passkey"
    DEVICE = "device"
    """By a challenge to the administrator's own device."""


@attrs.frozen(kw_only=True)
class SessionProof:
    """
    A passkey or device by which the person logged in, or stepped up.

    Attributes:
        suspensions: How often the binding had been suspended by then: a suspension ends the
            validity of earlier proofs.
    """

    binding: Guid
    suspensions: int = attrs.field(default=0, validator=fields.count)


@attrs.frozen(kw_only=True)
class Session:
    """
    One browser in which an administrator is logged in, or the link that leads to one.

    It lies in the administrator's partition, and is listed under the administrator while it lives.

    Attributes:
        secret_hash: SHA-256 of the secret that the link or the cookie has; another one from each
            log-in and each step-up on.
        browser: What the browser says that it is, for the list of sessions.
        started_at: When the administrator logged in; None before.
        last_used_at: Written once a minute at most; of a link, when it was opened.
        stepped_up_until: Until then, dangerous acts need no further proof.
        proofs: What it was opened and stepped up by; it ends with the first of them that ends.
            Empty before the log-in.
        deadline: When the link, the enrolment or the session ends, unless it is used.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    state: SessionState
    admin: Guid
    secret_hash: bytes = attrs.field(repr=False)
    method: LogInMethod
    browser: str = ""
    created_at: datetime = attrs.field(validator=fields.utc)
    started_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    last_used_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    stepped_up_until: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    proofs: tuple[SessionProof, ...] = ()
    deadline: datetime = attrs.field(validator=fields.utc)
    keep_until: datetime = attrs.field(validator=fields.utc)

    @property
    def parent(self) -> Guid:
        """The administrator."""
        return self.admin

    @property
    def due_at(self) -> datetime | None:
        """When a worker has to expire it; None once it has ended."""
        return self.deadline if self.state in LIVING_SESSIONS else None

    @property
    def index(self) -> Index:
        """The keys that it is found by: it is listed until it ends."""
        listed = self.state in LIVING_SESSIONS
        return Index(listing=Listing.CHILDREN, owner=self.admin, listed=listed)
