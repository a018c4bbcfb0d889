"""
Tenancy: what becomes of companies, App Spaces and origins, and who may see them.

A record that was created already, by a commit whose reply was lost, is returned as it is stored.
An edit that changes nothing writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from counterseal import tenancy
from counterseal._input_limits import text_fits
from counterseal._plan import (
    AuditEntry,
    Decision,
    Records,
    Tools,
    records,
    require,
    store,
    tenancy_records_of,
)
from counterseal.errors import (
    CredentialRefused,
    Foreign,
    InvalidField,
    NotFound,
    RoleLacking,
)
from counterseal.models import (
    CLIENT_PROFILES,
    Admin,
    Administrator,
    AppSpace,
    CallbackType,
    Company,
    Guid,
    Operator,
    Origin,
    OriginChanges,
    OriginRole,
    Record,
    RelyingParty,
    editable_members,
    replace,
    revise,
)
from counterseal.models.passkeys import read_domain
from counterseal.narrowing import EffectiveSetting, effective_settings
from counterseal.policy import Policy
from counterseal.tenancy.decisions.authorization import admin_guards, permission_to, require_admin
from counterseal.tenancy.rules.addresses import (
    allow_list,
    callback_allowed,
    domain_fits,
    entry_fits,
    require_wildcards,
)
from counterseal.tenancy.rules.authorization import Permission, permission_for, reach_of, unreserved
from counterseal.tenancy.rules.edits import edited_members

C = TypeVar("C", Company, AppSpace, Origin)
R = TypeVar("R", Company, AppSpace, Origin, Admin)


# Creating


async def create_company(
    stored: Records, tools: Tools, by: Administrator, guid: Guid, name: str
) -> Decision[Company]:
    """Decide to create a tenant; *stored*: the record already stored under this GUID, or None."""
    admin = await permission_to(Permission.COMPANIES, by, None)
    company = Company(guid=guid, name=require_name(name, tools.policy), created_at=tools.now)
    return create_record(stored[0], admin, company)


async def create_origin(
    stored: Records, tools: Tools, by: Administrator, guid: Guid, changes: Mapping[str, Any]
) -> Decision[Origin]:
    """Decide to create an origin; *stored*: the record of this GUID, or None; its App Space."""
    app_space = require(stored[1], AppSpace)
    unreserved(app_space)
    admin = await permission_to(Permission.ORIGINS, by, app_space)
    return create_record(stored[0], admin, new_origin(tools, app_space, guid, changes))


def create_record(stored: Record | None, admin: Admin | None, record: C) -> Decision[C]:
    """Decide to store *record*, or to return the *stored* one of its GUID."""
    if stored is not None:
        return Decision(result=require(stored, type(record)))
    return store(record, record, guards=admin_guards(admin, record))


def new_origin(tools: Tools, app_space: AppSpace, guid: Guid, changes: Mapping[str, Any]) -> Origin:
    """Return an origin with *changes*, and among them its name."""
    name = require_name(changes["name"], tools.policy)
    origin = Origin(guid=guid, app_space=app_space.guid, name=name, created_at=tools.now)
    return replace(origin, **_edited_origin(tools.policy, origin, changes))


# Editing


async def edit_company(
    stored: Records, tools: Tools, by: Administrator, name: str
) -> Decision[Company]:
    """Decide to give a company another name."""
    company = require(stored[0], Company)
    admin = await permission_to(Permission.COMPANY, by, company)
    return edit_record(company, admin, {"name": require_name(name, tools.policy)})


async def verify_company(
    stored: Records, _: Tools, by: Administrator, verified_name: str | None
) -> Decision[Company]:
    """
    Decide to give a company its verified name, or to take it away.

    The portal's own company may have one, since tenants can imitate it too.
    """
    company = require(stored[0], Company)
    admin = await permission_to(Permission.COMPANIES, by, company)
    if verified_name is not None:
        tenancy.verified_name_fits(verified_name)
        tenants = await tenancy_records_of(None)
        companies = (record for record in tenants if isinstance(record, Company))
        tenancy.require_distinct(verified_name, company, companies)
    if verified_name == company.verified_name:
        return Decision(result=company)
    verified = revise(company, verified_name=verified_name)
    entry = AuditEntry(company.guid, attributes=(("verifiedName", verified_name or ""),))
    return Decision(
        result=verified,
        writes=(verified,),
        guards=admin_guards(admin, company),
        audit=(entry,),
    )


async def edit_origin(
    stored: Records,
    tools: Tools,
    by: Administrator,
    changes: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> Decision[Origin]:
    """Decide to edit an origin; *settings*: what changes of what it narrows of the policy."""
    origin = require(stored[0], Origin)
    admin = await permission_to(Permission.ORIGINS, by, origin)
    members = _edited_origin(tools.policy, origin, changes)
    if settings:
        app_space = require((await records(origin.app_space))[0], AppSpace)
        policy = tenancy.edited_origin_policy(tools.policy, app_space, origin, settings)
        members["policy"] = policy
    return edit_record(origin, admin, members)


async def allow_callback(
    stored: Records, tools: Tools, by: Administrator, kind: CallbackType, text: str
) -> Decision[Origin]:
    """Decide to put an entry on an origin's allow-list."""
    origin = require(stored[0], Origin)
    admin = await permission_to(Permission.ORIGINS, by, origin)
    return edit_record(origin, admin, with_entry(tools.policy, origin, kind, text))


async def forbid_callback(
    stored: Records, _: Tools, by: Administrator, text: str
) -> Decision[Origin]:
    """Decide to remove the entry whose address is *text* from an origin's allow-list."""
    origin = require(stored[0], Origin)
    admin = await permission_to(Permission.ORIGINS, by, origin)
    return edit_record(origin, admin, {"callbacks": _without_address(origin, text)})


async def forbid_entry(
    stored: Records, _: Tools, by: Administrator, entry: Guid
) -> Decision[Origin]:
    """Decide to take an entry off an origin's allow-list."""
    origin = require(stored[0], Origin)
    admin = await permission_to(Permission.ORIGINS, by, origin)
    return edit_record(origin, admin, _without_entry(origin, entry))


def edit_record(record: C, admin: Admin | None, members: Mapping[str, Any]) -> Decision[C]:
    """Decide to change *members* of *record*; nothing is written if it has these values already."""
    unreserved(record)
    changes = {name: new for name, new in members.items() if new != getattr(record, name)}
    if not changes:
        return Decision(result=record)
    edited_record = revise(record, **changes)
    return store(edited_record, edited_record, guards=admin_guards(admin, record))


def _edited_origin(policy: Policy, origin: Origin, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that *changes* edit; other clients bring what their profile has."""
    members = edited_members(policy, origin, changes, OriginChanges)
    clients = changes.get("clients", origin.clients)
    if clients is not origin.clients:
        profile = CLIENT_PROFILES[clients]
        names = ("codes", "wildcards", "callback_states")
        members = {name: getattr(profile, name) for name in names} | members
    if changes.get("role", origin.role) is OriginRole.ASKING:
        _require_silence(changes)
    if changes.get("events_url"):
        callback_allowed(members["events_url"], allow_list(origin, policy))
    return members


def _require_silence(changes: Mapping[str, Any]) -> None:
    for name in ("events", "events_url"):
        if changes.get(name):
            field = editable_members(OriginChanges)[name].wire
            raise InvalidField(field, "an origin that only asks hears nothing of accounts")


# Reading


async def read(stored: Records, _: Tools, by: Administrator, kind: type[R]) -> Decision[R]:
    """Decide to return one record of tenancy."""
    record: Any = require(stored[0], kind)
    await permission_to(permission_for(record, by), by, record)
    return Decision(result=record)


async def list_visible(
    stored: Records, tools: Tools, by: Administrator, kind: type[R], parent: Guid | None
) -> Decision[tuple[R, ...]]:
    """Decide to return those records of *kind* under *parent* that the administrator may see."""
    records_of_kind: tuple[Any, ...] = tuple(
        record for record in stored if isinstance(record, kind)
    )
    if isinstance(by, Operator):
        return Decision(result=records_of_kind)
    admin, *parents = await (records(by.guid) if parent is None else records(by.guid, parent))
    return Decision(result=_visible(records_of_kind, admin, parents, tools))


async def effective_policy(
    stored: Records, tools: Tools, by: Administrator
) -> Decision[tuple[EffectiveSetting, ...]]:
    """Decide to return the policy of an App Space, or of an origin if one is read with it."""
    app_space = require(stored[0], AppSpace)
    origin = require(stored[1], Origin) if len(stored) > 1 else None
    if origin is not None and origin.app_space != app_space.guid:
        raise NotFound
    record = app_space if origin is None else origin
    await permission_to(permission_for(record, by), by, record)
    return Decision(result=effective_settings(tools.policy, app_space, origin))


async def relying_party(stored: Records, _: Tools, by: Administrator) -> Decision[RelyingParty]:
    """Decide to return an origin in its App Space."""
    origin = require(stored[0], Origin)
    await permission_to(Permission.ORIGINS, by, origin)
    app_space = require((await records(origin.app_space))[0], AppSpace)
    return Decision(result=RelyingParty(origin=origin, app_space=app_space))


def _visible(
    records_of_kind: tuple[Any, ...],
    admin: Record | None,
    parents: Sequence[Record | None],
    tools: Tools,
) -> tuple[Any, ...]:
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


def require_name(text: str, policy: Policy) -> str:
    """Return *text*, if it is short enough for a name, and trimmed."""
    text_fits(text, policy.name_bytes, "name", trimmed=True)
    return text


def with_entry(
    policy: Policy, origin: Origin, kind: CallbackType, text: str
) -> dict[str, tuple[str, ...]]:
    """Return the changed member of *origin* whose allow-list has *text* as an entry of *kind*."""
    text_fits(text, policy.callback_bytes, "callbackUrl")
    if kind is CallbackType.ADDRESS:
        member, listed = "callbacks", origin.callbacks
        entry_fits(text, field="callbackUrl")
        require_wildcards(text, origin, field="callbackUrl")
    else:
        member, listed = "domains", origin.domains
        text = read_domain(text, field="callbackUrl")
        domain_fits(text, origin, field="callbackUrl")
    if text in listed:
        return {member: listed}
    if len(origin.entries) >= policy.callbacks_limit:
        raise InvalidField("callbackUrl", f"more than {policy.callbacks_limit}")
    return {member: (*listed, text)}


def _without_address(origin: Origin, text: str) -> tuple[str, ...]:
    if text not in origin.callbacks:
        listed_domain = any(entry.is_spelled(text) for entry in origin.entries)
        problem = "a domain, which goes by its GUID" if listed_domain else "not on the allow-list"
        raise InvalidField("callbackUrl", problem)
    return tuple(address for address in origin.callbacks if address != text)


def _without_entry(origin: Origin, guid: Guid) -> dict[str, tuple[str, ...]]:
    for entry in origin.entries:
        if entry.guid == guid:
            field = "callbacks" if entry.type is CallbackType.ADDRESS else "domains"
            texts = getattr(origin, field)
            return {field: tuple(text for text in texts if text != entry.text)}
    raise NotFound
