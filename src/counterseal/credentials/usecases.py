"""Authentication: who a request of an origin or an administrator comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TypeVar

import attrs

from counterseal._audit_context import AuditContext, refusals
from counterseal._guid_memory import GuidMemory
from counterseal._plan import Records, nothing, records, require
from counterseal._transaction import UseCase, load, tools_of
from counterseal.accounts.rules import forgettable_at
from counterseal.credentials.decisions import credentials
from counterseal.credentials.decisions.authentication import (
    Registration,
    SignedRequest,
    load_party,
    read_claim,
    verify,
)
from counterseal.credentials.decisions.credentials import (
    ZERO_DURATION,
    AdminDraft,
    CreatedAdmin,
    IssuedSecret,
)
from counterseal.errors import InvalidField, Replayed
from counterseal.models import (
    Admin,
    Administrator,
    AdminRole,
    AppSpace,
    Guid,
    Origin,
    RelyingParty,
    Scheme,
)
from counterseal.models.guid import ENTROPY_BYTES, mint, parse, partition_of

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
        origin, records_read = self._authenticate(request, Origin, self._app_spaces)
        guid = origin.app_space
        app_space = next(
            (one for one in records_read if one is not None and one.guid == guid), None
        )
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


@attrs.frozen
class Credentials(UseCase):
    """
    The secrets of origins and administrators, for one administrator.

    Every verb can raise what `Administration` says about its administrator.

    Args:
        by: Who administers: an `Admin`, or the operator.
    """

    by: Administrator = attrs.field(kw_only=True)

    def issue(
        self, origin: Guid, scheme: Scheme, *, overlap: timedelta = ZERO_DURATION
    ) -> IssuedSecret:
        """
        Make an origin's new secret.

        With the scheme it has, this rotates: older secrets end after *overlap*.
        With another one, it switches: older secrets end at once.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The overlap is negative or longer than the policy allows.
        """
        return self._decide_for(
            self.by, "credential.issue", origin, records(origin), credentials.issue, scheme, overlap
        )

    def revoke(self, origin: Guid) -> Origin:
        """
        Revoke all of an origin's secrets; the origin stays.

        Raises:
            NotFound: There is no such origin.
        """
        return self._decide_for(
            self.by, "credential.revoke", origin, records(origin), credentials.revoke, Origin
        )

    def revoke_credential(self, origin: Guid, credential: Guid) -> Origin:
        """
        Revoke one of an origin's secrets; the others stay as they are.

        One that has ended stays as it is, so a repeated call succeeds.

        Args:
            origin: Its GUID.
            credential: The GUID that `Origin.credential_guid` returns for it.

        Raises:
            NotFound: There is no such origin, or it has no such credential.
        """
        return self._decide_for(
            self.by,
            "credential.revoke_one",
            origin,
            records(origin),
            credentials.revoke_credential,
            credential,
        )

    def issue_webhook_key(self, origin: Guid, *, overlap: timedelta = ZERO_DURATION) -> str:
        """
        Make the secret that signs an origin's callbacks; older ones sign beside it for *overlap*.

        Returns:
            The secret as Standard Webhooks 1.0 writes it, `whsec_…`; it is returned once.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The overlap is negative or longer than the policy allows.
        """
        return self._decide_for(
            self.by,
            "webhook_key.issue",
            origin,
            records(origin),
            credentials.issue_webhook_key,
            overlap,
        )

    def create_admin(
        self,
        name: str,
        *,
        role: AdminRole = AdminRole.COMPANY,
        company: Guid | None = None,
        app_space: Guid | None = None,
        all_companies: bool = False,
        life: timedelta | None = None,
        scheme: Scheme = Scheme.HMAC,
    ) -> IssuedSecret:
        """
        Create an administrator with a secret.

        Args:
            company: The only company that a Company Admin reaches.
            app_space: The only App Space that an administrator of the other roles reaches.
            all_companies: In place of both: a Company Admin reaches all companies, and may
                create more.
            life: How long it is valid; None has no end, or that of its maker.
            scheme: How it authenticates; not by Basic.

        Raises:
            NotFound: There is no such company or App Space.
            InvalidField: The name, the life or the scheme does not fit, or the role does not fit
                what it reaches, or the administrator would outlive its maker.
        """
        created = self._create_admin(
            name,
            role=role,
            company=company,
            app_space=app_space,
            all_companies=all_companies,
            life=life,
            scheme=scheme,
        )
        assert created.secret is not None  # noqa: S101 (it has a scheme; for the type checker)
        return created.secret

    def create_person(
        self,
        name: str,
        *,
        role: AdminRole = AdminRole.COMPANY,
        company: Guid | None = None,
        app_space: Guid | None = None,
        all_companies: bool = False,
        life: timedelta | None = None,
    ) -> Admin:
        """
        Create an administrator who is a person: without a secret, and in force until revoked.

        `Sessions.create_link` makes the link with which the person logs in for the first time.

        Args:
            company, app_space, all_companies, life: As `create_admin` has them.

        Raises:
            NotFound: There is no such company or App Space.
            InvalidField: The name or the life does not fit, or the role does not fit what it
                reaches, or the administrator would outlive its maker.
        """
        return self._create_admin(
            name,
            role=role,
            company=company,
            app_space=app_space,
            all_companies=all_companies,
            life=life,
            scheme=None,
        ).admin

    def _create_admin(
        self,
        name: str,
        *,
        role: AdminRole,
        company: Guid | None,
        app_space: Guid | None,
        all_companies: bool,
        life: timedelta | None,
        scheme: Scheme | None,
    ) -> CreatedAdmin:
        token, owner = self.ports.entropy.token, company if app_space is None else app_space
        partition = token(1)[0] if owner is None else partition_of(owner)
        draft = AdminDraft(
            guid=mint(partition, token(ENTROPY_BYTES)),
            name=name,
            role=role,
            company=company,
            app_space=app_space,
            all_companies=all_companies,
            life=life,
            scheme=scheme,
        )
        reading = nothing() if owner is None else records(owner)
        return self._decide_for(
            self.by, "admin.create", draft.guid, reading, credentials.create_admin, draft
        )

    def rotate_admin(
        self, admin: Guid, *, scheme: Scheme | None = None, overlap: timedelta = ZERO_DURATION
    ) -> IssuedSecret:
        """
        Make an administrator's new secret; older secrets end after *overlap*.

        The time at which the administrator itself ends stays as it is.

        An administrator may rotate its own, and of others only those that end no later.

        Args:
            scheme: With a scheme that differs from the present one, older secrets end at once.
                None keeps the present scheme, and is HMAC if there is no secret.

        Raises:
            NotFound: There is no such administrator.
            RoleLacking: The administrator ends later than the caller, who would get a secret that
                outlives its own.
            InvalidField: The scheme is Basic, or the overlap is negative or longer than the
                policy allows.
        """
        return self._decide_for(
            self.by,
            "admin.rotate",
            admin,
            records(admin),
            credentials.rotate_admin,
            scheme,
            overlap,
        )

    def revoke_admin(self, admin: Guid) -> Admin:
        """
        Revoke an administrator's secrets and log-ins; what it has begun is refused from then on.

        Raises:
            NotFound: There is no such administrator.
        """
        return self._decide_for(
            self.by, "admin.revoke", admin, records(admin), credentials.revoke, Admin
        )
