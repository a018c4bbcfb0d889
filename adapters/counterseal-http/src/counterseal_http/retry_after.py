"""
`Retry-After`: how long a server asks the client to wait (RFC 9110, 10.2.3).

It is seconds, or a date in one of the three forms of HTTP (RFC 9110, 5.6.7).
Any other value is ignored.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import httpx2

MAX_WAIT = timedelta(days=7)
"""A longer wait is reduced to this one; the core's policy may reduce it further."""

_SECONDS = re.compile(r"[0-9]{1,10}")

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LONG_DAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_DATES = tuple(
    re.compile(form)
    for form in (
        rf"{_DAY}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT",
        rf"{_LONG_DAY}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT",
        rf"{_DAY} {_MONTH} (?P<day>[0-9]{{2}}| [0-9]) {_TIME} (?P<year>[0-9]{{4}})",
    )
)
_LEAP_SECOND = "60"
_FAR_FUTURE = timedelta(days=50 * 365)


def parse_retry_after(value: str, now: datetime) -> timedelta | None:
    """
    Return how long to wait, between nothing and `MAX_WAIT`; None if *value* is malformed.

    Args:
        value: The value of the header.
        now: The time from which a date counts.
    """
    if _SECONDS.fullmatch(value):
        return min(timedelta(seconds=int(value)), MAX_WAIT)
    date = http_date(value, now)
    if date is None:
        return None
    return min(max(date - now, timedelta(0)), MAX_WAIT)


def requested_wait(headers: httpx2.Headers, now: datetime) -> timedelta | None:
    """Return how long a response asks to wait; None if it does not, or not clearly."""
    values = headers.get_list("retry-after")
    return parse_retry_after(values[0], now) if len(values) == 1 else None


def http_date(value: str, now: datetime) -> datetime | None:
    """
    Parse a date; return None if *value* is malformed.

    Args:
        value: A date in one of the three forms.
        now: Decides the century of a year with two digits: a date more than 50 years ahead is
            taken for one in the past (RFC 9110, 5.6.7).
    """
    match = next(filter(None, (form.fullmatch(value) for form in _DATES)), None)
    if match is None:
        return None
    year = int(match["year"])
    try:
        date = _date(match, year if len(match["year"]) > 2 else now.year // 100 * 100 + year)  # noqa: PLR2004
        if len(match["year"]) == 2 and date - now > _FAR_FUTURE:  # noqa: PLR2004
            date = _date(match, date.year - 100)
    except ValueError:
        return None
    return date


def _date(match: re.Match[str], year: int) -> datetime:
    return datetime(
        year,
        _MONTHS.index(match["month"]) + 1,
        int(match["day"]),
        int(match["hour"]),
        int(match["minute"]),
        59 if match["second"] == _LEAP_SECOND else int(match["second"]),
        tzinfo=UTC,
    )
