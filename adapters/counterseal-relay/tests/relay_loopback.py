"""A relay on loopback, written by a stranger: it verifies with Standard Webhooks' own library."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

SECRET = b"0123456789abcdef0123456789abcdef"


class Relay:
    """
    Takes pushes.

    Attributes:
        taken: Headers and body of each.
        answer: What to say: status, headers, body.
        dead: Framework and id of what is gone.
    """

    def __init__(self):
        self.taken, self.dead = [], set()
        self.answer = None
        self.hanging = False
        self.hung = 0
        self.came_back = 0
        self.keeping, self.delivered = True, 0
        self.over = threading.Event()
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
                status, headers, answer = relay.take(verifier, dict(self.headers), body)
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # the other side went away

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/push"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, verifier, headers, body):
        with self.lock:
            self.requests += 1
        if self.hanging:
            with self.lock:
                self.hung += 1
            self.over.wait()
            with self.lock:
                self.came_back += 1
        try:
            verifier.verify(body, {name.lower(): value for name, value in headers.items()})
        except WebhookVerificationError:
            return 401, {}, b""
        if self.answer is not None:
            return self.answer
        read = json.loads(body)
        with self.lock:
            self.delivered += 1
            if self.keeping:
                self.taken.append((headers, read))
        gone = [
            {"framework": group["framework"], "ids": dead}
            for group in read["notificationMetaData"]
            if (dead := [name for name in group["ids"] if (group["framework"], name) in self.dead])
        ]
        return (200, {}, json.dumps({"gone": gone}).encode()) if gone else (204, {}, b"")
