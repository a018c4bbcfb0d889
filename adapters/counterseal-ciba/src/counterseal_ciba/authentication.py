"""Authentication requests: their parameters, read and refused as CIBA Core 1.0, 7.1 and 13, say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeAlias

import attrs

from counterseal.errors import (
    CredentialRefused,
    EndpointAudience,
    InvalidField,
    Refused,
    Replayed,
)
from counterseal.models import DeliveryMode, Origin
from counterseal_ciba.errors import (
    ENDPOINT_AUDIENCE,
    OAuthError,
    invalid_details,
    invalid_request,
)
from counterseal_ciba.signed import (
    JTI_LIMIT,
    Audiences,
    SignedToken,
    read_signed,
    require_audience,
    require_party,
    require_text,
    require_times,
    verify_signed,
)

BINDING_MESSAGE_LIMIT = 256
"""Characters; it is shown with the question, and is to be compared by a person."""

NOTIFICATION_TOKEN_LIMIT = 1_024
"""CIBA Core 1.0, 7.1."""

CLIENT_PARAMETERS = frozenset({"client_id", "client_assertion", "client_assertion_type"})
"""What authenticates the client, and stands beside a signed request."""

HINTS = ("login_hint", "login_hint_token", "id_token_hint")

UNSUPPORTED = {
    "login_hint_token": "not supported: login_hint is the account id",
    "id_token_hint": "not supported: login_hint is the account id",
    "user_code": "not supported",
    "request_uri": "not supported",
}
"""Parameters that would change what is asked, or who, if they were ignored."""

_NOTIFICATION_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""The token of a Bearer header (RFC 6750, 2.1)."""

_EXPIRY = re.compile(r"[1-9][0-9]{0,8}")


@attrs.frozen(kw_only=True)
class AuthenticationRequest:
    """
    What a client asks for.

    Attributes:
        account_id: `login_hint`.
        binding_message: What is shown with the question; None for nothing.
        requested_expiry: How long the client would wait; None lets the service decide.
        notification_token: What a ping authenticates itself with; None without.
        details: The one element of `authorization_details`; None without.
    """

    account_id: str
    binding_message: str | None = attrs.field(default=None, repr=False)
    requested_expiry: timedelta | None = None
    notification_token: str | None = attrs.field(default=None, repr=False)
    details: Mapping[str, Any] | None = attrs.field(default=None, repr=False)


RequestCheck: TypeAlias = Callable[[Origin, datetime], tuple[str, datetime]]
"""Verifies a signed request as `counterseal.Backchannel.accept_request` has it."""


def read_parameters(
    form: Mapping[str, Any],
    *,
    audiences: Audiences,
    accept: Callable[[RequestCheck], None],
) -> Mapping[str, Any]:
    """
    Return the parameters of a request, from its form or from its signed `request`.

    Args:
        form: The form.
        audiences: What a signed request may name as its audience.
        accept: Accepts a signed request once, if the check raises nothing.

    Raises:
        OAuthError: It is both, or the signed request does not hold or was used before.
    """
    if "request" not in form:
        return form
    others = form.keys() - CLIENT_PARAMETERS - {"request"}
    if others:
        # 7.1.1: they would not be signed.
        raise invalid_request(f"{min(others)}: outside of the signed request")
    try:
        token = read_signed(form["request"])
        accept(partial(_check_request, token, audiences))
    except InvalidField as refusal:
        raise invalid_request(f"request: {refusal.field}: {refusal.problem}") from None
    except EndpointAudience:
        raise invalid_request(f"request: {ENDPOINT_AUDIENCE}") from None
    except Replayed:
        raise invalid_request("request: jti: used before") from None
    except Refused as refusal:
        raise invalid_request(f"request: {refusal.code}") from None
    return token.claims


def _check_request(
    token: SignedToken, audiences: Audiences, origin: Origin, now: datetime
) -> tuple[str, datetime]:
    claims, client = token.claims, origin.backchannel
    if client is None:
        raise CredentialRefused
    verify_signed(token, client.keys, ("jwt", "oauth-authz-req+jwt"))
    require_party(claims, "iss", origin.guid)
    until = require_times(claims, now, needs=("iat", "nbf"))
    jti = require_text(claims, "jti", JTI_LIMIT)
    for name in ("request", "request_uri", *CLIENT_PARAMETERS - {"client_id"}):
        if name in claims:
            raise InvalidField(name, "not part of a signed request")
    if claims.get("client_id", origin.guid) != origin.guid:
        raise InvalidField("client_id", "another client")
    require_audience(claims, audiences, client)
    return jti, until


def read_request(parameters: Mapping[str, Any], origin: Origin) -> AuthenticationRequest:
    """
    Read the parameters of a request of *origin*; those that the standard does not know are ignored.

    Raises:
        OAuthError: One is missing, malformed or not supported; the description names it.
    """
    for name, problem in UNSUPPORTED.items():
        if name in parameters:
            raise invalid_request(f"{name}: {problem}")
    scope = _text(parameters, "scope")
    if scope is None or "openid" not in scope.split(" "):
        raise OAuthError("invalid_scope", "scope: without openid")
    account_id = _text(parameters, "login_hint")
    if account_id is None:
        raise invalid_request("login_hint: missing; exactly one hint is needed")
    return AuthenticationRequest(
        account_id=account_id,
        binding_message=_binding_message(parameters),
        requested_expiry=_requested_expiry(parameters),
        notification_token=_notification_token(parameters, origin),
        details=_details(parameters),
    )


def _binding_message(parameters: Mapping[str, Any]) -> str | None:
    message = parameters.get("binding_message")
    if message is None:
        return None
    if (
        not isinstance(message, str)
        or not message.strip()
        or len(message) > BINDING_MESSAGE_LIMIT
        or not message.isprintable()
    ):
        raise OAuthError(
            "invalid_binding_message",
            f"not 1 to {BINDING_MESSAGE_LIMIT} printable characters",
        )
    return message


def _requested_expiry(parameters: Mapping[str, Any]) -> timedelta | None:
    value = parameters.get("requested_expiry")
    if value is None:
        return None
    # A signed request may have it as a number or as a text (7.1.1).
    text = str(value) if type(value) in {int, str} else ""
    if not _EXPIRY.fullmatch(text):
        raise invalid_request("requested_expiry: not a positive integer")
    return timedelta(seconds=int(text))


def _notification_token(parameters: Mapping[str, Any], origin: Origin) -> str | None:
    client = origin.backchannel
    token = _text(parameters, "client_notification_token")
    if token is None:
        if client is not None and client.mode is DeliveryMode.PING:
            raise invalid_request("client_notification_token: missing; this client is pinged")
        return None
    if len(token) > NOTIFICATION_TOKEN_LIMIT or not _NOTIFICATION_TOKEN.fullmatch(token):
        raise invalid_request("client_notification_token: not a Bearer token, or too long")
    return token


def _details(parameters: Mapping[str, Any]) -> Mapping[str, Any] | None:
    value = parameters.get("authorization_details")
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = json.loads(value, object_pairs_hook=_unique_members)
        except (ValueError, RecursionError):
            raise invalid_details("not JSON, or a member twice") from None
    if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], dict):
        raise invalid_details("not a list of one object: a person approves one action at a time")
    details: Mapping[str, Any] = value[0]
    return details


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _text(parameters: Mapping[str, Any], name: str) -> str | None:
    value = parameters.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise invalid_request(f"{name}: empty, or not a text")
    return value
