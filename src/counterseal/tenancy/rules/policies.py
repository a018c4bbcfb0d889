"""Rules of policies: what an App Space and an origin may say of the service's policy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any, TypeVar

import attrs

from counterseal import ijson
from counterseal._setting import Direction
from counterseal.errors import InvalidField, PolicyUnsound
from counterseal.models import (
    AppSpace,
    AppSpacePolicy,
    Level,
    NewDeviceRule,
    Origin,
    OriginPolicy,
)
from counterseal.narrowing import (
    FIELDS,
    EffectiveSetting,
    app_space_settings,
    merge,
    origin_settings,
    stricter,
)
from counterseal.policy import Policy

P = TypeVar("P", AppSpacePolicy, OriginPolicy)

SECOND = timedelta(seconds=1)

ELSEWHERE: Mapping[str, str] = {
    "new_devices": "newDevices",
    "device_invitations": "deviceInvitations",
}
"""The settings that an App Space narrows by members of its own."""

LEVELS = {Level.SERVICE: "the service", Level.APP_SPACE: "the App Space"}


def edited_app_space_policy(
    policy: Policy, app_space: AppSpace, changes: Mapping[str, Any]
) -> AppSpacePolicy | None:
    """
    Return what *app_space* narrows once *changes* are made; None as a value takes one back.

    Raises:
        InvalidField: There is no such setting, or the service alone decides it; the value does not
            fit, is looser than the service's, or contradicts another of the App Space. `field` is
            `policy.` and the setting's name.
    """
    bounds = {setting.name: setting for setting in merge(policy, {}, {})}
    edited = _edited(app_space.policy or AppSpacePolicy(), changes, bounds, AppSpacePolicy)
    narrowed_settings = app_space_settings(attrs.evolve(app_space, policy=edited))
    _demand_no_contradiction(narrowed_settings, changes, bounds)
    return edited


def edited_origin_policy(
    policy: Policy, app_space: AppSpace, origin: Origin, changes: Mapping[str, Any]
) -> OriginPolicy | None:
    """
    Return what *origin* narrows once *changes* are made; None as a value takes one back.

    Raises:
        InvalidField: There is no such setting, or origins do not narrow it; the value does not
            fit, is looser than the App Space's, or contradicts another of the origin. `field` is
            `policy.` and the setting's name.
    """
    settings = merge(policy, app_space_settings(app_space), {})
    bounds = {setting.name: setting for setting in settings}
    edited = _edited(origin.policy or OriginPolicy(), changes, bounds, OriginPolicy)
    narrowed_settings = origin_settings(attrs.evolve(origin, policy=edited))
    _demand_no_contradiction(narrowed_settings, changes, bounds)
    return edited


def new_devices_fit(rule: NewDeviceRule, policy: Policy) -> None:
    """Refuse that new devices become active earlier than the service says."""
    field = FIELDS["new_devices"]
    if stricter(field, rule, policy.new_devices) is not rule:
        raise InvalidField("newDevices", _looser(policy.new_devices, Level.SERVICE))


def _edited(
    stored: P, changes: Mapping[str, Any], bounds: Mapping[str, EffectiveSetting], kind: type[P]
) -> P | None:
    edited: dict[str, Any] = {}
    for name, value in changes.items():
        field = f"policy.{ijson.printable(name)}"
        _demand_narrowable(name, field, kind)
        if value is None:
            edited[name] = None
            continue
        _demand_fit(name, value, field)
        bound = bounds[name]
        if stricter(FIELDS[name], value, bound.value) != value:
            raise InvalidField(field, _looser(bound.value, bound.decided_by))
        edited[name] = _as_stored(value)
    policy = attrs.evolve(stored, **edited)
    return None if policy == kind() else policy


def _demand_narrowable(name: str, field: str, kind: type[OriginPolicy]) -> None:
    if name not in FIELDS:
        raise InvalidField(field, "no setting of the policy")
    metadata = FIELDS[name].metadata
    if metadata["direction"] is Direction.SERVICE:
        raise InvalidField(field, "the service alone decides it")
    if kind is OriginPolicy and not metadata["by_origins"]:
        raise InvalidField(field, "an App Space narrows it, and no origin")
    if name in ELSEWHERE:
        raise InvalidField(field, f"said as {ELSEWHERE[name]}")


def _demand_fit(name: str, value: Any, field: str) -> None:
    attribute = FIELDS[name]
    try:
        validate = attribute.validator
        assert validate is not None  # noqa: S101 (every setting has one; for the type checker)
        validate(None, attribute, value)
    except PolicyUnsound as error:
        raise InvalidField(field, str(error).removeprefix(f"{name}: ")) from None
    if isinstance(value, timedelta) and value % SECOND:
        raise InvalidField(field, "not in whole seconds")


def _demand_no_contradiction(
    settings: Mapping[str, Any], changes: Mapping[str, Any], bounds: Mapping[str, EffectiveSetting]
) -> None:
    """Refuse what the merge would change to make it fit another setting."""
    for name, bound in (("challenge_life", "challenge_life_limit"), ("cooldown", "cooldown_limit")):
        if not changes.keys() & {name, bound} or name not in settings:
            continue
        limit = settings.get(bound, bounds[bound].value)
        if settings[name] > limit:
            field = name if changes.get(name) is not None else bound
            raise InvalidField(f"policy.{field}", f"{name} would be longer than {bound}")


def _as_stored(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value // SECOND
    if isinstance(value, frozenset):
        return tuple(sorted(value, key=_value_of))
    return value


def _value_of(member: Enum) -> str:
    return str(member.value)


def _looser(bound: Any, level: Level) -> str:
    return f"looser than {_describe_value(bound)}, which {LEVELS[level]} says"


def _describe_value(value: Any) -> str:
    """Return a setting's value as an error names it."""
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} seconds"
    if isinstance(value, frozenset):
        return ", ".join(sorted(map(_value_of, value)))
    if isinstance(value, bool):
        return str(value).lower()
    return str(value.value if isinstance(value, Enum) else value)
