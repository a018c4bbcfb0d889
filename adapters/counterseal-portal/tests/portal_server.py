"""The portal over HTTP on loopback, for browsers."""

import threading
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from counterseal_portal import MOUNT
from counterseal_pwa import MOUNT as APP
from counterseal_pwa import Pages
from counterseal_web.wsgi import WsgiApplication


class ThreadingServer(ThreadingMixIn, WSGIServer):
    """A server with a thread for each connection: a browser opens some that it never uses."""

    daemon_threads = True
    request_queue_size = 100


class SilentHandler(WSGIRequestHandler):
    """A handler that logs nothing."""

    def log_message(self, *arguments):
        """Log nothing."""


@contextmanager
def serve(build_portal):
    """
    Serve a portal, the API and the app; yield its address and what *build_portal* returned.

    Args:
        build_portal: Takes the address, and returns a `PortalOfTests`.
    """
    server = make_server("127.0.0.1", 0, None, ThreadingServer, SilentHandler)
    url = f"http://127.0.0.1:{server.server_port}"
    portal = build_portal(url)
    api, pages = WsgiApplication(portal.web), Pages()

    def respond(environ, start_response):
        path = environ["PATH_INFO"]
        if pages.serves(path):
            mounted = {"SCRIPT_NAME": APP, "PATH_INFO": path.removeprefix(APP)}
            return pages(environ | mounted, start_response)
        if not portal.app.serves(path):
            return api(environ, start_response)
        mounted = {"SCRIPT_NAME": MOUNT, "PATH_INFO": path.removeprefix(MOUNT)}
        return portal.app(environ | mounted, start_response)

    server.set_app(respond)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield url, portal
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
