"""Errors: those of the standards, and which of them a refusal of the core is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus

import attrs

import counterseal as cs
from counterseal.errors import (
    AccountLocked,
    AccountUnbound,
    AccountUnknown,
    CallbackForbidden,
    CallbackUncallable,
    CredentialRefused,
    Foreign,
    InvalidField,
    KeyInProgress,
    KeyReused,
    NotFound,
    Replayed,
    RequestStale,
    TokenSpent,
    TooOften,
    WrongState,
)
from counterseal_web.messages import Reply

DESCRIPTION_LIMIT = 300
"""Characters of an `error_description`."""


UNAVAILABLE = "temporarily_unavailable"
"""RFC 6749, 4.1.2.1, has the name; a token endpoint has none for it."""


@attrs.frozen
class OAuthError(Exception):
    """
    What a client gets (RFC 6749, 5.2; CIBA Core 1.0, 11 and 13).

    Attributes:
        error: The code.
        description: For the developer of the client; empty for none.
        status: Of HTTP.
        headers: What the reply has besides.
    """

    error: str
    description: str = ""
    status: HTTPStatus = HTTPStatus.BAD_REQUEST
    headers: Mapping[str, str] = attrs.field(factory=dict)

    def reply(self) -> Reply:
        """Return the error as a reply."""
        document = {"error": self.error}
        if self.description:
            text = self.description[:DESCRIPTION_LIMIT]
            # RFC 6749, 5.2: printable ASCII without quotation marks and backslashes.
            document["error_description"] = "".join(
                letter if " " <= letter <= "~" and letter not in '"\\' else "?" for letter in text
            )
        return Reply(
            status=self.status,
            document=document,
            headers={"Cache-Control": "no-store", "Pragma": "no-cache", **self.headers},
        )


def invalid_request(description: str) -> OAuthError:
    """Return the error of a request with a missing, repeated or malformed parameter."""
    return OAuthError("invalid_request", description)


def invalid_details(description: str) -> OAuthError:
    """Return the error of authorization details that are not understood (RFC 9396, 5)."""
    return OAuthError("invalid_authorization_details", description)


def invalid_client(*, basic: bool, description: str = "") -> OAuthError:
    """Return the error of a client that is not authenticated; *basic*, if it tried that."""
    headers = {"WWW-Authenticate": 'Basic realm="counterseal"'} if basic else {}
    return OAuthError("invalid_client", description, HTTPStatus.UNAUTHORIZED, headers)


def invalid_token() -> OAuthError:
    """Return the error of an access token that names nothing (RFC 6750, 3.1)."""
    return OAuthError(
        "invalid_token",
        "",
        HTTPStatus.UNAUTHORIZED,
        {"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )


ENDPOINT_AUDIENCE = "aud: an endpoint; this client has to name the issuer alone"

CLIENT_REFUSALS = (CredentialRefused, RequestStale, Replayed)
"""A credential that does not hold."""

UNKNOWN_USERS = (AccountUnknown, AccountUnbound, AccountLocked)
"""One error for all, as in the origin API: which of them is nobody's business."""

INVALID_GRANTS = (NotFound, Foreign, TokenSpent, WrongState)
"""An `auth_req_id` that is none, another client's, or redeemed (CIBA Core 1.0, 11)."""


def _unfit_login(refusal: InvalidField) -> OAuthError:
    """Return the error of a log-in that is not shown: its purpose is the binding message."""
    if refusal.field == "action.purpose":
        return OAuthError("invalid_binding_message", refusal.problem)
    return invalid_request(f"{refusal.field}: {refusal.problem}")


def _unfit_key(refusal: KeyReused | KeyInProgress) -> OAuthError:
    if isinstance(refusal, KeyReused):
        return invalid_request("Idempotency-Key: used for another request")
    description = "a request with this Idempotency-Key is running"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    seconds = max(1, math.ceil(refusal.retry_after))
    return OAuthError(UNAVAILABLE, description, status, {"Retry-After": str(seconds)})


def authentication_error(refusal: cs.Refused, *, detailed: bool) -> OAuthError:
    """
    Return what a refusal of the backchannel endpoint is (CIBA Core 1.0, 13).

    Args:
        refusal: The core's.
        detailed: Whether the question was one of authorization details.
    """
    if isinstance(refusal, UNKNOWN_USERS):
        return OAuthError("unknown_user_id")
    if isinstance(refusal, KeyReused | KeyInProgress):
        return _unfit_key(refusal)
    if isinstance(refusal, InvalidField):
        field = "Idempotency-Key" if refusal.field == "idempotencyKey" else refusal.field
        text = f"{field}: {refusal.problem}"
        if refusal.field.startswith("action"):
            return invalid_details(text) if detailed else _unfit_login(refusal)
        return invalid_request(text)
    if detailed and refusal.code == "action_type_unknown":
        return invalid_details("action.type: unknown")
    return _not_asked(refusal)


def _not_asked(refusal: cs.Refused) -> OAuthError:
    if isinstance(refusal, CallbackForbidden | CallbackUncallable):
        return OAuthError("unauthorized_client", f"notification endpoint: {refusal}")
    headers: dict[str, str] = {}
    if isinstance(refusal, TooOften):
        headers["Retry-After"] = str(max(1, math.ceil(refusal.retry_after)))
    return OAuthError("access_denied", "the user is not asked now", HTTPStatus.FORBIDDEN, headers)
