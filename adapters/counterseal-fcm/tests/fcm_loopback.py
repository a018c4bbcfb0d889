"""A fake Firebase on loopback, over real sockets; it verifies signatures."""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

PROJECT = "push-test"
EMAIL = f"sender@{PROJECT}.iam.example"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCE = "https://oauth2.googleapis.com/token"  # whatever the URL of the endpoint
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


def fcm_error(status, code, *fields):
    """Return an error response of FCM, with its own detail, that of a bad request, or both."""
    details = [{"@type": FCM_ERROR, "errorCode": code}] if code else []
    if fields:
        violations = [{"field": field, "description": "wrong"} for field in fields]
        details.append({"@type": BAD_REQUEST, "fieldViolations": violations})
    error = {"code": status, "message": "no", "status": "INVALID_ARGUMENT", "details": details}
    return status, {}, json.dumps({"error": error}).encode()


class Firebase:
    """
    FCM and Google's token endpoint.

    Attributes:
        messages: The accepted messages, each with its access token.
        grants: The claims of each assertion that was verified.
        responses: The response for an address, in place of the usual one.
        token_response: The response of the token endpoint, in place of the usual one.
        stores_messages: Whether accepted messages are stored, or only counted.
    """

    def __init__(self, public):
        self.messages, self.grants, self.responses, self.raw = [], [], {}, []
        self.token_response = None
        self.live = set()
        self.stores_messages, self.delivered = True, 0
        self.released = threading.Event()
        self.hanging = self.token_hanging = False
        self.connections = 0
        self.running = self.most = self.requests = 0
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        firebase, self._public = self, public

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                firebase.connections += 1
                super().setup()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with firebase.lock:
                    firebase.requests += 1
                    firebase.running += 1
                    firebase.most = max(firebase.most, firebase.running)
                try:
                    status, headers, content = firebase.respond(self.path, self.headers, body)
                finally:
                    with firebase.lock:
                        firebase.running -= 1
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

    def wait_for_messages(self, number, *, timeout):
        """Wait for *number* messages; tell whether they arrived within *timeout* seconds."""
        with self.changed:
            return self.changed.wait_for(lambda: self.delivered >= number, timeout)

    def close(self):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def respond(self, path, headers, body):
        if path == "/token":
            if self.token_hanging:
                self.released.wait()
            return self.token_response or self._grant(body)
        assert path == f"/v1/projects/{PROJECT}/messages:send", path
        if self.hanging:
            self.released.wait()
        if self.stores_messages:
            self.raw.append((str(headers), body))
        token = headers["authorization"].removeprefix("Bearer ")
        if token not in self.live:
            return fcm_error(401, "")
        message = json.loads(body)["message"]
        (target,) = {"token", "fid"} & message.keys()
        response = self.responses.get(message[target])
        if response is not None:
            return response
        with self.changed:
            self.delivered += 1
            if self.stores_messages:
                self.messages.append((token, message))
            self.changed.notify_all()
        return 200, {}, b'{"name": "projects/push-test/messages/1"}'

    def _grant(self, body):
        form = {name: value for name, (value,) in parse_qs(body.decode()).items()}
        assert form["grant_type"] == GRANT
        header, claims, signature = form["assertion"].split(".")
        signed = f"{header}.{claims}".encode()
        self._public.verify(_unb64(signature), signed, padding.PKCS1v15(), hashes.SHA256())
        assert json.loads(_unb64(header))["alg"] == "RS256"
        assertion = json.loads(_unb64(claims))
        assert assertion["aud"] == AUDIENCE
        assert assertion["iss"] == EMAIL
        assert assertion["scope"] == SCOPE
        assert assertion["iat"] <= time.time() + 60
        assert assertion["exp"] - assertion["iat"] <= 3600
        self.grants.append(assertion)
        token = f"ya29.{len(self.grants)}"
        self.live.add(token)
        members = {"access_token": token, "expires_in": 3600, "token_type": "Bearer"}
        return 200, {"content-type": "application/json"}, json.dumps(members).encode()


def _unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
