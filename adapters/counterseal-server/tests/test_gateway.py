"""The gateway: one hop into a thread and back, pieces as they come, and nobody behind others."""

import asyncio
import threading
import time
from datetime import timedelta

import pytest

from counterseal_server.gateway import STARTED, Gateway, Pools, Refusal, environment
from counterseal_server.receiving import BUSY, REFUSED, Receiving
from counterseal_server.thread_pool import ThreadPool

PATIENCE = 240
WAITING = 2


def pools(count=1, reserved=(), waiting=WAITING, refusals=160):
    return Pools(
        requests=ThreadPool("request", count, waiting),
        refusals=ThreadPool("refusal", 1, refusals),
        reserved={path: ThreadPool(path, 1, WAITING) for path in reserved},
    )


def scope(path="/x", method="GET", headers=(), query=b"", address="192.0.2.1"):
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "raw_path": path.encode() if isinstance(path, str) else path,
        "query_string": query,
        "headers": list(headers),
        "client": (address, 4_000),
        "server": ("127.0.0.1", "8787"),
    }


class Exchange:
    """A request's end at the server, and what was sent to the client."""

    def __init__(self, body=b""):
        self.body = body
        self.messages = []
        self.disconnected = asyncio.Event()
        self.came = asyncio.Event()

    async def receive(self):
        if self.body is not None:
            body, self.body = self.body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self.disconnected.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.messages.append(message)
        self.came.set()

    @property
    def reply(self):
        start, *bodies = self.messages
        assert start["type"] == "http.response.start"
        assert [message["more_body"] for message in bodies] == [True] * (len(bodies) - 1) + [False]
        return start["status"], b"".join(message["body"] for message in bodies)


def refuse(seconds):
    assert 0 <= seconds < PATIENCE
    return Refusal(503, {"Retry-After": "1", "Content-Length": "4"}, b"full")


def gateway(app, threads=None, **keywords):
    receiving = Receiving(8, timedelta(hours=1), 1_000)
    return Gateway(app, receiving, threads or pools(), refuse, **keywords)


async def call(app, *, body=b"", threads=None, **what):
    one = Exchange(body)
    length = [(b"content-length", str(len(body)).encode())] if body else []
    call_scope = scope(headers=length, **what)
    await (app if isinstance(app, Gateway) else gateway(app, threads))(
        call_scope, one.receive, one.send
    )
    return one


def echo(environ, start):
    body = environ["wsgi.input"].read()
    start("201 Created", [("Content-Length", str(len(body))), ("X-Thread", "yes")])
    return [body[:1], body[1:]]


def test_a_reply_of_known_length_goes_back_at_once():
    one = asyncio.run(call(echo, body=b"hello", method="POST"))
    assert one.reply == (201, b"hello")
    start, body = one.messages
    assert start["headers"] == [(b"content-length", b"5"), (b"x-thread", b"yes")]
    assert body["body"] == b"hello"


class Pieces:
    """A reply in pieces, each of which waits until it is wanted; it notes how it ended."""

    def __init__(self):
        self.demand = threading.Semaphore(0)
        self.closed = threading.Event()

    def __call__(self, environ, start):
        del environ
        start("200 OK", [("Content-Type", "text/event-stream")])
        return self

    def __iter__(self):
        return self

    def __next__(self):
        assert self.demand.acquire(timeout=PATIENCE)
        return b"piece"

    def close(self):
        self.closed.set()


def test_pieces_come_as_they_are_made_and_end_when_the_client_leaves():
    async def run():
        app = Pieces()
        one = Exchange(None)
        going = asyncio.ensure_future(gateway(app)(scope(), one.receive, one.send))
        for number in range(1, 4):
            one.came.clear()
            app.demand.release()
            while len(one.messages) <= number:
                one.came.clear()
                await asyncio.wait_for(one.came.wait(), PATIENCE)
            assert one.messages[-1]["body"] == b"piece"
            assert not going.done()
        assert not app.closed.is_set()
        one.disconnected.set()
        await asyncio.sleep(0)
        app.demand.release(2)  # the piece at whose sending it is seen, at the latest
        await asyncio.wait_for(going, PATIENCE)
        assert app.closed.is_set()

    asyncio.run(run())


@pytest.mark.parametrize("limit", [0, 1])
@pytest.mark.parametrize("cancels", [False, True])
def test_a_stream_that_cannot_be_sent_gives_its_thread_back(limit, cancels):
    class Unsendable(Exchange):
        async def send(self, message):
            if len(self.messages) >= limit:
                self.came.set()
                if cancels:
                    await asyncio.Event().wait()
                raise ConnectionError
            self.messages.append(message)

    async def run():
        app, threads = Pieces(), pools()
        one = Unsendable(None)
        going = asyncio.ensure_future(gateway(app, threads)(scope(), one.receive, one.send))
        app.demand.release(2)
        await asyncio.wait_for(one.came.wait(), PATIENCE)
        going.cancel() if cancels else None
        await asyncio.wait_for(asyncio.gather(going, return_exceptions=True), PATIENCE)
        assert await asyncio.to_thread(app.closed.wait, PATIENCE)
        # Its only thread is free for the next.
        assert (await call(echo, body=b"x", method="POST", threads=threads)).reply == (201, b"x")

    asyncio.run(run())


@pytest.mark.parametrize("limit", [1, 2])
def test_a_client_that_takes_no_piece_in_time_loses_its_reply_and_frees_the_thread(limit, caplog):
    class Stalled(Exchange):
        async def send(self, message):
            if len(self.messages) >= limit:
                await asyncio.Event().wait()
            self.messages.append(message)

    async def run():
        app, threads = Pieces(), pools()
        client = Stalled(None)
        face = gateway(app, threads, piece_deadline=timedelta(milliseconds=1))
        going = asyncio.ensure_future(face(scope(), client.receive, client.send))
        app.demand.release(3)
        assert await asyncio.to_thread(app.closed.wait, PATIENCE)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(going), PATIENCE)
        # It was not ended as if it were whole.
        assert going.done()
        assert len(client.messages) <= limit
        assert all(each["more_body"] for each in client.messages[1:])
        assert (await call(echo, body=b"x", method="POST", threads=threads)).reply == (201, b"x")

    asyncio.run(run())
    assert "a client did not take its reply" in caplog.text


def test_a_reply_without_a_body_goes_back_at_once():
    def no_content(_, start):
        start("204 No Content", [])
        return [b""]

    one = asyncio.run(call(no_content))
    assert one.reply == (204, b"")
    assert len(one.messages) == 2


def test_an_application_that_raises_tells_the_server(caplog):
    def broken(environ, start):
        raise ValueError(environ["HTTP_SECRET"])

    async def run():
        one = Exchange()
        with pytest.raises(ValueError, match="canary"):
            await gateway(broken)(scope(headers=[(b"secret", b"canary")]), one.receive, one.send)
        assert one.messages == []

    asyncio.run(run())
    assert "a request failed: ValueError" in caplog.text
    assert "canary" not in caplog.text


def test_a_stream_that_breaks_is_ended():
    def broken(_, start):
        start("200 OK", [])
        yield b"one"
        raise ValueError

    assert asyncio.run(call(broken)).reply == (200, b"one")


OWN = "/healthz"


def read_environment(environ, start):
    body = environ.get(REFUSED, "none").encode()
    start("200 OK", [("Content-Length", str(len(body)))])
    return [body]


@pytest.mark.parametrize(
    ("what", "refused"),
    [
        ({"path": OWN}, "none"),
        ({"path": OWN, "method": "HEAD"}, "none"),
        ({"path": OWN, "method": "POST", "body": b"x"}, BUSY),
        ({"path": OWN, "method": "POST"}, BUSY),
        ({"path": "/other"}, BUSY),
    ],
)
def test_what_has_threads_of_its_own_is_answered_while_all_others_hang(what, refused):
    go, entered = threading.Event(), threading.Semaphore(0)

    def app(environ, start):
        if environ["PATH_INFO"] == "/hang":
            entered.release()
            go.wait(PATIENCE)
        return read_environment(environ, start)

    async def run():
        one = gateway(app, pools(3, [OWN]))
        hanging = [
            asyncio.ensure_future(call(one, path="/hang", address=f"192.0.2.{number}"))
            for number in range(2, 5 + WAITING)
        ]
        for _ in range(3):
            assert await asyncio.to_thread(entered.acquire, timeout=PATIENCE)
        result = await asyncio.wait_for(call(one, **what), PATIENCE)
        assert result.reply == (200, refused.encode())
        assert not any(task.done() for task in hanging)
        go.set()
        assert {(await task).reply for task in hanging} == {(200, b"none")}

    asyncio.run(run())


@pytest.mark.parametrize("what", [{"method": "POST", "body": b"{}"}, {}])
def test_one_senders_requests_that_wait_keep_no_other_sender_out(what):
    go, entered = threading.Event(), threading.Event()

    def app(environ, start):
        if environ["PATH_INFO"] == "/hang":
            entered.set()
            go.wait(PATIENCE)
        return read_environment(environ, start)

    async def run():
        one = gateway(app, pools(1, waiting=16))
        hanging = asyncio.ensure_future(call(one, path="/hang"))
        assert await asyncio.to_thread(entered.wait, PATIENCE)
        many = [asyncio.ensure_future(call(one, **what)) for _ in range(20)]
        other = asyncio.ensure_future(call(one, address="192.0.2.2", **what))
        # Whoever is refused is told at once, and those that wait are not answered before.
        while sum(task.done() for task in many) < 18:
            await asyncio.wait_for(
                asyncio.wait(
                    [task for task in many if not task.done()],
                    return_when=asyncio.FIRST_COMPLETED,
                ),
                PATIENCE,
            )
        go.set()
        await hanging
        assert (await other).reply == (200, b"none")
        replies = [(await task).reply[1] for task in many]
        assert replies.count(b"none") == 2

    asyncio.run(run())


def test_a_sender_whose_refusals_wait_already_is_refused_without_a_thread():
    go, entered = threading.Event(), threading.Semaphore(0)

    def app(environ, start):
        entered.release()
        go.wait(PATIENCE)
        return read_environment(environ, start)

    async def run():
        one = gateway(app, pools(1, waiting=1, refusals=16))
        hanging = [asyncio.ensure_future(call(one))]
        assert await asyncio.to_thread(entered.acquire, timeout=PATIENCE)
        # One waits for the thread; of its refusals one runs, and two wait.
        hanging += [asyncio.ensure_future(call(one)) for _ in range(4)]
        assert await asyncio.to_thread(entered.acquire, timeout=PATIENCE)
        refused = await asyncio.wait_for(call(one), PATIENCE)
        assert refused.reply == (503, b"full")
        assert refused.messages[0]["headers"] == [(b"retry-after", b"1"), (b"content-length", b"4")]
        assert not any(task.done() for task in hanging)
        # Another sender's refusal still waits for the thread.
        hanging.append(asyncio.ensure_future(call(one, address="192.0.2.2")))
        await asyncio.sleep(0)  # it begins
        go.set()
        replies = [(await task).reply for task in hanging]
        assert sorted(replies) == [(200, BUSY.encode())] * 4 + [(200, b"none")] * 2

    asyncio.run(run())


@pytest.mark.parametrize("body", [b"", b"hello"])
def test_a_request_begins_when_its_head_comes(body):
    at, started = [], []

    def app(environ, start):
        started.append(environ[STARTED])
        return read_environment(environ, start)

    class Late(Exchange):
        async def receive(self):
            at.append(time.perf_counter())
            return await super().receive()

    async def run():
        one, before = Late(body), time.perf_counter()
        length = [(b"content-length", str(len(body)).encode())] if body else []
        await gateway(app)(scope(method="POST", headers=length), one.receive, one.send)
        assert before <= started[0] <= min([*at, time.perf_counter()])
        assert bool(at) is bool(body)

    asyncio.run(run())


def test_a_refused_body_gets_its_reply_while_all_threads_hang():
    go = threading.Event()

    def app(environ, start):
        if REFUSED not in environ:
            go.wait(PATIENCE)
        return read_environment(environ, start)

    async def run():
        one = Gateway(app, Receiving(8, timedelta(milliseconds=1), 1_000), pools(), refuse)
        hanging = asyncio.ensure_future(call(one))
        slow = Exchange(None)
        call_scope = scope(method="POST", headers=[(b"content-length", b"9")])
        await asyncio.wait_for(one(call_scope, slow.receive, slow.send), PATIENCE)
        assert slow.reply == (200, b"too_slow")
        go.set()
        await hanging

    asyncio.run(run())


def test_a_request_as_wsgi_has_it():
    headers = [
        (b"host", b"x"),
        (b"content-type", b"text/plain"),
        (b"content-length", b"2"),
        (b"x-a", b"1"),
        (b"x-a", b"2"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"x-name", b"Zo\xc3\xab"),
        (b"x_a", b"3"),
        (b"content_length", b"9"),
    ]
    environ = environment(scope(b"/a%20b/%C3%AB%FF//x;y", "POST", headers, b"q=%20\xc3\xab"), b"{}")
    assert environ["wsgi.input"].read() == b"{}"
    del environ["wsgi.input"], environ["wsgi.errors"]
    assert environ == {
        "SCRIPT_NAME": "",
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "wsgi.url_scheme": "http",
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/a b/\xc3\xab\xff//x;y",
        "QUERY_STRING": "q=%20\xc3\xab",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8787",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_HOST": "x",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "2",
        "HTTP_X_A": "1, 2",
        "HTTP_COOKIE": "a=1;b=2",
        "HTTP_X_NAME": "Zo\xc3\xab",
    }


def test_it_says_when_the_servers_loop_runs():
    async def run():
        lines = []
        messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

        async def receive():
            return messages.pop(0)

        async def send(message):
            lines.append(message["type"])

        threads = pools()
        one = Gateway(
            read_environment,
            Receiving(8, timedelta(hours=1), 1_000),
            threads,
            refuse,
            lambda: lines.append("begun"),
        )
        await one({"type": "lifespan"}, receive, send)
        assert lines == ["begun", "lifespan.startup.complete", "lifespan.shutdown.complete"]

    asyncio.run(run())
