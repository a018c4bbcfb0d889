"""The Celery task of the example, with a worker: it runs once after its approval, or never."""

import queue

import approve_a_task as example
import pytest
from approve_a_task import answer, refund_task
from approve_an_agent import an_agent
from ask_from_your_site import service
from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery.signals import setup_logging, task_postrun

from counterseal_client import ActionUsed, Declined

PATIENCE = 240
CALL = ("order-7", 1990)


@pytest.fixture(scope="module")
def world():
    world, _, server, url = service()
    client, trust = an_agent(world, url)
    yield world, client, trust
    client.close()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def phone(world):
    return world[0].bind("manager-1")


@pytest.fixture
def refunded():
    """What was paid back."""
    example.refunded.clear()
    return example.refunded


@pytest.fixture(scope="module")
def task(world):
    _, client, trust = world
    app = Celery("shop", broker="memory://", backend="cache+memory://", set_as_current=False)
    app.conf.broker_transport_options = {"polling_interval": 0.05}
    return refund_task(app, client, trust, "manager-1")


@pytest.fixture(scope="module")
def outcomes(task):
    """The worker's tasks as they end: each one's state, and what it returned or raised."""
    ended = queue.Queue()

    def end(sender, state, retval, **_):
        if sender.name == task.name:
            ended.put((state, retval))

    def leave_logs(**_):
        """Where somebody sets up logs, Celery does not: it would for all tests of this process."""

    setup_logging.connect(leave_logs)
    task_postrun.connect(end)
    try:
        with start_worker(task.app, pool="solo", perform_ping_check=False):
            yield lambda: ended.get(timeout=PATIENCE)
    finally:
        task_postrun.disconnect(end)
        setup_logging.disconnect(leave_logs)


def test_a_task_runs_after_its_approval_and_not_when_it_is_delivered_again(
    task, phone, outcomes, refunded
):
    task.apply_async(CALL, task_id="task-1")
    answer(phone)
    assert outcomes() == ("SUCCESS", None)

    task.apply_async(CALL, task_id="task-1")
    state, error = outcomes()
    assert (state, type(error)) == ("FAILURE", ActionUsed)
    assert refunded == [CALL]


def test_a_task_that_is_refused_does_not_run_and_a_repeat_asks_nobody(
    task, phone, outcomes, refunded
):
    task.apply_async(CALL, task_id="task-2")
    answer(phone, 1)
    first = outcomes()
    task.apply_async(CALL, task_id="task-2")

    for state, error in (first, outcomes()):
        assert (state, type(error)) == ("FAILURE", Declined)
    assert (refunded, phone.pending()) == ([], ())


def test_other_arguments_under_the_id_of_a_task_do_not_run(task, phone, outcomes, refunded):
    task.apply_async(CALL, task_id="task-3")
    answer(phone)
    outcomes()
    task.apply_async(("order-7", 199_000), task_id="task-3")

    state, error = outcomes()
    assert (state, error.problem) == ("FAILURE", "key_reused")
    assert refunded == [CALL]
