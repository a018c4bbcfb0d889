"""
Secrets: always ours and always of full entropy; how one is made, and in which form it is kept.

Basic secrets are kept as salted SHA-512, the others sealed, because checking needs them.
"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import TypeVar

import attrs

from counterseal import keys
from counterseal.models import Admin, Credential, Guid, Origin, Scheme, WebhookKey
from counterseal.models.sealing import credential_context, webhook_context
from counterseal.ports import Ports
from counterseal.rules.standing import in_force
from counterseal.wire.webhook import SECRET_BYTES as WEBHOOK_BYTES
from counterseal.wire.webhook import secret_text

R = TypeVar("R", Origin, Admin)

SECRET_BYTES = 32
SALT_BYTES = 16


@attrs.frozen(kw_only=True)
class IssuedSecret:
    """A secret that was made; told once, and kept in a form that does not give it back."""

    guid: Guid
    scheme: Scheme
    secret: str = attrs.field(repr=False)


def issued(ports: Ports, holder: R, scheme: Scheme, overlap: timedelta) -> tuple[R, IssuedSecret]:
    """
    Return *holder* with a new secret, and that; one of the same scheme lives on for *overlap*.

    Raises:
        Unavailable: A port failed.
    """
    now = ports.clock.now()
    made, secret = _made(ports, holder.guid, scheme, now)
    kept: tuple[Credential, ...] = tuple(
        attrs.evolve(credential, ends_at=_end(credential.ends_at, now + overlap))
        for credential in holder.credentials[:1]
        if overlap and credential.scheme is scheme and in_force(credential.ends_at, now)
    )
    changed = attrs.evolve(holder, credentials=(made, *kept))
    return changed, IssuedSecret(guid=holder.guid, scheme=scheme, secret=secret)


def issued_webhook_key(ports: Ports, origin: Origin, overlap: timedelta) -> tuple[Origin, str]:
    """
    Return *origin* with a new secret that signs its callbacks, and that, as `whsec_…`.

    Raises:
        Unavailable: A port failed.
    """
    now = ports.clock.now()
    secret = ports.entropy.token(WEBHOOK_BYTES)
    sealed = ports.sealer.seal(secret, webhook_context(origin.guid))
    older = [
        attrs.evolve(key, ends_at=_end(key.ends_at, now + overlap))
        for key in origin.webhook_keys[:1]
    ]
    kept = tuple(key for key in older if in_force(key.ends_at, now))
    made = WebhookKey(sealed=sealed, created_at=now)
    return attrs.evolve(origin, webhook_keys=(made, *kept)), secret_text(secret)


def _made(ports: Ports, guid: Guid, scheme: Scheme, now: datetime) -> tuple[Credential, str]:
    token = ports.entropy.token
    secret = base64.b64encode(token(SECRET_BYTES)).decode("ascii")
    if scheme is Scheme.BASIC:
        salt = token(SALT_BYTES)
        digest = keys.basic_digest(secret, salt)
        return Credential(scheme=scheme, salt=salt, digest=digest, created_at=now), secret
    sealed = ports.sealer.seal(secret.encode(), credential_context(guid))
    return Credential(scheme=scheme, sealed=sealed, created_at=now), secret


def _end(current: datetime | None, wanted: datetime) -> datetime:
    return wanted if current is None else min(current, wanted)
