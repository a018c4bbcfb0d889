"""Moments: one spelling each, to the millisecond."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readers import enough_is_read, mostly_sound, read_or_refuse

from counterseal.errors import MalformedToken
from counterseal.wire.members import MILLISECOND, format_time, parse_time, truncate

MOMENTS = st.datetimes(timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 24, 12, tzinfo=UTC), "2026-11-24T12:00:00.000Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 6000, tzinfo=UTC), "2026-01-02T03:04:05.006Z"),
        (datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC), "2024-02-29T23:59:59.999Z"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(0))), "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_moment_is_rfc_3339_in_utc_with_milliseconds(moment, text):
    assert format_time(moment) == text
    assert parse_time(text) == truncate(moment)


@given(MOMENTS)
def test_what_is_formatted_is_parsed_again(moment):
    parsed = parse_time(format_time(moment))
    assert parsed == truncate(moment)
    assert parsed.tzinfo is UTC
    assert timedelta(0) <= moment - parsed < MILLISECOND
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", format_time(moment))


@given(MOMENTS, MOMENTS)
def test_two_moments_share_a_text_only_within_one_millisecond(one, other):
    assert (format_time(one) == format_time(other)) is (truncate(one) == truncate(other))
    assert (format_time(one) < format_time(other)) is (truncate(one) < truncate(other))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-24T12:00:00Z",
        "2026-11-24T12:00:00.0Z",
        "2026-11-24T12:00:00.000000Z",
        "2026-11-24T12:00:00.000",
        "2026-11-24T12:00:00.000+00:00",
        "2026-11-24T12:00:00.000z",
        "2026-11-24t12:00:00.000Z",
        "2026-11-24 12:00:00.000Z",
        " 2026-11-24T12:00:00.000Z",
        "2026-11-24T12:00:00.000Z\n",
        "2026-11-24T12:00:00,000Z",
        "2026-2-4T12:00:00.000Z",
        "26-11-24T12:00:00.000Z",
        "2026-02-29T12:00:00.000Z",
        "2026-11-24T24:00:00.000Z",
        "2026-11-24T12:00:60.000Z",
        "2026-11-24T12:00:61.000Z",
        "٢٠٢٦-11-24T12:00:00.000Z",
        "1732449600",
    ],
)
def test_any_other_spelling_is_refused(text):
    with pytest.raises(MalformedToken):
        parse_time(text)


OTHER = st.text() | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z", fullmatch=True)


@enough_is_read
@given(mostly_sound(MOMENTS.map(format_time), OTHER))
def test_a_text_is_read_only_if_it_is_what_would_be_written(text):
    moment = read_or_refuse(parse_time, text, MalformedToken)
    assert moment is None or format_time(moment) == text
