"""Reading the audit log: what an administrator may read, names, and where a search goes on."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import attrs

from counterseal import keys
from counterseal._plan import Decision, Records, Tools, records
from counterseal.accounts.records import Account
from counterseal.bindings.records import Binding
from counterseal.challenges.records import Challenge
from counterseal.errors import InvalidField, MalformedToken, RoleLacking
from counterseal.models import Guid, LogPlace, Record, RecordName
from counterseal.tenancy.decisions.authorization import permission_to, reached_app_spaces
from counterseal.tenancy.records import Admin, Administrator, AdminRole, AppSpace, Company, Origin
from counterseal.tenancy.rules.authorization import Permission

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
"""More positions than any store has."""

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


async def decide_reach(_: Tools, by: Administrator, app_space: Guid | None) -> Decision[AuditReach]:
    """Decide what *by* may read, in one App Space or in all that it reaches."""
    app_spaces, admin = await reached_app_spaces(by, app_space, Permission.AUDIT)
    is_support = admin is not None and admin.role is AdminRole.SUPPORT
    nouns = USER_NOUNS if is_support and app_spaces is not None else None
    return Decision(result=AuditReach(app_spaces=app_spaces, nouns=nouns))


async def demand_whole_log(_: Tools, by: Administrator) -> Decision[None]:
    """Refuse an administrator that does not read all events: what concerns all is not for it."""
    admin = await permission_to(Permission.AUDIT, by, None)
    if admin is not None and admin.company is not None:
        raise RoleLacking
    return Decision(result=None)


async def name_records(
    stored: Records, _: Tools, reach: AuditReach, by: Administrator
) -> Decision[Mapping[Guid, RecordName]]:
    """
    Decide how the records are named, as far as *by*, who has *reach*, reads events of them.

    What is erased, of another kind or out of reach has no name. An administrator has one for all
    who can read what it does.
    """
    nameable = tuple(
        record for record in stored if record is not None and _may_name(record, reach, by)
    )
    owners = {record.account for record in nameable if isinstance(record, (Binding, Challenge))}
    return Decision(result=_names(nameable, await records(*sorted(owners))))


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


def _names(nameable: tuple[Record, ...], accounts: Records) -> Mapping[Guid, RecordName]:
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
    return names


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
