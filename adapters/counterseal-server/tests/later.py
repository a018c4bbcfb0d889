"""
The command, on a machine whose clock is ahead; only the tests have this.

    LATER_SECONDS=SECONDS later.py serve --data DIR …
"""

import os
from datetime import timedelta

from counterseal.memory import SystemClock
from counterseal_server.cli import main

NOW = SystemClock.now


def later(clock):
    return NOW(clock) + timedelta(seconds=float(os.environ["LATER_SECONDS"]))


if __name__ in {"__main__", "__mp_main__"}:
    SystemClock.now = later

if __name__ == "__main__":
    main()
