"""Clients: how one authenticates, by its Basic credential or by an assertion of its key."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import attrs

import counterseal as cs
from counterseal.errors import CredentialRefused, EndpointAudience, MalformedToken
from counterseal.models import Origin, RelyingParty
from counterseal_ciba.errors import (
    CLIENT_REFUSALS,
    ENDPOINT_AUDIENCE,
    invalid_client,
    invalid_request,
)
from counterseal_ciba.signed import Audiences, SignedToken, check_assertion, read_signed
from counterseal_web import Service

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
METHODS = ("client_secret_basic", "private_key_jwt")


@attrs.frozen(kw_only=True)
class ClientAuthenticator:
    """
    Authenticates the clients of a service.

    Args:
        service: The use cases.
        audiences: What an assertion may name as its audience.
    """

    service: Service
    audiences: Audiences

    def authenticate(self, form: Mapping[str, Any], authorization: str, uri: str) -> RelyingParty:
        """
        Return the client that a request comes from.

        Args:
            form: The request's form.
            authorization: Its header; empty without one.
            uri: The endpoint's full address.

        Raises:
            OAuthError: The client authenticates itself in no way, in two, or wrongly.
            Unavailable: A port failed.
        """
        client_name = form.get("client_id")
        has_assertion = "client_assertion" in form or "client_assertion_type" in form
        if bool(authorization) + has_assertion + ("client_secret" in form) > 1:
            raise invalid_request("two ways of client authentication")
        try:
            if authorization:
                party = self._by_secret(authorization, uri)
            elif has_assertion:
                party = self._by_key(form)
            else:
                raise invalid_client(basic=False)
        except EndpointAudience:
            # The client has proved its key, so this tells no stranger anything.
            raise invalid_client(basic=False, description=ENDPOINT_AUDIENCE) from None
        except CLIENT_REFUSALS:
            raise invalid_client(basic=bool(authorization)) from None
        if party.origin.backchannel is None:
            raise invalid_client(basic=bool(authorization))
        if client_name is not None and client_name != party.origin.guid:
            raise invalid_client(basic=bool(authorization))
        return party

    def _by_secret(self, authorization: str, uri: str) -> RelyingParty:
        if authorization[:6].lower() != "basic ":
            raise invalid_client(basic=True)
        request = cs.SignedRequest(method="POST", uri=uri, authorization=decoded(authorization))
        return self.service.authentication.authenticate(request)

    def _by_key(self, form: Mapping[str, Any]) -> RelyingParty:
        assertion = form.get("client_assertion")
        if form.get("client_assertion_type") != ASSERTION_TYPE or not isinstance(assertion, str):
            raise invalid_client(basic=False)
        try:
            token = read_signed(assertion)
        except MalformedToken:
            raise invalid_client(basic=False) from None
        client_id = token.claims.get("sub")
        if not isinstance(client_id, str):
            raise invalid_client(basic=False)

        def check(origin: Origin, now: datetime) -> tuple[str, datetime]:
            return self._check(token, origin, now)

        return self.service.backchannel.authenticate(client_id, check)

    def _check(self, token: SignedToken, origin: Origin, now: datetime) -> tuple[str, datetime]:
        client = origin.backchannel
        if client is None:
            raise CredentialRefused
        return check_assertion(
            token,
            client_id=origin.guid,
            client=client,
            audiences=self.audiences,
            now=now,
        )


def decoded(authorization: str) -> str:
    """
    Return a Basic header whose parts are not form-encoded any more.

    RFC 6749, 2.3.1, has them encoded before they are joined, which many clients leave out. A
    secret of this service has no percent sign, and so both kinds are read in one way.
    """
    try:
        pair = base64.b64decode(authorization[6:].strip(), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise invalid_client(basic=True) from None
    name, _, secret = pair.partition(":")
    joined = f"{unquote(name)}:{unquote(secret)}".encode()
    return f"Basic {base64.b64encode(joined).decode('ascii')}"
