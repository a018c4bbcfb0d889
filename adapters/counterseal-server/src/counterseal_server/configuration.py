"""
Configuration: the settings from flags, environment and file.

An unknown name, in the file or with the prefix in the environment, is refused, and so is a value
of another type.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import attrs

from counterseal import Policy
from counterseal.errors import InvalidField, PolicyUnsound
from counterseal.models import Algorithm, Guid
from counterseal.policy import PROFILES
from counterseal_server import files
from counterseal_server.settings import Settings

PREFIX = "COUNTERSEAL_"
ELSEWHERE = frozenset(
    {
        "COUNTERSEAL_CONFIG",
        "COUNTERSEAL_HOME",
        "COUNTERSEAL_MCP_KEY",
        "COUNTERSEAL_MCP_TOKEN",
        "COUNTERSEAL_PIN",
    }
)
"""Variables with the prefix that are not settings of the service."""

OLDER = {"database": "store"}
"""Older names of settings, which still work."""

STORE = "store"
STORE_FILE = "store_file"
URL_LIMIT = 4_096
"""Bytes that the URL of a store may have."""

ENVIRONMENT_ONLY = frozenset({"master_key", "webpush_key", "relay_secret"})
"""Settings that are refused in the file: many people read and copy it."""

_INTEGER = re.compile(r"-?[0-9]{1,9}")
_SPAN = re.compile(r"([0-9]{1,9})([smhd])")
UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}

_FLAGS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}

POLICY = "policy"
PROFILE = "profile"
POLICY_SETTINGS = frozenset(field.name for field in attrs.fields(Policy))


@attrs.frozen
class SourcedValue:
    """
    A setting from one source.

    Attributes:
        value: The parsed value, not yet validated.
        source: The flag, the variable or the file.
    """

    value: Any = attrs.field(repr=False)
    source: str


def gathered(
    flags: Mapping[str, Any], environment: Mapping[str, str], file: Path | None = None
) -> dict[str, SourcedValue]:
    """
    Return each setting with its source; a flag overrides the environment, and that the file.

    Args:
        flags: The flags of the command line; None is one that was not given.
        environment: The process's environment variables.
        file: A TOML file.

    Raises:
        InvalidField: A name is unknown, or a value is of another type; the error names the setting.
    """
    entries = (
        ({} if file is None else _from_file(file))
        | _from_environment(environment)
        | {
            name: SourcedValue(value, f"--{name.replace('_', '-')}")
            for name, value in flags.items()
            if value is not None
        }
    )
    if STORE_FILE in entries and STORE not in entries:
        entries[STORE] = _from_store_file(entries[STORE_FILE])
    return entries


def settings(
    flags: Mapping[str, Any], environment: Mapping[str, str], file: Path | None = None
) -> Settings:
    """
    Return the settings.

    Args:
        flags: The flags of the command line; None is one that was not given.
        environment: The process's environment variables.
        file: A TOML file.

    Raises:
        InvalidField: A name is unknown, or a value is invalid; the error names the setting.
    """
    return build_settings(gathered(flags, environment, file))


def build_settings(sourced_values: Mapping[str, SourcedValue]) -> Settings:
    """
    Return the settings with these values.

    Raises:
        InvalidField: A value is invalid; the error names the setting.
    """
    entries = {name: one.value for name, one in sourced_values.items()}
    if "data" not in entries:
        raise InvalidField("data", "missing: give --data DIR")
    entries[POLICY] = _policy(entries.get(POLICY, {}))
    return Settings(**entries)


def _from_file(file: Path) -> dict[str, SourcedValue]:
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise InvalidField("config", f"cannot read {file}: {error.strerror}") from None
    except ValueError as error:
        raise InvalidField("config", f"{file} is not TOML: {error}") from None
    entries: dict[str, SourcedValue] = {}
    for given_name, value in document.items():
        name = OLDER.get(given_name, given_name)
        if name not in KINDS or name in ENVIRONMENT_ONLY:
            raise InvalidField(f"config: {given_name}", _unknown(name))
        _demand_once(name, f"config: {given_name}", entries)
        entries[name] = SourcedValue(KINDS[name](value, f"config: {given_name}"), str(file))
    return entries


def _from_environment(environment: Mapping[str, str]) -> dict[str, SourcedValue]:
    entries: dict[str, SourcedValue] = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or variable in ELSEWHERE:
            continue
        given_name = variable.removeprefix(PREFIX).lower()
        name = OLDER.get(given_name, given_name)
        if name not in KINDS:
            raise InvalidField(variable, _unknown(name))
        _demand_once(name, variable, entries)
        if name == POLICY:
            entries[name] = SourcedValue({PROFILE: text}, variable)
        else:
            entries[name] = SourcedValue(KINDS[name](_plain(text, KINDS[name]), variable), variable)
    return entries


def _from_store_file(path: SourcedValue) -> SourcedValue:
    url = files.read(path.value, field=STORE_FILE, limit=URL_LIMIT).decode("utf-8", "replace")
    if not url.strip():
        raise InvalidField(STORE_FILE, f"{path.value} is empty")
    return SourcedValue(url.strip(), path.value)


def _unknown(name: str) -> str:
    if name in ENVIRONMENT_ONLY:
        return f"a secret: it is read from the environment only, as {PREFIX}{name.upper()}"
    if name in POLICY_SETTINGS:
        return f"no such setting; in the file, it may stand under [{POLICY}]"
    return "no such setting"


def _demand_once(name: str, source: str, entries: Mapping[str, SourcedValue]) -> None:
    if name in entries:
        raise InvalidField(source, f"{name} is also given by its older name")


def _plain(text: str, kind: Callable[[Any, str], Any]) -> Any:
    """Parse *text* into the type that TOML has for the setting."""
    if kind is _flag:
        return _FLAGS.get(text.lower(), text)
    if kind is _number and _INTEGER.fullmatch(text):
        return int(text)
    if kind in {_texts, _numbers}:
        parts = [part.strip() for part in text.split(",")]
        is_list = kind is _numbers and all(map(_INTEGER.fullmatch, parts))
        return [int(part) for part in parts] if is_list else parts
    return text


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidField(field, "not a text")
    return value


def _number(value: Any, field: str) -> int:
    if type(value) is not int:
        raise InvalidField(field, "not a whole number")
    return value


def _texts(value: Any, field: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InvalidField(field, "not a list of texts")
    if not all(value):
        raise InvalidField(field, "not a list with commas between: a part of it is empty")
    return value


def _numbers(value: Any, field: str) -> list[int]:
    if isinstance(value, list) and "" in value:
        raise InvalidField(field, "not a list with commas between: a part of it is empty")
    if not isinstance(value, list) or not all(type(one) is int for one in value):
        raise InvalidField(field, "not a list of whole numbers")
    return value


def _flag(value: Any, field: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidField(field, "neither true nor false")
    return value


def span(value: Any, field: str) -> timedelta:
    """
    Read a time such as `90s`, `10m`, `24h` or `30d`.

    Raises:
        InvalidField: *value* is not one.
    """
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InvalidField(field, "not a number with a unit, like 90s, 10m, 24h or 30d")
    return int(match[1]) * UNITS[match[2]]


def _table(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidField(field, f"not a table, in which {PROFILE} names the profile")
    return value


def _pages(value: Any, field: str) -> dict[Guid, tuple[str, ...]]:
    if not isinstance(value, dict):
        problem = "not a table of App Spaces and lists of origins, which only the file may have"
        raise InvalidField(field, problem)
    return {Guid(name): tuple(_texts(each, f"{field}.{name}")) for name, each in value.items()}


def _files(value: Any, field: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        problem = "not a table of formats and lists of files, which only the file may have"
        raise InvalidField(field, problem)
    return {name: tuple(_texts(each, f"{field}.{name}")) for name, each in value.items()}


KINDS: Mapping[str, Callable[[Any, str], Any]] = {
    "data": _text,
    STORE: _text,
    STORE_FILE: _text,
    "master_key": _text,
    "master_key_file": _text,
    "host": _text,
    "port": _number,
    "worker_port": _number,
    "public_url": _text,
    POLICY: _table,
    "administration": _flag,
    "browser_device": _flag,
    "browser_device_url": _text,
    "browser_device_documents": _texts,
    "portal": _flag,
    "ciba": _flag,
    "keycloak": _flag,
    "aap": _flag,
    "passkey_models": _texts,
    "passkey_roots": _files,
    "cors": _pages,
    "ca_file": _text,
    "allow_private_callbacks": _flag,
    "callback_networks": _texts,
    "callback_ports": _numbers,
    "callback_plain_http": _flag,
    "allow_private_providers": _flag,
    "fcm_account_file": _text,
    "fcm_url": _text,
    "webpush_contact": _text,
    "webpush_key": _text,
    "webpush_key_file": _text,
    "relay_url": _text,
    "relay_secret": _text,
    "relay_secret_file": _text,
    "allow_private_pushes": _flag,
    "connections": _number,
    "threads": _number,
    "bodies": _number,
    "body_deadline": span,
    "waiters": _number,
    "senders": _number,
    "notification_workers": _number,
    "metrics": _flag,
    "opentelemetry": _flag,
    "continue_traces": _flag,
    "log_format": _text,
    "log_level": _text,
    "grace": span,
}
"""How each setting is parsed; only these can be set."""


def _policy(table: Mapping[str, Any]) -> Policy:
    changed = dict(table)
    name = changed.pop(PROFILE, "standard")
    if name not in PROFILES:
        raise InvalidField(f"{POLICY}.{PROFILE}", f"not one of {', '.join(PROFILES)}")
    profile = PROFILES[name]
    for setting in changed:
        if setting not in POLICY_SETTINGS:
            raise InvalidField(f"{POLICY}.{setting}", "no such setting")
    try:
        return attrs.evolve(
            profile,
            **{
                setting: _like(
                    getattr(profile, setting), value, f"{POLICY}.{setting}", _members_of(setting)
                )
                for setting, value in changed.items()
            },
        )
    except PolicyUnsound as error:
        raise InvalidField(POLICY, str(error)) from None


def policy_setting(name: str, text: str) -> Any:
    """
    Read the value of one setting of the policy from a command line.

    Raises:
        InvalidField: There is no such setting, or *text* is no value of it; the error names it.
    """
    field = f"{POLICY}.{name}"
    if name not in POLICY_SETTINGS:
        raise InvalidField(field, "no such setting")
    default, value = attrs.fields_dict(Policy)[name].default, text
    if isinstance(default, frozenset):
        return _like(default, list(filter(None, text.split(","))), field, _members_of(name))
    if isinstance(default, bool):
        return _FLAGS.get(text.lower(), text)
    if isinstance(default, int) and _INTEGER.fullmatch(text):
        return int(text)
    return _like(default, value, field, _members_of(name))


def _members_of(setting: str) -> type[Enum]:
    """Return the enum whose members a setting may have that is a set."""
    members: type[Enum] | None = attrs.fields_dict(Policy)[setting].metadata["members"]
    return Algorithm if members is None else members


def _like(default: Any, value: Any, field: str, members: type[Enum]) -> Any:
    """Parse *value* into the type of the policy's setting; a set has some of *members*."""
    if isinstance(default, timedelta):
        return span(value, field)
    if isinstance(default, Enum):
        kind = type(default)
        try:
            return kind(value)
        except ValueError:
            choices = ", ".join(each.value for each in kind)
            raise InvalidField(field, f"not one of {choices}") from None
    if isinstance(default, tuple) and isinstance(value, list):
        return tuple(span(one, field) for one in value)
    if isinstance(default, frozenset) and isinstance(value, list):
        try:
            return frozenset(members(one) for one in value)
        except ValueError:
            choices = ", ".join(each.value for each in members)
            raise InvalidField(field, f"not a list of {choices}") from None
    return value
