"""Policies: what an App Space and an origin narrow of the service's policy."""

from __future__ import annotations

import enum

import attrs

from counterseal.challenges.records import Reaction
from counterseal.models.device_key import Algorithm
from counterseal.models.passkeys import PasskeyUse


class Level(enum.Enum):
    """Who says what a setting of the policy is; each may only be stricter than the one before."""

    SERVICE = "service"
    APP_SPACE = "app_space"
    ORIGIN = "origin"


@attrs.frozen(kw_only=True)
class OriginPolicy:
    """
    The settings of the policy that an origin narrows; None leaves one as its App Space has it.

    They have the names of `counterseal.policy.Policy`; durations are in whole seconds.
    How often it may ask a person is in `Origin.limits`.
    """

    challenge_life: int | None = None
    challenge_life_limit: int | None = None
    action_life: int | None = None
    action_life_limit: int | None = None
    action_validity: int | None = None
    action_validity_limit: int | None = None
    arguments_required: bool | None = None
    session_token_life: int | None = None
    ceremony_life: int | None = None
    comparison_limit: int | None = None
    origin_rate: int | None = None
    authenticate_rate: int | None = None
    invite_rate: int | None = None
    comparison_rate: int | None = None


@attrs.frozen(kw_only=True)
class AppSpacePolicy(OriginPolicy):
    """
    The settings of the policy that an App Space narrows; None leaves one as the service has it.

    Sets are sorted by their members' values. `new_devices` and `device_invitations` are members of
    the App Space itself.
    """

    confirmation_life: int | None = None
    login_life: int | None = None
    revalidation_life: int | None = None
    revalidation_grace: int | None = None
    strike_limit: int | None = None
    code_limit: int | None = None
    code_limit_account: int | None = None
    pending_limit: int | None = None
    ask_window: int | None = None
    ask_limit_origin: int | None = None
    ask_limit: int | None = None
    ask_limit_unapproved: int | None = None
    cooldown_after: int | None = None
    cooldown: int | None = None
    cooldown_limit: int | None = None
    cx_pending_limit: int | None = None
    cx_ask_limit: int | None = None
    cx_ask_limit_unapproved: int | None = None
    cx_cooldown: bool | None = None
    on_declined: tuple[Reaction, ...] | None = None
    on_not_mine: tuple[Reaction, ...] | None = None
    on_wrong_details: tuple[Reaction, ...] | None = None
    on_pressured: tuple[Reaction, ...] | None = None
    on_other: tuple[Reaction, ...] | None = None
    codes_demanded: int | None = None
    device_invite_rate: int | None = None
    device_replacement: bool | None = None
    algorithms: tuple[Algorithm, ...] | None = None
    passkeys: PasskeyUse | None = None
    strong_keys_limit: int | None = None
    bindings_limit: int | None = None
    origin_texts: bool | None = None
