"""Requests in threads and tasks: none sees the trace of another, in whatever order they go on."""

import asyncio
import threading

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.trace import get_current_span
from traced_world import Backend

from counterseal.models import TRACE
from counterseal_otel import TracedAsgi, TracedWsgi

REQUESTS = 3
ORDERS = st.lists(st.integers(0, REQUESTS - 1), max_size=12)
"""Which request takes the next step; what is left then ends in order."""


def current():
    """Return the span in which this thread or task works, for the core and OpenTelemetry."""
    context = TRACE.get()
    span = get_current_span().get_span_context()
    if context is None:
        assert not span.is_valid
        return None
    assert context.parent.split("-")[1:3] == [f"{span.trace_id:032x}", f"{span.span_id:016x}"]
    return span.span_id


def route(_, path):
    return path


def check(backend, observed):
    """Each request saw its own span at every step, and no one saw another's."""
    spans = {span.attributes["http.route"]: span.context.span_id for span in backend.spans}
    assert len(spans) == REQUESTS
    for number, ids in enumerate(observed):
        assert set(ids) == {spans[f"/{number}"]}
    assert current() is None


@settings(max_examples=40, deadline=None)
@given(ORDERS)
def test_threads_that_stream(order):
    backend = Backend()
    observed = [[] for _ in range(REQUESTS)]

    def app(environ, start_response):
        number = int(environ["PATH_INFO"][1:])
        observed[number].append(current())
        start_response("200 OK", [])

        def pieces():
            for _ in range(4):
                observed[number].append(current())
                yield b"."

        return pieces()

    traced = TracedWsgi(app, backend.instruments, route)
    bodies = [
        traced(
            {"REQUEST_METHOD": "GET", "PATH_INFO": f"/{number}", "wsgi.url_scheme": "http"},
            lambda *_: None,
        )
        for number in range(REQUESTS)
    ]
    streams = [iter(body) for body in bodies]
    # One thread takes the steps of all requests, as a server's thread does between two pieces.
    for number in [*order, *range(REQUESTS)]:
        next(streams[number], None)
        assert current() is None
    for body in bodies:
        body.close()
    check(backend, observed)


@settings(max_examples=40, deadline=None)
@given(ORDERS)
def test_threads_of_their_own(order):
    backend = Backend()
    observed = [[] for _ in range(REQUESTS)]
    steps = [[threading.Semaphore(0), threading.Semaphore(0)] for _ in range(REQUESTS)]

    def app(environ, start_response):
        number = int(environ["PATH_INFO"][1:])
        begin, end = steps[number]
        for _ in range(order.count(number) + 1):
            begin.acquire()
            observed[number].append(current())
            end.release()
        start_response("200 OK", [])
        return [b""]

    traced = TracedWsgi(app, backend.instruments, route)
    environs = [
        {"REQUEST_METHOD": "GET", "PATH_INFO": f"/{number}", "wsgi.url_scheme": "http"}
        for number in range(REQUESTS)
    ]
    threads = [
        threading.Thread(target=traced, args=(environ, lambda *_: None)) for environ in environs
    ]
    for thread in threads:
        thread.start()
    for number in [*order, *range(REQUESTS)]:
        begin, end = steps[number]
        begin.release()
        end.acquire()
    for thread in threads:
        thread.join()
    check(backend, observed)


@settings(max_examples=40, deadline=None)
@given(ORDERS)
def test_tasks_and_the_threads_that_they_wait_for(order):
    backend = Backend()
    observed = [[] for _ in range(REQUESTS)]

    async def app(scope, receive, send):
        number = int(scope["path"][1:])
        for _ in range(order.count(number) + 1):
            await receive()
            observed[number].append(current())
            observed[number].append(await asyncio.to_thread(current))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def main():
        queues = [asyncio.Queue() for _ in range(REQUESTS)]

        async def send(message):
            pass

        def serve(number):
            scope = {"type": "http", "method": "GET", "path": f"/{number}", "headers": []}
            return asyncio.create_task(traced(scope, queues[number].get, send))

        traced = TracedAsgi(app, backend.instruments, route)
        tasks = [serve(number) for number in range(REQUESTS)]
        for number in [*order, *range(REQUESTS)]:
            queues[number].put_nowait({})
            await asyncio.sleep(0)
            assert current() is None
        await asyncio.gather(*tasks)

    asyncio.run(main())
    check(backend, observed)
