"""The channel: it answers the requests of realms, whatever is wrong with them."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

import counterseal as cs
from counterseal.errors import CredentialRefused, InvalidField
from counterseal.models import ChannelRealm
from counterseal_keycloak.bearers import Bearer, read_bearer, verify_bearer
from counterseal_keycloak.requests import REQUEST, AuthenticationRequest, question_of, read_request
from counterseal_web import Request, Response, Service
from counterseal_web.lengths import read_length, require_length
from counterseal_web.messages import JSON, Reply
from counterseal_web.problems import (
    BodyTooLargeError,
    MethodNotAllowedError,
    UnsupportedMediaTypeError,
    reply_to,
)

OPERATION = "keycloakAuthentication"
"""The operation, for logs and metrics."""

PREFIX, SUFFIX = "/keycloak/", "/authentication"

CREATED = Reply(status=HTTPStatus.CREATED)
"""What Keycloak waits for (`HttpAuthenticationChannelProvider`); any other status is an error."""


class Channel:
    """
    The HTTP authentication channel of realms, beside the HTTP API of a service.

    Args:
        service: The use cases, and the settings.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    @property
    def operations(self) -> frozenset[str]:
        """The operations that `Response.operation` may name."""
        return frozenset({OPERATION})

    def serves(self, path: str) -> bool:
        """Return whether *path* is that of a realm's requests."""
        return _origin(path) is not None

    def respond(self, request: Request) -> Response:
        """Return the response to *request*, whose path it serves; raises nothing."""
        try:
            if request.method != "POST":
                raise MethodNotAllowedError(("POST",))  # noqa: TRY301 (one place makes replies)
            with self._service.call():
                reply = self._authenticate(request)
        except Exception as error:  # noqa: BLE001 (the edge of the service)
            reply = reply_to(error, self._service.settings)
        return reply.response(OPERATION)

    def _authenticate(self, request: Request) -> Reply:
        token = read_bearer(request.headers.get("authorization", ""))
        bearers: list[Bearer] = []

        def check(realm: ChannelRealm, now: datetime) -> tuple[str, datetime]:
            bearers.append(verify_bearer(token, realm, now))
            return bearers[-1].request, bearers[-1].until

        channel = self._service.channel
        party = channel.authenticate(_origin(request.path) or "", check)
        realm = party.origin.realm
        if realm is None:
            raise CredentialRefused
        authentication_request = read_request(cs.read_json(self._body(request)))
        self._ask(party, realm, bearers[-1], authentication_request)
        return CREATED

    def _ask(
        self,
        party: cs.models.RelyingParty,
        realm: ChannelRealm,
        bearer: Bearer,
        request: AuthenticationRequest,
    ) -> None:
        channel = self._service.channel
        if request.challenge is not None:
            channel.attach(
                party,
                request.challenge,
                account_id=bearer.account_id,
                client=bearer.client,
                bearer=bearer.token,
                until=bearer.until,
            )
            return
        if realm.registered_only:
            raise InvalidField(REQUEST, "missing: the realm asks about challenges only")
        question = question_of(request, bearer, party.origin)
        channel.ask(party, question, bearer=bearer.token, until=bearer.until)

    def _body(self, request: Request) -> bytes:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != JSON:
            raise UnsupportedMediaTypeError((JSON,), f"not {JSON}")
        limit = self._service.settings.body_limit
        require_length(read_length(request.headers.get("content-length", "")), limit)
        content = request.read_body(limit + 1)
        if len(content) > limit:
            raise BodyTooLargeError
        return content


def _origin(path: str) -> str | None:
    """Return the origin that a path of the channel names; None for any other path."""
    if not path.startswith(PREFIX) or not path.endswith(SUFFIX):
        return None
    origin = path[len(PREFIX) : -len(SUFFIX)]
    return origin if origin and "/" not in origin else None
