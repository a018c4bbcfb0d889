"""A log-in on this machine: a browser goes to the provider, and comes back to a loopback port."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar, TypeAlias
from urllib.parse import parse_qs, urlsplit

from counterseal.models import Guid
from counterseal.wire.device import LoggedIn, LoginRedirect, LoginReturn, LoginStart
from counterseal.wire.members import write_record
from counterseal_demo.device_cli.calls import Calls, ServiceRefused, ServiceUnreachable

PATH = "/counterseal"
RETURN = f"http://127.0.0.1{PATH}"
"""What an App Space has to have among its `returns`."""

PATIENCE = 300.0
"""Seconds that a person has; the service may give fewer."""

SLICE = 10.0
"""Seconds that one connection to the loopback port may take."""

DONE = b"You are logged in. You may close this page."

Show: TypeAlias = Callable[[str], object]
"""Takes the person to an address."""


def log_in(calls: Calls, app_space: Guid, show: Show, patience: float = PATIENCE) -> str:
    """
    Log a person in at the App Space's Identity Provider; return the session token.

    Args:
        calls: To the service.
        app_space: Whose users they are.
        show: Takes them to the provider.
        patience: Seconds to wait for them.

    Raises:
        ServiceRefused: The service refuses, or the provider does.
        ServiceUnreachable: It did not answer, or not as it should, or nobody came back.
        OSError: No port can be listened at.
    """
    with _Loopback() as loopback:
        start = LoginStart(app_space=app_space, redirect_uri=loopback.address)
        redirect = calls.plain("/device/login/redirect", write_record(start), LoginRedirect)
        url = redirect.url
        if not url.startswith(("https://", "http://")):
            raise ServiceUnreachable("a log-in that is at no address for a browser")
        loopback.state = _only(parse_qs(urlsplit(url).query), "state") or ""
        show(url)
        back = loopback.wait(patience)
    if "code" not in back:
        raise ServiceRefused(back.get("error", "no_code"), "the provider lets nobody in")
    returned = LoginReturn(
        state=back["state"], code=back["code"], issuer=back.get("iss"), secret=redirect.secret
    )
    document = write_record(returned)
    return calls.plain("/device/login/authenticate", document, LoggedIn).token


class _Loopback(HTTPServer):
    """Listens at a loopback port for one browser that brings the state that is waited for."""

    # Nobody else may listen at the port while we do.
    allow_reuse_address = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Return)
        self.state = ""
        self.back: dict[str, str] | None = None
        self.address = f"http://127.0.0.1:{self.server_port}{PATH}"

    def wait(self, patience: float) -> dict[str, str]:
        end = time.monotonic() + patience
        while self.back is None:
            self.timeout = end - time.monotonic()
            if self.timeout <= 0:
                raise ServiceUnreachable("nobody came back from the provider")
            self.handle_request()
        return self.back

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: a broken connection says nothing to the person."""


class _Return(BaseHTTPRequestHandler):
    server: _Loopback
    timeout: ClassVar[float] = SLICE

    def do_GET(self) -> None:
        """Take what the provider said, if it is about our log-in."""
        parts = urlsplit(self.path)
        query = parse_qs(parts.query, max_num_fields=16)
        state = _only(query, "state") or ""
        ours = hmac.compare_digest(state.encode(), self.server.state.encode())
        if parts.path != PATH or not state or not ours:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        parameters = {name: _only(query, name) for name in ("state", "code", "iss", "error")}
        self.server.back = {name: text for name, text in parameters.items() if text is not None}
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(DONE)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(DONE)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base's)
        """Say nothing: what is asked for holds the code."""


def _only(query: dict[str, list[str]], name: str) -> str | None:
    values = query.get(name, [])
    return values[0] if len(values) == 1 else None
