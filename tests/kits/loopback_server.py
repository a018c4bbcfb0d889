"""An HTTP server on loopback, over real sockets, which counts and may hang."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class LoopbackServer:
    """
    A push service; `respond` says what it answers.

    Attributes:
        messages: What was accepted.
        stores_messages: Whether that is stored, or only counted.
        delivered: How much was accepted.
        hanging: Whether requests wait for `released`.
        running: Requests that are being answered; `most` is how many were at once.
    """

    def __init__(self):
        self.messages, self.stores_messages, self.delivered = [], True, 0
        self.hanging, self.released = False, threading.Event()
        self.requests = self.connections = self.running = self.most = 0
        self.hanging_requests = self.released_requests = 0
        self.changed = threading.Condition()
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                loopback.connections += 1
                super().setup()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                loopback.count(requests=1, running=1)
                try:
                    if loopback.hangs(self.path):
                        loopback.count(hanging_requests=1)
                        loopback.released.wait()
                        loopback.count(released_requests=1)
                    status, headers, *contents = loopback.respond(self.path, self.headers, body)
                finally:
                    loopback.count(running=-1)
                content = b"".join(contents)
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # the client closed the connection

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def respond(self, path, headers, body):
        """Return the status, the headers, and the content if there is one."""
        raise NotImplementedError

    def hangs(self, _):
        """Tell whether a request for a path waits."""
        return self.hanging

    def count(self, **changes):
        with self.changed:
            for name, change in changes.items():
                setattr(self, name, getattr(self, name) + change)
            self.most = max(self.most, self.running)

    def accept(self, message):
        with self.changed:
            self.delivered += 1
            if self.stores_messages:
                self.messages.append(message)
            self.changed.notify_all()

    def wait_for_messages(self, number, *, timeout):
        """Wait for *number* messages; tell whether they arrived within *timeout* seconds."""
        with self.changed:
            return self.changed.wait_for(lambda: self.delivered >= number, timeout)

    def close(self):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
