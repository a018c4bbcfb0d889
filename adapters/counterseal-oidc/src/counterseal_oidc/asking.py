"""Asking a provider: one guarded request each, a bounded answer, and one way to fail."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs
import httpx2

from counterseal.errors import IdentityUnavailable
from counterseal_http import Budget, Forbidden, GuardedClient

RESPONSE_LIMIT = 262_144
"""Octets; a large provider's key set has some 20,000."""

SHORTEST, USUAL, LONGEST = timedelta(minutes=5), timedelta(hours=1), timedelta(hours=24)
"""How long an answer is kept, whatever its `Cache-Control` says or does not."""

OK = 200
REFUSALS = frozenset({400, 401, 403})

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})\b", re.IGNORECASE)
_NOT_KEPT = re.compile(r"(?:^|[\s,])no-(?:store|cache)\b", re.IGNORECASE)

_ERRORS = frozenset(
    {
        "access_denied",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "invalid_token",
        "unauthorized_client",
        "unsupported_grant_type",
        "unsupported_token_type",
    }
)
"""RFC 6749, 5.2; RFC 6750, 3.1; RFC 7009, 2.2.1: no other word of a provider is logged."""


@attrs.frozen(kw_only=True)
class Answer:
    """
    What a provider said.

    Attributes:
        members: Of its JSON object; empty if it sent none.
        fresh_for: How long it may be kept.
    """

    status: int
    members: dict[str, Any] = attrs.field(repr=False)
    fresh_for: timedelta

    @property
    def error(self) -> str:
        """OAuth's word for what is wrong, if it is a known one."""
        said = self.members.get("error")
        return said if isinstance(said, str) and said in _ERRORS else "unknown"

    def text(self, name: str) -> str | None:
        """Return a member that is text and not empty, or None."""
        value = self.members.get(name)
        return value if isinstance(value, str) and value else None


@attrs.frozen
class Asker:
    """Sends requests to providers; may be shared by threads."""

    client: GuardedClient

    def get(self, url: str, left: Budget, *, bearer: str | None = None) -> Answer:
        """
        Read what is at *url*.

        Raises:
            IdentityUnavailable: Nothing came back, not in time, or more than is read.
        """
        headers = {} if bearer is None else {"authorization": f"Bearer {bearer}"}
        return self._ask("GET", url, left, headers, None)

    def post(
        self, url: str, left: Budget, *, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> Answer:
        """
        Send *form* to *url*.

        Raises:
            IdentityUnavailable: Nothing came back, not in time, or more than is read.
        """
        return self._ask("POST", url, left, headers, form)

    def _ask(
        self,
        method: str,
        url: str,
        left: Budget,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None,
    ) -> Answer:
        try:
            response = self.client.request(
                method,
                url,
                headers={"accept": "application/json", **headers},
                data=form,
                timeout=left.seconds(),
            )
        except Forbidden as error:
            raise IdentityUnavailable(f"the guard does not allow it: {error}") from None
        except TimeoutError:
            raise IdentityUnavailable("the time is over") from None
        except (httpx2.RequestError, httpx2.InvalidURL, ValueError) as error:
            # The kind only: a text may repeat an address that is a secret.
            raise IdentityUnavailable(type(error).__name__) from None
        return Answer(
            status=response.status_code,
            members=_members(response.content),
            fresh_for=fresh_for(response.headers.get("cache-control", "")),
        )


def fresh_for(control: str) -> timedelta:
    """Return how long an answer with this `Cache-Control` is kept (RFC 9111, 5.2.2)."""
    if _NOT_KEPT.search(control):
        return SHORTEST
    found = _MAX_AGE.search(control)
    if found is None:
        return USUAL
    return min(max(timedelta(seconds=int(found[1])), SHORTEST), LONGEST)


def _members(content: bytes) -> dict[str, Any]:
    try:
        read: Any = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
