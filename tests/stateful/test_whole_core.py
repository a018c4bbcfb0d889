"""The whole core under histories: see `counterseal.testing.histories`."""

import time

import pytest
from hypothesis.stateful import run_state_machine_as_test

from counterseal.testing.histories.stage import Stage


@pytest.mark.timeout(7200)
def test_the_whole_core(judged, budget, capsys):
    begin, before = time.perf_counter(), Stage.steps
    run_state_machine_as_test(judged, settings=budget)

    steps, seconds = Stage.steps - before, time.perf_counter() - begin
    with capsys.disabled():
        print(f" {steps} steps, {steps / seconds:.0f} a second ", end="")  # noqa: T201 (for `nox -s thorough`)
