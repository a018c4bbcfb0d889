"""Requests to approve actions, and the files that belong to them, as a browser gets them."""

import hashlib
import json

from counterseal import ijson, keys

FILES = "https://files.example.com"
"""The web origin of the files."""

LEASE = b"Lease: the flat in Example Street 7, from 1 March, for 900.00 EUR a month.\n"
ANNEX = b"Annex: quiet from 22:00 to 7:00.\n"

TOOL_CALL = {
    "title": "Run a tool",
    "keys": [
        {"key": "Tool", "value": "github.merge_pull_request"},
        {
            "key": "$.body",
            "value": '"Fixes the rounding of totals in invoices, see the report of 27 November."',
        },
        {"key": "$.branch", "value": '"release/2026.11"'},
        {"key": "$.delete_branch", "value": "true"},
        {"key": "$.labels[0]", "value": '"billing"'},
        {"key": "$.number", "value": "4711"},
        {
            "key": '$["sha.256"]',
            "value": '"8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"',
        },
        {"key": "Agent", "value": "release-helper"},
        {"key": "Run", "value": "run-2026-11-29-0042"},
        {"key": "Purpose", "value": "Publish the November release"},
        {"key": "Valid until", "value": "2026-11-29 23:10:00 UTC"},
    ],
}
PAYMENT = {
    "title": "Pay 49.90 EUR to Zoë Example",
    "keys": [
        {"key": "Amount", "value": "49.90 EUR"},
        {"key": "Payee", "value": "Zoë Example"},
        {"key": "Account of the payee", "value": "DE02 1203 0000 0000 2020 51"},
        {"key": "Reference", "value": "Order 7"},
        {"key": "On", "value": "2026-12-01"},
        {"key": "Agent", "value": "shopping-helper"},
        {"key": "Valid until", "value": "2026-11-29 23:10:00 UTC"},
    ],
}
DOCUMENT = {
    "title": "Sign 2 documents",
    "keys": [
        {"key": "Purpose", "value": "Rent the flat in Example Street 7"},
        {"key": "Valid until", "value": "2026-11-29 23:10:00 UTC"},
    ],
}


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
        display = {**display, "content": content, "action": action}
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
