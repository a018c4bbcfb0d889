"""ASGI's messages: a request's headers and path, and a response as it is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from counterseal_web import Response

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


def read_headers(scope: Scope) -> dict[str, str]:
    """Return the headers by lower-case name; those with the same name are joined by a comma."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def mount_of(scope: Scope) -> str:
    """Return where the host has mounted the application, without a slash at the end."""
    root: str = scope.get("root_path", "")
    return root.rstrip("/")


def path_below_mount(scope: Scope) -> str:
    """Return the path after `mount_of`."""
    # The ASGI specification has `root_path` in front of `path`; some hosts leave it out.
    path: str = scope["path"]
    root = mount_of(scope)
    return path[len(root) :] if f"{path}/".startswith(f"{root}/") else path


def start_message(response: Response) -> Message:
    """Return the message that begins *response*."""
    return {
        "type": "http.response.start",
        "status": response.status,
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in response.headers
        ],
    }


async def send_whole(response: Response, send: Send, *, is_head: bool) -> None:
    """
    Send *response*, which is not a stream.

    Args:
        response: What the application returned.
        send: ASGI's.
        is_head: Whether it responds to `HEAD`, and so is sent without its body.
    """
    await send(start_message(response))
    await send({"type": "http.response.body", "body": b"" if is_head else response.body})
