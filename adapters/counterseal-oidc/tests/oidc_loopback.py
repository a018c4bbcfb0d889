"""A provider that lies as it is told: real sockets, and tokens that tests forge."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from counterseal.models.guid import mint
from counterseal_oidc.jose import b64url

CLIENT = "counterseal"
COMPANY = mint(0, bytes(15))
"""Of every App Space here, unless a test says otherwise."""
DISCOVERY = "/.well-known/openid-configuration"
NONCE = "the nonce of this log-in"
VERIFIER = "v" * 43


def rsa(kid="r1", bits=2048):
    return RSAKey.generate_key(bits, {"kid": kid, "use": "sig"})


KEYS = {
    "RS256": rsa(),
    "ES256": ECKey.generate_key("P-256", {"kid": "e1"}),
    "Ed25519": OKPKey.generate_key("Ed25519", {"kid": "o1"}),
}
STRANGER = rsa("r1")
"""A key that is not the provider's, by the same name."""


class Loopback:
    """
    A provider whose every answer a test may replace.

    Attributes:
        asked: What came, as (path, headers, form).
        hangs: Counts up with each request that hangs.
        says: What a path answers: a status, members, and headers.
        url: Its issuer.
    """

    def __init__(self, clock):
        self.clock = clock
        self.asked = []
        self.over = threading.Event()
        self.hanging = set()
        self.hangs = threading.Semaphore(0)
        self.says = {}
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                self._answer({})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                self._answer({name: value for name, (value,) in parse_qs(body).items()})

            def _answer(self, form):
                loopback.asked.append((self.path, dict(self.headers), form))
                if self.path in loopback.hanging:
                    loopback.hangs.release()
                    loopback.over.wait(300)
                status, members, headers = loopback.says.get(self.path, (404, {}, {}))
                body = members if isinstance(members, bytes) else json.dumps(members).encode()
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

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
        self.publish()
        self.keys(*KEYS.values())

    def close(self):
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def requests(self, path):
        return sum(one[0] == path for one in self.asked)

    def publish(self, **changes):
        """Publish metadata; None takes a member out."""
        metadata = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/auth",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/me",
            "introspection_endpoint": f"{self.url}/introspect",
            "revocation_endpoint": f"{self.url}/revoke",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        } | changes
        kept = {name: value for name, value in metadata.items() if value is not None}
        self.says[DISCOVERY] = (200, kept, {})

    def keys(self, *keys, headers=None):
        """Publish these keys."""
        published = [key.as_dict(private=False) if hasattr(key, "as_dict") else key for key in keys]
        self.says["/jwks"] = (200, {"keys": published}, headers or {})

    def claims(self, **changes):
        """Return an ID token's claims; None takes one out."""
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": self.url,
            "sub": "zoe",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": NONCE,
        } | changes
        return {name: value for name, value in claims.items() if value is not None}

    def grant(self, id_token, **changes):
        """Have the token endpoint answer with *id_token*."""
        members = {
            "access_token": "access",
            "token_type": "Bearer",
            "refresh_token": "refresh-1",
            "id_token": id_token,
        } | changes
        kept = {name: value for name, value in members.items() if value is not None}
        self.says["/token"] = (200, kept, {})


def signed(claims, algorithm="RS256", key=None, **header):
    """Sign claims, as a provider would."""
    key = key or KEYS[algorithm]
    fields = {"alg": algorithm, "kid": key.kid} | header
    kept = {name: value for name, value in fields.items() if value is not None}
    return jwt.encode(kept, claims, key, algorithms=[algorithm])


def exchange(relying, space, **more):
    asked = {"code": "code", "nonce": NONCE, "verifier": VERIFIER, "issuer": space.issuer}
    return relying.exchange(space, **(asked | {"company": COMPANY} | more))


def unsigned(header, claims, signature=""):
    head, body = (b64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{head}.{body}.{signature}"


def logout(idp, **changes):
    event = {"http://schemas.openid.net/event/backchannel-logout": {}}
    return idp.claims(**({"nonce": None, "events": event, "jti": "j1", "sid": "s1"} | changes))


def sent_to(relying, space, company=COMPANY):
    """Return where a user is sent to log in."""
    return relying.authorization_url(
        space, state="s", nonce="n", verifier=VERIFIER, company=company
    )
