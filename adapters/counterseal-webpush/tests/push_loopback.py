"""A push service on loopback, as RFC 8030 has them, which believes nothing: VAPID is verified."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import attrs
import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@attrs.frozen
class Browser:
    """Who subscribes and reads: its decryption is http-ece's."""

    endpoint: str
    private: ec.EllipticCurvePrivateKey = attrs.field(
        factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    auth: bytes = b"sixteen bytes ok"

    @property
    def point(self):
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def subscription(self, **changes):
        keys = {"p256dh": b64(self.point), "auth": b64(self.auth)}
        return json.dumps(
            {"endpoint": self.endpoint, "expirationTime": None, "keys": keys, **changes}
        )

    def read(self, body):
        return http_ece.decrypt(
            body, private_key=self.private, auth_secret=self.auth, version="aes128gcm"
        )


@attrs.frozen
class Taken:
    """One message as it came over the wire."""

    path: str
    headers: dict
    body: bytes
    claims: dict


class PushService:
    """
    Takes messages.

    Attributes:
        taken: So far.
        answers: By path, what to say instead of taking it.
        key: The public key that pushes are taken from; None is whatever the token names.
    """

    def __init__(self):
        self.taken, self.answers, self.key = [], {}, None
        self.keeping, self.delivered = True, 0
        self.over = threading.Event()
        self.hanging = False
        self.lock = threading.Lock()
        self.running = self.most = self.connections = self.requests = 0
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                service.connections += 1
                super().setup()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with service.lock:
                    service.requests += 1
                    service.running += 1
                    service.most = max(service.most, service.running)
                try:
                    status, headers = service.answer(self.path, self.headers, body)
                finally:
                    with service.lock:
                        service.running -= 1
                self.send_response(status)
                for name, value in {**headers, "content-length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # the other side went away

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def browser(self, name):
        return Browser(f"{self.url}/push/{name}")

    def answer(self, path, headers, body):
        if self.hanging:
            self.over.wait()
        if path in self.answers:
            return self.answers[path]
        scheme, token, key = headers["authorization"].replace(",", " ").split()
        assert scheme == "vapid"
        point = unb64(key.removeprefix("k="))
        if self.key is not None and key != f"k={self.key}":
            return 403, {}
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        # The notifier's clock stands still, in the future.
        claims = jwt.decode(
            token.removeprefix("t="), public, algorithms=["ES256"], audience=self.url
        )
        assert headers["content-encoding"] == "aes128gcm"
        assert len(body) <= 4096
        with self.lock:
            self.delivered += 1
            if self.keeping:
                self.taken.append(Taken(path, dict(headers), body, claims))
        return 201, {"location": f"{self.url}/message/1"}
