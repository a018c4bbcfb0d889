"""Members of a body, each read by what it has to be."""

import math
from datetime import timedelta

import pytest

from counterseal.errors import InvalidField
from counterseal_web.members import LONGEST, read_integer, read_number, read_seconds


@pytest.mark.parametrize(
    ("value", "seconds"), [(0, 0), (60, 60), (60.0, 60), (LONGEST, LONGEST), (1e10, LONGEST)]
)
def test_a_whole_number_is_one_however_it_is_written(value, seconds):
    assert read_seconds({"life": value}, "life") == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", [-1, 0.5, True, "60", LONGEST + 1, 1e300, -0.5, [], {}])
def test_what_is_no_number_of_seconds_is_named(value):
    with pytest.raises(InvalidField) as caught:
        read_seconds({"life": value}, "life")
    assert caught.value.field == "life"


@pytest.mark.parametrize(("value", "count"), [(100, 100), (100.0, 100), (-1, -1), (-0.0, 0)])
def test_a_count_is_one_however_it_is_written(value, count):
    counted = read_integer({"pendingLimit": value}, "pendingLimit")
    assert (counted, type(counted)) == (count, int)


@pytest.mark.parametrize("value", [0.5, 100.1, True, "100", 1e300, math.inf, math.nan, [], {}])
def test_what_is_no_count_is_named(value):
    with pytest.raises(InvalidField) as caught:
        read_integer({"pendingLimit": value}, "pendingLimit")
    assert caught.value.field == "pendingLimit"


def test_what_may_be_missing_may_be_null():
    assert read_seconds({}, "life") is read_seconds({"life": None}, "life") is None
    assert read_integer({}, "life") is read_integer({"life": None}, "life") is None
    assert read_number({}, "limit") is None


@pytest.mark.parametrize("text", ["", "-1", "1.0", "12345", "٣", " 1", "1\n"])
def test_a_number_of_a_query_has_up_to_four_digits(text):
    with pytest.raises(InvalidField):
        read_number({"limit": text}, "limit")
