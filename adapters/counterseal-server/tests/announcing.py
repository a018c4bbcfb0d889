"""
The command, whose log says for whom it waits inside; only the tests have this.

    ANNOUNCING_LOOK=SECONDS announcing.py serve --data DIR …

Those who wait look at the store by themselves every SECONDS, and may wait for an hour.
"""

import os
import sys
from datetime import timedelta
from functools import partial

import attrs

from counterseal_server.cli import main
from counterseal_server.runtime import Runtime


class Wake:
    def __init__(self, wake):
        self._wake = wake

    def __getattr__(self, name):
        return getattr(self._wake, name)

    def wait(self, guid, timeout):
        sys.stderr.write(f"waits for {guid}\n")
        self._wake.wait(guid, timeout)


class AnnouncingRuntime(Runtime):
    def __init__(self, settings):
        super().__init__(settings)
        self.ports = attrs.evolve(self.ports, wake=Wake(self.ports.wake))


def arm():
    # Wherever they are looked up: here, and in the process that granian starts.
    from counterseal_server import serving, web, workers  # noqa: F401, PLC0415 (so that they are)

    web.Face = partial(
        web.Face,
        look_every=timedelta(seconds=float(os.environ["ANNOUNCING_LOOK"])),
        wait_limit=timedelta(hours=1),
    )
    for module in tuple(sys.modules.values()):
        if getattr(module, "Runtime", None) is Runtime and module.__name__.startswith(
            "counterseal"
        ):
            module.Runtime = AnnouncingRuntime


if __name__ in {"__main__", "__mp_main__"}:
    arm()

if __name__ == "__main__":
    main()
