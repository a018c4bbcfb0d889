"""
App Spaces: what becomes of them, of their Identity Provider, and of what devices show of them.

As in `tenancy`: a record that was created already is returned as it is stored, and an edit that
changes nothing writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from counterseal import keys, tenancy
from counterseal._input_limits import text_fits
from counterseal._plan import Decision, Records, Tools, require
from counterseal.errors import InvalidField, NotFound, WrongKind
from counterseal.models import (
    Administrator,
    AppSpace,
    AppSpaceChanges,
    ClientAuth,
    Company,
    Guid,
    IdpSettings,
    Logo,
    MemberKind,
    NewAppSpace,
    PasskeyScope,
    Record,
    editable_members,
    replace,
    revise,
)
from counterseal.models.passkeys import host_of
from counterseal.policy import Policy
from counterseal.tenancy.decisions.authorization import permission_to
from counterseal.tenancy.decisions.tenancy import (
    create_record,
    edit_record,
    require_name,
)
from counterseal.tenancy.records import logo_guid
from counterseal.tenancy.rules.addresses import idp_fits
from counterseal.tenancy.rules.authorization import Permission, unreserved
from counterseal.tenancy.rules.edits import edited_members

CLIENT_SECRET_BYTES = 8_192
"""A client secret at an Identity Provider, or a private key as a JWK."""


@attrs.define(kw_only=True)
class AppSpaceEdit:
    """
    What an App Space is created with, or what is to change of it.

    Attributes:
        idp: Its Identity Provider; None leaves it as it is.
        idp_secret: The client's secret there.
        changes: The new values of its editable members, as `flat_changes` returns them.
        settings: What changes of what it narrows of the policy; None takes a setting back.
    """

    idp: IdpSettings | None
    idp_secret: str | None = attrs.field(repr=False)
    changes: Mapping[str, Any] = attrs.field(repr=False)
    settings: Mapping[str, Any] = attrs.field(factory=dict)


async def create_app_space(
    stored: Records, tools: Tools, by: Administrator, guid: Guid, edit: AppSpaceEdit
) -> Decision[AppSpace]:
    """Decide to create an App Space; *stored*: the record of this GUID, or None; its company."""
    company = require(stored[1], Company)
    unreserved(company)
    admin = await permission_to(Permission.COMPANY, by, company)
    name = require_name(edit.changes["name"], tools.policy)
    for member in editable_members(NewAppSpace).values():
        if member.kind is MemberKind.TEXT and edit.changes.get(member.name) == member.empty:
            raise InvalidField(member.wire, "empty")
    app_space = AppSpace(guid=guid, company=company.guid, name=name, created_at=tools.now)
    members = _edited_app_space(tools.policy, app_space, edit.changes)
    if edit.idp is not None:
        members["idp"] = _idp(tools, edit.idp, edit.idp_secret, None)
    decision = create_record(stored[0], admin, replace(app_space, **members))
    return _with_logo(decision, None, edit, tools)


async def edit_app_space(
    stored: Records, tools: Tools, by: Administrator, edit: AppSpaceEdit
) -> Decision[AppSpace]:
    """Decide to edit an App Space; *stored*: it, and its logo or None."""
    app_space = require(stored[0], AppSpace)
    admin = await permission_to(Permission.APP_SPACE, by, app_space)
    members = _edited_app_space(tools.policy, app_space, edit.changes)
    if edit.settings:
        policy = tenancy.edited_app_space_policy(tools.policy, app_space, edit.settings)
        members["policy"] = policy
    decision = edit_record(app_space, admin, members | _other_idp(tools, app_space, edit))
    return _with_logo(decision, stored[1], edit, tools)


def _edited_app_space(
    policy: Policy, app_space: AppSpace, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the members that *changes* edit; where passkeys are used is one member."""
    plain_changes = dict(changes)
    rp_id, origins = plain_changes.pop("rp_id", None), plain_changes.pop("passkey_origins", None)
    members = edited_members(policy, app_space, plain_changes, AppSpaceChanges)
    if changes.get("new_devices"):
        tenancy.new_devices_fit(changes["new_devices"], policy)
    if origins is not None:
        members["passkeys"] = _passkey_scope(rp_id, origins)
    elif rp_id is not None:
        raise InvalidField("passkeys.origins", "missing beside rpId")
    return members


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
    app_space, png = decision.result, edit.changes.get("logo")
    if png is None or not decision.writes:
        return decision
    if isinstance(stored, Logo):
        if stored.png == png:
            return attrs.evolve(decision, guards=(*decision.guards, stored))
        logo = revise(stored, png=png)
    elif not png:
        return decision
    else:
        logo = Logo(
            guid=logo_guid(app_space.guid),
            app_space=app_space.guid,
            png=png,
            created_at=tools.now,
        )
    return attrs.evolve(decision, writes=(*decision.writes, logo))


def read_logo(stored: Records, _: Tools, digest: str) -> Decision[bytes]:
    """Decide to return the logo, if it is the one with *digest*."""
    logo = require(stored[0], Logo)
    if not logo.png or keys.digest(logo.png) != digest:
        raise NotFound
    return Decision(result=logo.png)


def _idp(
    tools: Tools, settings: IdpSettings, secret: str | None, stored: IdpSettings | None
) -> IdpSettings:
    """Return *settings* with the secret sealed; without a new secret, the stored one stays."""
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
