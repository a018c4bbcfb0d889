"""Settings that make no sense are refused when they are made, by name."""

from datetime import timedelta

import pytest

from counterseal.errors import PolicyUnsound
from counterseal_web import Settings

SECOND = timedelta(seconds=1)
SPANS = ("wait_limit", "look_every", "beat_every", "retry_after")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in SPANS for value in (30, "30", None, timedelta(0), -SECOND)),
        *(("body_limit", value) for value in (0, -1, "131072", 1.5, True, None)),
        *(("waiters", value) for value in (-1, "x", 1.5, True, None)),
        *(("webpush_key", value) for value in ("", "C" * 87, "BA" + 84 * "x", b"BA", 5)),
        *(("administration", value) for value in ("yes", 1, None)),
        *(("public_url", value) for value in (None, 5, b"https://a.example", "a.example")),
    ],
)
def test_a_setting_of_another_type_or_range_is_refused_by_name(name, value):
    with pytest.raises(PolicyUnsound, match=f"^{name}: "):
        Settings(**{"public_url": "https://a.example", name: value})


def test_the_least_of_each_is_a_setting():
    least = timedelta(microseconds=1)
    settings = Settings(
        public_url="https://a.example", body_limit=1, waiters=0, **dict.fromkeys(SPANS, least)
    )
    assert (settings.body_limit, settings.waiters, settings.look_every) == (1, 0, least)
