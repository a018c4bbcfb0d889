"""The whole core under histories: see `counterseal_testing.histories`."""

import sys
import time

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from counterseal_testing.histories.model import HistoryModel


@pytest.mark.timeout(7200)
def test_the_whole_core(history, budget, capsys):
    run(history, budget, capsys)


@pytest.mark.timeout(7200)
def test_new_devices(device_history, budget, capsys):
    fewer = settings(budget, max_examples=budget.max_examples // 5)
    run(device_history, fewer, capsys)


@pytest.mark.timeout(7200)
def test_refusals(refusal_history, budget, capsys):
    fewer = settings(budget, max_examples=budget.max_examples // 10)
    run(refusal_history, fewer, capsys)


@pytest.mark.timeout(7200)
def test_actions(action_history, budget, capsys):
    fewer = settings(budget, max_examples=budget.max_examples // 5)
    run(action_history, fewer, capsys)


def run(history, budget, capsys):
    begin, before = time.perf_counter(), HistoryModel.steps
    run_state_machine_as_test(history, settings=budget)

    steps, seconds = HistoryModel.steps - before, time.perf_counter() - begin
    with capsys.disabled():
        # A worker of xdist has no other way to the terminal.
        sys.stderr.write(f"\n{steps} steps, {steps / seconds:.0f} a second\n")
