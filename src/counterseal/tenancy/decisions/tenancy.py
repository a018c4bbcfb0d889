"""
Tenancy: what becomes of companies, App Spaces and origins, and who may see them.

A record that was created already, by a commit whose reply was lost, is returned as it is stored.
An edit that changes nothing writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

import attrs

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
    FINISHED,
    AccountEventKind,
    Admin,
    Administrator,
    AppSpace,
    CallbackType,
    ChallengeState,
    Clients,
    Codes,
    Company,
    Guid,
    Operator,
    Origin,
    OriginRole,
    OwnLimits,
    Record,
    RelyingParty,
    TokenForm,
    replace,
    revise,
)
from counterseal.models.clients import MOST_PENDING, MOST_QUESTIONS
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

C = TypeVar("C", Company, AppSpace, Origin)
R = TypeVar("R", Company, AppSpace, Origin, Admin)


@attrs.define(kw_only=True)
class OriginEdit:
    """
    What an origin is created with, or what is to change of it; None leaves a member as it is.

    Changing `clients` resets codes, wildcards and callback states to the new profile, unless they
    are given. `pending`, `questions` and `cooldown` are those of `OwnLimits`. An empty `events_url`
    removes it; an empty text as `events` means as the profile says. *policy* has the settings that
    change, by name; None takes one back.
    """

    name: str | None
    clients: Clients | None
    codes: Codes | None
    wildcards: bool | None
    token_form: TokenForm | None
    role: OriginRole | None = None
    callback_states: frozenset[ChallengeState] | None = None
    pending: int | None = None
    questions: int | None = None
    cooldown: bool | None = None
    events: frozenset[AccountEventKind] | Literal[""] | None = None
    events_url: str | None = None
    policy: Mapping[str, Any] = attrs.field(factory=dict)


# Creating


async def create_company(
    stored: Records, tools: Tools, by: Administrator, guid: Guid, name: str
) -> Decision[Company]:
    """Decide to create a tenant; *stored*: the record already stored under this GUID, or None."""
    admin = await permission_to(Permission.COMPANIES, by, None)
    company = Company(guid=guid, name=require_name(name, tools.policy), created_at=tools.now)
    return create_record(stored[0], admin, company)


async def create_origin(
    stored: Records, tools: Tools, by: Administrator, guid: Guid, edit: OriginEdit
) -> Decision[Origin]:
    """Decide to create an origin; *stored*: the record of this GUID, or None; its App Space."""
    app_space = require(stored[1], AppSpace)
    unreserved(app_space)
    admin = await permission_to(Permission.ORIGINS, by, app_space)
    return create_record(stored[0], admin, new_origin(tools, app_space, guid, edit))


def create_record(stored: Record | None, admin: Admin | None, record: C) -> Decision[C]:
    """Decide to store *record*, or to return the *stored* one of its GUID."""
    if stored is not None:
        return Decision(result=require(stored, type(record)))
    return store(record, record, guards=admin_guards(admin, record))


def new_origin(tools: Tools, app_space: AppSpace, guid: Guid, edit: OriginEdit) -> Origin:
    """Return an origin with the settings of *edit*."""
    name = require_name(edit.name or "", tools.policy)
    origin = Origin(guid=guid, app_space=app_space.guid, name=name, created_at=tools.now)
    return replace(origin, **_origin_changes(tools.policy, origin, edit))


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
    stored: Records, tools: Tools, by: Administrator, edit: OriginEdit
) -> Decision[Origin]:
    """Decide to edit an origin."""
    origin = require(stored[0], Origin)
    admin = await permission_to(Permission.ORIGINS, by, origin)
    if edit.policy:
        app_space = require((await records(origin.app_space))[0], AppSpace)
        policy = tenancy.edited_origin_policy(tools.policy, app_space, origin, edit.policy)
        changes = _origin_changes(tools.policy, origin, edit) | {"policy": policy}
    else:
        changes = _origin_changes(tools.policy, origin, edit)
    return edit_record(origin, admin, changes)


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


def _origin_changes(policy: Policy, origin: Origin, edit: OriginEdit) -> dict[str, Any]:
    if edit.name is not None:
        require_name(edit.name, policy)
    _events_fit(edit.role or origin.role, edit)
    changes: dict[str, Any] = {}
    if edit.clients is not None and edit.clients is not origin.clients:
        profile = CLIENT_PROFILES[edit.clients]
        changes = {
            "codes": profile.codes,
            "wildcards": profile.wildcards,
            "callback_states": profile.callback_states,
        }
    if isinstance(edit.events, str):
        changes["events"] = None
    elif edit.events is not None:
        changes["events"] = tuple(kind for kind in AccountEventKind if kind in edit.events)
    if edit.events_url is not None:
        changes["events_url"] = _events_url(policy, origin, edit.events_url)
    if edit.callback_states is not None:
        changes["callback_states"] = _endings(edit.callback_states)
    return {
        **changes,
        **present_members(
            {
                "name": edit.name,
                "clients": edit.clients,
                "codes": edit.codes,
                "wildcards": edit.wildcards,
                "token_form": edit.token_form,
                "role": edit.role,
            }
        ),
        "limits": _limits(origin.limits, edit),
    }


def _events_fit(role: OriginRole, edit: OriginEdit) -> None:
    for field, value in (("events", edit.events), ("eventsUrl", edit.events_url)):
        if role is OriginRole.ASKING and value:
            raise InvalidField(field, "an origin that only asks hears nothing of accounts")


def _events_url(policy: Policy, origin: Origin, url: str) -> str | None:
    if not url:
        return None
    text_fits(url, policy.callback_bytes, "eventsUrl")
    callback_allowed(url, allow_list(origin, policy))
    return url


def present_members(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of *members* that are not None."""
    return {name: value for name, value in members.items() if value is not None}


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


def _endings(states: frozenset[ChallengeState]) -> tuple[ChallengeState, ...]:
    if not states <= frozenset(FINISHED):
        endings = ", ".join(state.value for state in FINISHED)
        raise InvalidField("callbackStates", f"not one of {endings}")
    return tuple(state for state in FINISHED if state in states)


def _limits(limits: OwnLimits, edit: OriginEdit) -> OwnLimits:
    _limit_fits(edit.pending, MOST_PENDING, "pendingLimit")
    _limit_fits(edit.questions, MOST_QUESTIONS, "askLimit")
    changes = {"pending": edit.pending, "questions": edit.questions, "cooldown": edit.cooldown}
    return replace(limits, **present_members(changes))


def _limit_fits(limit: int | None, most: int, field: str) -> None:
    if limit is not None and not 1 <= limit <= most:
        raise InvalidField(field, f"not within 1 and {most}")


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
