"""Audit: the calls of an administrator for the audit log: its events and its signed head."""

from __future__ import annotations

from counterseal.audit.documents import entry_document
from counterseal.errors import NotFound
from counterseal.models import Admin, Guid
from counterseal.models.guid import parse
from counterseal_web.admin.paths import AUDIT, admin_operation
from counterseal_web.calls import Call
from counterseal_web.members import read_guid, read_moment, read_number
from counterseal_web.messages import Reply
from counterseal_web.schemas import COUNT, GUID, MOMENT, TEXT, Schema
from counterseal_web.service import Service

AT_ONCE = 100
"""Events of a page, unless `limit` says otherwise."""


def search_audit(service: Service, call: Call, admin: Admin) -> Reply:
    """
    Return a page of events of the audit log that the administrator may read, newest first.

    An event is there as soon as it is chained: within a second, where the workers run. A page may
    be short, or empty, and `after` still say that there are more.
    """
    query = call.query
    limit = read_number(query, "limit")
    app_space = query.get("appSpaceGuid")
    page = service.audit_log.search(
        app_space=None if app_space is None else read_guid(app_space, "appSpaceGuid"),
        subject=_subject(query.get("subject")),
        performer=query.get("actor"),
        event=query.get("event"),
        since=read_moment(query, "since"),
        until=read_moment(query, "until"),
        reason=query.get("reason"),
        after=query.get("after"),
        limit=AT_ONCE if limit is None else limit,
        by=admin,
    )
    return Reply(
        document={"events": [entry_document(each) for each in page.events], "after": page.after}
    )


def get_audit_head(service: Service, _: Call, admin: Admin) -> Reply:
    """
    Return the newest signed head of the audit log, for an administrator of all companies.

    Keep it where nobody who can write to the store can change it; `counterseal audit verify --head`
    reads the reply as it is. There is none before the first event is chained.
    """
    head = service.audit_log.signed_head(by=admin)
    if head is None:
        raise NotFound
    return Reply(document={"auditHead": head})


def _subject(text: str | None) -> Guid | None:
    return None if text is None else parse(text, field="subject")


AUDIT_SCHEMAS: dict[str, Schema] = {
    "AuditEvent": {
        "type": "object",
        "properties": {
            "partition": COUNT,
            "position": COUNT | {"description": "In the partition, from 1 on, without a gap."},
            "hash": TEXT | {"description": "Of the event and all before it, base64url."},
            "at": MOMENT,
            "event": TEXT | {"description": "A noun and what happened, such as `challenge.issue`."},
            "actor": TEXT | {"description": "Who did it: a GUID, or a role such as `worker`."},
            "subject": GUID | {"description": "The record that the event is about."},
            "appSpaceGuid": GUID,
            "reason": TEXT
            | {"description": "Why it was refused; absent if it was not, or a result."},
            "attributes": {"type": "object", "additionalProperties": TEXT},
        },
        "required": ["partition", "position", "hash"],
    },
    "AuditPage": {
        "type": "object",
        "properties": {
            "events": {"type": "array", "items": {"$ref": "#/components/schemas/AuditEvent"}},
            "after": {
                "type": ["string", "null"],
                "description": "Where the next page begins; null if there is none.",
            },
        },
        "required": ["events", "after"],
    },
    "AuditHead": {
        "type": "object",
        "properties": {
            "auditHead": TEXT
            | {"description": "A compact JWS of type `counterseal-audit-head+jwt`."}
        },
        "required": ["auditHead"],
    },
}

AUDIT_API = (
    admin_operation(
        "searchAudit",
        "GET",
        AUDIT,
        search_audit,
        {200: "AuditPage"},
        query={
            "appSpaceGuid": "Only events of this App Space.",
            "subject": "Only events about this record.",
            "actor": "Only what was done by this one: a GUID, or a role such as `worker`.",
            "event": "A name such as `challenge.issue`, or a noun with its point: `challenge.`.",
            "since": "The earliest time, such as `2030-01-31T09:00:00Z`.",
            "until": "Only earlier events.",
            "reason": "Only refusals with this code, or results with this word: `undelivered`."
            " Empty: only events that have neither.",
            "after": "`after` of the page before; by default, the first page.",
            "limit": "At most how many events, 100 unless it says otherwise, 1000 at most.",
        },
    ),
    admin_operation("getAuditHead", "GET", f"{AUDIT}/head", get_audit_head, {200: "AuditHead"}),
)
