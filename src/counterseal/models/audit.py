"""Audit events: what happened, who did it, and why it was refused."""

from __future__ import annotations

from datetime import datetime

import attrs

from counterseal.models import fields
from counterseal.models.guid import Guid


@attrs.frozen(kw_only=True)
class AuditEvent:
    """
    One entry of the audit log; it holds names and codes, never content or secrets.

    Attributes:
        event: What happened or was refused, as `noun.verb`.
        actor: The GUID of the actor, or a role (`worker`, `staff`, `stranger`).
        subject: The GUID of the record that it is about; None if there is none yet.
        reason: The stable code of a refusal or of another result; empty on success.
        attributes: What belongs to it besides, as pairs of words: what a device tells of itself
            (telemetry), or which device was notified, and by which kind of address (pushes).
    """

    at: datetime = attrs.field(validator=fields.utc)
    event: str = attrs.field(validator=fields.text)
    actor: str
    subject: Guid | None = None
    reason: str = ""
    attributes: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
