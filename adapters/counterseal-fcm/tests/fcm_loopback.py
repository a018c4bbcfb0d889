"""A Firebase on loopback: real sockets, and a token endpoint at which signatures have to hold."""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

PROJECT = "bell-test"
EMAIL = f"sender@{PROJECT}.iam.example"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCE = "https://oauth2.googleapis.com/token"  # wherever the endpoint is
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


def fcm_error(status, code, *fields):
    """Answer as FCM does, with its own detail, that of a bad request, or both."""
    details = [{"@type": FCM_ERROR, "errorCode": code}] if code else []
    if fields:
        violations = [{"field": field, "description": "wrong"} for field in fields]
        details.append({"@type": BAD_REQUEST, "fieldViolations": violations})
    error = {"code": status, "message": "no", "status": "INVALID_ARGUMENT", "details": details}
    return status, {}, json.dumps({"error": error}).encode()


class Firebase:
    """
    FCM and Google's token endpoint: real sockets, and a signature that has to hold.

    Attributes:
        messages: What was taken, with its bearer token.
        grants: The claims of each assertion that was verified.
        answers: What to say of an address instead of taking it.
        token_answer: What the token endpoint says instead of giving one.
    """

    def __init__(self, public):
        self.messages, self.grants, self.answers, self.raw = [], [], {}, []
        self.token_answer = None
        self.live = set()
        self.keeping, self.delivered = True, 0
        self.over = threading.Event()
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
                    status, headers, answer = firebase.answer(self.path, self.headers, body)
                finally:
                    with firebase.lock:
                        firebase.running -= 1
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
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def come(self, number, *, within):
        """Wait until so many messages have come; tell whether they did, in so many seconds."""
        with self.changed:
            return self.changed.wait_for(lambda: self.delivered >= number, within)

    def close(self):
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path, headers, body):
        if path == "/token":
            if self.token_hanging:
                self.over.wait()
            return self.token_answer or self._grant(body)
        assert path == f"/v1/projects/{PROJECT}/messages:send", path
        if self.hanging:
            self.over.wait()
        if self.keeping:
            self.raw.append((str(headers), body))
        token = headers["authorization"].removeprefix("Bearer ")
        if token not in self.live:
            return fcm_error(401, "")
        sent = json.loads(body)["message"]
        (target,) = {"token", "fid"} & sent.keys()
        said = self.answers.get(sent[target])
        if said is not None:
            return said
        with self.changed:
            self.delivered += 1
            if self.keeping:
                self.messages.append((token, sent))
            self.changed.notify_all()
        return 200, {}, b'{"name": "projects/bell-test/messages/1"}'

    def _grant(self, body):
        form = {name: value for name, (value,) in parse_qs(body.decode()).items()}
        assert form["grant_type"] == GRANT
        header, claims, signature = form["assertion"].split(".")
        signed = f"{header}.{claims}".encode()
        self._public.verify(_unb64(signature), signed, padding.PKCS1v15(), hashes.SHA256())
        assert json.loads(_unb64(header))["alg"] == "RS256"
        granted = json.loads(_unb64(claims))
        assert granted["aud"] == AUDIENCE
        assert granted["iss"] == EMAIL
        assert granted["scope"] == SCOPE
        assert granted["iat"] <= time.time() + 60
        assert granted["exp"] - granted["iat"] <= 3600
        self.grants.append(granted)
        token = f"ya29.{len(self.grants)}"
        self.live.add(token)
        said = {"access_token": token, "expires_in": 3600, "token_type": "Bearer"}
        return 200, {"content-type": "application/json"}, json.dumps(said).encode()


def _unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
