"""
The command, whose log says for whom it waits inside; only the tests have this.

    TELLING_LOOK=SECONDS telling.py serve --data DIR …

Those who wait look at the store by themselves every SECONDS, and may wait for an hour.
"""

import os
import sys
from datetime import timedelta
from functools import partial

import attrs

from counterseal_server.cli import main
from counterseal_server.house import House


class Wake:
    def __init__(self, wake):
        self._wake = wake

    def __getattr__(self, name):
        return getattr(self._wake, name)

    def wait(self, guid, timeout):
        sys.stderr.write(f"waits for {guid}\n")
        self._wake.wait(guid, timeout)


class Telling(House):
    def __init__(self, settings):
        super().__init__(settings)
        self.ports = attrs.evolve(self.ports, wake=Wake(self.ports.wake))


def arm():
    # Wherever they are looked up: here, and in the process that granian starts.
    from counterseal_server import serving, web, workers  # noqa: F401, PLC0415 (so that they are)

    web.Face = partial(
        web.Face,
        look_every=timedelta(seconds=float(os.environ["TELLING_LOOK"])),
        wait_limit=timedelta(hours=1),
    )
    for module in tuple(sys.modules.values()):
        if getattr(module, "House", None) is House and module.__name__.startswith("counterseal"):
            module.House = Telling


if __name__ in {"__main__", "__mp_main__"}:
    arm()

if __name__ == "__main__":
    main()
