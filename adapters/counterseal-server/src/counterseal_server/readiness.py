"""Readiness: whether this process can serve a device now, and store its answer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from counterseal import Unavailable
from counterseal.models.guid import ENTROPY_BYTES, mint
from counterseal_server.runtime import Runtime
from counterseal_server.thread_pool import Exhaustion

FRESH_SECONDS = 1.0
"""Seconds for which a result is reused: a check writes, and anybody may ask for one."""

NOBODY = mint(0, bytes(ENTROPY_BYTES))
"""No record has this GUID."""

CHECKS = ("service", "readyz")
"""The counter that is written: a read would not notice a replica."""

PROBE_BYTES = 8_192
"""
A page of PostgreSQL's: on a full disk, a counter is still changed in place. Random bytes, so that
nothing compresses them.
"""

WINDOW = timedelta(minutes=1)

STUCK_SECONDS = 60.0
"""Seconds for which all threads or places may be in use without one becoming free."""

log = logging.getLogger("counterseal_server")


class Readiness:
    """
    Checks the keys, the records, and that places for bodies and threads become free.

    Args:
        runtime: The service.
        exhaustions: By name, of what every request needs.
        monotonic: Seconds that only grow.
    """

    def __init__(
        self,
        runtime: Runtime,
        exhaustions: Mapping[str, Exhaustion],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        ports = runtime.ports
        self._exhaustions = exhaustions
        self._checks: dict[str, tuple[Callable[[], object], ...]] = {
            "signer": (ports.signer.jwks,),
            "sealer": (lambda: ports.sealer.seal(b"", "readyz"),),
            "store": (
                lambda: ports.store.get(NOBODY),
                lambda: ports.counters.add(CHECKS, WINDOW),
                lambda: runtime.records.probe(ports.entropy.token(PROBE_BYTES), ports.clock.now()),
                runtime.full_store.require_room,
            ),
        }
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._verdict: tuple[float, list[str]] | None = None

    def failing(self) -> list[str]:
        """Return what fails now, or failed a moment ago; nothing if all is well."""
        # Before the records are checked: everything may be waiting for them.
        stuck = [name for name, one in self._exhaustions.items() if one.lasts(STUCK_SECONDS)]
        if stuck:
            log.warning("not ready: no %s came free for a minute", " and no ".join(stuck))
            return stuck
        with self._lock:
            now = self._monotonic()
            if self._verdict is None or now - self._verdict[0] >= FRESH_SECONDS:
                failures = [
                    name for name, checks in self._checks.items() if not _works(name, checks)
                ]
                self._verdict = (now, failures)
            return self._verdict[1]


def _works(name: str, checks: tuple[Callable[[], object], ...]) -> bool:
    try:
        for check in checks:
            check()
    except Unavailable as error:
        log.warning("not ready: %s: %s", name, error.code)
        return False
    return True
