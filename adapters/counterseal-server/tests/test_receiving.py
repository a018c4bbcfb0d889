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
    return Receiving(seen, places, 1)({"wsgi.input": body, **said}, None)


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


class Slow:
    """A body of which nothing comes until it is let go."""

    def __init__(self):
        self.here, self.go = threading.Event(), threading.Event()

    def read(self, _):
        self.here.set()
        self.go.wait(60)
        return b""


@pytest.fixture
def held():
    """Return a function that begins a request with a slow body; all end with the test."""
    begun = []

    def begin(app, **said):
        slow = Slow()
        request = {"wsgi.input": slow, "HTTP_TRANSFER_ENCODING": "chunked", **said}
        thread = threading.Thread(target=app, args=(request, None))
        thread.start()
        begun.append((slow, thread))
        assert slow.here.wait(60)

        def end():
            slow.go.set()
            thread.join(60)

        return end

    yield begin
    for slow, thread in begun:
        slow.go.set()
        thread.join(60)


def one_more(app, **said):
    """Bring a body of one byte, and return why it was not received."""
    word, _ = app({"wsgi.input": Body(1), "CONTENT_LENGTH": "1", **said}, None)
    return word


def test_a_place_is_taken_while_a_body_comes_and_no_longer(held):
    app = Receiving(seen, 1, 1)
    end = held(app)
    assert one_more(app) == BUSY
    assert app({"wsgi.input": None}, None) == ["", b""]
    end()
    assert one_more(app) == ""
    with pytest.raises(KeyError):
        app({"CONTENT_LENGTH": "1"}, None)  # no server's
    assert one_more(app) == ""


@pytest.mark.parametrize(
    ("same", "other"),
    [
        (["192.0.2.1"], "192.0.2.2"),
        (["2001:db8:0:1::1", "2001:db8:0:1:ffff::"], "2001:db8:0:2::1"),
        (["::ffff:192.0.2.1"], "::ffff:192.0.2.2"),
        (["fe80::1%eth0"], "fe80::2%eth0"),
    ],
    ids=["IPv4", "IPv6", "IPv4 as IPv6", "neither"],
)
def test_one_address_gets_a_quarter_of_the_places(held, same, other):
    app = Receiving(seen, 8, 1)
    ends = [held(app, REMOTE_ADDR=same[-number % len(same)]) for number in range(2)]
    for address in same:
        assert one_more(app, REMOTE_ADDR=address) == BUSY
    assert one_more(app, REMOTE_ADDR=other) == ""
    ends.pop()()
    assert one_more(app, REMOTE_ADDR=same[0]) == ""


def test_all_addresses_together_get_all_places(held):
    app = Receiving(seen, 4, 1)
    for number in range(4):
        held(app, REMOTE_ADDR=f"192.0.2.{number}")
    assert one_more(app, REMOTE_ADDR="192.0.2.9") == BUSY


def test_what_was_received_runs_in_turn():
    entered, go, over = threading.Semaphore(0), threading.Event(), []

    def slowly(*_):
        entered.release()
        go.wait(60)
        over.append(1)
        return []

    app = Receiving(slowly, 8, 2)
    requests = [{"wsgi.input": Body(1), "CONTENT_LENGTH": "1"} for _ in range(6)]
    threads = [threading.Thread(target=app, args=(each, None)) for each in requests]
    for thread in threads:
        thread.start()
    assert entered.acquire(timeout=60)
    assert entered.acquire(timeout=60)
    # That no third one comes can only be waited for.
    assert not entered.acquire(timeout=0.2)
    go.set()
    for thread in threads:
        thread.join(60)
    assert len(over) == 6
