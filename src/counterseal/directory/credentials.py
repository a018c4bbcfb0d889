"""
Credentials: who gets a secret, and from when on it is of no use.

An origin has exactly one scheme; while it rotates, the old secret lives beside the new one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import attrs

from counterseal.authority import administrator, authorize, name_of
from counterseal.decisions import Act, Decision, read, settle
from counterseal.directory.amending import amend
from counterseal.directory.secrets import IssuedSecret, issued, issued_webhook_key
from counterseal.errors import InvalidField
from counterseal.models import (
    Admin,
    Administrator,
    AdminRole,
    AppSpace,
    AuditEvent,
    Change,
    Company,
    Guid,
    Origin,
    Scheme,
)
from counterseal.models.guid import ENTROPY_BYTES, mint, partition_of
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.authorization import (
    APPOINTING,
    Deed,
    lives_as_long,
    no_later_than,
    role_fits,
)
from counterseal.rules.sizes import text_fits

R = TypeVar("R", Origin, Admin)
T = TypeVar("T")

NO_TIME = timedelta(0)


@attrs.frozen
class Credentials:
    """
    Making, rotating and revoking the secrets of origins and administrators.

    Every verb takes *by*, who wants it, and can raise what `Administration` says about it.
    """

    ports: Ports
    policy: Policy
    by: Administrator = attrs.field(kw_only=True)

    def issue(
        self,
        origin: Guid,
        scheme: Scheme,
        *,
        overlap: timedelta = NO_TIME,
    ) -> IssuedSecret:
        """
        Make an origin's new secret.

        With the scheme it has, this rotates: older secrets end after *overlap*.
        With another one, it switches: older secrets end at once.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The overlap is negative or longer than the policy allows.
            Unavailable: A port failed.
        """

        def change(held: Origin) -> tuple[Origin, IssuedSecret]:
            self._overlap_fits(overlap)
            return issued(self.ports, held, scheme, overlap)

        return self._amended((origin, Origin), "credential.issue", change)[1]

    def revoke(self, origin: Guid) -> Origin:
        """
        Revoke all of an origin's secrets; the origin stays.

        Raises:
            NotFound: There is no such origin.
            Unavailable: A port failed.
        """
        return self._amended((origin, Origin), "credential.revoke", _bare)[0]

    def issue_webhook_key(self, origin: Guid, *, overlap: timedelta = NO_TIME) -> str:
        """
        Make the secret that signs an origin's callbacks; older ones sign beside it for *overlap*.

        Returns:
            The secret as Standard Webhooks 1.0 writes it, `whsec_…`; told once.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The overlap is negative or longer than the policy allows.
            Unavailable: A port failed.
        """

        def change(held: Origin) -> tuple[Origin, str]:
            self._overlap_fits(overlap)
            return issued_webhook_key(self.ports, held, overlap)

        return self._amended((origin, Origin), "webhook_key.issue", change)[1]

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
            name: What it is called.
            role: What it is there for.
            company: The only company that a Company Admin reaches.
            app_space: The only App Space that an administrator of the other roles reaches.
            all_companies: In place of both: a Company Admin reaches all companies, and may
                create more.
            life: How long it is valid; None has no end, or that of whoever makes it.
            scheme: How it authenticates; not by Basic.

        Raises:
            NotFound: There is no such company or App Space.
            InvalidField: The name, the life or the scheme does not fit, the role has no place or
                another's, or it would outlive its maker.
            Unavailable: A port failed.
        """
        token, owner = self.ports.entropy.token, company if app_space is None else app_space
        place = token(1)[0] if owner is None else partition_of(owner)
        guid = mint(place, token(ENTROPY_BYTES))
        act = Act(event="admin.create", actor=name_of(self.by), subject=guid)

        def decide() -> Decision[IssuedSecret]:
            now = self.ports.clock.now()
            text_fits(name, self.policy.name_bytes, "name", trimmed=True)
            _signs(scheme)
            role_fits(
                role,
                company=company is not None,
                app_space=app_space is not None,
                all_companies=all_companies,
            )
            if life is not None and life <= NO_TIME:
                raise InvalidField("life", "not positive")
            within = self._within(company, app_space)
            deed = Deed.COMPANIES if within is None else APPOINTING[role]
            maker = authorize(self.ports, self.by, deed, within)
            ends_at = None if life is None else now + life
            admin = Admin(
                guid=guid,
                version=1,
                company=within.company if isinstance(within, AppSpace) else company,
                role=role,
                app_space=app_space,
                name=name,
                created_at=now,
                ends_at=ends_at if maker is None else no_later_than(maker, ends_at, field="life"),
            )
            made, secret = issued(self.ports, admin, scheme, NO_TIME)
            event = AuditEvent(at=now, event=act.event, actor=act.actor, subject=guid)
            return Decision(changes=(Change(None, made),), audit=(event,), result=secret)

        return settle(self.ports, self.policy, act, decide)

    def rotate_admin(
        self,
        admin: Guid,
        *,
        scheme: Scheme | None = None,
        overlap: timedelta = NO_TIME,
    ) -> IssuedSecret:
        """
        Make an administrator's new secret; older ones end after *overlap*, and its life stays.

        An administrator may rotate its own, and of others only those that end no later.

        Args:
            admin: Whose.
            scheme: Another one than it has switches: older secrets end at once. None keeps it,
                and is HMAC for one that has no secret.
            overlap: How long older secrets live on.

        Raises:
            NotFound: There is no such administrator.
            RoleLacking: It ends later than who wants it, who would be told its secret.
            InvalidField: The scheme is Basic, or the overlap is negative or longer than the
                policy allows.
            Unavailable: A port failed.
        """

        def change(held: Admin) -> tuple[Admin, IssuedSecret]:
            self._overlap_fits(overlap)
            maker = administrator(self.ports, self.by)
            if maker is not None:
                lives_as_long(maker, held)
            own = held.credentials[0].scheme if held.credentials else Scheme.HMAC
            return issued(self.ports, held, _signs(scheme or own), overlap)

        return self._amended((admin, Admin), "admin.rotate", change)[1]

    def revoke_admin(self, admin: Guid) -> Admin:
        """
        Revoke all of an administrator's secrets; what it has begun is refused from then on.

        Raises:
            NotFound: There is no such administrator.
            Unavailable: A port failed.
        """
        return self._amended((admin, Admin), "admin.revoke", _bare)[0]

    def _amended(
        self,
        target: tuple[Guid, type[R]],
        event: str,
        change: Callable[[R], tuple[R, T]],
    ) -> tuple[R, T]:
        return amend(self.ports, self.policy, target, event=event, by=self.by, change=change)

    def _within(self, company: Guid | None, app_space: Guid | None) -> Company | AppSpace | None:
        if app_space is not None:
            return read(self.ports.store, app_space, AppSpace)
        return None if company is None else read(self.ports.store, company, Company)

    def _overlap_fits(self, overlap: timedelta) -> None:
        limit = self.policy.credential_overlap_limit
        if not NO_TIME <= overlap <= limit:
            raise InvalidField(
                "overlap", f"negative, or longer than credential_overlap_limit: {limit}"
            )


def _bare(holder: R) -> tuple[R, None]:
    return attrs.evolve(holder, credentials=()), None


def _signs(scheme: Scheme) -> Scheme:
    if scheme is Scheme.BASIC:
        raise InvalidField("keyType", "an administrator signs")
    return scheme
