"""A fake Firebase on loopback, over real sockets; it verifies signatures."""

import base64
import json
import time
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from loopback_server import LoopbackServer

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


class Firebase(LoopbackServer):
    """
    FCM and Google's token endpoint.

    Attributes:
        messages: The accepted messages, each with its access token.
        grants: The claims of each assertion that was verified.
        responses: The response for an address, in place of the usual one.
        token_response: The response of the token endpoint, in place of the usual one.
        raw: Headers and body of each message.
    """

    def __init__(self, public):
        self.grants, self.responses, self.raw = [], {}, []
        self.token_response = None
        self.token_hanging = False
        self.live = set()
        self._public = public
        super().__init__()

    def hangs(self, path):
        return self.token_hanging if path == "/token" else self.hanging

    def respond(self, path, headers, body):
        if path == "/token":
            return self.token_response or self._grant(body)
        assert path == f"/v1/projects/{PROJECT}/messages:send", path
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
        self.accept((token, message))
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
