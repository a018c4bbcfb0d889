from datetime import UTC, datetime, timedelta, timezone

import pytest

from counterseal_testing import START, FrozenClock

SECOND = timedelta(seconds=1)


def test_stands_still():
    clock = FrozenClock()

    assert clock.now() == clock.now() == START


def test_advances():
    clock = FrozenClock()

    assert clock.advance(SECOND) == clock.now() == START + SECOND


def test_jumps_forwards_and_backwards():
    clock = FrozenClock()

    assert clock.jump(START + SECOND) == clock.now() == START + SECOND
    assert clock.jump(START - SECOND) == clock.now() == START - SECOND


def test_remembers_what_it_has_shown():
    clock = FrozenClock()
    clock.advance(SECOND)
    clock.jump(START)

    assert clock.moments == (START, START + SECOND, START)


def test_goes_back_by_jumping_only():
    clock = FrozenClock()

    with pytest.raises(ValueError, match="jump"):
        clock.advance(-SECOND)
    assert clock.now() == START


@pytest.mark.parametrize(
    "moment",
    [datetime(2030, 1, 1), datetime(2030, 1, 1, tzinfo=timezone(timedelta(hours=1)))],  # noqa: DTZ001
    ids=["naive", "another zone"],
)
def test_knows_utc_only(moment):
    with pytest.raises(ValueError, match="UTC"):
        FrozenClock(moment)
    with pytest.raises(ValueError, match="UTC"):
        FrozenClock().jump(moment)


def test_begins_where_it_is_set():
    assert FrozenClock(datetime(1999, 12, 31, tzinfo=UTC)).now().year == 1999
