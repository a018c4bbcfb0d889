"""Authentication: who a request of an origin or an administrator comes from."""

from __future__ import annotations

from typing import TypeVar

import attrs

from counterseal._decisions.authentication import SignedRequest, read_claim, verify
from counterseal._decisions.plan import require
from counterseal._decisions.readings import records
from counterseal._transaction import AuditContext, UseCase, load, refusals, tools_of
from counterseal.errors import Replayed
from counterseal.models import Admin, AppSpace, Origin, RelyingParty
from counterseal.rules.standing import forgettable_at

Holder = TypeVar("Holder", Origin, Admin)

_CHECK = AuditContext(event="credential.check", actor="stranger")


@attrs.frozen
class Authentication(UseCase):
    """
    Authenticates the requests of origins and administrators.

    Raises:
        CredentialRefused: The credential is unknown, wrong, revoked, out of date, or of another
            scheme, or the request carries two credentials.
        RequestStale: The time that was signed is outside the window.
        Replayed: The signed request was seen before.
    """

    def authenticate(self, request: SignedRequest) -> RelyingParty:
        """Authenticate an origin by Basic, CX1 or a message signature, whichever it is set to."""
        origin = self._authenticate(request, Origin)
        (app_space,) = load(self.ports, records(origin.app_space))
        return RelyingParty(origin=origin, app_space=require(app_space, AppSpace))

    def authenticate_admin(self, request: SignedRequest) -> Admin:
        """Authenticate an administrator by CX1 or a message signature, whichever it is set to."""
        return self._authenticate(request, Admin)

    def _authenticate(self, request: SignedRequest, kind: type[Holder]) -> Holder:
        ports = self.ports
        with refusals(ports, _CHECK):
            tools = tools_of(ports, self.policy)
            claim = read_claim(request, tools)
            holder, once = verify(load(ports, claim.reading()), tools, claim, kind)
            if once is not None and not ports.replay.first_seen(
                once, forgettable_at(tools.now, self.policy)
            ):
                raise Replayed
        return holder
