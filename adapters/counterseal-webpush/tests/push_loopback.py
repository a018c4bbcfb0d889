"""A fake push service on loopback, as in RFC 8030; it verifies VAPID."""

import base64
import json

import attrs
import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from loopback_server import LoopbackServer


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


class PushService(LoopbackServer):
    """
    A push service.

    Attributes:
        messages: The accepted messages.
        responses: By path, the response in place of the usual one.
        key: The only public key that may send; None accepts the one in the token.
    """

    def __init__(self):
        self.responses, self.key = {}, None
        super().__init__()

    def browser(self, name):
        return Browser(f"{self.url}/push/{name}")

    def respond(self, path, headers, body):
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
        self.accept(ReceivedMessage(path, dict(headers), body, claims))
        return 201, {"location": f"{self.url}/message/1"}
