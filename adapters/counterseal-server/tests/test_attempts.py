"""Attempts: any thread begins them, and once they are stopped, none begins."""

import threading
from types import SimpleNamespace

import pytest

from counterseal_server import attempts as module
from counterseal_server.attempts import Attempts

PATIENCE = 60


@pytest.fixture
def release():
    """Return the event for which each attempt waits."""
    return threading.Event()


@pytest.fixture
def attempts(release):
    def attempt(_):
        assert release.wait(PATIENCE)
        return SimpleNamespace(state=SimpleNamespace(value="delivered"))

    return Attempts(
        *("callback", attempt, lambda *_: None),
        describe=str,
        slots=4,
        freed=lambda: None,
    )


def record(guid):
    return SimpleNamespace(guid=guid, trace=None)


def test_two_threads_that_begin_at_once_share_one_pool(attempts, release, monkeypatch):
    made, first = [], module.ThreadPoolExecutor
    meet = threading.Barrier(2)

    def make(*arguments):
        made.append(first(*arguments))
        # The other thread looks whether there is a pool meanwhile, unless it has to wait.
        meet_other.wait(1)
        return made[-1]

    meet_other = threading.Event()
    monkeypatch.setattr(module, "ThreadPoolExecutor", make)

    def begin(guid):
        meet.wait(PATIENCE)
        attempts.begin(record(guid), "callbacks")
        meet_other.set()

    threads = [threading.Thread(target=begin, args=(guid,)) for guid in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    release.set()
    attempts.stop()
    assert (len(made), attempts.under_way) == (1, {})


def test_none_begins_once_they_are_stopped(attempts):
    attempts.stop()
    with pytest.raises(RuntimeError):
        attempts.begin(record("a"), "callbacks")
    assert attempts.under_way == {}
