"""A fake push service on loopback, as in RFC 8030; it verifies VAPID."""

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
    """A browser that subscribes; it decrypts by http-ece."""

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

    def decrypt(self, body):
        return http_ece.decrypt(
            body, private_key=self.private, auth_secret=self.auth, version="aes128gcm"
        )


@attrs.frozen
class ReceivedMessage:
    """One message, as received."""

    path: str
    headers: dict
    body: bytes
    claims: dict


class PushService:
    """
    A push service.

    Attributes:
        messages: The accepted messages.
        responses: By path, the response in place of the usual one.
        key: The only public key that may send; None accepts the one in the token.
        stores_messages: Whether accepted messages are stored, or only counted.
    """

    def __init__(self):
        self.messages, self.responses, self.key = [], {}, None
        self.stores_messages, self.delivered = True, 0
        self.released = threading.Event()
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
                    status, headers = service.respond(self.path, self.headers, body)
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
                pass  # the client closed the connection

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def browser(self, name):
        return Browser(f"{self.url}/push/{name}")

    def respond(self, path, headers, body):
        if self.hanging:
            self.released.wait()
        if path in self.responses:
            return self.responses[path]
        scheme, token, key = headers["authorization"].replace(",", " ").split()
        assert scheme == "vapid"
        point = unb64(key.removeprefix("k="))
        if self.key is not None and key != f"k={self.key}":
            return 403, {}
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        # The notifier's clock is fixed, in the future.
        claims = jwt.decode(
            token.removeprefix("t="), public, algorithms=["ES256"], audience=self.url
        )
        assert headers["content-encoding"] == "aes128gcm"
        assert len(body) <= 4096
        with self.lock:
            self.delivered += 1
            if self.stores_messages:
                self.messages.append(ReceivedMessage(path, dict(headers), body, claims))
        return 201, {"location": f"{self.url}/message/1"}
