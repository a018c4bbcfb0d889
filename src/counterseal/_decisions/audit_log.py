"""Reading the audit log: what an administrator may read, names, and where a search goes on."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import attrs

from counterseal import keys
from counterseal._decisions.authorization import permission_reading
from counterseal._decisions.plan import Decision, Plan, require
from counterseal._decisions.readings import already_read, records, tenancy_records_of
from counterseal.errors import InvalidField, MalformedToken, RoleLacking
from counterseal.models import Guid, LogPlace, Record, RecordName
from counterseal.models.account import Account
from counterseal.models.binding import Binding
from counterseal.models.challenge import Challenge
from counterseal.models.tenancy import Admin, Administrator, AdminRole, AppSpace, Company, Origin
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

LONGEST_CHAIN = 2**63
"""No store counts positions so far."""

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


def plan_reach(
    by: Administrator, app_space: Guid | None, permission: Permission = Permission.AUDIT
) -> Plan[AuditReach]:
    """
    Plan to decide what *by* may read by *permission*, in one App Space or in all that it reaches.

    An administrator of all companies, and the operator, reads all events; one of a company those
    of its App Spaces; the others those of their own App Space.
    """
    if app_space is None:
        return already_read(None).then(
            lambda *_: permission_reading(permission, by, None).then(
                lambda admin, _: _everything() if admin is None else _reach(admin)
            )
        )
    return records(app_space).then(
        lambda stored, _: permission_reading(permission, by, require(stored[0], AppSpace)).then(
            lambda admin, _: Decision(result=_within(frozenset({app_space}), admin))
        )
    )


def plan_whole_log(by: Administrator) -> Plan[None]:
    """Plan to refuse whoever does not read all events: its role lacks what concerns all of them."""
    return permission_reading(Permission.AUDIT, by, None).then(
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


def plan_names(
    guids: tuple[Guid, ...], reach: AuditReach, by: Administrator
) -> Plan[Mapping[Guid, RecordName]]:
    """
    Plan to name the records of *guids*, as far as *by*, who has *reach*, reads events of them.

    What is erased, of another kind or out of reach has no name. An administrator has one for
    whoever can read what it does.
    """
    return records(*guids).then(lambda stored, _: _with_accounts(stored, reach, by))


def _with_accounts(
    stored: tuple[Record | None, ...], reach: AuditReach, by: Administrator
) -> Plan[Mapping[Guid, RecordName]]:
    nameable = tuple(each for each in stored if each is not None and _may_name(each, reach, by))
    owners = {each.account for each in nameable if isinstance(each, (Binding, Challenge))}
    return records(*sorted(owners)).then(lambda accounts, _: _names(nameable, accounts))


def _may_name(record: Record, reach: AuditReach, by: Administrator) -> bool:
    app_spaces = reach.app_spaces
    company = by.company if isinstance(by, Admin) else None
    match record:
        case Account() | Binding() | Challenge() | Origin():
            return app_spaces is None or record.app_space in app_spaces
        case AppSpace():
            return app_spaces is None or record.guid in app_spaces
        case Company():
            return app_spaces is None or record.guid == company
        case Admin(app_space=None):
            return app_spaces is None or record.company in {None, company}
        case Admin():
            return app_spaces is None or record.app_space in app_spaces
        case _:
            return False


def _names(
    nameable: tuple[Record, ...], accounts: tuple[Record | None, ...]
) -> Decision[Mapping[Guid, RecordName]]:
    account_ids = {
        each.guid: each.account_id
        for each in (*nameable, *accounts)
        if isinstance(each, Account) and each.erased_at is None
    }
    names: dict[Guid, RecordName] = {}
    for record in nameable:
        match record:
            case Account() | Binding() | Challenge():
                account = record.guid if isinstance(record, Account) else record.account
                if account in account_ids:
                    names[record.guid] = RecordName(
                        kind=_KINDS[type(record)],
                        name=record.name if isinstance(record, Binding) else "",
                        account=account,
                        account_id=account_ids[account],
                    )
            case Company() | AppSpace() | Origin() | Admin():
                names[record.guid] = RecordName(kind=_KINDS[type(record)], name=record.name)
    return Decision(result=names)


_KINDS: Mapping[type, str] = {
    Company: "company",
    AppSpace: "app_space",
    Origin: "origin",
    Admin: "admin",
    Account: "account",
    Binding: "device",
    Challenge: "challenge",
}


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
    if position >= LONGEST_CHAIN:
        raise InvalidField("after", "not what an earlier page said")
    return LogPlace(at=at, partition=partition, position=position)
