"""A property whose examples are nearly all refused fails."""

from operator import itemgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readers import enough_is_read, mostly_sound, read_or_refuse


@pytest.mark.parametrize(("read_share", "passes"), [(1, True), (9, True), (12, False), (26, False)])
def test_a_tenth_of_the_examples_has_to_be_read(read_share, passes):
    @enough_is_read
    def examine():
        for number in range(100):
            read_or_refuse(lambda value: 1 // (value % read_share == 0), number, ZeroDivisionError)

    if passes:
        examine()
    else:
        with pytest.raises(AssertionError, match="refused"):
            examine()


def test_another_exception_is_no_refusal():
    with pytest.raises(ValueError, match="invalid literal"):
        read_or_refuse(int, "x", KeyError)


@enough_is_read
@given(
    mostly_sound(st.lists(st.integers(), min_size=1).map(lambda numbers: {"a": numbers}), st.none())
)
def test_sound_values_and_others_are_among_the_examples(value):
    numbers = read_or_refuse(itemgetter("a"), value, (KeyError, TypeError))
    assert numbers is None or value == {"a": numbers}
