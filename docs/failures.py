"""What cog writes into a page of a failing property: the error, and the shortest history."""

from __future__ import annotations

import runpy
from pathlib import Path

import cog
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

ROOT = Path(__file__).parent.parent


def failure_of(path: str, name: str) -> str:
    """
    Return what Hypothesis says of the state machine *name* in the file at *path*.

    Raises:
        LookupError: It does not fail.
    """
    machine = runpy.run_path(str(ROOT / path))[name]
    # The same histories each time, so that the page stays as it is.
    steady = settings(
        machine.TestCase.settings,
        derandomize=True,
        database=None,
        print_blob=False,
        report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink],
    )
    try:
        run_state_machine_as_test(machine, settings=steady)
    except AssertionError as error:
        return "\n".join([f"AssertionError: {error}", *error.__notes__])
    raise LookupError(f"{name} does not fail")


def show_failure(path: str, name: str) -> None:
    """Write it as a block."""
    cog.outl(f"\n```text\n{failure_of(path, name)}\n```\n")
