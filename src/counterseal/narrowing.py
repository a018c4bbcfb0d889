"""
Narrowing: the policy that applies in an App Space, and to an origin in it.

Each level may only be stricter than the one before: the service, the App Space, the origin. For
each setting, `Direction` says which value is stricter, so the merge needs no rule of its own.
When a level was edited, its values were no looser than those of the levels above. If a level above
becomes stricter later, its value applies; if it becomes laxer, the stored value still applies.

Four pairs of settings may not contradict each other, and both become stricter: `challenge_life`,
`action_life` and `action_validity` end at the limit of the same name, and `cooldown_limit` is no
shorter than `cooldown`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import attrs

from counterseal._setting import Direction
from counterseal.models import (
    AppSpace,
    AppSpacePolicy,
    Clients,
    Level,
    NewDeviceRule,
    Origin,
    OriginPolicy,
)
from counterseal.policy import Policy

FIELDS: Mapping[str, attrs.Attribute[Any]] = MappingProxyType(
    {field.name: field for field in attrs.fields(Policy)}
)
"""The settings of a policy by name."""

IN_APP_SPACE = frozenset({"new_devices", "device_invitations"})
"""The settings that an App Space narrows by members of its own, and not in its `policy`."""


@attrs.frozen(kw_only=True)
class EffectiveSetting:
    """
    The value of a setting that applies, and why.

    Attributes:
        name: As `Policy` has it.
        value: The value that applies.
        decided_by: The level that set it: the last one that made it stricter.
        bounded_by: The other setting that the value had to follow; empty if there was none.
        service: What the service says.
        app_space: What the App Space says; None if it says nothing.
        origin: What the origin says; None if it says nothing.
    """

    name: str
    value: Any
    decided_by: Level
    bounded_by: str = ""
    service: Any
    app_space: Any
    origin: Any

    @property
    def narrowable(self) -> bool:
        """Whether App Spaces can narrow it; else the service alone decides it."""
        return FIELDS[self.name].metadata["direction"] is not Direction.SERVICE


def policy_within(policy: Policy, app_space: AppSpace, origin: Origin | None) -> Policy:
    """
    Return the policy that applies in *app_space*, and to *origin* if one acts.

    How often the origin may ask a person, which `Origin.limits` says, is no part of it.
    """
    origin_policy = None if origin is None else origin.policy
    if (
        app_space.policy is None
        and origin_policy is None
        and app_space.new_devices is None
        and app_space.device_invitations
    ):
        return policy
    return _policy_within(
        policy,
        app_space.policy,
        app_space.new_devices,
        app_space.device_invitations,
        origin_policy,
    )


def narrow(policy: Policy, app_space: Mapping[str, Any], origin: Mapping[str, Any]) -> Policy:
    """
    Return *policy* as the settings of an App Space and of an origin narrow it.

    A service and an App Space that allow no algorithm in common allow none: then no key is bound,
    and none answers.
    """
    changes = {
        setting.name: setting.value
        for setting in merge(policy, app_space, origin)
        if setting.value != setting.service
    }
    if not changes:
        return policy
    nothing_in_common = changes.get("algorithms") == frozenset()
    if nothing_in_common:
        del changes["algorithms"]
    narrowed = attrs.evolve(policy, **changes)
    if nothing_in_common:
        # Nobody may write such a policy, and falling back to any set would loosen one of the two.
        object.__setattr__(narrowed, "algorithms", frozenset())
    return narrowed


def merge(
    policy: Policy, app_space: Mapping[str, Any], origin: Mapping[str, Any]
) -> tuple[EffectiveSetting, ...]:
    """Return each setting of *policy* with the value that applies, and why."""
    settings = {
        name: _merge(field, getattr(policy, name), app_space.get(name), origin.get(name))
        for name, field in FIELDS.items()
    }
    for name, bound in (
        ("challenge_life", "challenge_life_limit"),
        ("action_life", "action_life_limit"),
        ("action_validity", "action_validity_limit"),
        ("cooldown_limit", "cooldown"),
    ):
        setting, bounding = settings[name], settings[bound]
        value = stricter(FIELDS[name], setting.value, bounding.value)
        if value != setting.value:
            settings[name] = attrs.evolve(
                setting, value=value, decided_by=bounding.decided_by, bounded_by=bound
            )
    return tuple(settings.values())


def effective_settings(
    policy: Policy, app_space: AppSpace, origin: Origin | None
) -> tuple[EffectiveSetting, ...]:
    """
    Return each setting with the value that applies in *app_space*, or to *origin*, and why.

    An origin's own limits of asking are shown as the settings that they tighten: the number of
    open questions and its own questions in a window, for the clients that it is set up for.
    """
    of_origin = {} if origin is None else origin_settings(origin) | _asking_settings(origin)
    return merge(policy, app_space_settings(app_space), of_origin)


def app_space_settings(app_space: AppSpace) -> dict[str, Any]:
    """Return the settings that an App Space narrows, by name, with values as a policy has them."""
    return _app_space_settings(
        app_space.policy, app_space.new_devices, allows_invitations=app_space.device_invitations
    )


def origin_settings(origin: Origin) -> dict[str, Any]:
    """Return the settings that an origin narrows, by name, with values as a policy has them."""
    return own_settings(origin.policy)


def own_settings(policy: OriginPolicy | None) -> dict[str, Any]:
    """Return the settings that are stored in *policy*, with values as `Policy` has them."""
    if policy is None:
        return {}
    return {
        name: _as_in_policy(FIELDS[name], value)
        for name, value in attrs.asdict(policy, recurse=False).items()
        if value is not None
    }


def stricter(field: attrs.Attribute[Any], value: Any, other_value: Any) -> Any:
    """Return the laxest value of a setting that is at least as strict as both values."""
    match field.metadata["direction"]:
        case Direction.LEAST:
            return min(value, other_value)
        case Direction.MOST:
            return max(value, other_value)
        case Direction.SUBSET:
            return value & other_value
        case Direction.SUPERSET:
            return value | other_value
        case Direction.STRICTER:
            return max(value, other_value, key=field.metadata["order"].index)
        case _:
            return value


def _merge(
    field: attrs.Attribute[Any], service: Any, app_space: Any, origin: Any
) -> EffectiveSetting:
    value, decided_by = service, Level.SERVICE
    for level, word in ((Level.APP_SPACE, app_space), (Level.ORIGIN, origin)):
        narrowed = value if word is None else stricter(field, value, word)
        if narrowed != value:
            value, decided_by = narrowed, level
    return EffectiveSetting(
        name=field.name,
        value=value,
        decided_by=decided_by,
        service=service,
        app_space=app_space,
        origin=origin,
    )


@lru_cache(maxsize=4_096)
def _policy_within(
    policy: Policy,
    app_space: AppSpacePolicy | None,
    new_devices: NewDeviceRule | None,
    device_invitations: bool,  # noqa: FBT001 (a part of the cache's key)
    origin: OriginPolicy | None,
) -> Policy:
    settings = _app_space_settings(app_space, new_devices, allows_invitations=device_invitations)
    return narrow(policy, settings, own_settings(origin))


def _app_space_settings(
    narrowed: AppSpacePolicy | None, new_devices: NewDeviceRule | None, *, allows_invitations: bool
) -> dict[str, Any]:
    settings = own_settings(narrowed)
    if new_devices is not None:
        settings["new_devices"] = new_devices
    if not allows_invitations:
        settings["device_invitations"] = False
    return settings


def _as_in_policy(field: attrs.Attribute[Any], value: Any) -> Any:
    if isinstance(field.default, timedelta):
        return timedelta(seconds=value)
    return frozenset(value) if isinstance(field.default, frozenset) else value


def _asking_settings(origin: Origin) -> dict[str, Any]:
    limits, cx = origin.limits, origin.clients is Clients.CX
    settings: dict[str, Any] = {
        "cx_pending_limit" if cx else "pending_limit": limits.pending,
        "cx_ask_limit" if cx else "ask_limit_origin": limits.questions,
    }
    if cx and limits.cooldown:
        settings["cx_cooldown"] = True
    return settings
