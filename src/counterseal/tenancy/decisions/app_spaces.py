"""
App Spaces: what becomes of them, of their Identity Provider, and of what devices show of them.

As in `tenancy`: a record that was created already is returned as it is stored, and an edit that
changes nothing writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import attrs

from counterseal import keys, tenancy
from counterseal._plan import Decision, Records, Tools, require
from counterseal._sizes import text_fits
from counterseal.errors import InvalidField, NotFound, WrongKind
from counterseal.models import (
    Administrator,
    AppSpace,
    ClientAuth,
    Company,
    Guid,
    HtmlUse,
    IdpSettings,
    Logo,
    NewDeviceRule,
    PasskeyScope,
    Record,
    replace,
    revise,
)
from counterseal.models.passkeys import host_of
from counterseal.policy import Policy
from counterseal.tenancy.decisions.authorization import permission_to
from counterseal.tenancy.decisions.tenancy import (
    create_record,
    edit_record,
    present_members,
    require_name,
)
from counterseal.tenancy.records import logo_guid
from counterseal.tenancy.rules.addresses import idp_fits
from counterseal.tenancy.rules.authorization import Permission, unreserved

CLIENT_SECRET_BYTES = 8_192
"""A client secret at an Identity Provider, or a private key as a JWK."""

_COLOR = re.compile("#[0-9A-Fa-f]{6}")


@attrs.define(kw_only=True)
class AppSpaceEdit:
    """
    What an App Space is created with, or what is to change of it.

    None leaves a member as it is; an empty text removes `brand_url`, `brand_color`, `new_devices`
    or one of *texts*, which are those of `Texts` by name, and no bytes remove the logo. Where
    passkeys are used is one member: no origins remove it, and without *rp_id* it is the host of
    the first. *policy* has the settings that change, by name; None takes one back.
    """

    name: str | None
    idp: IdpSettings | None
    idp_secret: str | None = attrs.field(repr=False)
    brand_url: str | None
    brand_color: str | None
    logo: bytes | None = attrs.field(default=None, repr=False)
    html: HtmlUse | None = None
    universal_app: bool | None
    texts: Mapping[str, str] = attrs.field(factory=dict)
    rp_id: str | None = None
    passkey_origins: tuple[str, ...] | None = None
    new_devices: NewDeviceRule | Literal[""] | None = None
    device_invitations: bool | None = None
    policy: Mapping[str, Any] = attrs.field(factory=dict)


async def create_app_space(
    stored: Records, tools: Tools, by: Administrator, guid: Guid, edit: AppSpaceEdit
) -> Decision[AppSpace]:
    """Decide to create an App Space; *stored*: the record of this GUID, or None; its company."""
    company = require(stored[1], Company)
    unreserved(company)
    admin = await permission_to(Permission.COMPANY, by, company)
    decision = create_record(stored[0], admin, _app_space(tools, company, guid, edit))
    return _with_logo(decision, None, edit, tools)


def _app_space(tools: Tools, company: Company, guid: Guid, edit: AppSpaceEdit) -> AppSpace:
    name = require_name(edit.name or "", tools.policy)
    for text, field in ((edit.brand_url, "url"), (edit.brand_color, "color")):
        text_fits(text, tools.policy.callback_bytes, f"brandInfo.{field}")
    app_space = AppSpace(guid=guid, company=company.guid, name=name, created_at=tools.now)
    changes = _app_space_changes(tools.policy, app_space, edit)
    if edit.idp is not None:
        changes["idp"] = _idp(tools, edit.idp, edit.idp_secret, None)
    return replace(app_space, **changes)


async def edit_app_space(
    stored: Records, tools: Tools, by: Administrator, edit: AppSpaceEdit
) -> Decision[AppSpace]:
    """Decide to edit an App Space; *stored*: it, and its logo or None."""
    app_space = require(stored[0], AppSpace)
    admin = await permission_to(Permission.APP_SPACE, by, app_space)
    changes = _app_space_changes(tools.policy, app_space, edit)
    decision = edit_record(app_space, admin, changes | _other_idp(tools, app_space, edit))
    return _with_logo(decision, stored[1], edit, tools)


def _app_space_changes(policy: Policy, app_space: AppSpace, edit: AppSpaceEdit) -> dict[str, Any]:
    if edit.name is not None:
        require_name(edit.name, policy)
    _brand_fits(policy, edit)
    texts = replace(app_space.texts, **edit.texts)
    for text, field in (
        (texts.title, "title"),
        (texts.challenge, "body"),
        (texts.challenge_ended, "requestEnded"),
        (texts.device_bound, "deviceBound"),
        (texts.device_revoked, "deviceRevoked"),
        (texts.device_unconfirmed, "deviceUnconfirmed"),
    ):
        text_fits(text, policy.title_bytes, f"notification.{field}", empty=True)
    names = ("name", "universal_app", "html", "device_invitations")
    changes = present_members({name: getattr(edit, name) for name in names} | {"texts": texts})
    if edit.brand_url is not None:
        changes["brand_url"] = edit.brand_url or None
    if edit.brand_color is not None:
        changes["brand_color"] = edit.brand_color or None
    if edit.logo is not None:
        changes["logo_digest"] = keys.digest(edit.logo) if edit.logo else None
    if edit.passkey_origins is not None:
        changes["passkeys"] = _passkey_scope(edit.rp_id, edit.passkey_origins)
    elif edit.rp_id is not None:
        raise InvalidField("passkeys.origins", "missing beside rpId")
    return changes | _policy_changes(policy, app_space, edit)


def _policy_changes(policy: Policy, app_space: AppSpace, edit: AppSpaceEdit) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if edit.new_devices:
        tenancy.new_devices_fit(edit.new_devices, policy)
    if edit.new_devices is not None:
        changes["new_devices"] = edit.new_devices or None
    if edit.policy:
        changes["policy"] = tenancy.edited_app_space_policy(policy, app_space, edit.policy)
    return changes


def _passkey_scope(rp_id: str | None, origins: tuple[str, ...]) -> PasskeyScope | None:
    if not origins:
        return None
    if rp_id is None:
        rp_id = host_of(origins[0])
        if rp_id is None:
            raise InvalidField("passkeys.origins", "not a web origin in lower case, by https")
    return PasskeyScope(rp_id=rp_id, origins=origins)


def _other_idp(tools: Tools, app_space: AppSpace, edit: AppSpaceEdit) -> dict[str, Any]:
    if edit.idp is None:
        return {}
    if app_space.idp is None:
        raise WrongKind
    if edit.idp.issuer != app_space.idp.issuer:
        raise InvalidField("idp.issuer", "another one")
    return {"idp": _idp(tools, edit.idp, edit.idp_secret, app_space.idp)}


def _with_logo(
    decision: Decision[AppSpace], stored: Record | None, edit: AppSpaceEdit, tools: Tools
) -> Decision[AppSpace]:
    """Return *decision* with the App Space's logo among its writes, if it becomes another one."""
    app_space = decision.result
    if edit.logo is None or not decision.writes:
        return decision
    if isinstance(stored, Logo):
        if stored.png == edit.logo:
            return attrs.evolve(decision, guards=(*decision.guards, stored))
        logo = revise(stored, png=edit.logo)
    elif not edit.logo:
        return decision
    else:
        logo = Logo(
            guid=logo_guid(app_space.guid),
            app_space=app_space.guid,
            png=edit.logo,
            created_at=tools.now,
        )
    return attrs.evolve(decision, writes=(*decision.writes, logo))


def read_logo(stored: Records, _: Tools, digest: str) -> Decision[bytes]:
    """Decide to return the logo, if it is the one with *digest*."""
    logo = require(stored[0], Logo)
    if not logo.png or keys.digest(logo.png) != digest:
        raise NotFound
    return Decision(result=logo.png)


def _brand_fits(policy: Policy, edit: AppSpaceEdit) -> None:
    text_fits(edit.brand_url or None, policy.callback_bytes, "brandInfo.url")
    if edit.brand_color and not _COLOR.fullmatch(edit.brand_color):
        raise InvalidField("brandInfo.color", "not a colour like #1A2B3C")
    if edit.logo:
        tenancy.logo_fits(edit.logo, "brandInfo.logo")


def _idp(
    tools: Tools, settings: IdpSettings, secret: str | None, stored: IdpSettings | None
) -> IdpSettings:
    """Return *settings* with the secret sealed; without one, a client keeps that it has."""
    if secret is not None:
        text_fits(secret, CLIENT_SECRET_BYTES, "idp.clientSecret")
        sealed_secret = tools.seal(secret.encode(), settings.secret_context)
        settings = replace(settings, sealed_secret=sealed_secret)
    elif settings.client_auth is ClientAuth.NONE or (
        stored is not None and stored.secret_context != settings.secret_context
    ):
        # A secret belongs to one client at one issuer.
        settings = replace(settings, sealed_secret=b"")
    idp_fits(settings, tools.policy)
    return settings
