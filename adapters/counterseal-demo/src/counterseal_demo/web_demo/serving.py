"""Serving: a server on loopback, in threads, until SIGTERM or SIGINT."""

from __future__ import annotations

import os
import signal
import socketserver
import sys
import threading
import webbrowser
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from counterseal.errors import InvalidField
from counterseal_demo.web_demo.site import Site
from counterseal_demo.web_demo.world import World, world
from counterseal_server.printing import print_line

ADDRESS = "127.0.0.1"
NAME = "localhost"
"""Browsers make passkeys for names, not for addresses, and for this one without TLS."""

STOPPING = (signal.SIGTERM, signal.SIGINT)


class _Handler(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing: the page shows what happens."""


class LoopbackServer(socketserver.ThreadingMixIn, WSGIServer):
    """
    A server that only this machine reaches.

    Args:
        port: The port to listen at; 0 is any free port.

    Attributes:
        url: Its public URL.

    Raises:
        OSError: The port is not free.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int) -> None:
        super().__init__((ADDRESS, port), _Handler)
        self.url = f"http://{NAME}:{self.server_port}"

    def server_bind(self) -> None:
        """Listen, without asking who this machine is: a resolver may be slow."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = NAME, self.server_address[1]
        self.setup_environ()

    def begin(self, served_world: World) -> None:
        """Serve *served_world*, in a thread."""
        self.set_app(Site(served_world))
        threading.Thread(target=self.serve_forever, daemon=True).start()


class StopSignals:
    """
    The signals that stop this process, from now on, as bytes in a pipe.

    With threads, a signal does not always interrupt the main one: an event that a handler sets may
    be waited for without end.
    """

    def __init__(self) -> None:
        self._reading, writing = os.pipe()
        os.set_blocking(writing, False)
        for number in STOPPING:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(writing)

    def wait(self) -> None:
        """Return when one has come."""
        while os.read(self._reading, 1)[0] not in STOPPING:
            pass


def serve(port: int, *, opens_browser: bool) -> None:
    """
    Serve the demo until SIGTERM or SIGINT, and print its address.

    Args:
        port: The port to listen at; 0 is any free port.
        opens_browser: Whether to open the page in the person's browser, if there is one.

    Raises:
        InvalidField: The port is not free.
    """
    try:
        server = LoopbackServer(port)
    except OSError as error:
        raise InvalidField("port", f"cannot listen at {ADDRESS}:{port}: {error.strerror}") from None
    stop = StopSignals()
    with server, world(server.url, server.begin):
        print_line(f"The demo is at {server.url}/ (Ctrl-C ends it)")
        if opens_browser and has_screen():
            threading.Thread(target=webbrowser.open, args=(f"{server.url}/",), daemon=True).start()
        stop.wait()
        server.shutdown()


def has_screen() -> bool:
    """Tell whether a browser of this machine has a window; one in the terminal would take it."""
    if "BROWSER" in os.environ or sys.platform in {"darwin", "win32"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
