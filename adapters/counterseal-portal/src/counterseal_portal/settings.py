"""Settings of the policy: what people read of each, and the field in which it is narrowed."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from counterseal.errors import InvalidField
from counterseal.models import Algorithm, NewDeviceRule, PasskeyUse, Reaction
from counterseal.narrowing import FIELDS, EffectiveSetting
from counterseal_portal.forms import Field, FilledForm, Kind
from counterseal_portal.labels import NEW_DEVICES

GROUPS: Mapping[str, Mapping[str, str]] = {
    "Times": {
        "challenge_life": "Time to answer, if the origin does not say",
        "challenge_life_limit": "Longest time to answer",
        "session_token_life": "Time to use an invitation",
        "confirmation_life": "Time to confirm a new device",
        "login_life": "Time for a log-in at the Identity Provider",
        "ceremony_life": "Time to use a passkey in a browser",
        "revalidation_life": "Time until the Identity Provider is asked again",
        "revalidation_grace": "More time while the Identity Provider does not answer",
    },
    "Actions": {
        "action_life": "Time to answer, if the origin does not say (actions)",
        "action_life_limit": "Longest time to answer (actions)",
        "action_validity": "Time to use an approval after it, if the origin does not say",
        "action_validity_limit": "Longest time to use an approval after it",
        "arguments_required": "An origin presents the arguments to use an approval",
    },
    "Guessing": {
        "strike_limit": "Wrong PINs that revoke a device",
        "code_limit": "Wrong codes that end a question",
        "code_limit_account": "Wrong codes that lock an account",
        "comparison_limit": "Wrong comparison codes that end a bind",
    },
    "Questions": {
        "pending_limit": "Open questions of one person",
        "ask_window": "Window in which questions are counted",
        "ask_limit_origin": "Questions from one origin within the window",
        "ask_limit": "Questions from all origins within the window",
        "ask_limit_unapproved": "Questions since the last approval",
        "cooldown_after": "Refusals that begin a cool-down",
        "cooldown": "First cool-down",
        "cooldown_limit": "Longest cool-down",
    },
    "Questions by CX clients": {
        "cx_pending_limit": "Open questions of one person (CX)",
        "cx_ask_limit": "Questions within the window (CX)",
        "cx_ask_limit_unapproved": "Questions since the last approval (CX)",
        "cx_cooldown": "Refusals begin a cool-down (CX)",
    },
    "Reasons of refusals": {
        "on_declined": "After “declined”",
        "on_not_mine": "After “not mine”",
        "on_wrong_details": "After “wrong details”",
        "on_pressured": "After “pressured”",
        "on_other": "After “other”",
        "codes_demanded": "Time for which codes are demanded",
    },
    "Devices and keys": {
        "new_devices": "When a new device counts",
        "device_invitations": "People add devices themselves",
        "device_replacement": "A log-in may replace a device",
        "bindings_limit": "Devices of one account",
        "strong_keys_limit": "Strong keys of one device",
        "algorithms": "Algorithms of keys",
        "passkeys": "Passkeys as strong keys",
    },
    "Calls in a minute": {
        "origin_rate": "Questions in a minute",
        "authenticate_rate": "Log-ins by passkey in a minute",
        "invite_rate": "Invitations in a minute",
        "device_invite_rate": "Invitations by devices in a minute",
        "comparison_rate": "Comparison codes in a minute",
    },
    "Notifications": {"origin_texts": "Notifications have the origin's texts"},
}
"""The settings that App Spaces narrow, each with its label, by what they are about."""

LABELS: Mapping[str, str] = {
    name: label for settings in GROUPS.values() for name, label in settings.items()
}
REACTIONS: Mapping[Reaction, str] = {
    Reaction.ALERT: "Alert the origins",
    Reaction.CANCEL_PENDING: "Withdraw the origin's other questions",
    Reaction.DEMAND_CODES: "Demand codes for a while",
    Reaction.LOCK_ACCOUNT: "Lock the account",
}
PASSKEYS: Mapping[PasskeyUse, str] = {
    PasskeyUse.REFUSE: "Refused",
    PasskeyUse.WITH_DEVICE_KEY: "A copied one only with the device's own key",
    PasskeyUse.ALLOW: "Allowed",
}
UNITS = (
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
    (timedelta(seconds=1), "second"),
)
_DURATION = re.compile(r"([0-9]{1,9}) ?([a-z]+)")
_UNITS_BY_WORD = {word: unit for unit, name in UNITS for word in (name[0], name, f"{name}s")}
VALUE = Field(name="value", label="Value")
"""The one field of the form, whose kind is the setting's."""


def setting_label(name: str) -> str:
    """Return what people read for a setting; the service's own have their names in `Policy`."""
    return LABELS.get(name, name)


def value_text(value: Any) -> str:
    """Return a setting's value for people."""
    match value:
        case bool():
            return "Yes" if value else "No"
        case timedelta():
            return _duration_text(value)
        case int():
            return f"{value:,}"
        case enum.Enum():
            return _member_label(value)
        case frozenset():
            value = tuple(sorted(value, key=lambda member: str(member.value)))
    if isinstance(value, tuple):
        return ", ".join(map(value_text, value)) or "Nothing"
    return str(value) or "Empty"


def narrowing_field(name: str, bound: Any, level: str) -> Field:
    """
    Return the field in which a setting is narrowed; empty, it is taken back.

    Args:
        name: The setting's.
        bound: What counts at the level above.
        level: What that level is called, such as "the service".
    """
    field = attrs.evolve(VALUE, label=setting_label(name), meant_by=(f"policy.{name}",))
    metadata = FIELDS[name].metadata
    empty = f"As {level} says: {value_text(bound)}"
    if isinstance(bound, frozenset):
        return _set_field(field, bound, level, is_subset=metadata["members"] is None)
    if metadata["order"]:
        stricter_values = metadata["order"][metadata["order"].index(bound) :]
        options = tuple((_raw_text(value), value_text(value)) for value in stricter_values)
        return attrs.evolve(field, kind=Kind.CHOICE, options=(("", empty), *options))
    low, high = _span(name, bound)
    span = f"From {_entered_text(low)} to {_entered_text(high)}"
    if isinstance(bound, timedelta):
        span += ", such as 90 seconds, 2 minutes, 1 hour or 1 day"
    hint = f"{span}. Empty: as {level} says, {value_text(bound)}."
    kind = Kind.TEXT if isinstance(bound, timedelta) else Kind.NUMBER
    return attrs.evolve(field, kind=kind, hint=hint)


def refusal_text(name: str, bound: Any, level: str, problem: str) -> str:
    """
    Return what is beside the field if a value was refused.

    Args:
        name: The setting's.
        bound: What counts at the level above.
        level: What that level is called, such as "the service".
        problem: What the use case said, with names of settings as `Policy` has them.
    """
    longer, comparison, limit = problem.partition(" would be longer than ")
    if comparison:
        return f"“{setting_label(longer)}” would be longer than “{setting_label(limit)}”."
    if not isinstance(bound, timedelta | int) or isinstance(bound, bool):
        return f"This is less strict than {level} says: {value_text(bound)}."
    low, high = _span(name, bound)
    return f"Choose from {_entered_text(low)} to {_entered_text(high)}; {level} allows no other."


def _span(name: str, bound: Any) -> tuple[Any, Any]:
    metadata = FIELDS[name].metadata
    is_least = metadata["direction"].value == "least"
    return (metadata["low"], bound) if is_least else (bound, metadata["high"])


def entered_texts(name: str, bound: Any, own: Any) -> tuple[str, ...]:
    """Return what stands in the field at first; *own*: what the level says, or None."""
    if own is None:
        return ()
    if isinstance(own, frozenset):
        additional = own if FIELDS[name].metadata["members"] is None else own - bound
        return tuple(sorted(str(member.value) for member in additional))
    return (_entered_text(own),)


def entered_value(name: str, bound: Any, form: FilledForm) -> Any:
    """
    Return the value that was entered, as `Policy` has it; None takes the setting back.

    Raises:
        InvalidField: It is a number with other characters than digits, or a duration without a
            unit.
    """
    if isinstance(bound, frozenset):
        members = FIELDS[name].metadata["members"]
        texts = form.values.get(VALUE.name, ())
        chosen = frozenset((members or Algorithm)(text) for text in texts)
        if not chosen:
            return None
        return chosen if members is None else bound | chosen
    order = FIELDS[name].metadata["order"]
    if order:
        return {_raw_text(value): value for value in order}.get(form.value(VALUE.name))
    if isinstance(bound, timedelta):
        return _entered_duration(form.text(VALUE.name))
    return form.number(VALUE.name)


def _entered_duration(text: str) -> timedelta | None:
    if not text:
        return None
    if text == "0":
        return timedelta(0)
    match = _DURATION.fullmatch(text.lower())
    if match is None or match[2] not in _UNITS_BY_WORD:
        raise InvalidField(VALUE.name, "Write a whole number and its unit, such as 2 minutes.")
    try:
        return int(match[1]) * _UNITS_BY_WORD[match[2]]
    except OverflowError:
        raise InvalidField(VALUE.name, "This is longer than any time allowed.") from None


def _entered_text(value: Any) -> str:
    """Return a number or a duration as people enter it."""
    if isinstance(value, timedelta):
        return _duration_text(value) if value else "0"
    return _raw_text(value)


def can_be_stricter(setting: EffectiveSetting, bound: Any) -> bool:
    """Return whether there is any value that is stricter than *bound*."""
    metadata = FIELDS[setting.name].metadata
    if isinstance(bound, frozenset):
        return bound != frozenset(metadata["members"] or ())
    is_least = metadata["direction"].value == "least"
    order = metadata["order"]
    strictest: Any = order[-1] if order else metadata["low" if is_least else "high"]
    return bool(bound != strictest)


def _set_field(field: Field, bound: frozenset[Any], level: str, *, is_subset: bool) -> Field:
    members = bound if is_subset else frozenset(Reaction) - bound
    options = tuple(
        (str(member.value), _member_label(member))
        for member in (Algorithm if is_subset else Reaction)
        if member in members
    )
    if is_subset:
        hint = f"Only those that are ticked. None ticked: all of these, as {level} says."
    else:
        hint = f"Besides what {level} says: {value_text(bound)}. None ticked: nothing more."
    return attrs.evolve(field, kind=Kind.CHOICES, options=options, hint=hint)


def _raw_text(value: Any) -> str:
    """Return a value as a form has it: seconds, digits, or an enum's value."""
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.0f}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value.value if isinstance(value, enum.Enum) else value)


def _member_label(member: enum.Enum) -> str:
    match member:
        case Reaction():
            return REACTIONS[member]
        case PasskeyUse():
            return PASSKEYS[member]
        case NewDeviceRule():
            return NEW_DEVICES[member]
    return str(member.value)


def _duration_text(value: timedelta) -> str:
    if not value:
        return "None"
    for unit, name in UNITS:
        if value % unit == timedelta(0):
            count = value // unit
            return f"{count} {name}{'' if count == 1 else 's'}"
    seconds = value.total_seconds()
    return f"{seconds:g} second{'' if seconds == 1 else 's'}"
