"""The façade: it answers the requests of CIBA clients, whatever is wrong with them."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Any

import counterseal as cs
from counterseal.errors import (
    AccountLocked,
    ApproverInactive,
    CredentialRefused,
    DeadlinePassed,
    InvalidField,
    NotApproved,
)
from counterseal.models import UNFINISHED, Challenge, ChallengeState, RelyingParty
from counterseal.narrowing import policy_within
from counterseal.wire.members import format_time
from counterseal_ciba.authentication import (
    AuthenticationRequest,
    read_parameters,
    read_request,
)
from counterseal_ciba.clients import ClientAuthenticator
from counterseal_ciba.details import ACTION_TYPE, granted_details, question_of
from counterseal_ciba.discovery import (
    AUTHENTICATION,
    CIBA_GRANT,
    CONFIGURATION,
    CONSUME,
    KEYS,
    TOKEN,
    Endpoints,
    configuration,
)
from counterseal_ciba.errors import (
    INVALID_GRANTS,
    UNAVAILABLE,
    OAuthError,
    authentication_error,
    invalid_client,
    invalid_request,
    invalid_token,
)
from counterseal_ciba.tokens import ID_TOKEN_LIFE, id_token_claims
from counterseal_web import Service
from counterseal_web.face import ChallengePoll, Endpoint, Face, FaceCall
from counterseal_web.forms import read_form
from counterseal_web.messages import FORM, JSON, Reply
from counterseal_web.problems import RefusedRequestError, log_failure, retry_after
from counterseal_web.watched import WatchedRequest

GET_TOKENS = "cibaToken"
"""The operation of the token endpoint."""

IDEMPOTENCY_KEY = "idempotency-key"
TAKES_NONE = "this call takes none"

WAIT_DIGITS = 9
"""Of a number of seconds; a longer one is no preference."""

log = logging.getLogger("counterseal_ciba")


class Backchannel(Face):
    """
    OpenID Connect CIBA beside the HTTP API of a service.

    Args:
        service: The use cases, and the settings; `public_url` is the issuer.
    """

    def __init__(self, service: Service) -> None:
        super().__init__(
            service,
            [
                Endpoint("cibaConfiguration", "GET", CONFIGURATION, self._configuration),
                Endpoint("cibaKeys", "GET", KEYS, self._keys),
                Endpoint("cibaAuthentication", "POST", AUTHENTICATION, self._authenticate),
                Endpoint(GET_TOKENS, "POST", TOKEN, self._issue_tokens),
                Endpoint("cibaConsume", "POST", CONSUME, self._consume),
            ],
        )
        self._actions = cs.Actions(service.ports, service.policy)
        self._endpoints = Endpoints(service.settings.public_url)
        self._clients = ClientAuthenticator(
            service=service,
            audiences=self._endpoints.audiences,
        )

    def reply_to(self, error: Exception, operation: str | None) -> Reply:
        """Return *error* as OAuth has it; what OAuth has no error for is a problem."""
        if operation == GET_TOKENS and isinstance(error, INVALID_GRANTS):
            error = OAuthError("invalid_grant")
        if isinstance(error, OAuthError):
            log.info("refused: %s", error.error)
            return error.reply()
        if isinstance(error, (RefusedRequestError, cs.Refused)):
            return super().reply_to(error, operation)
        log_failure(error, log)
        if isinstance(error, cs.Unavailable):
            headers = retry_after(self._service.settings)
            return OAuthError(UNAVAILABLE, "", HTTPStatus.SERVICE_UNAVAILABLE, headers).reply()
        return OAuthError("server_error", "", HTTPStatus.INTERNAL_SERVER_ERROR).reply()

    def _configuration(self, _: FaceCall) -> Reply:
        keys = self._service.ports.signer.jwks()
        document = configuration(self._endpoints, keys[:1], (ACTION_TYPE,))
        return Reply(document=document, headers=CACHED)

    def _keys(self, _: FaceCall) -> Reply:
        keys = self._service.ports.signer.jwks()
        return Reply(document=cs.jwks_document(keys), headers=CACHED)

    def _authenticate(self, call: FaceCall) -> Reply:
        form = _read_form(call)
        party = self._party(call, form)
        authentication_request = self._read_request(party, form)
        try:
            begun = self._begin(party, authentication_request, call.headers.get(IDEMPOTENCY_KEY))
        except cs.Refused as refusal:
            detailed = authentication_request.details is not None
            raise authentication_error(refusal, detailed=detailed) from None
        remaining = begun.challenge.deadline - self._service.ports.clock.now()
        return _reply(
            {
                "auth_req_id": begun.auth_req_id,
                # A repeated request has less than the first; 7.3 demands a positive number.
                "expires_in": max(1, math.ceil(remaining.total_seconds())),
                "interval": int(begun.interval.total_seconds()),
            }
        )

    def _read_request(self, party: RelyingParty, form: Mapping[str, Any]) -> AuthenticationRequest:
        parameters = read_parameters(
            form,
            audiences=self._endpoints.audiences,
            accept=partial(self._service.backchannel.accept_request, party),
        )
        return read_request(parameters, party.origin)

    def _begin(
        self, party: RelyingParty, request: AuthenticationRequest, idempotency_key: str | None
    ) -> cs.BegunRequest:
        policy = policy_within(self._service.policy, party.app_space, party.origin)
        return self._service.backchannel.begin(
            party,
            question_of(request, party.origin, policy),
            notification_token=request.notification_token,
            idempotency_key=idempotency_key,
        )

    def _issue_tokens(self, call: FaceCall) -> Reply | ChallengePoll:
        if IDEMPOTENCY_KEY in call.headers:
            raise invalid_request(f"Idempotency-Key: {TAKES_NONE}")
        form = _read_form(call)
        party = self._party(call, form)
        grant, auth_req_id = form.get("grant_type"), form.get("auth_req_id")
        if grant is None:
            raise invalid_request("grant_type: missing")
        if grant != CIBA_GRANT:
            raise OAuthError("unsupported_grant_type")
        if not isinstance(auth_req_id, str) or not auth_req_id:
            raise invalid_request("auth_req_id: missing")
        polled = self._service.backchannel.poll(party, auth_req_id)
        if polled.challenge.state not in UNFINISHED:
            return self._tokens(party, auth_req_id, polled.challenge)
        if polled.too_early:
            raise OAuthError("slow_down")
        prefer, settings = call.headers.get("prefer", ""), self._service.settings
        wait = read_preferred_wait(prefer, settings.wait_limit)
        if wait < polled.interval:
            raise OAuthError("authorization_pending")
        # It waits for the interval at least: a client that polls again then is not too early.
        guid = polled.challenge.guid
        return ChallengePoll(
            watched=WatchedRequest(
                challenge=polled.challenge,
                clock=self._service.ports.clock,
                load_challenge=partial(self._service.load, party, guid),
            ),
            limit=wait,
            settings=settings,
            reply=partial(self._finish, party, auth_req_id),
        )

    def _finish(self, party: RelyingParty, auth_req_id: str, challenge: Challenge) -> Reply:
        if challenge.state in UNFINISHED:
            raise OAuthError("authorization_pending")
        with self._service.call():
            return self._tokens(party, auth_req_id, challenge)

    def _tokens(self, party: RelyingParty, auth_req_id: str, challenge: Challenge) -> Reply:
        if challenge.state is ChallengeState.EXPIRED:
            raise OAuthError("expired_token")
        if not challenge.approved:
            raise OAuthError("access_denied")
        claims = id_token_claims(
            challenge,
            auth_req_id,
            issuer=self._endpoints.issuer,
            trusted=self._service.ports.signer.jwks(),
        )
        terms = challenge.action
        assert terms is not None  # noqa: S101 (each request asks for an action)
        try:
            redeemed = self._service.backchannel.redeem(
                party, auth_req_id, claims, life=ID_TOKEN_LIFE
            )
        except DeadlinePassed:
            raise OAuthError("expired_token") from None
        except CredentialRefused:
            # Revoked while the call waited.
            raise invalid_client(basic=False) from None
        except (AccountLocked, ApproverInactive, NotApproved):
            raise OAuthError("access_denied") from None
        remaining = terms.valid_until - self._service.ports.clock.now()
        return _reply(
            {
                "access_token": redeemed.access_token,
                "token_type": "Bearer",
                "expires_in": max(0, int(remaining.total_seconds())),
                "id_token": redeemed.id_token,
                "authorization_details": granted_details(terms),
            }
        )

    def _consume(self, call: FaceCall) -> Reply:
        if IDEMPOTENCY_KEY in call.headers:
            raise InvalidField("Idempotency-Key", TAKES_NONE)
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise invalid_token()
        try:
            party, challenge = self._service.backchannel.authenticate_bearer(token.strip())
        except CredentialRefused:
            raise invalid_token() from None
        document = cs.read_json(call.body_of(JSON))
        if not isinstance(document, dict) or document.keys() != {"arguments"}:
            raise InvalidField("body", "not an object with arguments")
        consumed = self._actions.consume(party, challenge, document["arguments"])
        return _reply(
            {
                "requestGuid": challenge,
                "digest": consumed.action.terms.digest,
                "use": {
                    "state": consumed.use.state.value,
                    "at": format_time(consumed.use.created_at),
                    "receipt": consumed.use.receipt,
                },
            }
        )

    def _party(self, call: FaceCall, form: Mapping[str, Any]) -> RelyingParty:
        authorization = call.headers.get("authorization", "")
        uri = self._endpoints.issuer + call.request.path
        try:
            return self._clients.authenticate(form, authorization, uri)
        except INVALID_GRANTS:
            # What is wrong with a client is not wrong with its grant.
            raise invalid_client(basic=bool(authorization)) from None


def _read_form(call: FaceCall) -> Mapping[str, Any]:
    try:
        form = read_form(call.body_of(FORM))
    except InvalidField as refusal:
        raise invalid_request(f"{refusal.field}: {refusal.problem}") from None
    for name, value in form.items():
        if not isinstance(value, str):
            raise invalid_request(f"{name}: not a text")
    # RFC 6749, 3.2: a parameter without a value counts as left out.
    return {name: value for name, value in form.items() if value}


def read_preferred_wait(prefer: str, limit: timedelta) -> timedelta:
    """
    Return how long a client prefers to wait (RFC 7240, 4.3), *limit* at most.

    A preference is ignored if it is malformed, and so is every other one (RFC 7240, 2).
    """
    for preference in prefer.split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        seconds = value.strip().strip('"')
        if name.strip().lower() == "wait" and seconds.isdecimal() and seconds.isascii():
            return min(timedelta(seconds=int(seconds[:WAIT_DIGITS])), limit)
    return timedelta(0)


CACHED = {"Cache-Control": "public, max-age=300"}
"""Clients fetch these again when a key is unknown."""


def _reply(document: Mapping[str, Any]) -> Reply:
    return Reply(document=document, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})
