"""Moments in documents: RFC 3339 in UTC with milliseconds and `Z`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from counterseal.errors import MalformedToken

MILLISECOND = timedelta(milliseconds=1)


def whole(moment: datetime) -> datetime:
    """Drop what the wire cannot say: everything below the millisecond."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def stamp(moment: datetime) -> str:
    """Write *moment*; it is in UTC."""
    return f"{moment.isoformat('T', 'milliseconds')[:-6]}Z"


def unstamp(text: str) -> datetime:
    """
    Read what `stamp` wrote.

    Raises:
        MalformedToken: Any other spelling.
    """
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise MalformedToken from None
    if stamp(moment) != text:
        raise MalformedToken
    return moment
