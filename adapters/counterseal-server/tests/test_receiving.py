"""Receiving bodies: whole, some at a time, and never more than said."""

import threading

import pytest

from counterseal_server.receiving import BROKEN, BUSY, RECEIVED_BYTES, REFUSED, Receiving


class Body:
    """A request's body that comes as it is written; `gone` is how the client leaves."""

    def __init__(self, length, gone=None):
        self.left, self.gone = length, gone

    def read(self, size):
        if self.gone is not None:
            raise self.gone
        piece = min(size, self.left, 65_536)
        self.left -= piece
        return b"x" * piece


def seen(environ, _):
    """Say what reached the application."""
    return [environ.get(REFUSED, ""), environ["wsgi.input"].read()]


def ask(body, places=1, **said):
    return Receiving(seen, places)({"wsgi.input": body, **said}, None)


def test_a_body_is_received_whole():
    assert ask(Body(100_000), CONTENT_LENGTH="100000") == ["", b"x" * 100_000]
    assert ask(Body(100_000), HTTP_TRANSFER_ENCODING="chunked") == ["", b"x" * 100_000]
    assert ask(Body(7), SERVER_PROTOCOL="HTTP/2") == ["", b"x" * 7]


@pytest.mark.parametrize("said", [{}, {"CONTENT_LENGTH": "0"}])
def test_who_brings_none_needs_no_place(said):
    assert ask(None, places=0, **said) == ["", b""]


def test_no_more_is_received_than_a_server_would_wait_for():
    body = Body(RECEIVED_BYTES + 1)
    word, received = ask(body, CONTENT_LENGTH=str(RECEIVED_BYTES + 1))
    assert (word, len(received), body.left) == ("", RECEIVED_BYTES, 1)


def test_a_body_that_breaks_off_is_refused():
    assert ask(Body(99), CONTENT_LENGTH="100")[0] == BROKEN
    for gone in (OSError(), ValueError()):
        assert ask(Body(1, gone), CONTENT_LENGTH="1")[0] == BROKEN
    assert ask(Body(1), CONTENT_LENGTH="one") == ["", b"x"]


def test_a_place_is_taken_while_a_body_comes_and_no_longer():
    here, go = threading.Event(), threading.Event()

    class Slow:
        def read(self, _):
            here.set()
            go.wait(60)
            return b""

    app = Receiving(seen, 1)
    slow = {"wsgi.input": Slow(), "HTTP_TRANSFER_ENCODING": "chunked"}
    thread = threading.Thread(target=app, args=(slow, None))
    thread.start()
    assert here.wait(60)

    def another():
        return app({"wsgi.input": Body(1), "CONTENT_LENGTH": "1"}, None)

    assert another() == [BUSY, b""]
    assert app({"wsgi.input": None}, None) == ["", b""]
    go.set()
    thread.join(60)
    assert another() == ["", b"x"]
    with pytest.raises(KeyError):
        app({"CONTENT_LENGTH": "1"}, None)  # no server's
    assert another() == ["", b"x"]
