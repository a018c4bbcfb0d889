"""
Approval: the one check between what came back and acting on it.

What has to hold, and nothing less:

1. it is about the question that was asked: request, account, App Space, origin, and every
   member of the question;
2. it is ANSWERED;
3. its receipt is signed by a pinned service key, and holds together (`verify_receipt`);
4. the document that the person was shown and signed is the one that was asked;
5. the answer is by the device, at the time and with the button that the service tells of,
   before the deadline;
6. the button approves, and a strong one was signed by a strong key;
7. where a matching code was asked for, one was typed, and it is the one that was shown.

An approval is for once.
Mark what waits for it as done in the same transaction in which you act.
"""

from __future__ import annotations

import base64
import hmac
from datetime import datetime
from typing import Any

import attrs

from counterseal import Receipt, read_json
from counterseal.models import Button, ChallengeState, Guid, Role
from counterseal.wire.claims import format_time
from counterseal.wire.messages import ProcessedRequest
from counterseal.wire.question import content_document
from counterseal_client.asked import Asked, same
from counterseal_client.errors import Declined, EvidenceRefused, NotApproved, Unanswered
from counterseal_client.trust import Trust

_ENDED_BY_A_PERSON = frozenset({ChallengeState.ANSWERED, ChallengeState.DISOWNED})


@attrs.frozen(kw_only=True)
class Approval:
    """
    A person's approval, with all that proves it.

    Attributes:
        request: The request's GUID.
        account_id: The origin's own id of the person.
        button: Index of the chosen button.
        strong: Whether a strong key signed.
        device: The device that signed.
        thumbprint: The key that signed (RFC 7638).
        at: When the service accepted the answer.
        receipt: Keep it: it proves all this to anybody who trusts the service's key.
    """

    request: Guid
    account: Guid
    account_id: str
    app_space: Guid
    transaction_id: str | None = attrs.field(repr=False)
    button: int
    title: str = attrs.field(repr=False)
    strong: bool
    device: Guid
    thumbprint: str
    at: datetime
    receipt: str = attrs.field(repr=False)


def require_approved(told: ProcessedRequest, asked: Asked, trust: Trust) -> Approval:
    """
    Return the approval of *asked*, or raise.

    Args:
        told: What came back, from `wait`, `status` or `verify_callback`.
        asked: What was asked, from your own records; never made from *told*.
        trust: The service's keys.

    Raises:
        Declined: The person said no.
        Unanswered: There is no answer, yet or ever.
        EvidenceRefused: What came back does not prove an answer to this question.
    """
    asked.require_same(told)
    if told.state not in _ENDED_BY_A_PERSON:
        raise Unanswered(told.state)
    if told.receipt is None:
        raise EvidenceRefused("receipt")
    receipt = trust.verify(told.receipt)
    _require_shown(receipt.display, asked)
    _require_told(told, receipt)
    answer = receipt.answer
    ours = (asked.guid, asked.account, asked.app_space)
    _require((answer.challenge, answer.account, answer.app_space) == ours, "answer")
    _require(asked.issued_at <= receipt.at < asked.expires_at, "deadline")
    if told.state is ChallengeState.DISOWNED:
        raise Declined("the person disowned the request", disowned=True)
    button = _pressed(told, receipt, asked)
    if not button.approving:
        raise Declined
    _require(told.approved and receipt.approved, "approved")
    _require(receipt.role is Role.STRONG or not button.strong, "strong key")
    _require_code(answer.code, asked)
    assert answer.button is not None  # noqa: S101 (`_pressed`; for the type checker)
    return Approval(
        request=asked.guid,
        account=asked.account,
        account_id=asked.account_id,
        app_space=asked.app_space,
        transaction_id=asked.question.transaction_id,
        button=answer.button,
        title=button.title,
        strong=receipt.role is Role.STRONG,
        device=answer.device,
        thumbprint=receipt.key.thumbprint,
        at=receipt.at,
        receipt=told.receipt,
    )


def is_approved(told: ProcessedRequest, asked: Asked, trust: Trust) -> Approval | None:
    """
    Return the approval, or None where the person did not give it (yet).

    Raises:
        EvidenceRefused: What came back does not prove an answer to this question.
    """
    try:
        return require_approved(told, asked, trust)
    except NotApproved:
        return None


def _require(holds: bool, what: str) -> None:  # noqa: FBT001
    if not holds:
        raise EvidenceRefused(what)


def _require_shown(display: dict[str, Any], asked: Asked) -> None:
    """Demand that the person was shown what was asked; names of App Space and origin aside."""
    question = asked.question
    expected: dict[str, Any] = {
        "challenge": asked.guid,
        "account": {"guid": asked.account, "id": question.account_id},
        "content": content_document(question.content),
        "buttons": [
            {"title": button.title, "strong": button.strong, "approves": button.approving}
            | ({} if button.style is None else {"style": button.style})
            for button in question.buttons
        ],
        "code": asked.code_asked,
        "issuedAt": format_time(asked.issued_at),
        "expiresAt": format_time(asked.expires_at),
        "additionalInfo": question.additional_info,
        "transactionId": question.transaction_id,
    }
    for name, value in expected.items():
        _require(same(display.get(name), value), f"display: {name}")
    _require(display["appSpace"]["guid"] == asked.app_space, "display: appSpace")
    _require(display["origin"]["guid"] == asked.origin, "display: origin")


def _require_told(told: ProcessedRequest, receipt: Receipt) -> None:
    """Demand that the service tells what its receipt proves."""
    _require(told.state is receipt.state, "state")
    _require(told.device == receipt.answer.device, "device")
    _require(told.answered_at == receipt.at, "answeredAt")
    _require(told.button_selected == receipt.answer.button, "buttonSelected")
    _require(told.answer == _answer_in(told.receipt or ""), "answer")
    _require(told.approved is receipt.approved, "approved")


def _answer_in(receipt: str) -> Any:
    """Return the answer's token in a receipt that has been verified."""
    payload = receipt.split(".")[1]
    claims = read_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims["answer"]


def _pressed(told: ProcessedRequest, receipt: Receipt, asked: Asked) -> Button:
    index = told.button_selected
    if index is None or index >= len(asked.question.buttons):
        raise EvidenceRefused("buttonSelected")
    button = asked.question.buttons[index]
    _require(button.title == receipt.answer.title, "title")
    return button


def _require_code(typed: str | None, asked: Asked) -> None:
    _require((typed is not None) or not asked.code_asked, "code")
    if asked.code is not None:
        _require(hmac.compare_digest((typed or "").encode(), asked.code.encode()), "code")
