"""ThreadPool: so many acts at a time, so many that wait, and since when none came free."""

import threading

import pytest

from counterseal_server.slots import sender
from counterseal_server.thread_pool import Exhaustion, ThreadPool

PATIENCE = 240
ONE, OTHER = sender("192.0.2.1"), sender("192.0.2.2")


@pytest.fixture
def blocked():
    """Return a function that gives threads acts which block, until the end of the test."""
    go = threading.Event()

    def block(threads, count):
        entered = threading.Semaphore(0)

        def task():
            entered.release()
            go.wait(PATIENCE)

        accepted = [threads.run(task, sender(f"198.51.100.{number}")) for number in range(count)]
        return accepted, entered, go

    yield block
    go.set()


def test_so_many_run_and_so_many_wait(blocked):
    threads = ThreadPool("t", 2, 3)
    accepted, entered, go = blocked(threads, 6)
    assert accepted == [True] * 5 + [False]
    assert entered.acquire(timeout=PATIENCE)
    assert entered.acquire(timeout=PATIENCE)
    assert threads.exhaustion.used() == 2
    assert not entered.acquire(blocking=False)
    go.set()
    for _ in range(3):
        assert entered.acquire(timeout=PATIENCE)
    over = threading.Event()
    assert threads.run(over.set, ONE)
    assert over.wait(PATIENCE)


def test_one_sender_gets_its_share_of_those_that_wait_until_a_thread_begins(blocked):
    threads = ThreadPool("t", 1, 16)
    _, entered, go = blocked(threads, 1)
    assert entered.acquire(timeout=PATIENCE)
    began = threading.Semaphore(0)
    assert [threads.run(began.release, ONE) for _ in range(3)] == [True, True, False]
    assert threads.run(began.release, OTHER)
    go.set()
    for _ in range(3):
        assert began.acquire(timeout=PATIENCE)
    # Each share came back with the thread that began.
    again, over = threading.Event(), threading.Event()

    def task():
        again.set()
        over.wait(PATIENCE)

    assert threads.run(task, OTHER)
    assert again.wait(PATIENCE)
    assert [threads.run(began.release, ONE) for _ in range(3)] == [True, True, False]
    over.set()


def test_who_finds_a_thread_free_needs_no_share():
    threads = ThreadPool("t", 9, 1)
    entered, go = threading.Semaphore(0), threading.Event()

    def task():
        entered.release()
        go.wait(PATIENCE)

    assert [threads.run(task, ONE) for _ in range(11)] == [True] * 10 + [False]
    for _ in range(9):
        assert entered.acquire(timeout=PATIENCE)
    go.set()


def test_a_thread_is_used_again_and_outlives_what_it_runs():
    threads = ThreadPool("t", 1, 5)
    names = []
    for _ in range(3):
        over = threading.Event()

        def task(over=over):
            names.append(threading.current_thread().name)
            over.set()

        assert threads.run(task, ONE)
        assert over.wait(PATIENCE)
    assert names == ["t-1"] * 3


@pytest.fixture
def unstarted(monkeypatch):
    """Return a function that lets the next threads fail to start, as where no memory is left."""
    start = threading.Thread.start

    def fail(count):
        failures = iter(range(count))

        def once(thread):
            if next(failures, None) is not None:
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", once)

    return fail


def test_an_act_whose_thread_cannot_start_is_refused_and_the_next_one_runs(unstarted):
    threads = ThreadPool("t", 1, 1)
    ran = []
    unstarted(2)
    assert not threads.run(lambda: ran.append("refused"), ONE)
    assert not threads.run(lambda: ran.append("refused"), ONE)
    over = threading.Event()
    assert threads.run(over.set, ONE)
    assert over.wait(PATIENCE)
    # Who was told no has time to try again elsewhere.
    assert ran == []


def test_an_act_whose_thread_cannot_start_runs_in_another_one(blocked, unstarted):
    threads = ThreadPool("t", 2, 3)
    _, entered, go = blocked(threads, 1)
    assert entered.acquire(timeout=PATIENCE)
    unstarted(1)
    second, third = threading.Event(), threading.Event()
    assert threads.run(second.set, ONE)
    # The thread that is missing is started for the next act.
    assert threads.run(third.set, ONE)
    assert second.wait(PATIENCE)
    assert third.wait(PATIENCE)
    go.set()


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
