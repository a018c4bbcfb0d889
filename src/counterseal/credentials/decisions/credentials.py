"""
Credentials: who gets a secret, in which form it is stored, and from when on it is refused.

Secrets are made by the service, with full entropy. Those of Basic are stored as salted SHA-512,
all others sealed, because their check needs them. A holder has one scheme at a time; while a secret
rotates, the old one is valid beside the new one.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import attrs

from counterseal import keys
from counterseal._input_limits import text_fits
from counterseal._plan import Decision, Records, Tools, require, store
from counterseal.accounts.rules import in_force, token_generation
from counterseal.errors import InvalidField, NotFound
from counterseal.models import (
    Admin,
    Administrator,
    AdminRole,
    AppSpace,
    Company,
    Credential,
    Guid,
    Origin,
    PublicKey,
    Scheme,
    WebhookKey,
    replace,
    revise,
)
from counterseal.models.ciba import CLIENT_ALGORITHMS
from counterseal.models.sealing import credential_context, webhook_context
from counterseal.outbox.documents import SECRET_BYTES as WEBHOOK_BYTES
from counterseal.outbox.documents import secret_text
from counterseal.policy import Policy
from counterseal.tenancy.decisions.authorization import admin_guards, permission_to
from counterseal.tenancy.rules.authorization import (
    APPOINTING,
    Permission,
    capped_end,
    permission_for,
    require_not_outlived,
    role_fits,
    unreserved,
)

Holder = TypeVar("Holder", Origin, Admin)

SECRET_BYTES = 32
SALT_BYTES = 16
ZERO_DURATION = timedelta(0)


@attrs.frozen(kw_only=True)
class IssuedSecret:
    """A new secret, returned once; Basic stores a hash of it, the other schemes a sealed copy."""

    guid: Guid
    scheme: Scheme
    secret: str = attrs.field(repr=False)


@attrs.define(kw_only=True)
class CreatedAdmin:
    """A new administrator with its secret; a person has none."""

    admin: Admin
    secret: IssuedSecret | None


@attrs.define(kw_only=True)
class AdminDraft:
    """What an administrator is created with; see `Credentials.create_admin`; None is a person."""

    guid: Guid
    name: str
    role: AdminRole
    company: Guid | None
    app_space: Guid | None
    all_companies: bool
    life: timedelta | None
    scheme: Scheme | None


async def issue(
    stored: Records, tools: Tools, by: Administrator, scheme: Scheme, overlap: timedelta
) -> Decision[IssuedSecret]:
    """Decide to make an origin's new secret."""
    origin = require(stored[0], Origin)
    unreserved(origin)
    admin = await permission_to(Permission.ORIGINS, by, origin)
    return _issue(tools, admin, origin, scheme, overlap)


async def issue_webhook_key(
    stored: Records, tools: Tools, by: Administrator, overlap: timedelta
) -> Decision[str]:
    """Decide to make the secret that signs an origin's callbacks."""
    origin = require(stored[0], Origin)
    unreserved(origin)
    admin = await permission_to(Permission.ORIGINS, by, origin)
    _overlap_fits(overlap, tools.policy)
    secret = tools.entropy(WEBHOOK_BYTES)
    webhook_key = WebhookKey(
        sealed=tools.seal(secret, webhook_context(origin.guid)), created_at=tools.now
    )
    older_keys = tuple(
        replace(newest, ends_at=tools.now + overlap)
        for newest in origin.webhook_keys[:1]
        if overlap
    )
    updated_origin = revise(origin, webhook_keys=(webhook_key, *older_keys))
    return store(updated_origin, secret_text(secret), guards=admin_guards(admin, origin))


async def rotate_admin(
    stored: Records, tools: Tools, by: Administrator, scheme: Scheme | None, overlap: timedelta
) -> Decision[IssuedSecret]:
    """Decide to make a new secret of an administrator, by default of its present scheme."""
    holder = require(stored[0], Admin)
    admin = await permission_to(permission_for(holder, by), by, holder)
    if admin is not None:
        require_not_outlived(admin, holder)
    if scheme is None:
        scheme = holder.credentials[0].scheme if holder.credentials else Scheme.HMAC
    _require_signing(scheme)
    return _issue(tools, admin, holder, scheme, overlap)


async def revoke(
    stored: Records, _: Tools, by: Administrator, kind: type[Holder]
) -> Decision[Holder]:
    """Decide to revoke all secrets of an origin or administrator."""
    holder = require(stored[0], kind)
    admin = await permission_to(permission_for(holder, by), by, holder)
    changes: dict[str, Any] = {}
    if isinstance(holder, Admin) and holder.person:
        changes["person"] = False
    if isinstance(holder, Origin) and holder.backchannel is not None and holder.backchannel.keys:
        changes["backchannel"] = replace(holder.backchannel, keys=())
    if isinstance(holder, Origin) and holder.realm is not None:
        changes["realm"] = None
    if not holder.credentials and not changes:
        return Decision(result=holder)
    revoked_holder = revise(holder, credentials=(), **changes)
    return store(revoked_holder, revoked_holder, guards=admin_guards(admin, holder))


async def revoke_credential(
    stored: Records, tools: Tools, by: Administrator, credential: Guid
) -> Decision[Origin]:
    """Decide to revoke one secret of an origin."""
    origin = require(stored[0], Origin)
    admin = await permission_to(Permission.ORIGINS, by, origin)
    return _revoke_credential(tools, admin, origin, credential)


async def create_admin(
    stored: Records, tools: Tools, by: Administrator, draft: AdminDraft
) -> Decision[CreatedAdmin]:
    """Decide to create an administrator with a secret, or a person without one."""
    text_fits(draft.name, tools.policy.name_bytes, "name", trimmed=True)
    if draft.scheme is not None:
        _require_signing(draft.scheme)
    role_fits(
        draft.role,
        company=draft.company is not None,
        app_space=draft.app_space is not None,
        all_companies=draft.all_companies,
    )
    if draft.life is not None and draft.life <= ZERO_DURATION:
        raise InvalidField("life", "not positive")
    owner: Company | AppSpace | None = None
    permission = Permission.COMPANIES
    if stored:
        kind: type[Company | AppSpace] = Company if draft.app_space is None else AppSpace
        owner, permission = require(stored[0], kind), APPOINTING[draft.role]
        unreserved(owner)
    maker = await permission_to(permission, by, owner)
    return _create_admin(tools, maker, owner, draft)


def registered_keys(members: Mapping[int, Any]) -> tuple[PublicKey, ...]:
    """
    Return the public keys in *members* of a JWK Set, by their place in it.

    Raises:
        InvalidField: One of them is no public JWK, or two have one `kid`.
        UnfitKey: One of them is weak, malformed, or of an algorithm that no client may use.
    """
    public_keys = tuple(
        keys.public_key(jwk, algorithms=CLIENT_ALGORITHMS, field=f"jwks.keys[{index}]")
        for index, jwk in members.items()
    )
    if len({key.kid for key in public_keys}) != len(public_keys):
        raise InvalidField("jwks", "two keys with one kid")
    return public_keys


def _issue(
    tools: Tools, admin: Admin | None, holder: Origin | Admin, scheme: Scheme, overlap: timedelta
) -> Decision[IssuedSecret]:
    _overlap_fits(overlap, tools.policy)
    credential, secret = _new_credential(tools, holder.guid, scheme)
    live_credentials = [each for each in holder.credentials if in_force(each.ends_at, tools.now)]
    older_credentials = tuple(
        replace(newest, ends_at=_earlier(newest.ends_at, tools.now + overlap))
        for newest in live_credentials[:1]
        if overlap and newest.scheme is scheme
    )
    credentials = (credential, *older_credentials)
    changes: dict[str, Any] = {"credentials": credentials}
    if isinstance(holder, Origin):
        edited_origin = replace(holder, credentials=credentials)
        changes["token_generation"] = token_generation(holder, edited_origin, tools.now)
    return store(revise(holder, **changes), secret, guards=admin_guards(admin, holder))


def _revoke_credential(
    tools: Tools, admin: Admin | None, origin: Origin, guid: Guid
) -> Decision[Origin]:
    names = [origin.credential_guid(each) for each in origin.credentials]
    if guid not in names:
        raise NotFound
    position = names.index(guid)
    credential = origin.credentials[position]
    if not in_force(credential.ends_at, tools.now):
        return Decision(result=origin)
    ended_credentials = list(origin.credentials)
    ended_credentials[position] = replace(credential, ends_at=tools.now)
    credentials = tuple(ended_credentials)
    edited_origin = replace(origin, credentials=credentials)
    # Processes whose clocks are behind find the secret valid, but not the tokens of before.
    generation = token_generation(origin, edited_origin, tools.now)
    updated_origin = revise(origin, credentials=credentials, token_generation=generation)
    return store(updated_origin, updated_origin, guards=admin_guards(admin, origin))


def _create_admin(
    tools: Tools, maker: Admin | None, owner: Company | AppSpace | None, draft: AdminDraft
) -> Decision[CreatedAdmin]:
    try:
        ends_at = None if draft.life is None else tools.now + draft.life
    except OverflowError:
        raise InvalidField("life", "ends after the year 9999") from None
    credential, secret = (
        (None, None) if draft.scheme is None else _new_credential(tools, draft.guid, draft.scheme)
    )
    admin = Admin(
        guid=draft.guid,
        company=owner.company if isinstance(owner, AppSpace) else draft.company,
        role=draft.role,
        app_space=draft.app_space,
        name=draft.name,
        credentials=() if credential is None else (credential,),
        person=draft.scheme is None,
        created_at=tools.now,
        ends_at=ends_at if maker is None else capped_end(maker, ends_at, field="life"),
    )
    return store(admin, CreatedAdmin(admin=admin, secret=secret), guards=admin_guards(maker, admin))


def _new_credential(tools: Tools, holder: Guid, scheme: Scheme) -> tuple[Credential, IssuedSecret]:
    secret = base64.b64encode(tools.entropy(SECRET_BYTES)).decode("ascii")
    issued = IssuedSecret(guid=holder, scheme=scheme, secret=secret)
    if scheme is Scheme.BASIC:
        salt = tools.entropy(SALT_BYTES)
        digest = keys.basic_digest(secret, salt)
        return Credential(scheme=scheme, salt=salt, digest=digest, created_at=tools.now), issued
    sealed = tools.seal(secret.encode(), credential_context(holder))
    return Credential(scheme=scheme, sealed=sealed, created_at=tools.now), issued


def _earlier(ends_at: datetime | None, limit: datetime) -> datetime:
    return limit if ends_at is None else min(ends_at, limit)


def _overlap_fits(overlap: timedelta, policy: Policy) -> None:
    limit = policy.credential_overlap_limit
    if not ZERO_DURATION <= overlap <= limit:
        raise InvalidField("overlap", f"negative, or longer than credential_overlap_limit: {limit}")


def _require_signing(scheme: Scheme) -> None:
    if scheme is Scheme.BASIC:
        raise InvalidField("keyType", "an administrator signs")
