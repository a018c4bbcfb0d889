"""
The device in the browser for any ASGI server, and to be mounted in any ASGI application.

    app.mount("/device", AsgiPages(counterseal_pwa.Pages(service="https://auth.example.com")))

`AsgiApplication` serves it beside the HTTP API.
"""

from __future__ import annotations

from contextlib import suppress

from counterseal_asgi.messages import (
    Receive,
    Scope,
    Send,
    mount_of,
    path_below_mount,
    read_headers,
    send_whole,
)
from counterseal_web import BrowserPages, Request


class AsgiPages:
    """
    The files of the device in the browser as an ASGI application.

    Args:
        pages: What responds, `counterseal_pwa.Pages`; all files are in memory, so the event loop
            responds by itself.
    """

    def __init__(self, pages: BrowserPages) -> None:
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Answer one request, or the server's `lifespan`.

        Raises:
            ValueError: The scope is of another type.
        """
        if scope["type"] == "http":
            # Nobody is there any more to be answered.
            with suppress(OSError):
                mount = mount_of(scope)
                await send_page(self._pages, scope, send, mount + path_below_mount(scope), mount)
        elif scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
        else:
            raise ValueError(f"not served: {scope['type']}")


async def send_page(pages: BrowserPages, scope: Scope, send: Send, path: str, mount: str) -> None:
    """
    Send the response of *pages* to a request; its body is not read.

    Args:
        pages: What responds.
        scope: ASGI's.
        send: ASGI's.
        path: It begins with *mount*.
        mount: Where the pages are.
    """
    method = scope["method"].upper()
    request = Request(method=method, path=path, headers=read_headers(scope))
    await send_whole(pages.respond(request, mount), send, is_head=method == "HEAD")
