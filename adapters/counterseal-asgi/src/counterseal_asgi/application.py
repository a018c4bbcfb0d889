"""
The HTTP API for any ASGI server, and to be mounted in any ASGI application (ASGI 3).

    application = AsgiApplication(Service(ports, policy, Settings(public_url=...)))

The event loop receives bodies and waits for requests; use cases run in threads of their own.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from anyio import CapacityLimiter

from counterseal_asgi.bodies import ClientDisconnected, receive_body
from counterseal_asgi.ends import closing_on_signal
from counterseal_asgi.messages import (
    Receive,
    Scope,
    Send,
    path_below_mount,
    read_headers,
    send_whole,
    start_message,
)
from counterseal_asgi.pages import send_page
from counterseal_asgi.threads import limiter_of_loop, run_in_thread
from counterseal_asgi.waiters import AsyncWaiters
from counterseal_web import Application, BrowserPages, Request, Response, Service
from counterseal_web.application import Pending
from counterseal_web.browser_pages import MOUNT, require_linked
from counterseal_web.pending import EventStream, LongPoll
from counterseal_web.problems import RefusedRequestError, busy

T = TypeVar("T")

BODY_DEADLINE = timedelta(seconds=10)

QUEUE = 1_024
"""
Calls that may wait for a thread, where the caller gives no number and fewer may wait.

Of calls with a body, no more than these: a queued call holds its body, so they hold at most this
many times the settings' `body_limit`, 128 MiB by default.
"""


class AsgiApplication:
    """
    The HTTP API as an ASGI application, for servers and hosts on asyncio.

    Mounted under a prefix that the host puts into `root_path`, the prefix is the end of
    `public_url`. A host that answers `lifespan` itself enters `closing_on_signal` there.

    Args:
        service: The use cases, and the settings.
        pages: The device in the browser, `counterseal_pwa.Pages`, which is served at `/app` too.
        limiter: How many use cases run at once, as `aio` says.
        body_deadline: How long a whole body may take to come; a slower one is refused.
        queue: How many calls may wait for a thread, beside as many as *limiter* lets run; one more
            is refused. `QUEUE` without it, or as many as may wait by the settings if these are
            more: when a process starts again, all that have waited come back at once. At most
            `QUEUE` of them have a body. A call that waits for a request is in the queue only until
            it has begun to wait. A call whose client disconnects while it is in the queue is not
            made.

    Raises:
        PolicyUnsound: There are pages, and the settings have no `app_url`.
    """

    def __init__(
        self,
        service: Service,
        *,
        pages: BrowserPages | None = None,
        limiter: CapacityLimiter | None = None,
        body_deadline: timedelta = BODY_DEADLINE,
        queue: int | None = None,
    ) -> None:
        self._service = service
        self._pages = require_linked(pages, service.settings)
        self._application = Application(service)
        self._limiter = limiter
        self._body_deadline = body_deadline
        self._queue = max(QUEUE, service.settings.waiters) if queue is None else queue
        self._closed = False
        # A server has one event loop; tests may have one each.
        self._waiters: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncWaiters] = (
            WeakKeyDictionary()
        )
        # By whether they have a body.
        self._beginning: WeakKeyDictionary[asyncio.AbstractEventLoop, Counter[bool]] = (
            WeakKeyDictionary()
        )
        service.at_close(self._close)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Answer one request, or the server's `lifespan`.

        Raises:
            ValueError: The scope is of another type.
        """
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            # Nobody is there any more to be answered.
            with suppress(ClientDisconnected, OSError):
                await self._respond(scope, receive, send)
        else:
            raise ValueError(f"not served: {scope['type']}")

    async def _live(self, receive: Receive, send: Send) -> None:
        with closing_on_signal(self._service):
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, pages = path_below_mount(scope), self._pages
        if pages is not None and pages.serves(path):
            await send_page(pages, scope, send, path, MOUNT)
            return
        request = await self._receive(scope, receive)
        answer = await self._begin(request, receive)
        is_head = request.method == "HEAD"
        if isinstance(answer, EventStream):
            await self._stream(answer, receive, send, is_head=is_head)
            return
        if isinstance(answer, LongPoll):
            answer = await _unless_disconnected(self._wait(answer), receive)
        await send_whole(answer, send, is_head=is_head)

    async def _begin(self, request: Request, receive: Receive) -> Response | Pending:
        limiter, loop = self._limiter or limiter_of_loop(), asyncio.get_running_loop()
        # The limiter also counts what waits for it for another reason, as loads of waiting calls.
        calls = self._beginning.setdefault(loop, Counter())
        has_body = _has_body(request)
        is_full = calls.total() >= self._queue + limiter.total_tokens
        if is_full or (has_body and calls[True] >= QUEUE + limiter.total_tokens):
            return busy(self._service.settings).response()
        calls[has_body] += 1
        try:
            work = run_in_thread(partial(self._application.begin, request), limiter)
            # Calls that come at once have no thread yet, so all of them need a free one.
            if calls.total() <= limiter.available_tokens:
                return await work
            return await _unless_disconnected(work, receive)
        finally:
            calls[has_body] -= 1

    async def _stream(
        self, pending: EventStream, receive: Receive, send: Send, *, is_head: bool
    ) -> None:
        waiters = self._waiters_here()
        slot = waiters.take_slot(pending)
        if slot is None:
            await send_whole(pending.refuse(), send, is_head=is_head)
            return
        response = pending.respond(())
        try:
            if is_head:
                await send_whole(response, send, is_head=True)
            else:
                work = _send_pieces(response, waiters.pieces(pending, slot), send)
                await _unless_disconnected(work, receive)
        finally:
            waiters.free_slot(slot)

    async def _receive(self, scope: Scope, receive: Receive) -> Request:
        headers = read_headers(scope)
        limit = self._service.settings.body_limit
        return Request(
            method=scope["method"].upper(),
            path=path_below_mount(scope),
            query=scope.get("query_string", b""),
            headers=headers,
            read_body=await receive_body(headers, receive, limit, self._body_deadline),
        )

    async def _wait(self, pending: LongPoll) -> Response:
        try:
            return await self._waiters_here().respond(pending)
        except Exception as error:  # noqa: BLE001 (the edge of the service)
            return self._application.problem(error, pending)

    def _waiters_here(self) -> AsyncWaiters:
        loop = asyncio.get_running_loop()
        waiters = self._waiters.get(loop)
        if waiters is None:
            waiters = self._waiters[loop] = AsyncWaiters(self._service, self._limiter)
            if self._closed:
                waiters.close()
        return waiters

    def _close(self) -> None:
        self._closed = True
        for loop, waiters in list(self._waiters.items()):
            # A loop that was closed has no call left.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(waiters.close)


def _has_body(request: Request) -> bool:
    try:
        return bool(request.read_body(1))
    except RefusedRequestError:  # nothing of it is kept
        return False


async def _send_pieces(response: Response, pieces: AsyncGenerator[bytes, None], send: Send) -> None:
    async with aclosing(pieces):
        await send(start_message(response))
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _unless_disconnected(work: Coroutine[Any, Any, T], receive: Receive) -> T:
    """
    Return what *work* does; cancel it when the client disconnects.

    Raises:
        ClientDisconnected: It has.
    """
    task = asyncio.create_task(work)
    disconnection = asyncio.create_task(_wait_for_disconnection(receive))
    try:
        await asyncio.wait((task, disconnection), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientDisconnected
    finally:
        task.cancel()
        disconnection.cancel()
        await asyncio.gather(task, disconnection, return_exceptions=True)


async def _wait_for_disconnection(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
