"""CORS: which web pages may make device calls and read the responses (Fetch standard, 3.2)."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Mapping

import msgspec

from counterseal.models import Guid
from counterseal_web.messages import STANDARD_HEADERS, Request, Response
from counterseal_web.operations import Operation

MAX_AGE = 600
"""Seconds for which a browser may remember a preflight."""

REQUEST_HEADERS = "Content-Type, Counterseal-Proof"
RESPONSE_HEADERS = "Date, Retry-After"


class Cors:
    """
    The pages that may make device calls, by App Space.

    A call with a proof is for the pages of the App Space that the proof names; the proof is
    verified before anything is done. Calls without one are for the pages of every App Space: those
    that bind a device bring a secret, and the service's keys are public.

    Args:
        allowed: The exact origins of each App Space; empty for no CORS at all.
    """

    def __init__(self, allowed: Mapping[Guid, Collection[str]]) -> None:
        self._allowed = {guid: frozenset(origins) for guid, origins in allowed.items()}
        self._all = frozenset[str]().union(*self._allowed.values())

    def preflight(self, request: Request, operations: Iterable[Operation]) -> Response | None:
        """
        Return the response to an allowed page's preflight for a device call; else None.

        Args:
            request: As it was received.
            operations: Those that its path names.
        """
        origin = request.headers.get("origin", "")
        method = request.headers.get("access-control-request-method", "")
        called = "GET" if method == "HEAD" else method
        if request.method != "OPTIONS" or origin not in self._all:
            return None
        if not any(each.from_pages and each.method == called for each in operations):
            return None
        headers = {
            **STANDARD_HEADERS,
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": method,
            "Access-Control-Allow-Headers": REQUEST_HEADERS,
            "Access-Control-Max-Age": str(MAX_AGE),
            "Vary": "Origin",
        }
        return Response(status=204, headers=tuple(headers.items()))

    def headers(self, request: Request, operation: Operation) -> tuple[tuple[str, str], ...]:
        """
        Return what lets the page that made *request* read the response.

        Args:
            request: As it was received.
            operation: What it called.
        """
        if not self._all or not operation.from_pages:
            return ()
        origin = request.headers.get("origin", "")
        proof = request.headers.get("counterseal-proof", "")
        allowed = self._allowed.get(_app_space_of(proof), frozenset()) if proof else self._all
        # A cache must not give one page the response to another's call.
        if origin not in allowed:
            return (("Vary", "Origin"),)
        return (
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", RESPONSE_HEADERS),
            ("Vary", "Origin"),
        )


def _app_space_of(proof: str) -> Guid:
    """Return the App Space that a proof names, unverified; empty if it names none."""
    try:
        payload = proof.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return Guid(str(claims["aud"]))
    except (IndexError, KeyError, RecursionError, TypeError, ValueError):
        return Guid("")
