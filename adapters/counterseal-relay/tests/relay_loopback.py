"""A fake relay on loopback; it verifies with the library of Standard Webhooks."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

SECRET = b"0123456789abcdef0123456789abcdef"


class Relay:
    """
    A relay.

    Attributes:
        pushes: Headers and body of each accepted push message.
        response: The response in place of the usual one: status, headers, body.
        dead: Framework and id of the addresses that are gone.
        stores_pushes: Whether accepted messages are stored, or only counted.
    """

    def __init__(self):
        self.pushes, self.dead = [], set()
        self.response = None
        self.hanging = False
        self.hanging_requests = 0
        self.released_requests = 0
        self.stores_pushes, self.delivered = True, 0
        self.released = threading.Event()
        self.requests = self.connections = 0
        self.lock = threading.Lock()
        relay, verifier = self, Webhook(f"whsec_{base64.b64encode(SECRET).decode()}")

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                relay.connections += 1
                super().setup()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                status, headers, content = relay.respond(verifier, dict(self.headers), body)
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
        self.url = f"http://127.0.0.1:{self._server.server_port}/push"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def respond(self, verifier, headers, body):
        with self.lock:
            self.requests += 1
        if self.hanging:
            with self.lock:
                self.hanging_requests += 1
            self.released.wait()
            with self.lock:
                self.released_requests += 1
        try:
            verifier.verify(body, {name.lower(): value for name, value in headers.items()})
        except WebhookVerificationError:
            return 401, {}, b""
        if self.response is not None:
            return self.response
        members = json.loads(body)
        with self.lock:
            self.delivered += 1
            if self.stores_pushes:
                self.pushes.append((headers, members))
        dropped = [
            {"framework": group["framework"], "ids": dead}
            for group in members["notificationMetaData"]
            if (dead := [name for name in group["ids"] if (group["framework"], name) in self.dead])
        ]
        return (200, {}, json.dumps({"gone": dropped}).encode()) if dropped else (204, {}, b"")
