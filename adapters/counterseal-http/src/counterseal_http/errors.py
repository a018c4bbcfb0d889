"""
Failures before there is a response that `httpx2` has no class for.

All are subclasses of `httpx2.TransportError`, so that callers need only one `except`.
The texts contain no URL, name or header: a URL may be a secret, as a push endpoint is.
"""

from __future__ import annotations

import httpx2


class Forbidden(httpx2.TransportError):
    """
    The guard refuses the request; nothing was sent.

    Attributes:
        final: Whether the URL itself is refused, so that no later attempt can succeed. The
            addresses of a name may change.
    """

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


class Unresolved(httpx2.TransportError):
    """The name has no address, or its name servers did not answer; nothing was sent."""


class NotAttempted(httpx2.TransportError):
    """Nothing was sent, for a reason on this machine that a remote side cannot cause alone."""
