"""
A call that waits, on an ASGI server: it is made in the event loop, and no thread of ours waits.

Django has an idle thread for each open request, in which it runs the receivers of
`request_started`. It has read the body, so that `AsgiApplication` gets it in one message, and it
cancels the view when the client disconnects.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, MutableMapping
from contextlib import suppress
from typing import Any, TypeAlias

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse

from counterseal_django.wiring import Approvals

Message: TypeAlias = MutableMapping[str, Any]


async def respond_in_loop(current: Approvals, request: ASGIRequest, path: str) -> HttpResponseBase:
    """
    Return the response to *request*; wait for it in the event loop.

    Args:
        current: Counterseal in this process.
        request: Django's.
        path: What the client wrote after the public URL.
    """
    current.close_on_signal()
    call = _Call(request, current.service.settings.body_limit)
    scope = {**request.scope, "path": path, "root_path": ""}
    call.start(current.asgi_application(scope, call.receive, call.send))
    try:
        start, first = await call.next(), await call.next()
    except asyncio.CancelledError:
        await call.stop()
        raise
    response: HttpResponseBase
    if first.get("more_body", False):
        response = StreamingHttpResponse(_Pieces(call, first), status=start["status"])
    else:
        response = HttpResponse(first["body"], status=start["status"])
    del response.headers["Content-Type"]
    for name, value in start["headers"]:
        response.headers[name.decode("latin-1")] = value.decode("latin-1")
    return response


class _Call:
    """
    One call of an ASGI application, in a task of its own.

    Args:
        request: Django's.
        limit: Bytes of the longest body.
    """

    def __init__(self, request: ASGIRequest, limit: int) -> None:
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue()
        self._request = request
        self._limit = limit
        self._is_received = False
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin to do *work*, which calls `receive` and `send`."""
        self._task = asyncio.create_task(work)
        self._task.add_done_callback(lambda _: self._messages.put_nowait(None))

    async def next(self) -> Message:
        """
        Return what the application sends next.

        Raises:
            Exception: What the application raised instead.
        """
        message = await self._messages.get()
        if message is None:
            if self._task is not None:
                self._task.result()
            raise RuntimeError("the application has ended without a response")
        return message

    async def receive(self) -> Message:
        """Return the request's body, once."""
        if self._is_received:
            # Django listens for the end of the connection, and then cancels the view.
            await asyncio.Event().wait()
        self._is_received = True
        return {"type": "http.request", "body": self._request.read(self._limit + 1)}

    async def send(self, message: Message) -> None:
        """Take a part of the response."""
        self._messages.put_nowait(message)

    async def stop(self) -> None:
        """End the call, and return when it has ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def stop_soon(self) -> None:
        """End the call, from any thread."""
        # A loop that was closed has no call left.
        with suppress(RuntimeError):
            if self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)


class _Pieces:
    """The body of a response in pieces; Django closes it, sent or not."""

    def __init__(self, call: _Call, first: Message) -> None:
        self._call = call
        self._first = first

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        message = self._first
        try:
            yield message["body"]
            while message.get("more_body", False):
                message = await self._call.next()
                yield message["body"]
        finally:
            await self._call.stop()

    def close(self) -> None:
        """End the call."""
        self._call.stop_soon()
