"""
The challenge as origins read it: in the reply to `request/add`, in `getRequest` and in callbacks.

`processed_document` writes it, and `read_processed` reads it.

The members that clients of the CX service read keep their names and meaning:
`guid`, `privakeyId`, `accountId`, `transactionId`, `buttonSelected` (null until answered),
`content`, `buttons`, `additionalInfo`.
The others are `state`, `approved`, `issuedAt`, `expiresAt`, `answeredAt`, `device`, `answer`
(the device's own signature) and `receipt`; `status` says the same as `state`. If the question asks
for an action, `action` is `{type, digest, validUntil, language}`. The reply to `request/add` also
has `code` if the person has to type one, and `warnings` if there is something to warn of: a list of
objects with `code`, and what the code says more. A refusal has `reason` if the person said why.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import attrs

from counterseal.errors import InvalidField
from counterseal.models import (
    UNFINISHED,
    ActionTerms,
    Button,
    Challenge,
    ChallengeState,
    Guid,
    Occasion,
    PushMessage,
    RefusalReason,
)
from counterseal.wire.members import Members, format_time

DOCUMENT_HOST = "document_host"
"""The code of a warning: the service's app in the browser may not fetch a document."""


@attrs.frozen(kw_only=True)
class RequestWarning:
    """
    Something that people will meet, although the request was issued.

    Attributes:
        code: `document_host`, or another one of a newer service.
        field: The member of the question that it is about, such as
            `action.arguments.documents[0].url`; None if it is about none.
        host: The host from which the app may not fetch, with its port unless that is 443; None
            with another code.
    """

    code: str
    field: str | None = None
    host: str | None = None


@attrs.frozen(kw_only=True)
class RequestedAction:
    """
    The action that a challenge asks for, as the service says that it is.

    Attributes:
        valid_until: From then on, an approval can no longer be used.
        language: In which it is displayed; None if an older service does not say it.
    """

    type: str
    digest: str
    valid_until: datetime
    language: str | None = None


@attrs.frozen(kw_only=True)
class ProcessedRequest:
    """
    A challenge as the service says that it is, which proves nothing.

    Attributes:
        account: The account's GUID, `privakeyId` on the wire.
        content: A text, or an object with title and keys.
        button_selected: Index of the chosen button; None unless ANSWERED.
        answer: The device's own token.
        code: In the reply to `request/add` only.
        warnings: In the reply to `request/add` only.
        reason: Why the person refused, if they said so. Never show PRESSURED on a page: the
            person who puts the pressure on may be looking at it.
        action: None unless it asks for an action.
    """

    guid: Guid
    account: Guid
    account_id: str
    app_space: Guid
    origin: Guid
    transaction_id: str | None = attrs.field(repr=False)
    content: Any = attrs.field(repr=False)
    buttons: tuple[Button, ...] = attrs.field(repr=False)
    additional_info: Any = attrs.field(repr=False)
    show_code: bool
    show_notification: bool
    callback: str | None = attrs.field(repr=False)
    state: ChallengeState
    issued_at: datetime
    expires_at: datetime
    button_selected: int | None
    approved: bool
    answered_at: datetime | None
    device: Guid | None
    answer: str | None = attrs.field(repr=False)
    receipt: str | None = attrs.field(repr=False)
    code: str | None = attrs.field(default=None, repr=False)
    reason: RefusalReason | None = None
    action: RequestedAction | None = None
    warnings: tuple[RequestWarning, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether the challenge has ended, in any way."""
        return self.state not in UNFINISHED


def processed_document(
    challenge: Challenge,
    *,
    now: datetime,
    code: str | None = None,
    warnings: tuple[RequestWarning, ...] = (),
) -> dict[str, Any]:
    """
    Return the challenge as it is at *now*.

    Args:
        challenge: The challenge.
        now: The time.
        code: What the person has to type, in the reply to `request/add`.
        warnings: Of the same reply.
    """
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
        **({} if code is None else {"code": code}),
        **(
            {}
            if challenge.action is None
            else {"action": _action_document(challenge.action, display["action"]["language"])}
        ),
        **(
            {}
            if outcome is None or outcome.refusal_reason is None
            else {"reason": outcome.refusal_reason.value}
        ),
        **({} if not warnings else {"warnings": [write_warning(each) for each in warnings]}),
    }


def read_processed(document: object) -> ProcessedRequest:
    """Read a challenge that the service sent; see `wire.members.Members` for refusals."""
    members = Members.of(document)
    return ProcessedRequest(
        guid=members.guid("guid"),
        account=members.guid("privakeyId"),
        account_id=members.text("accountId"),
        app_space=members.guid("appSpaceGuid"),
        origin=members.guid("requestOriginGuid"),
        transaction_id=members.text_or_none("transactionId"),
        content=members.document.get("content"),
        buttons=tuple(_button(button) for button in members.objects("buttons")),
        additional_info=members.document.get("additionalInfo"),
        show_code=members.flag("showCode"),
        show_notification=members.flag("showNotification"),
        callback=members.text_or_none("callback"),
        state=_state(members),
        issued_at=members.time("issuedAt"),
        expires_at=members.time("expiresAt"),
        button_selected=members.count_or_none("buttonSelected"),
        approved=members.flag("approved"),
        answered_at=members.time_or_none("answeredAt"),
        device=members.guid_or_none("device"),
        answer=members.text_or_none("answer"),
        receipt=members.text_or_none("receipt"),
        code=members.text_or_none("code"),
        reason=members.choice("reason", RefusalReason) if members.has("reason") else None,
        action=_action(members),
        warnings=read_warnings(members),
    )


def write_warning(warning: RequestWarning) -> dict[str, str]:
    """Return a warning as the reply to `request/add` has it."""
    members = {"code": warning.code, "field": warning.field, "host": warning.host}
    return {name: value for name, value in members.items() if value is not None}


def read_warnings(members: Members) -> tuple[RequestWarning, ...]:
    """Read `warnings`, which is missing where there are none; see `read_processed`."""
    if not members.has("warnings"):
        return ()
    return tuple(
        RequestWarning(
            code=warning.text("code"),
            field=warning.text_or_none("field"),
            host=warning.text_or_none("host"),
        )
        for warning in members.objects("warnings")
    )


def _action_document(terms: ActionTerms, language: str) -> dict[str, Any]:
    return {
        "type": terms.type,
        "digest": terms.digest,
        "validUntil": format_time(terms.valid_until),
        "language": language,
    }


def _action(members: Members) -> RequestedAction | None:
    if not members.has("action"):
        return None
    action = Members.of(members.document["action"], "action")
    return RequestedAction(
        type=action.text("type"),
        digest=action.text("digest"),
        valid_until=action.time("validUntil"),
        language=action.text_or_none("language"),
    )


def _state(members: Members) -> ChallengeState:
    """Read `state`, or `status`, which must not differ."""
    names = [name for name in ("state", "status") if name in members.document]
    states = {members.choice(name, ChallengeState) for name in names}
    if len(states) != 1:
        raise InvalidField("state", "missing, or `state` and `status` differ")
    return states.pop()


def _button(members: Members) -> Button:
    return Button(
        title=members.text("title"),
        strong=members.flag("strongAuth"),
        style=members.text_or_none("style"),
        approving=members.flag("approving"),
    )


TYPES = {
    Occasion.CHALLENGE: "request",
    Occasion.CHALLENGE_REMINDER: "request",
    Occasion.CHALLENGE_ENDED: "requestEnded",
    Occasion.DEVICE_BOUND: "deviceBound",
    Occasion.DEVICE_REVOKED: "deviceRevoked",
    Occasion.DEVICE_UNCONFIRMED: "deviceUnconfirmed",
    Occasion.TEST: "test",
}
"""The `type` of each occasion; a reminder is the same push once more."""


def push_data(message: PushMessage) -> dict[str, str]:
    """
    Return the `data` of a push: `type`, the subject's GUID and the account's.

    The subject is `requestGuid` or `deviceGuid`, the account `privakeyId`; all are texts,
    as FCM demands.
    """
    subject = "requestGuid" if message.about_challenge else "deviceGuid"
    return {
        "type": TYPES[message.occasion],
        subject: message.subject,
        "privakeyId": message.account,
    }
