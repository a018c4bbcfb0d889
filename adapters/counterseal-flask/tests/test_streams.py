"""Event streams of a host that never sends them: each frees its slot without the help of `gc`."""

import gc

import pytest
from flask import Flask
from werkzeug.test import create_environ

from counterseal.credentials.documents import write_basic
from counterseal.models import Scheme
from counterseal_flask import Settings, create_blueprints
from counterseal_testing import FakeService


class Host:
    """
    A Flask app with one slot, and a request that a stream waits for.

    Attributes:
        app: The app.
    """

    def __init__(self):
        world = FakeService()
        self.app = Flask("host")
        settings = Settings(public_url="https://service.example", waiters=1)
        for blueprint in create_blueprints(world.ports, world.policy, settings):
            self.app.register_blueprint(blueprint)
        world.bind("user-42")
        self._guid = world.ask("user-42", "Pay?").challenge.guid
        party = world.origin.origin.guid
        credential = write_basic(world.credentials.issue(party, Scheme.BASIC).secret, guid=party)
        self._headers = {"Authorization": credential}

    def stream(self, start_response, method="GET"):
        """Call the app as a server does, for a stream."""
        path = f"/request/events?requestGuid={self._guid}"
        return self.app(create_environ(path, method=method, headers=self._headers), start_response)

    def status(self):
        """Return the status of one more stream, which is closed."""
        statuses = []
        self.stream(lambda status, _: statuses.append(status)).close()
        return statuses[0]


@pytest.fixture
def host():
    # What only the collector of cycles would free is not free.
    gc.disable()
    yield Host()
    gc.enable()


def test_a_stream_that_is_closed_unread_frees_its_slot(host):
    for method in ("GET", "HEAD"):
        host.stream(lambda *_: None, method).close()
        assert host.status() == "200 OK"


def test_a_stream_that_is_dropped_frees_its_slot(host):
    body = host.stream(lambda *_: None)
    assert host.status() == "503 SERVICE UNAVAILABLE"
    del body
    assert host.status() == "200 OK"


def test_a_stream_whose_head_cannot_be_sent_frees_its_slot(host):
    def unsendable(*_):
        raise ConnectionError

    with pytest.raises(ConnectionError) as raised:
        host.stream(unsendable)
    # The server still logs the error, whose frames have the response.
    assert host.status() == "200 OK"
    assert raised.value.__traceback__ is not None


@pytest.mark.parametrize("propagate", [False, True])
def test_a_stream_that_the_host_fails_to_finish_frees_its_slot(host, propagate):
    errors = [LookupError()]
    host.app.config["PROPAGATE_EXCEPTIONS"] = propagate

    @host.app.after_request
    def finish(response):
        if errors:
            raise errors.pop()
        return response

    if propagate:
        with pytest.raises(LookupError):
            host.stream(lambda *_: None)
    else:
        host.stream(lambda *_: None).close()
    assert host.status() == "200 OK"


def test_a_stream_that_the_host_replaces_frees_its_slot(host):
    responses = [host.app.response_class("Later.", 503)]

    @host.app.after_request
    def replace(response):
        return responses.pop() if responses else response

    host.stream(lambda *_: None).close()
    assert host.status() == "200 OK"


def test_a_host_may_send_the_pieces_in_a_response_of_its_own(host):
    @host.app.after_request
    def wrap(response):
        wrapped = host.app.response_class(response.response, response.status, response.headers)
        wrapped.call_on_close(response.close)
        return wrapped

    body = host.stream(lambda *_: None)
    pieces = iter(body)
    assert next(pieces).startswith(b"retry: ")
    assert host.status() == "503 SERVICE UNAVAILABLE"
    body.close()
    assert host.status() == "200 OK"
