"""
Telemetry: what happens on a device, as the device reports it; for the audit log only.

The body is a JSON object `{event, attributes, requestGuid}`:

| member | value |
|---|---|
| `event` | a name of letters, digits, `_`, `.`, `-`: one of `STANDARD_EVENTS`, or any other |
| `attributes` | an object of words: what a CX library calls a map of strings; optional |
| `requestGuid` | the challenge that it is about; optional |

A word is 64 letters, digits and `_.:+-` at most: a count, a version, a moment, a name of the app's
own.  An audit event holds names and codes, and erasing an account does not reach the log, so that
sentences, addresses and tokens are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from counterseal.errors import InvalidField
from counterseal.models import Guid
from counterseal.models.guid import parse
from counterseal.wire.members import read_object

STANDARD_EVENTS = frozenset(
    {
        "REQUEST_FETCHED",
        "REQUEST_PROCESSED",
        "NOTIFICATION_RECEIVED",
        "NOTIFICATION_CLICKED",
        "REQUEST_VIEWED",
    }
)
"""The events of the CX device libraries."""

ATTRIBUTES_LIMIT = 16

_MEMBERS = frozenset({"event", "attributes", "requestGuid"})
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_WORD = re.compile(r"[A-Za-z0-9_.:+-]{0,64}")


@attrs.define(kw_only=True)
class Report:
    """One event of a device, with pairs of words, sorted, and the challenge that it is about."""

    event: str
    challenge: Guid | None
    attributes: tuple[tuple[str, str], ...]


def read_report(body: object) -> Report:
    """Read the body of a device's report; InvalidField names a member that does not fit."""
    members = read_object(body, _MEMBERS, "body", prefix="")
    event = members.get("event")
    if not isinstance(event, str) or _NAME.fullmatch(event) is None:
        raise InvalidField("event", "missing, or not 1 to 64 of letters, digits, _, . and -")
    attributes = _read_attributes(members.get("attributes", {}))
    challenge = None
    if "requestGuid" in members:
        challenge = parse(members["requestGuid"], field="requestGuid")
    return Report(event=event, challenge=challenge, attributes=attributes)


def _read_attributes(attributes: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(attributes, Mapping) or len(attributes) > ATTRIBUTES_LIMIT:
        raise InvalidField("attributes", f"not an object of at most {ATTRIBUTES_LIMIT} words")
    for name, value in attributes.items():
        word = isinstance(value, str) and _WORD.fullmatch(value) is not None
        if _NAME.fullmatch(name) is None or not word:
            raise InvalidField("attributes", "not 64 of letters, digits, _, ., :, + and - at most")
    return tuple(sorted(attributes.items()))
