"""
The command, dying by SIGKILL at one point of the outbox or the audit log, once; only for tests.

    crashing.py POINT MARK serve --data DIR …

The ports of the process that serves are replaced by ones that kill it and its parent:

- `answered`: an answer is committed, and no worker has claimed its callback yet;
- `claimed`: the callback is claimed, and not sent;
- `sent`: the receiver has it, and no outcome is recorded;
- `recorded`: the outcome is recorded;
- `publishing`: an account's event is committed, and not in the log of its App Space;
- `logged`: it is in the log, and not marked as published;
- `published`: it is marked as published, and not sent;
- `unsigned`: events of the audit log are chained, and no head that has them is signed;
- `released`: a signed head says that archived events may be dropped, and they are there;
- `dropped`: the archived events of one partition are dropped, and those of others are there.

MARK is a file that is made just before.
"""

import os
import signal
import sys
from pathlib import Path

import attrs

from counterseal.models import AccountEventState, CallbackState, ChallengeState, LoggedEvent
from counterseal_server.cli import main
from counterseal_server.runtime import Runtime

POINT, MARK = sys.argv[1], Path(sys.argv[2])
COMMITTED = {
    "answered": ChallengeState.ANSWERED,
    "recorded": CallbackState.DELIVERED,
    "published": AccountEventState.PUBLISHED,
}


def die():
    MARK.touch()
    os.killpg(0, signal.SIGKILL)


class Store:
    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    def commit(self, changes, *args, **kwargs):
        changes = tuple(changes)
        appends = any(isinstance(change.new, LoggedEvent) for change in changes)
        if POINT == "publishing" and appends:
            die()
        result = self._store.commit(changes, *args, **kwargs)
        if POINT == "logged" and appends:
            die()
        state = COMMITTED.get(POINT)
        if state and any(getattr(change.new, "state", None) is state for change in changes):
            die()
        return result


class Sender:
    def __init__(self, sender):
        self._sender = sender

    def require_callable(self, url):
        self._sender.require_callable(url)

    def send(self, delivery):
        if POINT == "claimed":
            die()
        outcome = self._sender.send(delivery)
        if POINT == "sent":
            die()
        return outcome


class Log:
    def __init__(self, audit):
        self._audit = audit

    def __getattr__(self, name):
        return getattr(self._audit, name)

    def replace_signed_head(self, head):
        if POINT == "unsigned":
            die()
        return self._audit.replace_signed_head(head)

    def drop_chained(self, partition, through):
        if POINT == "released":
            die()
        self._audit.drop_chained(partition, through)
        if POINT == "dropped":
            die()


class Crashing(Runtime):
    def __init__(self, settings):
        super().__init__(settings)
        self.ports = attrs.evolve(
            self.ports,
            audit=Log(self.ports.audit),
            store=Store(self.ports.store),
            sender=Sender(self.ports.sender),
        )


def arm():
    # Wherever it is looked up: here, and in the process that granian starts.
    for module in tuple(sys.modules.values()):
        if getattr(module, "Runtime", None) is Runtime and module.__name__.startswith(
            "counterseal"
        ):
            module.Runtime = Crashing


if __name__ in {"__main__", "__mp_main__"}:
    from counterseal_server import serving, web, workers  # noqa: F401 (so that they are found)

    arm()

if __name__ == "__main__":
    del sys.argv[1:3]
    main()
