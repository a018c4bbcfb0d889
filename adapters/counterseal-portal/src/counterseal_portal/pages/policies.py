"""Policies: what counts in an App Space and for an origin, who decided it, and how to narrow it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from counterseal.errors import InvalidField, NotFound
from counterseal.models import AppSpace, Clients, Guid, Level, Origin
from counterseal.narrowing import FIELDS, IN_APP_SPACE, EffectiveSetting
from counterseal_portal.answers import Answer, Step, page, redirect
from counterseal_portal.form_pages import FormPage, form_routes
from counterseal_portal.forms import FilledForm
from counterseal_portal.pages.origins import origin_of
from counterseal_portal.reach import (
    app_space_of,
    app_space_step,
    app_space_trail,
    is_portals_own,
    origin_step,
    origin_trail,
)
from counterseal_portal.routes import ADMINS, COMPANY_ADMINS, Route
from counterseal_portal.settings import (
    GROUPS,
    VALUE,
    can_be_stricter,
    entered_texts,
    entered_value,
    narrowing_field,
    refusal_text,
    setting_label,
    value_text,
)
from counterseal_portal.visit import DONE, Visit, notice_of

APP_SPACE_POLICY = "/app-spaces/{app_space}/policy"
ORIGIN_POLICY = "/origins/{origin}/policy"
LEVELS = {Level.SERVICE: "Service", Level.APP_SPACE: "App Space", Level.ORIGIN: "Origin"}
OWN_LIMITS = {
    Clients.CURRENT: frozenset({"pending_limit", "ask_limit_origin"}),
    Clients.CX: frozenset({"cx_pending_limit", "cx_ask_limit", "cx_cooldown"}),
}
"""What an origin tightens by its own limits, which its form has."""


@attrs.frozen(kw_only=True)
class SettingRow:
    """
    One setting in a list.

    Attributes:
        name: As `Policy` has it.
        label, value: What people read.
        decided_by: The level whose word it is.
        is_narrowed: Whether it is stricter than the service says.
        bounded_by: The label of the setting that it follows; empty for none.
        words: What each level that says something says.
        reason: Why there is the setting; each second part is code.
        change_at: Where it is changed, after `MOUNT`; empty if the person cannot change it here.
    """

    name: str
    label: str
    value: str
    decided_by: str
    is_narrowed: bool
    bounded_by: str
    words: tuple[tuple[str, str], ...]
    reason: tuple[str, ...]
    change_at: str


@attrs.frozen(kw_only=True)
class Target:
    """
    Whose policy it is, for one visit.

    Attributes:
        app_space: The App Space.
        origin: The origin, or None for the App Space's own.
        path: Of the record's page.
        trail: The pages above that of the policy.
        level_above: Whose word is the bound, in a sentence.
    """

    app_space: Guid
    origin: Origin | None
    path: str
    trail: tuple[Step, ...]
    level_above: str

    def edited_elsewhere(self, name: str) -> bool:
        """Return whether the record's own form has the setting."""
        if self.origin is None:
            return name in IN_APP_SPACE
        return name in OWN_LIMITS[self.origin.clients]

    def is_narrowed_here(self, name: str) -> bool:
        """Return whether the form of this page has the setting."""
        if self.edited_elsewhere(name) or name not in FIELDS:
            return False
        by_origins: bool = FIELDS[name].metadata["by_origins"]
        return self.origin is None or by_origins

    def own(self, setting: EffectiveSetting) -> Any:
        """Return what this level says of the setting; None for nothing."""
        return setting.app_space if self.origin is None else setting.origin


def _app_space(visit: Visit) -> Target:
    app_space: AppSpace = app_space_of(visit)
    return Target(
        app_space=app_space.guid,
        origin=None,
        path=f"/app-spaces/{app_space.guid}",
        trail=(*app_space_trail(visit, app_space), app_space_step(app_space)),
        level_above="the service",
    )


def _origin(visit: Visit) -> Target:
    origin = origin_of(visit)
    return Target(
        app_space=origin.app_space,
        origin=origin,
        path=f"/origins/{origin.guid}",
        trail=(*origin_trail(visit, origin), origin_step(origin)),
        level_above="the App Space",
    )


def _settings(visit: Visit, target: Target) -> tuple[EffectiveSetting, ...]:
    origin = None if target.origin is None else target.origin.guid
    return visit.tenancy.effective_policy(target.app_space, origin)


def _bounds(visit: Visit, target: Target) -> dict[str, Any]:
    """Return what counts at the level above, by the setting's name."""
    settings = visit.tenancy.effective_policy(target.app_space, None)
    if target.origin is None:
        return {setting.name: setting.service for setting in settings}
    return {setting.name: setting.value for setting in settings}


def _show(find_target: Callable[[Visit], Target]) -> Callable[[Visit], Answer]:
    def show(visit: Visit) -> Answer:
        target = find_target(visit)
        bounds = _bounds(visit, target)
        may_edit = visit.admin.role in (COMPANY_ADMINS if target.origin is None else ADMINS)
        may_edit = may_edit and not is_portals_own(target.app_space)
        rows = {
            setting.name: _row(target, setting, bounds[setting.name], may_edit=may_edit)
            for setting in _settings(visit, target)
        }
        groups = tuple((title, _rows(rows, names)) for title, names in GROUPS.items())
        return page(
            "policy.html",
            title="Policy",
            trail=target.trail,
            notice=notice_of(visit),
            of_origin=target.origin is not None,
            groups=groups,
            of_service=tuple(rows.values()),
        )

    return show


def _rows(rows: dict[str, SettingRow], names: Iterable[str]) -> tuple[SettingRow, ...]:
    """Return the rows of *names*, and take them out of *rows*."""
    return tuple(rows.pop(name) for name in names)


def _row(target: Target, setting: EffectiveSetting, bound: Any, *, may_edit: bool) -> SettingRow:
    words = (
        (Level.SERVICE, setting.service),
        (Level.APP_SPACE, setting.app_space),
        (Level.ORIGIN, setting.origin),
    )
    return SettingRow(
        name=setting.name,
        label=setting_label(setting.name),
        value=value_text(setting.value),
        decided_by=LEVELS[setting.decided_by],
        is_narrowed=setting.value != setting.service,
        bounded_by=setting_label(setting.bounded_by) if setting.bounded_by else "",
        words=tuple((LEVELS[level], value_text(word)) for level, word in words if word is not None),
        reason=tuple(FIELDS[setting.name].metadata["reason"].split("`")),
        change_at=_change_at(target, setting, bound) if may_edit else "",
    )


def _change_at(target: Target, setting: EffectiveSetting, bound: Any) -> str:
    if not setting.narrowable:
        return ""
    if target.edited_elsewhere(setting.name):
        return f"{target.path}/edit"
    if not target.is_narrowed_here(setting.name):
        return ""
    if target.own(setting) is None and not can_be_stricter(setting, bound):
        return ""
    return f"{target.path}/policy/{setting.name}"


def _narrow(find_target: Callable[[Visit], Target]) -> Callable[[Visit], FormPage]:
    def describe(visit: Visit) -> FormPage:
        target = find_target(visit)
        setting = _setting_of(visit, target)
        bound = _bounds(visit, target)[setting.name]
        reason = re.sub("`([^`]*)`", "“\\1”", FIELDS[setting.name].metadata["reason"])
        return FormPage(
            title=setting_label(setting.name),
            intro=(
                reason,
                (
                    f"It can only become stricter than {target.level_above} says, and counts from"
                    " the next call on."
                ),
            ),
            fields=(narrowing_field(setting.name, bound, target.level_above),),
            values={VALUE.name: entered_texts(setting.name, bound, target.own(setting))},
            button="Save",
            back=f"{target.path}/policy",
            trail=(*target.trail, Step("Policy", f"{target.path}/policy")),
        )

    return describe


def _setting_of(visit: Visit, target: Target) -> EffectiveSetting:
    """
    Return the setting that the path names.

    Raises:
        NotFound: There is none that this level narrows by this form.
    """
    name = visit.names["setting"]
    for setting in _settings(visit, target):
        if setting.name == name and setting.narrowable and target.is_narrowed_here(name):
            return setting
    raise NotFound


def _save_app_space(visit: Visit, form: FilledForm) -> Answer:
    target = _app_space(visit)
    return _save(
        visit,
        target,
        form,
        lambda change: visit.tenancy.edit_app_space(target.app_space, policy=change),
    )


def _save_origin(visit: Visit, form: FilledForm) -> Answer:
    target = _origin(visit)
    origin = visit.guid("origin")
    return _save(
        visit, target, form, lambda change: visit.tenancy.edit_origin(origin, policy=change)
    )


def _save(
    visit: Visit, target: Target, form: FilledForm, edit: Callable[[dict[str, Any]], object]
) -> Answer:
    name = visit.names["setting"]
    bound = _bounds(visit, target)[name]
    value = entered_value(name, bound, form)
    try:
        edit({name: value})
    except InvalidField as refusal:
        if not refusal.field.startswith("policy."):
            raise
        problem = refusal_text(name, bound, target.level_above, refusal.problem)
        raise InvalidField(VALUE.name, problem) from None
    return redirect(f"{target.path}/policy", done="setting-saved")


POLICY_ROUTES = (
    Route(
        id="app_space.policy",
        method="GET",
        path=APP_SPACE_POLICY,
        handler=_show(_app_space),
        query=(DONE,),
    ),
    Route(
        id="origin.policy",
        method="GET",
        path=ORIGIN_POLICY,
        handler=_show(_origin),
        query=(DONE,),
        roles=ADMINS,
    ),
    *form_routes(
        "app_space.narrow",
        f"{APP_SPACE_POLICY}/{{setting}}",
        _narrow(_app_space),
        _save_app_space,
        fields=(VALUE,),
        roles=COMPANY_ADMINS,
        stepped_up="Change the policy of an App Space",
    ),
    *form_routes(
        "origin.narrow",
        f"{ORIGIN_POLICY}/{{setting}}",
        _narrow(_origin),
        _save_origin,
        fields=(VALUE,),
        roles=ADMINS,
        stepped_up="Change the policy of an origin",
    ),
)
