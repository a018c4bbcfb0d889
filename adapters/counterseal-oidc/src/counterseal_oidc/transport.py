"""Sends one guarded request to a provider, reads a bounded response, and raises one error."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeGuard

import attrs
import httpx2

from counterseal.errors import IdentityUnavailable
from counterseal_http import Budget, Forbidden, GuardedClient, describe_failure
from counterseal_oidc.cache import freshness_lifetime

RESPONSE_LIMIT = 262_144
"""Octets; a large provider's key set has some 20,000."""

OK = 200
REFUSALS = frozenset({400, 401, 403})

_SURROGATE = re.compile("[\ud800-\udfff]")

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
"""OAuth error codes (RFC 6749, 5.2; RFC 6750, 3.1; RFC 7009, 2.2.1); only these are logged."""


@attrs.frozen(kw_only=True)
class ProviderResponse:
    """
    A provider's response.

    Attributes:
        status: The HTTP status.
        members: The members of the JSON object in its body; empty if there is none.
        fresh_for: How long it may be cached.
    """

    status: int
    members: dict[str, Any] = attrs.field(repr=False)
    fresh_for: timedelta

    @property
    def error(self) -> str:
        """The OAuth error code, or `unknown` if there is none that OAuth defines."""
        error = self.members.get("error")
        return error if isinstance(error, str) and error in _ERRORS else "unknown"

    def text(self, name: str) -> str | None:
        """Return the member *name* if it is a text that is not empty, else None."""
        value = self.members.get(name)
        return value if is_text(value) and value else None


@attrs.frozen
class ProviderTransport:
    """Sends requests to providers; may be shared by threads."""

    client: GuardedClient

    def get(self, url: str, budget: Budget, *, bearer: str | None = None) -> ProviderResponse:
        """Send a GET request to *url*."""
        headers = {} if bearer is None else {"authorization": f"Bearer {bearer}"}
        return self._send("GET", url, budget, headers, None)

    def post(
        self, url: str, budget: Budget, *, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> ProviderResponse:
        """Send *form* to *url*."""
        return self._send("POST", url, budget, headers, form)

    def _send(
        self,
        method: str,
        url: str,
        budget: Budget,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None,
    ) -> ProviderResponse:
        try:
            response = self.client.request(
                method,
                url,
                headers={"accept": "application/json", **headers},
                data=form,
                timeout=budget.seconds(),
            )
        except Forbidden as error:
            raise IdentityUnavailable(f"the guard does not allow it: {error}") from None
        except TimeoutError:
            raise IdentityUnavailable("timed out") from None
        except (httpx2.RequestError, httpx2.InvalidURL, ValueError) as error:
            # The kind only: the text may contain a URL that is a secret.
            raise IdentityUnavailable(describe_failure(error)) from None
        return ProviderResponse(
            status=response.status_code,
            members=_members(response.content),
            fresh_for=freshness_lifetime(response.headers.get("cache-control", "")),
        )


def is_text(value: object) -> TypeGuard[str]:
    """
    Tell whether *value* is a text that can be encoded.

    JSON can contain half a surrogate pair, which cannot be compared, stored or sent.
    """
    return isinstance(value, str) and not _SURROGATE.search(value)


def _members(content: bytes) -> dict[str, Any]:
    try:
        document: Any = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
