"""Names: what people read in place of the GUIDs of records, as far as they may read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

import counterseal as cs
from counterseal.models import AdminRole, Guid, RecordName
from counterseal.wire.visible import Name
from counterseal_portal.routes import ADMINS
from counterseal_portal.visit import Visit

ACTORS: Mapping[str, str] = {
    "worker": "The service itself",
    "idp": "The Identity Provider",
    "staff": "The operator",
    "stranger": "Somebody who did not prove who they are",
}
"""Actors without a record."""
BEFORE: Mapping[str, str] = {
    "app_space": "App Space",
    "challenge": "Question to",
    "company": "Company",
    "origin": "Origin",
}
"""What stands before a record's name, by its kind."""
UNNAMED_DEVICE = "Device without a name"


@attrs.frozen(kw_only=True)
class Label:
    """
    How a page names a record.

    Attributes:
        before: What stands before the name, as "Question to".
        name: The name, which somebody else may have chosen.
        owner: Whose device it is; empty for every other record.
        path: The record's page, after `MOUNT`; empty where the person has none.
        is_code: Whether the name is a GUID or a word of the log.
    """

    before: str = ""
    name: str
    owner: str = ""
    path: str = ""
    is_code: bool = False


def names_of(visit: Visit, guids: Iterable[str]) -> Mapping[Guid, RecordName]:
    """
    Return the names of the records of *guids* that the person may read.

    Raises:
        CredentialRefused: The person was revoked.
        Unavailable: The store did not answer.
    """
    log = cs.AuditLog(visit.service.ports, visit.service.policy)
    return log.names(guids, by=visit.admin)


def label_of(visit: Visit, guid: str, names: Mapping[Guid, RecordName]) -> Label:
    """Return how a page names *guid*, an actor or a subject of an event."""
    record_name = names.get(Guid(guid))
    if record_name is None:
        return Label(name=ACTORS.get(guid, guid), is_code=guid not in ACTORS)
    is_device = record_name.kind == "device"
    name = record_name.name or Name(record_name.account_id)
    return Label(
        before=BEFORE.get(record_name.kind, ""),
        name=(record_name.name or "Device") if is_device else name,
        owner=Name(record_name.account_id) if is_device else "",
        path=_path(visit, Guid(guid), record_name),
    )


def _path(visit: Visit, guid: Guid, record_name: RecordName) -> str:
    """Return the page of a record; empty where the person's role has none."""
    role = visit.admin.role
    if record_name.account is not None:
        return f"/accounts/{record_name.account}"
    if record_name.kind == "app_space":
        return f"/app-spaces/{guid}"
    if record_name.kind == "origin" and role in ADMINS:
        return f"/origins/{guid}"
    if record_name.kind == "company" and role is AdminRole.COMPANY:
        return f"/companies/{guid}"
    return ""
