"""The façade: it answers the requests of CIBA clients, whatever is wrong with them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import counterseal as cs
from counterseal.errors import InvalidField
from counterseal.models import UNFINISHED, Challenge, ChallengeState, RelyingParty
from counterseal_ciba.authentication import (
    AuthenticationRequest,
    login_content,
    question_of,
    read_parameters,
    read_request,
)
from counterseal_ciba.clients import ClientAuthenticator
from counterseal_ciba.discovery import (
    AUTHENTICATION,
    CIBA_GRANT,
    CONFIGURATION,
    KEYS,
    TOKEN,
    Endpoints,
    configuration,
)
from counterseal_ciba.errors import (
    INVALID_GRANTS,
    OAuthError,
    authentication_error,
    invalid_request,
)
from counterseal_ciba.tokens import ID_TOKEN_LIFE, id_token_claims
from counterseal_web import Request, Response, Service
from counterseal_web.forms import read_form
from counterseal_web.lengths import read_length, require_length
from counterseal_web.messages import FORM, Reply
from counterseal_web.problems import (
    BodyTooLargeError,
    MethodNotAllowedError,
    RefusedRequestError,
    UnsupportedMediaTypeError,
    retry_after,
)

OPERATIONS = {
    CONFIGURATION: "cibaConfiguration",
    KEYS: "cibaKeys",
    AUTHENTICATION: "cibaAuthentication",
    TOKEN: "cibaToken",
}
"""The operation of each path, for logs and metrics."""

TOKEN_LIFE = timedelta(minutes=10)
"""How long an access token may be used, if nothing is said of its action."""

UNAVAILABLE = "temporarily_unavailable"
"""RFC 6749, 4.1.2.1, has the name; a token endpoint has none for it."""

DETAILS: tuple[str, ...] = ()
"""The types of authorization details that are read."""

log = logging.getLogger("counterseal_ciba")


class Backchannel:
    """
    OpenID Connect CIBA beside the HTTP API of a service.

    Args:
        service: The use cases, and the settings; `public_url` is the issuer.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._endpoints = Endpoints(service.settings.public_url)
        self._clients = ClientAuthenticator(
            service=service,
            audiences=(
                self._endpoints.issuer,
                self._endpoints.authentication,
                self._endpoints.token,
            ),
        )
        self._handlers: dict[str, tuple[str, Callable[[Request], Reply]]] = {
            CONFIGURATION: ("GET", self._configuration),
            KEYS: ("GET", self._keys),
            AUTHENTICATION: ("POST", self._authenticate),
            TOKEN: ("POST", self._issue_tokens),
        }

    @property
    def operations(self) -> frozenset[str]:
        """The operations that `Response.operation` may name."""
        return frozenset(OPERATIONS.values())

    def serves(self, path: str) -> bool:
        """Return whether *path* is one of the façade's."""
        return path in self._handlers

    def respond(self, request: Request) -> Response:
        """Return the response to *request*, whose path it serves; raises nothing."""
        method, handler = self._handlers[request.path]
        try:
            if request.method != method and (request.method, method) != ("HEAD", "GET"):
                allowed = ("GET", "HEAD") if method == "GET" else (method,)
                raise MethodNotAllowedError(allowed)  # noqa: TRY301 (one place makes replies)
            with self._service.call():
                reply = handler(request)
        except Exception as error:  # noqa: BLE001 (the edge of the service)
            reply = self._reply_to(error)
        return reply.response(OPERATIONS[request.path])

    def _reply_to(self, error: Exception) -> Reply:
        if isinstance(error, OAuthError):
            log.info("refused: %s", error.error)
            return error.reply()
        if isinstance(error, RefusedRequestError):
            return error.reply()
        if isinstance(error, cs.Unavailable):
            log.warning("unavailable: %s", error.code)
            headers = retry_after(self._service.settings)
            return OAuthError(UNAVAILABLE, "", HTTPStatus.SERVICE_UNAVAILABLE, headers).reply()
        # The text of an unforeseen error may hold a secret: its kind and place are enough.
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.error("internal: %s\n%s", type(error).__name__, frames)
        return OAuthError("server_error", "", HTTPStatus.INTERNAL_SERVER_ERROR).reply()

    def _configuration(self, _: Request) -> Reply:
        keys = self._service.ports.signer.jwks()
        document = configuration(self._endpoints, keys[:1], DETAILS)
        return Reply(document=document, headers=CACHED)

    def _keys(self, _: Request) -> Reply:
        keys = self._service.ports.signer.jwks()
        return Reply(document=cs.jwks_document(keys), headers=CACHED)

    def _authenticate(self, request: Request) -> Reply:
        form = self._form(request)
        party = self._party(request, form)
        authentication_request = self._read_request(party, form)
        try:
            begun = self._begin(party, authentication_request)
        except cs.Refused as refusal:
            detailed = authentication_request.details is not None
            raise authentication_error(refusal, detailed=detailed) from None
        life = begun.challenge.deadline - begun.challenge.issued_at
        return _reply(
            {
                "auth_req_id": begun.auth_req_id,
                "expires_in": int(life.total_seconds()),
                "interval": begun.challenge.backchannel.interval,
            }
        )

    def _read_request(self, party: RelyingParty, form: Mapping[str, Any]) -> AuthenticationRequest:
        service, guid = self._service, party.origin.guid
        client = party.origin.backchannel
        parameters, once = read_parameters(
            form,
            client_id=guid,
            client_keys=() if client is None else client.keys,
            issuer=self._endpoints.issuer,
            now=service.ports.clock.now(),
        )
        authentication_request = read_request(parameters, party.origin)
        if once is not None:
            jti, until = once
            if not service.ports.replay.first_seen(("backchannel request", guid, jti), until):
                raise invalid_request("request: jti: used before")
        return authentication_request

    def _begin(self, party: RelyingParty, request: AuthenticationRequest) -> Any:
        if request.details is not None:
            raise OAuthError("invalid_authorization_details", "type: unknown")
        content = login_content(request, party.origin)
        return self._service.backchannel.begin(
            party,
            question_of(request, content, self._service.policy),
            notification_token=request.notification_token,
        )

    def _issue_tokens(self, request: Request) -> Reply:
        form = self._form(request)
        party = self._party(request, form)
        grant, auth_req_id = form.get("grant_type"), form.get("auth_req_id")
        if grant is None:
            raise invalid_request("grant_type: missing")
        if grant != CIBA_GRANT:
            raise OAuthError("unsupported_grant_type")
        if not isinstance(auth_req_id, str) or not auth_req_id:
            raise invalid_request("auth_req_id: missing")
        try:
            polled = self._service.backchannel.poll(party, auth_req_id)
            if polled.challenge.state in UNFINISHED:
                raise OAuthError("slow_down" if polled.too_early else "authorization_pending")
            return self._tokens(party, auth_req_id, polled.challenge)
        except INVALID_GRANTS:
            raise OAuthError("invalid_grant") from None

    def _tokens(self, party: RelyingParty, auth_req_id: str, challenge: Challenge) -> Reply:
        if challenge.state is ChallengeState.EXPIRED:
            raise OAuthError("expired_token")
        if not challenge.approved:
            raise OAuthError("access_denied")
        claims = id_token_claims(
            challenge,
            issuer=self._endpoints.issuer,
            trusted=self._service.ports.signer.jwks(),
        )
        redeemed = self._service.backchannel.redeem(party, auth_req_id, claims, life=ID_TOKEN_LIFE)
        return _reply(
            {
                "access_token": redeemed.access_token,
                "token_type": "Bearer",
                "expires_in": int(TOKEN_LIFE.total_seconds()),
                "id_token": redeemed.id_token,
            }
        )

    def _party(self, request: Request, form: Mapping[str, Any]) -> RelyingParty:
        authorization = request.headers.get("authorization", "")
        uri = self._endpoints.issuer + request.path
        return self._clients.authenticate(form, authorization, uri)

    def _form(self, request: Request) -> Mapping[str, Any]:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != FORM:
            raise UnsupportedMediaTypeError((FORM,), "not a form")
        limit = self._service.settings.body_limit
        require_length(read_length(request.headers.get("content-length", "")), limit)
        content = request.read_body(limit + 1)
        if len(content) > limit:
            raise BodyTooLargeError
        try:
            form = read_form(content)
        except InvalidField as refusal:
            raise invalid_request(f"{refusal.field}: {refusal.problem}") from None
        for name, value in form.items():
            if not isinstance(value, str):
                raise invalid_request(f"{name}: not a text")
        # RFC 6749, 3.2: a parameter without a value counts as left out.
        return {name: value for name, value in form.items() if value}


CACHED = {"Cache-Control": "public, max-age=300"}
"""Clients fetch these again when a key is unknown."""


def _reply(document: Mapping[str, Any]) -> Reply:
    return Reply(document=document, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})
