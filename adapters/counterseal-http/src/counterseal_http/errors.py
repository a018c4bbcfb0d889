"""
What can go wrong before there is a response, besides what `httpx2` has words for.

All are `httpx2.TransportError`, so that one `except` is enough for whoever calls out.
Texts say what the matter is, and hold no address, no name and no header:
an address may be a secret (a push endpoint is one).
"""

from __future__ import annotations

import httpx2


class Forbidden(httpx2.TransportError):
    """
    The guard does not allow it; nothing was sent.

    Attributes:
        final: Whether it is the address itself that is refused, which no later attempt changes.
            Where a name leads may change.
    """

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


class Unresolved(httpx2.TransportError):
    """The name leads nowhere, or its name servers did not answer; nothing was sent."""


class NotAttempted(httpx2.TransportError):
    """Nothing was sent, for a reason on our side that no other side can bring about alone."""
