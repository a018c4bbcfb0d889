"""Claims: a token has exactly these members, of these types; else it is a MalformedToken."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from counterseal.errors import MalformedToken
from counterseal.models.guid import SHAPE

VERSION = 1
"""The version of every signed format; a reader refuses others."""

ID_LIMIT = 64
"""Characters of a `jti`; 22 hold 128 bits."""

GUID_LENGTH = 36
_GUIDS = re.compile(rf"{SHAPE}(?: {SHAPE})*")


def demand(
    claimed: Mapping[str, Any],
    required: Mapping[str, type],
    optional: Mapping[str, type] = {},
) -> None:
    """Require the members of a payload; refuse one that is missing, unknown or of another type."""
    # `type` and not `isinstance`, so that True is not a number.
    kinds = {name: type(value) for name, value in claimed.items()}
    if kinds == required:
        return
    for name, kind in optional.items():
        if kinds.get(name) is kind:
            del kinds[name]
    if kinds != required:
        raise MalformedToken


def demand_id(value: str) -> None:
    """Require a `jti` of 1 to 64 characters."""
    if not 1 <= len(value) <= ID_LIMIT:
        raise MalformedToken


def demand_guids(*values: str) -> None:
    """Require that each of *values* is the text of a GUID of this service."""
    # One search for all of them; the length shows that no value holds two.
    listed = " ".join(values)
    if len(listed) != (GUID_LENGTH + 1) * len(values) - 1 or not _GUIDS.fullmatch(listed):
        raise MalformedToken


MILLISECOND = timedelta(milliseconds=1)


def truncate(moment: datetime) -> datetime:
    """Truncate *moment* to milliseconds, which is what the wire can carry."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def format_time(moment: datetime) -> str:
    """Format *moment*, which is in UTC (RFC 3339, milliseconds)."""
    return f"{moment.isoformat('T', 'milliseconds')[:-6]}Z"


def parse_time(text: str) -> datetime:
    """Parse the output of `format_time`; refuse another spelling."""
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise MalformedToken from None
    if format_time(moment) != text:
        raise MalformedToken
    return moment
