"""The bell inside: whoever waits is woken after a commit, and nothing depends on it."""

from __future__ import annotations

from counterseal.errors import Unavailable
from counterseal.models import Guid
from counterseal.models.guid import named
from counterseal.ports import Ports

NOTED = named(0, "notifications")
"""What those wait for who ring: rung after each commit that noted something to be rung."""


def wake(ports: Ports, guid: Guid) -> None:
    """Wake whoever waits for *guid* inside, if the port answers."""
    try:
        ports.wake.ring(guid)
    except Unavailable:
        # Whoever waits looks at the store when its patience ends.
        return
