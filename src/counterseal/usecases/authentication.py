"""Authentication: who a request of an origin or an administrator comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

import attrs

from counterseal._audit_context import AuditContext
from counterseal._decisions.authentication import (
    Registration,
    SignedRequest,
    load_party,
    read_claim,
    verify,
)
from counterseal._decisions.plan import Records, require
from counterseal._decisions.readings import nothing, records
from counterseal._transaction import UseCase, load, refusals, tools_of
from counterseal.errors import InvalidField, Replayed
from counterseal.models import Admin, AppSpace, Guid, Origin, RelyingParty
from counterseal.models.guid import parse
from counterseal.rules.standing import forgettable_at
from counterseal.usecases._guid_memory import GuidMemory

Holder = TypeVar("Holder", Origin, Admin)

_NO_PARENTS: Mapping[Guid, Guid] = MappingProxyType({})
_CHECK = AuditContext(event="credential.check", actor="stranger")
_REPLAY_KINDS: Mapping[Registration, str] = MappingProxyType(
    {"backchannel": "backchannel", "realm": "channel"}
)
"""What the replay guard stores them under; processes of every release have the same names."""


SingleUse = tuple[str, datetime]
"""The id of what may be used once, and when it may be forgotten."""


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

    _app_spaces: GuidMemory = attrs.field(factory=GuidMemory, init=False, eq=False, repr=False)

    def authenticate(self, request: SignedRequest) -> RelyingParty:
        """Authenticate an origin by Basic, CX1 or a message signature, whichever it is set to."""
        origin, others = self._authenticate(request, Origin, self._app_spaces)
        guid = origin.app_space
        app_space = next((one for one in others if one is not None and one.guid == guid), None)
        if app_space is None:
            (app_space,) = load(self.ports, records(guid))
            self._app_spaces.remember(origin.guid, guid)
        return RelyingParty(origin=origin, app_space=require(app_space, AppSpace))

    def authenticate_admin(self, request: SignedRequest) -> Admin:
        """Authenticate an administrator by CX1 or a message signature, whichever it is set to."""
        return self._authenticate(request, Admin, _NO_PARENTS)[0]

    def _authenticate(
        self, request: SignedRequest, kind: type[Holder], parents: Mapping[Guid, Guid]
    ) -> tuple[Holder, Records]:
        ports = self.ports
        with refusals(ports, _CHECK):
            tools = tools_of(ports, self.policy)
            claim = read_claim(request, tools)
            stored: Records = load(ports, claim.reading(parents))
            holder, once = verify(stored, tools, claim, kind)
            if once is not None and not ports.replay.first_seen(
                once, forgettable_at(tools.now, self.policy)
            ):
                raise Replayed
        return holder, stored[1:]


@attrs.frozen
class SignerAuthentication(UseCase):
    """Authenticates origins by what was signed with the keys of their *registration*."""

    registration: Registration = attrs.field(kw_only=True)

    def authenticate_signer(
        self, name: str, check: Callable[[Origin, datetime], SingleUse]
    ) -> RelyingParty:
        """
        Return the origin that *name* is the GUID of, which is not verified yet.

        Args:
            check: Verifies, given the origin and the time, what was signed, and returns what may
                be used once; raises Refused. It does no I/O.

        Raises:
            CredentialRefused: There is no such origin, or it has no such registration; or what
                *check* raises.
            Replayed: It was used before.
        """
        try:
            reading = records(parse(name, field="origin"))
        except InvalidField:
            reading = nothing()
        party = self._transactions.transact(_CHECK, reading, load_party, self.registration)
        context = attrs.evolve(_CHECK, subject=party.origin.guid, app_space=party.app_space.guid)
        with refusals(self.ports, context):
            once, until = check(party.origin, self.ports.clock.now())
            if not self.ports.replay.first_seen(
                (_REPLAY_KINDS[self.registration], party.origin.guid, once), until
            ):
                raise Replayed
        return party
