"""A fake provider over real sockets, whose responses and tokens each test can replace."""

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
"""The company of every App Space, unless a test names another."""
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
OTHER_KEY = rsa("r1")
"""Another key than the provider's, with the same `kid`."""


class Loopback:
    """
    A provider whose responses a test can replace.

    Attributes:
        received_requests: As (path, headers, form).
        hanging_paths: Requests of these hang until `released` is set.
        requests_hanging: Counts up with each request that hangs.
        responses: The response of each path: status, members, headers.
        url: Its issuer.
    """

    def __init__(self, clock):
        self.clock = clock
        self.received_requests = []
        self.released = threading.Event()
        self.hanging_paths = set()
        self.requests_hanging = threading.Semaphore(0)
        self.responses = {}
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                self._respond({})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                self._respond({name: value for name, (value,) in parse_qs(body).items()})

            def _respond(self, form):
                loopback.received_requests.append((self.path, dict(self.headers), form))
                if self.path in loopback.hanging_paths:
                    loopback.requests_hanging.release()
                    loopback.released.wait(300)
                status, members, headers = loopback.responses.get(self.path, (404, {}, {}))
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
                pass  # the client closed the connection

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.publish()
        self.keys(*KEYS.values())

    def close(self):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def requests(self, path):
        return sum(request[0] == path for request in self.received_requests)

    def publish(self, **changes):
        """Publish metadata; None removes a member."""
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
        present = {name: value for name, value in metadata.items() if value is not None}
        self.responses[DISCOVERY] = (200, present, {})

    def keys(self, *keys, headers=None):
        """Publish these keys."""
        published = [key.as_dict(private=False) if hasattr(key, "as_dict") else key for key in keys]
        self.responses["/jwks"] = (200, {"keys": published}, headers or {})

    def claims(self, **changes):
        """Return the claims of an ID token; None removes one."""
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
        """Let the token endpoint return *id_token*."""
        members = {
            "access_token": "access",
            "token_type": "Bearer",
            "refresh_token": "refresh-1",
            "id_token": id_token,
        } | changes
        present = {name: value for name, value in members.items() if value is not None}
        self.responses["/token"] = (200, present, {})


def signed(claims, algorithm="RS256", key=None, **header):
    """Sign claims, as a provider does."""
    key = key or KEYS[algorithm]
    fields = {"alg": algorithm, "kid": key.kid} | header
    present = {name: value for name, value in fields.items() if value is not None}
    return jwt.encode(present, claims, key, algorithms=[algorithm])


def exchange(relying_party, space, **more):
    arguments = {"code": "code", "nonce": NONCE, "verifier": VERIFIER, "issuer": space.issuer}
    return relying_party.exchange(space, **(arguments | {"company": COMPANY} | more))


def unsigned(header, claims, signature=""):
    head, body = (b64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{head}.{body}.{signature}"


def logout(idp, **changes):
    event = {"http://schemas.openid.net/event/backchannel-logout": {}}
    return idp.claims(**({"nonce": None, "events": event, "jti": "j1", "sid": "s1"} | changes))


def login_url(relying_party, space, company=COMPANY):
    """Return the URL at which a user logs in."""
    return relying_party.authorization_url(
        space, state="s", nonce="n", verifier=VERIFIER, company=company
    )
