"""A log-in in a browser, which the provider redirects to a loopback port."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar, TypeAlias
from urllib.parse import parse_qs, urlsplit

from counterseal.bindings.documents.device import LoggedIn, LoginRedirect, LoginReturn, LoginStart
from counterseal.models import Guid
from counterseal.wire.members import write_record
from counterseal_http.devices import DeviceCalls, ServiceRefused, ServiceUnreachable

PATH = "/counterseal"
RETURN = f"http://127.0.0.1{PATH}"
"""The URI that must be among the `returns` of the App Space."""

PATIENCE = 300.0
"""Seconds that a person has; the service may allow fewer."""

SLICE = 10.0
"""Seconds that one connection to the loopback port may take."""

DONE = b"You are logged in. You may close this page."

Show: TypeAlias = Callable[[str], object]
"""A function that opens a URL for the person."""


def log_in(calls: DeviceCalls, app_space: Guid, show: Show, patience: float = PATIENCE) -> LoggedIn:
    """
    Log a person in at the App Space's Identity Provider; return the session token and devices.

    Args:
        calls: The calls to the service.
        app_space: The App Space of the user.
        show: Opens the provider's page.
        patience: Seconds to wait for the redirect.

    Raises:
        ServiceRefused: The service or the provider refused the log-in.
        ServiceUnreachable: No valid reply, or no redirect in time.
        OSError: No port is free.
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
    return calls.plain("/device/login/authenticate", document, LoggedIn)


class _Loopback(HTTPServer):
    """Listens at a loopback port for one redirect with the expected state."""

    # No other program may listen at the port at the same time.
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
        """Print nothing: a broken connection means nothing to the person."""


class _Return(BaseHTTPRequestHandler):
    server: _Loopback
    timeout: ClassVar[float] = SLICE

    def do_GET(self) -> None:
        """Accept the provider's response, if it belongs to this log-in."""
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
        """Log nothing: the path contains the code."""


def _only(query: dict[str, list[str]], name: str) -> str | None:
    values = query.get(name, [])
    return values[0] if len(values) == 1 else None
