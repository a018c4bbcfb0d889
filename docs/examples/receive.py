"""
Receive a shop's callbacks, and print each one whose signature is valid.

    receive.py SHOP.json PORT
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from standardwebhooks import Webhook, WebhookVerificationError

SHOP = json.loads(Path(sys.argv[1]).read_text())
LIMIT = 1_048_576


class Receiver(BaseHTTPRequestHandler):
    """Accepts a callback only if its signature is valid."""

    def do_POST(self) -> None:
        """Verify the callback, and print its GUID, state and button."""
        try:
            body = self.rfile.read(min(int(self.headers["Content-Length"] or 0), LIMIT))
            document = Webhook(SHOP["callbackSecret"]).verify(body, dict(self.headers))
        except (WebhookVerificationError, ValueError):  # ValueError: a malformed signature
            self.send_error(400)
            return
        sys.stdout.write(
            f"verified: {document['guid']} {document['state']} {document['buttonSelected']}\n"
        )
        sys.stdout.flush()
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Do not log requests: the lines above are the output."""


PORT = int(sys.argv[2])
try:
    server = HTTPServer(("127.0.0.1", PORT), Receiver)
except OSError as error:
    sys.exit(
        f"receive.py: cannot listen at 127.0.0.1:{PORT}: {error.strerror}; choose another port"
    )
server.serve_forever()
