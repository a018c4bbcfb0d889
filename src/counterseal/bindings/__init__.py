"""
Use cases of binding: how a device's keys come to stand for one account, and how they cease to.

- `Invitations`: an origin invites a device of its user.
- `Enrolments`: the device brings its keys and finishes the bind.
- `Devices`: a bound device proves itself, rotates its keys, is suspended, resumed or revoked.
- `KeySets`: a bound device learns of new service keys.
- `Telemetry`: what a bound device tells of itself.
"""

from __future__ import annotations

from counterseal.bindings.callers import Caller, Proven
from counterseal.bindings.devices import Devices
from counterseal.bindings.enrolments import Bound, Enrolments
from counterseal.bindings.invitations import Invitation, Invitations
from counterseal.bindings.keysets import KeySets
from counterseal.bindings.telemetry import Telemetry

__all__ = [
    "Bound",
    "Caller",
    "Devices",
    "Enrolments",
    "Invitation",
    "Invitations",
    "KeySets",
    "Proven",
    "Telemetry",
]
