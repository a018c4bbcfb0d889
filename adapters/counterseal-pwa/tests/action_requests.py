"""Requests to approve actions, and the files that belong to them, as a browser gets them."""

import hashlib
import json
from datetime import UTC, datetime

import attrs

from counterseal import ijson, keys
from counterseal.actions import STANDARD_ACTIONS
from counterseal.models import Action

FILES = "https://files.example.com"
"""The web origin of the files."""

LEASE = b"Lease: the flat in Example Street 7, from 1 March, for 900.00 EUR a month.\n"
ANNEX = b"Annex: quiet from 22:00 to 7:00.\n"


def attachment(name, body, media_type="text/plain"):
    """Return how a request names a file."""
    return {
        "name": name,
        "size": len(body),
        "type": media_type,
        "sha256": keys.b64url(hashlib.sha256(body).digest()),
        "url": f"{FILES}/{name.replace(' ', '-').lower()}",
    }


ATTACHMENTS = [attachment("Lease.txt", LEASE), attachment("Annex.txt", ANNEX)]
VALID_UNTIL = datetime(2026, 11, 29, 23, 10, tzinfo=UTC)

ACTIONS = {
    "tool-call": Action(
        type="tool-call",
        resource="github.merge_pull_request",
        arguments={
            "number": 4711,
            "branch": "release/2026.11",
            "body": "Fixes the rounding of totals in invoices, see the report of 27 November.",
            "delete_branch": True,
            "labels": ["billing"],
            "sha.256": "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4",
        },
        agent="release-helper",
        run="run-2026-11-29-0042",
        purpose="Publish the November release",
    ),
    "payment": Action(
        type="payment",
        resource="DE02120300000000202051",
        arguments={
            "transaction_id": "order-7",
            "payee": {"name": "Zoë Example", "id": "DE75512108001245126199"},
            "currency": "EUR",
            "amount": "49.90",
            "execution_date": "2026-12-01",
        },
        agent="shopping-helper",
    ),
    "document": Action(
        type="document",
        resource="The flat in Example Street 7",
        arguments={"documents": ATTACHMENTS},
        purpose="Rent it from 1 March",
    ),
}


def rendering(kind):
    """Return the title and the rows of an action, as the service displays it."""
    rendered = STANDARD_ACTIONS.render(attrs.evolve(ACTIONS[kind], valid_until=VALID_UNTIL))
    pairs = [{"key": pair.key, "value": pair.value} for pair in rendered.content.pairs]
    return {"title": rendered.content.title, "keys": pairs}


TOOL_CALL, PAYMENT, DOCUMENT = map(rendering, ("tool-call", "payment", "document"))


def write_utc(moment):
    """Return a time of RFC 3339 as the service writes it in the last row of an action."""
    return datetime.fromisoformat(moment).strftime("%Y-%m-%d %H:%M:%S UTC")


def end_at(content, valid_until):
    """Return *content* with the end of the approval in its last row, if it has one."""
    *rows, last = content["keys"]
    if last["value"] != write_utc(VALID_UNTIL.isoformat()):
        return content
    return content | {"keys": [*rows, last | {"value": write_utc(valid_until)}]}


def serve_action(page, kind, content, *, attachments=(), language="en", valid_until, **members):
    """
    Make each request that *page* loads one of an action.

    The service asks for something else, and refuses an answer to what is displayed.

    Args:
        page: Playwright's.
        kind: The action's type.
        content: Its title and rows.
        attachments: How the request names its files.
        language: Of the rows.
        valid_until: RFC 3339.
        members: Of the display document, other than the service sends them.
    """
    action = {
        "type": kind,
        "digest": keys.digest(kind.encode()),
        "validUntil": valid_until,
        "language": language,
    }
    if attachments:
        action["attachments"] = list(attachments)

    def change(route):
        reply = route.fetch()
        document = reply.json()
        if "display" not in document:
            route.fulfill(response=reply)
            return
        display = json.loads(document["display"]) | members
        display = {**display, "content": end_at(content, valid_until), "action": action}
        document |= {"display": ijson.canonical(display).decode()}
        document["expiresAt"] = display["expiresAt"]
        route.fulfill(response=reply, json=document)

    page.route("**/device/requests/*-*", change)


def serve_files(page, bodies):
    """
    Serve files from their own web origin, which allows every page.

    Args:
        page: Playwright's.
        bodies: By path; a status in place of a body replies with this status.
    """
    requests = []

    def reply(route):
        requests.append(route.request)
        body = bodies[route.request.url.removeprefix(FILES)]
        headers = {"Access-Control-Allow-Origin": "*"}
        if isinstance(body, int):
            route.fulfill(status=body, headers=headers)
        else:
            route.fulfill(body=body, headers=headers, content_type="text/html")

    page.route(f"{FILES}/**", reply)
    return requests
