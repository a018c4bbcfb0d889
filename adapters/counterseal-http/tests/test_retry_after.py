from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal_http.retry_after import MAX_WAIT, http_date, parse_retry_after

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("value", "wait"),
        [
            ("0", timedelta(0)),
            ("120", timedelta(seconds=120)),
            ("0120", timedelta(seconds=120)),
            ("604801", MAX_WAIT),
            ("9999999999", MAX_WAIT),
            ("Tue, 01 Jan 2030 12:00:30 GMT", timedelta(seconds=30)),
            ("Tuesday, 01-Jan-30 12:00:30 GMT", timedelta(seconds=30)),
            ("Tue Jan  1 12:00:30 2030", timedelta(seconds=30)),
            ("Tue, 01 Jan 2030 11:59:59 GMT", timedelta(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", timedelta(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_WAIT),
        ],
    )
    def test_is_never_negative_and_bounded(self, value, wait):
        assert parse_retry_after(value, NOW) == wait

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "-1",
            "+1",
            "1.5",
            "1e3",
            "0x10",
            "٣",
            " 1",
            "1\n",
            "10000000000",
            "soon",
            "Tue, 32 Jan 2030 12:00:30 GMT",
            "Tue, 29 Feb 2030 12:00:30 GMT",
            "Tue, 01 Jan 2030 24:00:30 GMT",
            "Tue, 01 Jan 2030 12:60:30 GMT",
            "Tue, 01 Jan 2030 12:00:61 GMT",
            "Tue, 01 Jan 0000 12:00:30 GMT",
            "Tue, 1 Jan 2030 12:00:30 GMT",
            "Tue, 01 Jan 2030 12:00:30 UTC",
            "Tue, 01 Jan 2030 12:00:30 +0100",
            "tue, 01 jan 2030 12:00:30 gmt",
            "2030-01-01T12:00:30Z",
        ],
    )
    def test_that_is_malformed_is_ignored(self, value):
        assert parse_retry_after(value, NOW) is None

    @given(st.text())
    def test_of_any_text_is_bounded_or_none(self, value):
        wait = parse_retry_after(value, NOW)

        assert wait is None or timedelta(0) <= wait <= MAX_WAIT

    @given(st.integers(-30_000_000_000, 250_000_000_000))
    def test_reads_the_dates_that_python_writes(self, seconds):
        date = NOW + timedelta(seconds=seconds)

        assert http_date(format_datetime(date, usegmt=True), NOW) == date

    @pytest.mark.parametrize(
        ("value", "year"),
        [("80", 1980), ("79", 2079), ("94", 1994), ("30", 2030)],
    )
    def test_two_digits_are_not_a_year_in_the_far_future(self, value, year):
        assert http_date(f"Sunday, 01-Jan-{value} 08:49:37 GMT", NOW).year == year

    def test_may_have_a_leap_second(self):
        date = http_date("Sat, 31 Dec 2016 23:59:60 GMT", NOW)

        assert date == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)
