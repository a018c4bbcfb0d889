"""The members that a token of ours must have: exactly these, of exactly these types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from counterseal.errors import InvalidField, MalformedToken
from counterseal.ijson import INTEGER_LIMIT
from counterseal.models.guid import Guid, parse

VERSION = 1
"""The version of every signed format; a reader refuses others."""


def demand(
    claimed: Mapping[str, Any],
    required: Mapping[str, type],
    optional: Mapping[str, type] = {},
) -> None:
    """
    Demand the members of a token's payload.

    Raises:
        MalformedToken: A member is missing, unknown or of another type.
    """
    for name, value in claimed.items():
        kind = required.get(name) or optional.get(name)
        # `type` and not `isinstance`: True is no number here.
        if type(value) is not kind:
            raise MalformedToken
        if isinstance(value, int) and abs(value) > INTEGER_LIMIT:
            raise MalformedToken
    # All members are known ones, so that counting tells whether one is missing.
    if len(claimed) - len(required) != sum(name in claimed for name in optional):
        raise MalformedToken


def claimed_guid(value: str) -> Guid:
    """
    Read a GUID that a token claims.

    Raises:
        MalformedToken: It is not the text of one of our GUIDs.
    """
    try:
        return parse(value, field="guid")
    except InvalidField:
        raise MalformedToken from None
