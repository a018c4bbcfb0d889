"""The channel: it answers the requests of realms, whatever is wrong with them."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

import counterseal as cs
from counterseal.errors import CredentialRefused, InvalidField
from counterseal.models import ChannelRealm
from counterseal_keycloak.bearers import Bearer, read_bearer, verify_bearer
from counterseal_keycloak.requests import REQUEST, AuthenticationRequest, question_of, read_request
from counterseal_web import Service
from counterseal_web.face import Endpoint, Face, FaceCall
from counterseal_web.messages import JSON, Reply

OPERATION = "keycloakAuthentication"
"""The operation, for logs and metrics."""

PATH = "/keycloak/{origin}/authentication"

CREATED = Reply(status=HTTPStatus.CREATED)
"""What Keycloak waits for (`HttpAuthenticationChannelProvider`); any other status is an error."""


class Channel(Face):
    """
    The HTTP authentication channel of realms, beside the HTTP API of a service.

    Args:
        service: The use cases, and the settings.
    """

    def __init__(self, service: Service) -> None:
        super().__init__(service, [Endpoint(OPERATION, "POST", PATH, self._authenticate)])

    def _authenticate(self, call: FaceCall) -> Reply:
        token = read_bearer(call.headers.get("authorization", ""))
        bearers: list[Bearer] = []

        def check(realm: ChannelRealm, now: datetime) -> tuple[str, datetime]:
            bearers.append(verify_bearer(token, realm, now))
            return bearers[-1].request, bearers[-1].until

        channel = self._service.channel
        party = channel.authenticate(call.names["origin"], check)
        realm = party.origin.realm
        if realm is None:
            raise CredentialRefused
        authentication_request = read_request(cs.read_json(call.body_of(JSON)))
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
