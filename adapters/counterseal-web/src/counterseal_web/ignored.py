"""
Ignored: what a call neither knows nor refuses, as a closed list; all else is refused by name.

- Of calls that clients of the Privakey CX service make, a member stands here only if a recorded
  client sends it.
  C-milo, C-mern and C-ue send none that we do not know, in JSON or in forms.
  (An early C-ue sent `type` beside `callbackUrl`, for a WebAuthn domain; `callbackType` replaced
  it. To ignore it would allow callbacks to an address that nobody asked for.)
- Two calls are made by Identity Providers, and their standards demand to ignore the rest,
  whatever its name: there a near miss of a known name is ignored too.
"""

from __future__ import annotations

import enum
from collections.abc import Container

import attrs

from counterseal.wire.members import EVERYTHING


class Part(enum.Enum):
    """Where a name stands."""

    QUERY = "query"
    BODY = "body"


@attrs.frozen
class Ignored:
    """
    An entry of the list.

    Attributes:
        operation: The call's id.
        part: Of which part of the call.
        names: Which ones.
        sender: The kind of client that sends them.
        reason: Why they have to be ignored.
    """

    operation: str
    part: Part
    names: Container[str]
    sender: str
    reason: str


IGNORED = (
    Ignored(
        "comeBack",
        Part.QUERY,
        EVERYTHING,
        "an Identity Provider, by the user's browser",
        "RFC 6749, 4.1.2: the client MUST ignore unrecognized response parameters",
    ),
    Ignored(
        "logOut",
        Part.BODY,
        EVERYTHING,
        "an Identity Provider",
        "OpenID Connect Back-Channel Logout 1.0, 2.5: values that are not understood MUST be"
        " ignored",
    ),
)
