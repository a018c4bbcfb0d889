"""
Print the effective settings and their sources, as TOML that can be used as `--config`.

A setting with a secret is a comment, in which `***` stands for the secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

from counterseal import Policy
from counterseal_server.configuration import ENVIRONMENT_ONLY, POLICY, PROFILE, UNITS, SourcedValue
from counterseal_server.settings import Settings

MASK = "***"
DEFAULT = "default"
BASIC_PLANE = 0xFFFF

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")


def effective_text(settings: Settings, sourced_values: Mapping[str, SourcedValue]) -> str:
    """
    Return the settings as text.

    Args:
        settings: The effective settings.
        sourced_values: The values from flags, environment and file, with their sources.
    """
    return "\n".join(
        (*_plain(settings, sourced_values), "", f"[{POLICY}]", *_policy(settings, sourced_values))
    )


def _plain(settings: Settings, sourced_values: Mapping[str, SourcedValue]) -> Iterator[str]:
    for field in attrs.fields(Settings):
        if field.name == POLICY:
            continue
        value = getattr(settings, field.name)
        source = sourced_values[field.name].source if field.name in sourced_values else DEFAULT
        if value is None:
            yield f"# {field.name} is not set"
        elif field.name in ENVIRONMENT_ONLY or not field.repr:
            yield f"# {field.name} = {_quoted(_masked(value))}  # {source}"
        else:
            yield f"{field.name} = {_quoted(value)}  # {source}"


def _policy(settings: Settings, sourced_values: Mapping[str, SourcedValue]) -> Iterator[str]:
    policy_value = sourced_values.get(POLICY, SourcedValue({}, DEFAULT))
    profile = policy_value.value.get(PROFILE, "standard")
    source = policy_value.source if PROFILE in policy_value.value else DEFAULT
    yield f"{PROFILE} = {_quoted(profile)}  # {source}"
    serving = settings.serving_policy
    for field in attrs.fields(Policy):
        value, used = getattr(settings.policy, field.name), getattr(serving, field.name)
        source = policy_value.source if field.name in policy_value.value else f"profile {profile}"
        if used != value:
            source += f"; serve uses {_quoted(used)}, by the settings above"
        yield f"{field.name} = {_quoted(value)}  # {source}"


def _masked(secret: str) -> str:
    """Return what may be shown of a secret: of a URL, its scheme, host and path."""
    try:
        parts = urlsplit(secret)
    except ValueError:
        return MASK
    before, _, host = parts.netloc.rpartition("@")
    # A password that is not percent-encoded may end anywhere in the text.
    suffix = f"{parts.path}{parts.query}{parts.fragment}"
    if not parts.scheme or "@" in suffix or not all(map(_HOST.fullmatch, host.split(","))):
        return MASK
    # User and password are before the host, or in the query.
    who, more = f"{MASK}@" if before else "", f"?{MASK}" if parts.query or parts.fragment else ""
    return f"{parts.scheme}://{who}{host}{parts.path}{more}"


def _quoted(value: Any) -> str:
    match value:
        case timedelta():
            return f'"{_span(value)}"'
        case Enum():
            return _quoted(value.value)
        case Path() | IPv4Network() | IPv6Network():
            return _quoted(str(value))
        case dict():
            every = [f"{_quoted(name)} = {_quoted(one)}" for name, one in value.items()]
            return f"{{ {', '.join(every)} }}" if every else "{}"
        case tuple() | frozenset():
            every = [_quoted(one) for one in value]
            return f"[{', '.join(every if isinstance(value, tuple) else sorted(every))}]"
    text = json.dumps(value, ensure_ascii=False)
    # TOML knows these escapes (1.0.0, "String"); invisible characters are not printed as they are.
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04X}" if code <= BASIC_PLANE else f"\\U{code:08X}"


def _span(value: timedelta) -> str:
    """Return *value* in the largest unit that divides it."""
    fits = [(unit, name) for name, unit in UNITS.items() if value % unit == timedelta(0)]
    unit, name = max(fits)
    return f"{value // unit}{name}"
