"""
Credentials: secrets that are always ours and always of full entropy.

Basic secrets are kept as salted SHA-512, HMAC secrets sealed, because checking needs them.
An origin has exactly one scheme; while it rotates, the old secret lives beside the new one.
"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import TypeVar

import attrs

from counterseal import keys
from counterseal.callbacks import webhook_context
from counterseal.decisions import Act, Decision, read, settle
from counterseal.errors import InvalidField
from counterseal.models import (
    Admin,
    AuditEvent,
    Change,
    Company,
    Credential,
    Guid,
    Origin,
    Scheme,
    WebhookKey,
)
from counterseal.models.guid import LUCK_BYTES, mint, partition_of
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.sizes import text_fits
from counterseal.rules.timing import in_force
from counterseal.wire.webhook import SECRET_BYTES as WEBHOOK_BYTES
from counterseal.wire.webhook import secret_text

R = TypeVar("R", Origin, Admin)

SECRET_BYTES = 32
SALT_BYTES = 16
NO_TIME = timedelta(0)
MILLISECONDS = 1000


@attrs.frozen(kw_only=True)
class IssuedSecret:
    """A secret that was made; told once, and kept in a form that does not give it back."""

    guid: Guid
    scheme: Scheme
    secret: str = attrs.field(repr=False)


@attrs.frozen
class Credentials:
    """Making, rotating and revoking the secrets of origins and administrators."""

    ports: Ports
    policy: Policy

    def issue(
        self, origin: Guid, scheme: Scheme, *, overlap: timedelta = NO_TIME, actor: str = "staff"
    ) -> IssuedSecret:
        """
        Make an origin's new secret.

        With the scheme it has, this rotates: older secrets end after *overlap*.
        With the other one, it switches: older secrets end at once.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The overlap is negative or longer than the policy allows.
            Unavailable: A port failed.
        """
        self._overlap_fits(overlap)
        act = Act(event="credential.issue", actor=actor, subject=origin)

        def decide() -> Decision[IssuedSecret]:
            held = read(self.ports.store, origin, Origin)
            return self._issued(held, scheme, overlap, act)

        return settle(self.ports, self.policy, act, decide)

    def revoke(self, origin: Guid, *, actor: str = "staff") -> Origin:
        """
        Revoke all of an origin's secrets; the origin stays.

        Raises:
            NotFound: There is no such origin.
            Unavailable: A port failed.
        """
        act = Act(event="credential.revoke", actor=actor, subject=origin)

        def decide() -> Decision[Origin]:
            held = read(self.ports.store, origin, Origin)
            bare = attrs.evolve(held, version=held.version + 1, credentials=())
            return Decision(changes=(Change(held, bare),), audit=(self._event(act),), result=bare)

        return settle(self.ports, self.policy, act, decide)

    def issue_webhook_key(
        self, origin: Guid, *, overlap: timedelta = NO_TIME, actor: str = "staff"
    ) -> str:
        """
        Make the secret that signs an origin's callbacks; older ones sign beside it for *overlap*.

        Returns:
            The secret as Standard Webhooks 1.0 writes it, `whsec_…`; told once.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The overlap is negative or longer than the policy allows.
            Unavailable: A port failed.
        """
        self._overlap_fits(overlap)
        act = Act(event="webhook_key.issue", actor=actor, subject=origin)

        def decide() -> Decision[str]:
            now = self.ports.clock.now()
            held = read(self.ports.store, origin, Origin)
            secret = self.ports.entropy.token(WEBHOOK_BYTES)
            made = WebhookKey(
                sealed=self.ports.sealer.seal(secret, webhook_context(origin)), created_at=now
            )
            older = [
                attrs.evolve(key, ends_at=_end(key.ends_at, now + overlap))
                for key in held.webhook_keys[:1]
            ]
            kept = tuple(key for key in older if in_force(key.ends_at, now))
            changed = attrs.evolve(held, version=held.version + 1, webhook_keys=(made, *kept))
            return Decision(
                changes=(Change(held, changed),),
                audit=(self._event(act),),
                result=secret_text(secret),
            )

        return settle(self.ports, self.policy, act, decide)

    def create_admin(
        self,
        name: str,
        *,
        company: Guid | None = None,
        life: timedelta | None = None,
        actor: str = "staff",
    ) -> IssuedSecret:
        """
        Create an administrator with an HMAC secret.

        Args:
            company: The only company it reaches; None reaches all and may create more.
            life: How long it is valid; None has no end.

        Raises:
            NotFound: There is no such company.
            InvalidField: The name or the life does not fit.
            Unavailable: A port failed.
        """
        text_fits(name, self.policy.name_bytes, "name", trimmed=True)
        if life is not None and life <= NO_TIME:
            raise InvalidField("life", "not positive")
        token, now = self.ports.entropy.token, self.ports.clock.now()
        if company is not None:
            read(self.ports.store, company, Company)
        partition = token(1)[0] if company is None else partition_of(company)
        admin = Admin(
            guid=mint(partition, token(LUCK_BYTES)),
            version=0,
            company=company,
            name=name,
            created_at=now,
            ends_at=None if life is None else now + life,
        )
        act = Act(event="admin.create", actor=actor, subject=admin.guid)
        return settle(
            self.ports,
            self.policy,
            act,
            lambda: self._issued(admin, Scheme.HMAC, NO_TIME, act, new=True),
        )

    def _overlap_fits(self, overlap: timedelta) -> None:
        if not NO_TIME <= overlap <= self.policy.credential_overlap_limit:
            raise InvalidField("overlap", "negative, or longer than the policy allows")

    def _issued(
        self, holder: R, scheme: Scheme, overlap: timedelta, act: Act, *, new: bool = False
    ) -> Decision[IssuedSecret]:
        now = self.ports.clock.now()
        made, secret = self._made(holder.guid, scheme, now)
        kept: tuple[Credential, ...] = tuple(
            attrs.evolve(credential, ends_at=_end(credential.ends_at, now + overlap))
            for credential in holder.credentials[:1]
            if overlap and credential.scheme is scheme and in_force(credential.ends_at, now)
        )
        changed = attrs.evolve(holder, version=holder.version + 1, credentials=(made, *kept))
        return Decision(
            changes=(Change(None if new else holder, changed),),
            audit=(self._event(act),),
            result=IssuedSecret(guid=holder.guid, scheme=scheme, secret=secret),
        )

    def _made(self, guid: Guid, scheme: Scheme, now: datetime) -> tuple[Credential, str]:
        token = self.ports.entropy.token
        secret = base64.b64encode(token(SECRET_BYTES)).decode("ascii")
        if scheme is Scheme.BASIC:
            salt = token(SALT_BYTES)
            digest = keys.basic_digest(secret, salt)
            return Credential(scheme=scheme, salt=salt, digest=digest, created_at=now), secret
        sealed = self.ports.sealer.seal(secret.encode(), credential_context(guid))
        return Credential(scheme=scheme, sealed=sealed, created_at=now), secret

    def _event(self, act: Act) -> AuditEvent:
        return AuditEvent(
            at=self.ports.clock.now(), event=act.event, actor=act.actor, subject=act.subject
        )


def _end(current: datetime | None, wanted: datetime) -> datetime:
    return wanted if current is None else min(current, wanted)


def credential_context(guid: Guid) -> str:
    """Return what the HMAC secret of *guid* is sealed for."""
    return f"credential:{guid}"
