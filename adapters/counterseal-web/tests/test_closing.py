"""A signal ends the waits of a server of threads, and does what it did before."""

import signal
import threading

import pytest

from counterseal_testing import FakeService
from counterseal_web import Service, Settings, close_on_signal
from counterseal_web.closing import SIGNALS

PATIENCE = 60


@pytest.fixture
def numbers():
    """The signals that the server's own handler has got."""
    received, previous = [], {}
    for number in SIGNALS:
        previous[number] = signal.getsignal(number)
        signal.signal(number, lambda raised, _: received.append(raised))
    yield received
    for number, handler in previous.items():
        signal.signal(number, handler)


def make_service():
    """Return a service, and what is set once it is closed."""
    world, closed = FakeService(), threading.Event()
    service = Service(world.ports, world.policy, Settings(public_url="https://service.example"))
    service.at_close(closed.set)
    return service, closed


@pytest.mark.parametrize("number", SIGNALS)
def test_every_service_is_closed_and_the_handler_before_runs_once(numbers, number):
    services = [make_service() for _ in range(2)]
    for service, _ in services:
        close_on_signal(service)
    signal.raise_signal(number)
    assert all(closed.wait(PATIENCE) for _, closed in services)
    assert numbers == [number]


def test_a_handler_that_another_library_installs_between_runs_once(numbers):
    first, second = make_service(), make_service()
    close_on_signal(first[0])
    previous, between = signal.getsignal(signal.SIGTERM), []

    def handle(number, frame):
        between.append(number)
        previous(number, frame)

    signal.signal(signal.SIGTERM, handle)
    close_on_signal(second[0])
    signal.raise_signal(signal.SIGTERM)
    assert all(closed.wait(PATIENCE) for _, closed in (first, second))
    assert (between, numbers) == ([signal.SIGTERM], [signal.SIGTERM])


def test_outside_the_main_thread_no_handler_is_installed(numbers):
    service, closed = make_service()
    thread = threading.Thread(target=close_on_signal, args=(service,))
    thread.start()
    thread.join()
    signal.raise_signal(signal.SIGTERM)
    assert numbers == [signal.SIGTERM]
    assert not closed.is_set()
