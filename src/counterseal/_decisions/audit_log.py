"""Reading the audit log: what of it an administrator may read, and where a search goes on."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta

import attrs

from counterseal import keys
from counterseal._decisions.authorization import permission_to
from counterseal._decisions.plan import Decision, Plan, require
from counterseal._decisions.readings import already_read, records, tenancy_records_of
from counterseal.errors import InvalidField, MalformedToken, RoleLacking
from counterseal.models import Guid, LogPlace, Record
from counterseal.models.tenancy import Admin, Administrator, AdminRole, AppSpace
from counterseal.rules.authorization import Permission

USER_NOUNS = frozenset(
    {
        "account",
        "authentication",
        "binding",
        "challenge",
        "device",
        "identity",
        "login",
        "notification",
        "registration",
        "telemetry",
    }
)
"""What User Support reads of its App Space: events of users, their devices and challenges."""

CURSOR = struct.Struct(">QBQ")
"""Microseconds since the epoch, the partition, and the position."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_UNIT = timedelta(microseconds=1)


@attrs.frozen(kw_only=True)
class AuditReach:
    """
    What of the audit log somebody may read.

    Attributes:
        app_spaces: Events of these App Spaces; None for all events.
        nouns: Events of these nouns; None for all.
    """

    app_spaces: frozenset[Guid] | None = None
    nouns: frozenset[str] | None = None


def plan_reach(by: Administrator, app_space: Guid | None) -> Plan[AuditReach]:
    """
    Plan to decide what *by* may read, in one App Space or in all that it reaches.

    An administrator of all companies, and the operator, reads all events; one of a company those
    of its App Spaces; the others those of their own App Space.
    """
    if app_space is None:
        return already_read(None).then(
            lambda *_: permission_to(Permission.AUDIT, by, None).then(
                lambda admin, _: _everything() if admin is None else _reach(admin)
            )
        )
    return records(app_space).then(
        lambda stored, _: permission_to(Permission.AUDIT, by, require(stored[0], AppSpace)).then(
            lambda admin, _: Decision(result=_within(frozenset({app_space}), admin))
        )
    )


def plan_whole_log(by: Administrator) -> Plan[None]:
    """Plan to refuse whoever does not read all events: its role lacks what concerns all of them."""
    return permission_to(Permission.AUDIT, by, None).then(
        lambda admin, _: _require_all_companies(admin)
    )


def _require_all_companies(admin: Admin | None) -> Decision[None]:
    if admin is not None and admin.company is not None:
        raise RoleLacking
    return Decision(result=None)


def _everything() -> Decision[AuditReach]:
    return Decision(result=AuditReach())


def _reach(admin: Admin) -> Decision[AuditReach] | Plan[AuditReach]:
    if admin.app_space is not None:
        return Decision(result=_within(frozenset({admin.app_space}), admin))
    if admin.company is None:
        return _everything()
    return tenancy_records_of(admin.company).then(
        lambda stored, _: Decision(result=_within(_app_spaces(stored), admin))
    )


def _within(app_spaces: frozenset[Guid], admin: Admin | None) -> AuditReach:
    is_support = admin is not None and admin.role is AdminRole.SUPPORT
    return AuditReach(app_spaces=app_spaces, nouns=USER_NOUNS if is_support else None)


def _app_spaces(stored: tuple[Record | None, ...]) -> frozenset[Guid]:
    return frozenset(record.guid for record in stored if isinstance(record, AppSpace))


def write_cursor(log_place: LogPlace | None) -> str | None:
    """Return *log_place* as an opaque text; None stays None."""
    if log_place is None:
        return None
    moment = (log_place.at - EPOCH) // EPOCH_UNIT
    return keys.b64url(CURSOR.pack(moment, log_place.partition, log_place.position))


def read_cursor(text: str | None) -> LogPlace | None:
    """
    Read what `write_cursor` wrote.

    Raises:
        InvalidField: *text* is not such a text.
    """
    if text is None:
        return None
    try:
        raw = keys.unb64url(text)
        moment, partition, position = CURSOR.unpack(raw)
        at = EPOCH + moment * EPOCH_UNIT
    except (MalformedToken, struct.error, OverflowError):
        raise InvalidField("after", "not what an earlier page said") from None
    return LogPlace(at=at, partition=partition, position=position)
