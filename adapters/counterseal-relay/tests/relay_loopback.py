"""A fake relay on loopback; it verifies with the library of Standard Webhooks."""

import base64
import json

from loopback_server import LoopbackServer
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

SECRET = b"0123456789abcdef0123456789abcdef"


class Relay(LoopbackServer):
    """
    A relay.

    Attributes:
        messages: Headers and body of each accepted push message.
        response: The response in place of the usual one: status, headers, body.
        dead: Framework and id of the addresses that are gone.
    """

    def __init__(self):
        self.dead, self.response = set(), None
        self._verifier = Webhook(f"whsec_{base64.b64encode(SECRET).decode()}")
        super().__init__()
        self.url += "/push"

    def respond(self, _, headers, body):
        try:
            self._verifier.verify(body, {name.lower(): value for name, value in headers.items()})
        except WebhookVerificationError:
            return 401, {}
        if self.response is not None:
            return self.response
        members = json.loads(body)
        self.accept((dict(headers), members))
        dropped = [
            {"framework": group["framework"], "ids": dead}
            for group in members["notificationMetaData"]
            if (dead := [name for name in group["ids"] if (group["framework"], name) in self.dead])
        ]
        return (200, {}, json.dumps({"gone": dropped}).encode()) if dropped else (204, {})
