"""Properties under Hypothesis: how long it may shrink, and how a race is reported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky
from hypothesis.internal.conjecture import engine

SHRINK_SECONDS = 20
"""After which a counterexample is reported as it is; Hypothesis itself gives up after 300."""


@contextmanager
def bounded_shrinking(clause: str) -> Iterator[None]:
    """
    Let Hypothesis shrink for `SHRINK_SECONDS` at most.

    Args:
        clause: What the property shows.

    Raises:
        pytest.fail.Exception: The same examples ended in different ways: a race, in one line.
    """
    # There is no setting for it; where the name has gone, Hypothesis's own limit is left.
    with mock.patch.object(engine, "MAX_SHRINKING_SECONDS", SHRINK_SECONDS, create=True):
        try:
            yield
        except Flaky:
            race = True
        else:
            race = False
    if race:
        pytest.fail(
            f"{clause}: a race: the same calls, made twice, ended differently", pytrace=False
        )


def store_settings(profile: settings) -> settings:
    """
    Return *profile* for histories of a store.

    One bug is enough, since the next one is found when it is mended, and which part of a long
    history matters is seen by what is left of it.
    """
    return settings(
        profile,
        deadline=None,
        stateful_step_count=30,
        report_multiple_bugs=False,
        phases=[phase for phase in profile.phases if phase is not Phase.explain],
        # A slow machine is no fault of the store's.
        suppress_health_check=(*profile.suppress_health_check, HealthCheck.too_slow),
    )
