"""The receivers of callbacks: what reaches them is true, signed, and under one name."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence

from counterseal.testing.histories.ledger import Ledger
from counterseal.testing.sender import Attempt


class Receivers:
    """
    Everybody who receives callbacks.

    Args:
        secrets: The webhook secret of each origin, as its receiver configures it.
    """

    def __init__(self, secrets: dict[str, str]) -> None:
        self._secrets = secrets
        self._heard = 0

    def hear(self, ledger: Ledger, attempts: Sequence[Attempt]) -> None:
        """
        Take what was attempted since, and write it down.

        Raises:
            AssertionError: It is not true, not signed, or to somebody else.
        """
        for attempt in attempts[self._heard :]:
            owed = ledger.owed[attempt.message]
            owed.statuses.append(None if attempt.outcome is None else attempt.outcome.status)
            asked = ledger.asked[owed.challenge]
            assert asked.ending is not None, "an outcome was delivered that there was not"
            body, url = json.loads(attempt.delivery.body), attempt.delivery.url
            assert url == asked.callback, "delivered elsewhere"
            told = (body["guid"], body["state"], body["buttonSelected"])
            button = asked.ending["outcome"]["button"]
            assert told == (owed.challenge, asked.ending["state"], button), "a false outcome"
            self._is_signed(attempt, asked.origin)
        self._heard = len(attempts)

    def _is_signed(self, attempt: Attempt, origin: str) -> None:
        # Standard Webhooks 1.0, by the letter.
        headers = dict(attempt.delivery.headers)
        secret = base64.b64decode(self._secrets[origin].removeprefix("whsec_"))
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
        mac = hmac.digest(secret, signed + attempt.delivery.body, hashlib.sha256)
        wanted = f"v1,{base64.b64encode(mac).decode()}"
        assert wanted in headers["webhook-signature"].split(" "), "an unsigned callback"
