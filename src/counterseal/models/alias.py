"""Aliases: an Identity Provider's own names for users whom it has identified."""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import sha256
from typing import ClassVar

import attrs

from counterseal.models import fields
from counterseal.models.guid import Guid, named


@attrs.frozen(kw_only=True)
class Alias:
    """
    One of a provider's own names for a user: a subject, or one of the user's sessions.

    The name itself is not kept: the GUID follows from it.

    Attributes:
        accounts: Whom it names, the newest last; a user gets another account when the claim
            that becomes the account id changes.
        keep_until: The store may forget the record after this; None while the provider may
            speak of the user by it.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    app_space: Guid
    accounts: tuple[Guid, ...]
    created_at: datetime = attrs.field(validator=fields.utc)
    keep_until: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)

    parent: ClassVar[Guid | None] = None
    due_at: ClassVar[datetime | None] = None


def subject_alias(app_space: Guid, issuer: str, subject: str) -> Guid:
    """Return the GUID of the alias that a subject is (`sub`; OpenID Connect Core, 2)."""
    return _alias(app_space, "sub", issuer, subject)


def session_alias(app_space: Guid, issuer: str, session: str) -> Guid:
    """Return the GUID of the alias that a session is (`sid`; Back-Channel Logout 1.0, 2.1)."""
    return _alias(app_space, "sid", issuer, session)


def _alias(app_space: Guid, kind: str, issuer: str, name: str) -> Guid:
    # JSON, so that no two lists are one text; in ASCII, so that every text has bytes.
    text = json.dumps(["alias", app_space, kind, issuer, name])
    return named(sha256(text.encode()).digest()[-1], text)
