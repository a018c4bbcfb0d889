"""
Approval: the check between the service's reply and acting on it.

`require_approved` demands, at the least:

1. the reply is about the pending request: request, account, App Space, origin, and every member
   of the question;
2. it is ANSWERED;
3. its receipt is signed by a pinned service key, and is consistent (`verify_receipt`);
4. the document that the person was shown and signed is the one of the pending request;
5. device, time and button in the reply are those in the receipt, and before the deadline;
6. the button approves, and a strong button was signed by a strong key;
7. the matching code, if the request has one, was typed and is the one that the origin showed.

What else an origin requires is in `counterseal_client.requirements`.

Use an approval once: mark the order as paid in the transaction in which you act on it.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

import attrs

from counterseal import Receipt, read_json
from counterseal.challenges.documents.messages import ProcessedRequest
from counterseal.challenges.documents.question import context_document
from counterseal.models import Button, ChallengeState, Factor, Guid, Role
from counterseal.wire.members import format_time
from counterseal_client.errors import (
    Declined,
    EvidenceRefused,
    NotApproved,
    Unanswered,
    Unfit,
    demand,
    require_evidence,
)
from counterseal_client.pending_request import PendingRequest, equal_json
from counterseal_client.trust import Trust

_ENDED_BY_A_PERSON = frozenset({ChallengeState.ANSWERED, ChallengeState.DISOWNED})


@attrs.frozen(kw_only=True)
class Approval:
    """
    A person's approval, with its proof.

    Attributes:
        request: The request's GUID.
        account_id: The origin's own id of the person.
        button: The index of the chosen button.
        strong: Whether a strong key signed.
        factors: The factors that the answer shows.
        code_typed: Whether the person typed a matching code.
        device: The GUID of the device that signed.
        thumbprint: The thumbprint of the key that signed (RFC 7638).
        issued_at: When the service issued the request.
        at: When the service accepted the answer.
        receipt: The proof of all this to anybody who trusts the service's key. Keep it.
    """

    request: Guid
    account: Guid
    account_id: str
    app_space: Guid
    transaction_id: str | None = attrs.field(repr=False)
    button: int
    title: str = attrs.field(repr=False)
    strong: bool
    factors: tuple[Factor, ...]
    code_typed: bool
    device: Guid
    thumbprint: str
    issued_at: datetime
    at: datetime
    receipt: str = attrs.field(repr=False)


class Requirement(Protocol):
    """What an origin requires of an approval, beside what `require_approved` always demands."""

    def verify(self, approval: Approval) -> None:
        """
        Refuse an approval that does not meet this requirement.

        Raises:
            RequirementUnmet: *approval* does not meet it; subclasses say what is missing.
        """


def require_approved(
    reply: ProcessedRequest,
    pending_request: PendingRequest,
    trust: Trust,
    *,
    requirements: Iterable[Requirement] = (),
) -> Approval:
    """
    Return the approval of *pending_request*, or raise.

    Args:
        reply: The result of `wait`, `status` or `verify_callback`.
        pending_request: The request from your own records; never made from *reply*.
        trust: The service's keys.
        requirements: Further requirements, all of which the approval must meet.

    Raises:
        Declined: The person said no.
        Unanswered: There is no answer, yet or ever.
        RequirementUnmet: The person approved, but a requirement is not met.
        EvidenceRefused: The reply does not prove an answer to this request.
        Unfit: *requirements* contains something else than requirements.
    """
    requirements = demand_requirements(requirements)
    approval = _approval(reply, pending_request, trust)
    for requirement in requirements:
        requirement.verify(approval)
    return approval


def is_approved(
    reply: ProcessedRequest,
    pending_request: PendingRequest,
    trust: Trust,
    *,
    requirements: Iterable[Requirement] = (),
) -> Approval | None:
    """
    Return the approval; None if the person did not approve, or a requirement is not met.

    Raises:
        EvidenceRefused: The reply does not prove an answer to this request.
        Unfit: *requirements* contains something else than requirements.
    """
    try:
        return require_approved(reply, pending_request, trust, requirements=requirements)
    except NotApproved:
        return None


def demand_requirements(requirements: Iterable[Requirement]) -> tuple[Requirement, ...]:
    """
    Return *requirements* as a tuple.

    Raises:
        Unfit: It contains something else than requirements.
    """
    demand("requirements", requirements, Iterable)
    requirements = tuple(requirements)
    for requirement in requirements:
        if isinstance(requirement, type) or not callable(getattr(requirement, "verify", None)):
            raise Unfit("requirements: not an iterable of objects with `verify`")
    return requirements


def _approval(reply: ProcessedRequest, pending_request: PendingRequest, trust: Trust) -> Approval:
    pending_request.require_equal(reply)
    if reply.state not in _ENDED_BY_A_PERSON:
        raise Unanswered(reply.state)
    if reply.receipt is None:
        raise EvidenceRefused("receipt")
    receipt = trust.verify(reply.receipt)
    _require_display(receipt.display, pending_request)
    _require_receipt(reply, receipt)
    answer = receipt.answer
    expected = (pending_request.guid, pending_request.account, pending_request.app_space)
    require_evidence((answer.challenge, answer.account, answer.app_space) == expected, "answer")
    in_time = pending_request.issued_at <= receipt.at < pending_request.expires_at
    require_evidence(in_time, "deadline")
    if reply.state is ChallengeState.DISOWNED:
        raise Declined(
            "the person disowned the request", disowned=True, reason=receipt.answer.reason
        )
    buttons = _expected_buttons(receipt.display, pending_request)
    index, button = _chosen_button(reply, receipt, buttons)
    if not button.approving:
        raise Declined(reason=receipt.answer.reason)
    require_evidence(reply.approved and receipt.approved, "approved")
    require_evidence(receipt.role is Role.STRONG or not button.strong, "strong key")
    _require_code(answer.code, pending_request)
    return Approval(
        request=pending_request.guid,
        account=pending_request.account,
        account_id=pending_request.account_id,
        app_space=pending_request.app_space,
        transaction_id=pending_request.question.transaction_id,
        button=index,
        title=button.title,
        strong=receipt.role is Role.STRONG,
        factors=receipt.factors,
        code_typed=pending_request.code_asked,
        device=answer.device,
        thumbprint=receipt.key.thumbprint,
        issued_at=pending_request.issued_at,
        at=receipt.at,
        receipt=reply.receipt,
    )


def _require_display(display: dict[str, Any], pending_request: PendingRequest) -> None:
    """Require that the person was shown the question; the two names are not compared."""
    question = pending_request.question
    expected: dict[str, Any] = {
        "challenge": pending_request.guid,
        "account": {"guid": pending_request.account, "id": question.account_id},
        "content": pending_request.content_document(_language_in(display)),
        "buttons": [
            {"title": button.title, "strong": button.strong, "approves": button.approving}
            | ({} if button.style is None else {"style": button.style})
            for button in _expected_buttons(display, pending_request)
        ],
        "code": pending_request.code_asked,
        "issuedAt": format_time(pending_request.issued_at),
        "expiresAt": format_time(pending_request.expires_at),
        "additionalInfo": question.additional_info,
        "context": None if question.context is None else context_document(question.context),
        "transactionId": question.transaction_id,
    }
    if expected["content"] is None:
        # What the person was shown of a type that this library cannot render.
        del expected["content"]
    for name, value in expected.items():
        require_evidence(equal_json(display.get(name), value), f"display: {name}")
    action = display.get("action", {})
    require_evidence(action.get("digest") == pending_request.action_digest, "display: action")
    require_evidence(display["appSpace"]["guid"] == pending_request.app_space, "display: appSpace")
    require_evidence(display["origin"]["guid"] == pending_request.origin, "display: origin")


def _require_receipt(reply: ProcessedRequest, receipt: Receipt) -> None:
    """Require that the reply agrees with its receipt."""
    require_evidence(reply.state is receipt.state, "state")
    require_evidence(reply.device == receipt.answer.device, "device")
    require_evidence(reply.answered_at == receipt.at, "answeredAt")
    require_evidence(reply.button_selected == receipt.answer.button, "buttonSelected")
    require_evidence(reply.answer == _answer_in(reply.receipt or ""), "answer")
    require_evidence(reply.approved is receipt.approved, "approved")
    require_evidence(reply.reason is receipt.answer.reason, "reason")


def _answer_in(receipt: str) -> Any:
    """Return the answer's token in a verified receipt."""
    payload = receipt.split(".")[1]
    claims = read_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims["answer"]


def _expected_buttons(
    display: dict[str, Any], pending_request: PendingRequest
) -> tuple[Button, ...]:
    listed = display.get("buttons")
    buttons = listed if isinstance(listed, list) else []
    titles = [button.get("title") for button in buttons if isinstance(button, dict)]
    return pending_request.expected_buttons(titles, _language_in(display))


def _language_in(display: dict[str, Any]) -> Any:
    action = display.get("action")
    return action.get("language") if isinstance(action, dict) else None


def _chosen_button(
    reply: ProcessedRequest, receipt: Receipt, buttons: tuple[Button, ...]
) -> tuple[int, Button]:
    index = reply.button_selected
    if index is None or index >= len(buttons):
        raise EvidenceRefused("buttonSelected")
    require_evidence(buttons[index].title == receipt.answer.title, "title")
    return index, buttons[index]


def _require_code(typed_code: str | None, pending_request: PendingRequest) -> None:
    require_evidence((typed_code is not None) or not pending_request.code_asked, "code")
    if pending_request.code is not None:
        typed, expected = (typed_code or "").encode(), pending_request.code.encode()
        require_evidence(hmac.compare_digest(typed, expected), "code")
