"""ThreadPool: so many acts at a time, so many that wait, and since when none came free."""

import threading

import pytest

from counterseal_server.thread_pool import Exhaustion, ThreadPool

PATIENCE = 240


@pytest.fixture
def blocked():
    """Return a function that gives threads acts which block, until the end of the test."""
    go = threading.Event()

    def block(threads, count):
        entered = threading.Semaphore(0)

        def act():
            entered.release()
            go.wait(PATIENCE)

        taken = [threads.run(act) for _ in range(count)]
        return taken, entered, go

    yield block
    go.set()


def test_so_many_run_and_so_many_wait(blocked):
    threads = ThreadPool("t", 2, 3)
    taken, entered, go = blocked(threads, 6)
    assert taken == [True] * 5 + [False]
    assert entered.acquire(timeout=PATIENCE)
    assert entered.acquire(timeout=PATIENCE)
    assert threads.exhaustion.used() == 2
    assert not entered.acquire(blocking=False)
    go.set()
    for _ in range(3):
        assert entered.acquire(timeout=PATIENCE)
    over = threading.Event()
    assert threads.run(over.set)
    assert over.wait(PATIENCE)


def test_a_thread_is_used_again_and_outlives_what_it_runs():
    threads = ThreadPool("t", 1, 5)
    names = []
    for _ in range(3):
        over = threading.Event()

        def act(over=over):
            names.append(threading.current_thread().name)
            over.set()

        assert threads.run(act)
        assert over.wait(PATIENCE)
    assert names == ["t-1"] * 3


def test_threads_are_exhausted_while_none_comes_free(blocked):
    now = [0.0]
    threads = ThreadPool("t", 2, 3, lambda: now[0])
    _, entered, go = blocked(threads, 3)
    assert entered.acquire(timeout=PATIENCE)
    assert entered.acquire(timeout=PATIENCE)
    now[0] = 59.9
    assert not threads.exhaustion.lasts(60)
    now[0] = 60.0
    assert threads.exhaustion.lasts(60)
    go.set()
    assert entered.acquire(timeout=PATIENCE)
    # One came free: the third began.
    assert not threads.exhaustion.lasts(60)


def test_who_has_one_left_is_not_exhausted():
    now = [0.0]
    exhaustion = Exhaustion(2, lambda: now[0])
    exhaustion.take()
    now[0] = 1_000.0
    assert not exhaustion.lasts(0)
    exhaustion.take()
    assert exhaustion.lasts(0)
    exhaustion.give_back()
    exhaustion.take()
    now[0] = 1_059.0
    assert not exhaustion.lasts(60)
    now[0] = 1_060.0
    assert exhaustion.lasts(60)
    assert exhaustion.used() == 2
