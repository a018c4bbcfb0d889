"""
Telemetry: what happens on a device, as it tells it; for the audit log, and for nothing else.

The body is a JSON object `{event, attributes, requestGuid}`:

| member | value |
|---|---|
| `event` | a name of letters, digits, `_`, `.`, `-`: one of `STANDARD_EVENTS`, or any other |
| `attributes` | an object of words: what a CX library calls a map of strings; optional |
| `requestGuid` | the challenge that it is about; optional |

The log takes all of it.
A word is 64 letters, digits and `_.:+-` at most: a count, a version, a moment, a name of the app's
own.  An audit event holds names and codes, and erasing an account does not reach the log, so that
sentences, addresses and tokens have no place there; they are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from counterseal import ijson
from counterseal.bindings.callers import Caller
from counterseal.decisions import Act, Decision, settle, within_rate
from counterseal.errors import InvalidField
from counterseal.models import AuditEvent, DeviceCall, Guid
from counterseal.models.guid import parse
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.wire.members import require_known

STANDARD_EVENTS = frozenset(
    {
        "REQUEST_FETCHED",
        "REQUEST_PROCESSED",
        "NOTIFICATION_RECEIVED",
        "NOTIFICATION_CLICKED",
        "REQUEST_VIEWED",
    }
)
"""The events of the CX device libraries (privakey-wire 4.7)."""

EVENTS_A_MINUTE = 60
"""Of one device: five events for each of the questions that it may be asked, and room."""

ATTRIBUTES = 16

_MEMBERS = frozenset({"event", "attributes", "requestGuid"})
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_WORD = re.compile(r"[A-Za-z0-9_.:+-]{0,64}")


@attrs.frozen
class Telemetry:
    """What devices tell of themselves."""

    ports: Ports
    policy: Policy

    def record(self, call: DeviceCall) -> None:
        """
        Record one event of a device; the call's body says which.

        Raises:
            InvalidField: The body is malformed, or too much.
            TooOften: The device tells too much.
            Refused: The call is not proven, or the device may not act.
            Unavailable: A port failed.
        """
        caller = Caller(self.ports, self.policy, call, "device.telemetry")
        act = Act(event="device.telemetry", actor=caller.device, subject=caller.device)

        def decide() -> Decision[AuditEvent]:
            proven = caller.prove()
            name, challenge, attributes = _read(ijson.parse(call.body))
            return Decision(
                result=AuditEvent(
                    at=proven.proving.now,
                    event=f"telemetry.{name}",
                    actor=proven.binding.guid,
                    subject=challenge,
                    attributes=attributes,
                )
            )

        event = settle(self.ports, self.policy, act, decide)
        within_rate(self.ports, act, ("telemetry", event.actor), EVENTS_A_MINUTE)
        self.ports.audit.record(event)


def _read(body: object) -> tuple[str, Guid | None, tuple[tuple[str, str], ...]]:
    if not isinstance(body, Mapping):
        raise InvalidField("body", "not a JSON object")
    require_known(body, _MEMBERS)
    event = body.get("event")
    if not isinstance(event, str) or _NAME.fullmatch(event) is None:
        raise InvalidField("event", "missing, or not 1 to 64 of letters, digits, _, . and -")
    attributes = _words(body.get("attributes", {}))
    if "requestGuid" not in body:
        return event, None, attributes
    return event, parse(body["requestGuid"], field="requestGuid"), attributes


def _words(attributes: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(attributes, Mapping) or len(attributes) > ATTRIBUTES:
        raise InvalidField("attributes", f"not an object of at most {ATTRIBUTES} words")
    for name, value in attributes.items():
        word = isinstance(value, str) and _WORD.fullmatch(value) is not None
        if _NAME.fullmatch(name) is None or not word:
            raise InvalidField("attributes", "not 64 of letters, digits, _, ., :, + and - at most")
    return tuple(sorted(attributes.items()))
