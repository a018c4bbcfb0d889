"""
Ensuring a tenancy: a program creates its company, App Space and origin once, by a key of its own.

What is stored already is returned if it has the settings that the program names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import reduce
from typing import Any, TypeVar

import attrs

from counterseal._input_limits import text_fits
from counterseal._plan import AuditEntry, Decision, Records, Tools, require
from counterseal.errors import SettingDiffers
from counterseal.models import (
    Administrator,
    AppSpace,
    CallbackType,
    Company,
    Guid,
    Origin,
    Record,
    RelyingParty,
    replace,
)
from counterseal.models.guid import derive_guid
from counterseal.policy import Policy
from counterseal.tenancy.decisions.authorization import admin_guards, permission_to
from counterseal.tenancy.decisions.tenancy import new_origin, with_entry
from counterseal.tenancy.rules.authorization import Permission

R = TypeVar("R", Company, AppSpace, Origin)


@attrs.define(kw_only=True)
class TenancyDraft:
    """
    The settings that a tenancy is created with, and that a stored one must have.

    Attributes:
        company, app_space: Their names.
        origin: The origin's name.
        settings: The origin's settings; a new origin has the default of each other one.
        callbacks: The addresses of the origin's allow-list; a new origin has none if it is None.
    """

    company: str
    app_space: str
    origin: str
    settings: Mapping[str, Any]
    callbacks: tuple[str, ...] | None


def derive_guids(key: str, policy: Policy) -> tuple[Guid, Guid, Guid]:
    """Return the GUIDs of the company, the App Space and the origin, in one partition."""
    text_fits(key, policy.name_bytes, "key", trimmed=True)
    partition = hashlib.sha256(key.encode()).digest()[0]
    company, app_space, origin = (
        derive_guid(partition, f"{kind.__name__} {key}") for kind in (Company, AppSpace, Origin)
    )
    return company, app_space, origin


async def ensure_tenancy(
    stored: Records,
    tools: Tools,
    by: Administrator,
    guids: tuple[Guid, Guid, Guid],
    draft: TenancyDraft,
) -> Decision[RelyingParty]:
    """Decide to create what is missing; *stored*: company, App Space and origin of *guids*."""
    stored_company = _optional(stored[0], Company)
    permission = Permission.COMPANIES if stored_company is None else Permission.COMPANY
    admin = await permission_to(permission, by, stored_company)
    company = stored_company or _company(tools, guids[0], draft)
    app_space = _optional(stored[1], AppSpace) or _app_space(tools, company, guids[1], draft)
    origin = _optional(stored[2], Origin) or _origin(tools, app_space, guids[2], draft)
    _require_settings(company, app_space, origin, draft)
    party = RelyingParty(origin=origin, app_space=app_space)
    writes: list[Record] = []
    audit: list[AuditEntry] = []
    new: tuple[tuple[Record, str], ...] = (
        (company, "company.create"),
        (app_space, "app_space.create"),
        (origin, "origin.create"),
    )
    for (record, event), stored_record in zip(new, stored, strict=True):
        if stored_record is None:
            writes.append(record)
            audit.append(AuditEntry(record.guid, event))
    guards = admin_guards(admin, company)
    return Decision(result=party, writes=tuple(writes), guards=guards, audit=tuple(audit))


def _optional(record: Record | None, kind: type[R]) -> R | None:
    return None if record is None else require(record, kind)


def _company(tools: Tools, guid: Guid, draft: TenancyDraft) -> Company:
    text_fits(draft.company, tools.policy.name_bytes, "company", trimmed=True)
    return Company(guid=guid, name=draft.company, created_at=tools.now)


def _app_space(tools: Tools, company: Company, guid: Guid, draft: TenancyDraft) -> AppSpace:
    text_fits(draft.app_space, tools.policy.name_bytes, "app_space", trimmed=True)
    return AppSpace(guid=guid, company=company.guid, name=draft.app_space, created_at=tools.now)


def _origin(tools: Tools, app_space: AppSpace, guid: Guid, draft: TenancyDraft) -> Origin:
    text_fits(draft.origin, tools.policy.name_bytes, "origin", trimmed=True)
    return reduce(
        lambda origin, entry: replace(
            origin, **with_entry(tools.policy, origin, CallbackType.ADDRESS, entry)
        ),
        draft.callbacks or (),
        new_origin(tools, app_space, guid, {"name": draft.origin, **draft.settings}),
    )


def _require_settings(
    company: Company, app_space: AppSpace, origin: Origin, draft: TenancyDraft
) -> None:
    callbacks = None if draft.callbacks is None else frozenset(draft.callbacks)
    for argument, setting, stored_setting in (
        ("company", draft.company, company.name),
        ("app_space", draft.app_space, app_space.name),
        ("origin", draft.origin, origin.name),
        *((name, value, getattr(origin, name)) for name, value in draft.settings.items()),
        ("callbacks", callbacks, frozenset(origin.callbacks)),
    ):
        if setting is not None and setting != stored_setting:
            raise SettingDiffers(argument)
