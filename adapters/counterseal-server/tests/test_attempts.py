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
    pools, make_pool = [], module.ThreadPoolExecutor
    start, one_begun = threading.Barrier(2), threading.Event()

    def make(*arguments):
        pools.append(make_pool(*arguments))
        # The other thread looks whether there is a pool meanwhile, unless it has to wait.
        one_begun.wait(1)
        return pools[-1]

    monkeypatch.setattr(module, "ThreadPoolExecutor", make)

    def begin(guid):
        start.wait(PATIENCE)
        attempts.begin(record(guid), "callbacks")
        one_begun.set()

    threads = [threading.Thread(target=begin, args=(guid,)) for guid in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    release.set()
    attempts.stop()
    assert (len(pools), attempts.under_way) == (1, {})


def test_none_begins_once_they_are_stopped(attempts):
    attempts.stop()
    with pytest.raises(RuntimeError):
        attempts.begin(record("a"), "callbacks")
    assert attempts.under_way == {}
