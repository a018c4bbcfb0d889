"""
Tenancy: what becomes of companies, App Spaces and origins, and who may see them.

A record that was created already, by a commit whose reply was lost, is returned as it is stored.
An edit that changes nothing writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import attrs

from counterseal._decisions.authorization import admin_guards, permission_to, require_admin
from counterseal._decisions.plan import Decision, Plan, Records, Tools, require, store
from counterseal._decisions.readings import records
from counterseal.errors import (
    CredentialRefused,
    Foreign,
    InvalidField,
    NotFound,
    RoleLacking,
    WrongKind,
)
from counterseal.models import (
    CLIENT_PROFILES,
    FINISHED,
    Admin,
    Administrator,
    AppSpace,
    CallbackType,
    ChallengeState,
    ClientAuth,
    Clients,
    Codes,
    Company,
    Guid,
    IdpSettings,
    Operator,
    Origin,
    OwnLimits,
    PasskeyScope,
    Record,
    RelyingParty,
    TokenForm,
    replace,
    revise,
)
from counterseal.models.clients import MOST_PENDING, MOST_QUESTIONS
from counterseal.models.passkeys import host_of
from counterseal.policy import Policy
from counterseal.rules.addresses import entry_fits, idp_fits, require_wildcards
from counterseal.rules.authorization import Permission, permission_for, reach_of
from counterseal.rules.sizes import text_fits

C = TypeVar("C", Company, AppSpace, Origin)
R = TypeVar("R", Company, AppSpace, Origin, Admin)

CLIENT_SECRET_BYTES = 8_192
"""A client secret at an Identity Provider, or a private key as a JWK."""


@attrs.define(kw_only=True)
class AppSpaceEdit:
    """
    What an App Space is created with, or what is to change of it.

    None leaves a member as it is; an empty text removes `brand_logo`, `brand_color` or one of
    *texts*, which are those of `Texts` by name. Where passkeys are used is one member: no origins
    remove it, and without *rp_id* it is the host of the first.
    """

    name: str | None
    idp: IdpSettings | None
    idp_secret: str | None = attrs.field(repr=False)
    brand_logo: str | None
    brand_color: str | None
    universal_app: bool | None
    texts: Mapping[str, str] = attrs.field(factory=dict)
    rp_id: str | None = None
    passkey_origins: tuple[str, ...] | None = None


@attrs.define(kw_only=True)
class OriginEdit:
    """
    What an origin is created with, or what is to change of it; None leaves a member as it is.

    Changing `clients` resets codes, wildcards and callback states to the new profile, unless they
    are given. `pending`, `questions` and `cooldown` are those of `OwnLimits`.
    """

    name: str | None
    clients: Clients | None
    codes: Codes | None
    wildcards: bool | None
    token_form: TokenForm | None
    callback_states: frozenset[ChallengeState] | None = None
    pending: int | None = None
    questions: int | None = None
    cooldown: bool | None = None


# Creating


def create_company(stored: Records, by: Administrator, guid: Guid, name: str) -> Plan[Company]:
    """Plan to create a tenant; *stored*: the record already stored under this GUID, or None."""
    return permission_to(Permission.COMPANIES, by, None).then(
        lambda admin, tools: _create(
            stored[0],
            admin,
            Company(guid=guid, name=_name(name, tools.policy), created_at=tools.now),
        )
    )


def create_app_space(
    stored: Records, by: Administrator, guid: Guid, edit: AppSpaceEdit
) -> Plan[AppSpace]:
    """Plan to create an App Space; *stored*: the record under this GUID, or None; its company."""
    company = require(stored[1], Company)
    return permission_to(Permission.COMPANY, by, company).then(
        lambda admin, tools: _create(stored[0], admin, _app_space(tools, company, guid, edit))
    )


def create_origin(stored: Records, by: Administrator, guid: Guid, edit: OriginEdit) -> Plan[Origin]:
    """Plan to create an origin; *stored*: the record under this GUID, or None; its App Space."""
    app_space = require(stored[1], AppSpace)
    return permission_to(Permission.ORIGINS, by, app_space).then(
        lambda admin, tools: _create(stored[0], admin, new_origin(tools, app_space, guid, edit))
    )


def _create(stored: Record | None, admin: Admin | None, record: C) -> Decision[C]:
    if stored is not None:
        return Decision(result=require(stored, type(record)))
    return store(record, record, guards=admin_guards(admin, record))


def _app_space(tools: Tools, company: Company, guid: Guid, edit: AppSpaceEdit) -> AppSpace:
    name = _name(edit.name or "", tools.policy)
    _brand_fits(tools.policy, edit.brand_logo, edit.brand_color)
    app_space = AppSpace(guid=guid, company=company.guid, name=name, created_at=tools.now)
    changes = _app_space_changes(tools.policy, app_space, edit)
    if edit.idp is not None:
        changes["idp"] = _idp(tools, edit.idp, edit.idp_secret, None)
    return replace(app_space, **changes)


def new_origin(tools: Tools, app_space: AppSpace, guid: Guid, edit: OriginEdit) -> Origin:
    """Return an origin with the settings of *edit*."""
    name = _name(edit.name or "", tools.policy)
    origin = Origin(guid=guid, app_space=app_space.guid, name=name, created_at=tools.now)
    return replace(origin, **_origin_changes(tools.policy, origin, edit))


# Editing


def edit_company(stored: Records, by: Administrator, name: str) -> Plan[Company]:
    """Plan to give a company another name."""
    company = require(stored[0], Company)
    return permission_to(Permission.COMPANY, by, company).then(
        lambda admin, tools: _edit(company, admin, {"name": _name(name, tools.policy)})
    )


def edit_app_space(stored: Records, by: Administrator, edit: AppSpaceEdit) -> Plan[AppSpace]:
    """Plan to edit an App Space."""
    app_space = require(stored[0], AppSpace)
    return permission_to(Permission.APP_SPACE, by, app_space).then(
        lambda admin, tools: _edit(
            app_space,
            admin,
            _app_space_changes(tools.policy, app_space, edit) | _other_idp(tools, app_space, edit),
        )
    )


def edit_origin(stored: Records, by: Administrator, edit: OriginEdit) -> Plan[Origin]:
    """Plan to edit an origin."""
    origin = require(stored[0], Origin)
    return permission_to(Permission.ORIGINS, by, origin).then(
        lambda admin, tools: _edit(origin, admin, _origin_changes(tools.policy, origin, edit))
    )


def allow_callback(
    stored: Records, by: Administrator, kind: CallbackType, text: str
) -> Plan[Origin]:
    """Plan to put an entry on an origin's allow-list."""
    origin = require(stored[0], Origin)
    return permission_to(Permission.ORIGINS, by, origin).then(
        lambda admin, tools: _edit(
            origin, admin, {"callbacks": with_entry(tools.policy, origin, kind, text)}
        )
    )


def forbid_callback(stored: Records, by: Administrator, text: str) -> Plan[Origin]:
    """Plan to remove the entry whose address is *text* from an origin's allow-list."""
    origin = require(stored[0], Origin)
    return permission_to(Permission.ORIGINS, by, origin).then(
        lambda admin, _: _edit(origin, admin, {"callbacks": _without_address(origin, text)})
    )


def forbid_entry(stored: Records, by: Administrator, entry: Guid) -> Plan[Origin]:
    """Plan to take an entry off an origin's allow-list."""
    origin = require(stored[0], Origin)
    return permission_to(Permission.ORIGINS, by, origin).then(
        lambda admin, _: _edit(origin, admin, _without_entry(origin, entry))
    )


def _edit(record: C, admin: Admin | None, members: Mapping[str, Any]) -> Decision[C]:
    changes = {name: new for name, new in members.items() if new != getattr(record, name)}
    if not changes:
        return Decision(result=record)
    edited_record = revise(record, **changes)
    return store(edited_record, edited_record, guards=admin_guards(admin, record))


def _app_space_changes(policy: Policy, app_space: AppSpace, edit: AppSpaceEdit) -> dict[str, Any]:
    if edit.name is not None:
        _name(edit.name, policy)
    _brand_fits(policy, edit.brand_logo or None, edit.brand_color or None)
    texts = replace(app_space.texts, **edit.texts)
    for text, field in (
        (texts.title, "title"),
        (texts.challenge, "body"),
        (texts.device_bound, "deviceBound"),
        (texts.device_revoked, "deviceRevoked"),
    ):
        text_fits(text, policy.title_bytes, f"notification.{field}", empty=True)
    changes = _present({"name": edit.name, "universal_app": edit.universal_app}) | {"texts": texts}
    if edit.brand_logo is not None:
        changes["brand_logo"] = edit.brand_logo or None
    if edit.brand_color is not None:
        changes["brand_color"] = edit.brand_color or None
    if edit.passkey_origins is not None:
        changes["passkeys"] = _passkey_scope(edit.rp_id, edit.passkey_origins)
    elif edit.rp_id is not None:
        raise InvalidField("passkeys.origins", "missing beside rpId")
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


def _origin_changes(policy: Policy, origin: Origin, edit: OriginEdit) -> dict[str, Any]:
    if edit.name is not None:
        _name(edit.name, policy)
    changes: dict[str, Any] = {}
    if edit.clients is not None and edit.clients is not origin.clients:
        profile = CLIENT_PROFILES[edit.clients]
        changes = {
            "codes": profile.codes,
            "wildcards": profile.wildcards,
            "callback_states": profile.callback_states,
        }
    if edit.callback_states is not None:
        changes["callback_states"] = _endings(edit.callback_states)
    return {
        **changes,
        **_present(
            {
                "name": edit.name,
                "clients": edit.clients,
                "codes": edit.codes,
                "wildcards": edit.wildcards,
                "token_form": edit.token_form,
            }
        ),
        "limits": _limits(origin.limits, edit),
    }


def _present(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


# Reading


def read(stored: Records, by: Administrator, kind: type[R]) -> Plan[R]:
    """Plan to return one record of tenancy."""
    record: Any = require(stored[0], kind)
    permission = permission_for(record, by)
    return permission_to(permission, by, record).then(lambda *_: Decision(result=record))


def list_visible(
    stored: Records, by: Administrator, kind: type[R], parent: Guid | None
) -> Decision[tuple[R, ...]] | Plan[tuple[R, ...]]:
    """Plan to return those records of *kind* under *parent* that the administrator may see."""
    records_of_kind: tuple[Any, ...] = tuple(
        record for record in stored if isinstance(record, kind)
    )
    if isinstance(by, Operator):
        return Decision(result=records_of_kind)
    guids = (by.guid,) if parent is None else (by.guid, parent)
    return records(*guids).then(
        lambda stored, tools: Decision(result=_visible(records_of_kind, stored, tools))
    )


def relying_party(stored: Records, by: Administrator) -> Plan[RelyingParty]:
    """Plan to return an origin in its App Space."""
    origin = require(stored[0], Origin)
    return permission_to(Permission.ORIGINS, by, origin).then(
        lambda *_: records(origin.app_space).then(
            lambda stored, _: Decision(
                result=RelyingParty(origin=origin, app_space=require(stored[0], AppSpace))
            )
        )
    )


def _visible(records_of_kind: tuple[Any, ...], stored: Records, tools: Tools) -> tuple[Any, ...]:
    admin, *parents = stored
    if not isinstance(admin, Admin):
        raise CredentialRefused
    visible = []
    for record in records_of_kind:
        target = require(parents[0], AppSpace) if isinstance(record, Origin) else record
        permission = permission_for(record, admin)
        try:
            require_admin(admin, tools.now, permission, reach_of(target))
        except (Foreign, RoleLacking):
            continue
        visible.append(record)
    return tuple(visible)


# What fits


def _name(text: str, policy: Policy) -> str:
    text_fits(text, policy.name_bytes, "name", trimmed=True)
    return text


def _brand_fits(policy: Policy, logo: str | None, color: str | None) -> None:
    text_fits(logo, policy.callback_bytes, "brandInfo.url")
    text_fits(color, policy.name_bytes, "brandInfo.color")


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
    idp_fits(settings)
    return settings


def _endings(states: frozenset[ChallengeState]) -> tuple[ChallengeState, ...]:
    if not states <= frozenset(FINISHED):
        endings = ", ".join(state.value for state in FINISHED)
        raise InvalidField("callbackStates", f"not one of {endings}")
    return tuple(state for state in FINISHED if state in states)


def _limits(limits: OwnLimits, edit: OriginEdit) -> OwnLimits:
    _limit_fits(edit.pending, MOST_PENDING, "pendingLimit")
    _limit_fits(edit.questions, MOST_QUESTIONS, "askLimit")
    changes = {"pending": edit.pending, "questions": edit.questions, "cooldown": edit.cooldown}
    return replace(limits, **_present(changes))


def _limit_fits(limit: int | None, most: int, field: str) -> None:
    if limit is not None and not 1 <= limit <= most:
        raise InvalidField(field, f"not within 1 and {most}")


def with_entry(policy: Policy, origin: Origin, kind: CallbackType, text: str) -> tuple[str, ...]:
    """Return the allow-list of *origin* with *text* on it."""
    if kind is CallbackType.DOMAIN:
        problem = f"{kind.value}, a WebAuthn domain, which nothing here uses yet"
        raise InvalidField("callbackType", problem)
    text_fits(text, policy.callback_bytes, "callbackUrl")
    entry_fits(text, field="callbackUrl")
    require_wildcards(text, origin, field="callbackUrl")
    if text in origin.callbacks:
        return origin.callbacks
    if len(origin.entries) >= policy.callbacks_limit:
        raise InvalidField("callbackUrl", f"more than {policy.callbacks_limit}")
    return (*origin.callbacks, text)


def _without_address(origin: Origin, text: str) -> tuple[str, ...]:
    if text not in origin.callbacks:
        raise InvalidField("callbackUrl", "not on the allow-list")
    return tuple(address for address in origin.callbacks if address != text)


def _without_entry(origin: Origin, guid: Guid) -> dict[str, tuple[str, ...]]:
    for entry in origin.entries:
        if entry.guid == guid:
            field = "callbacks" if entry.type is CallbackType.ADDRESS else "domains"
            texts = getattr(origin, field)
            return {field: tuple(text for text in texts if text != entry.text)}
    raise NotFound
