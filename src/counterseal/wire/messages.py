"""
The challenge as origins read it: in the reply to `request/add`, in `getRequest` and in callbacks.

The members that clients of the CX service read keep their names and meaning:
`guid`, `privakeyId`, `accountId`, `transactionId`, `buttonSelected` (null until answered),
`content`, `buttons`, `additionalInfo`.
Ours are `state`, `approved`, `issuedAt`, `expiresAt`, `answeredAt`, `device`, `answer`
(the device's own signature) and `receipt`; `status` says the same as `state`.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from counterseal.models import Challenge, Occasion, PushMessage
from counterseal.wire.claims import format_time


def processed_document(challenge: Challenge, *, now: datetime) -> dict[str, Any]:
    """Return the challenge as it is at *now*."""
    display = json.loads(challenge.display)
    content = display["content"]
    outcome = challenge.outcome
    state = challenge.state_at(now).value
    return {
        "guid": challenge.guid,
        "privakeyId": challenge.account,
        "accountId": display["account"]["id"],
        "appSpaceGuid": challenge.app_space,
        "requestOriginGuid": challenge.origin,
        "transactionId": challenge.transaction_id,
        "content": content.get("text", content.get("html", content)),
        "buttons": [
            {
                "title": button.title,
                "strongAuth": button.strong,
                "style": button.style,
                "approving": button.approving,
            }
            for button in challenge.buttons
        ],
        "additionalInfo": display.get("additionalInfo"),
        "showCode": challenge.show_code,
        "showNotification": challenge.show_notification,
        "callback": challenge.callback,
        "state": state,
        "status": state,
        "issuedAt": format_time(challenge.issued_at),
        "expiresAt": format_time(challenge.deadline),
        "buttonSelected": None if outcome is None else outcome.button,
        "approved": challenge.approved,
        "answeredAt": None if outcome is None or outcome.token is None else format_time(outcome.at),
        "device": None if outcome is None else outcome.device,
        "answer": None if outcome is None else outcome.token,
        "receipt": None if outcome is None else outcome.receipt,
    }


TYPES = {
    Occasion.CHALLENGE: "request",
    Occasion.DEVICE_BOUND: "deviceBound",
    Occasion.DEVICE_REVOKED: "deviceRevoked",
    Occasion.TEST: "test",
}
"""The `type` of each occasion."""


def push_data(message: PushMessage) -> dict[str, str]:
    """
    Return the `data` of a push: `type`, the subject's GUID and the account's.

    The subject is `requestGuid` or `deviceGuid`, the account `privakeyId`; all are texts,
    as FCM demands.
    """
    subject = "requestGuid" if message.occasion is Occasion.CHALLENGE else "deviceGuid"
    return {
        "type": TYPES[message.occasion],
        subject: message.subject,
        "privakeyId": message.account,
    }
