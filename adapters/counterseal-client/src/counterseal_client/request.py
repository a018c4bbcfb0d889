"""
Processed requests: a request as the service tells of it, in replies and in callbacks.

What is here is what the service *says*; `require_approved` is what makes it worth something.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from counterseal.errors import InvalidField
from counterseal.models import UNFINISHED, Button, ChallengeState, Guid
from counterseal_client.members import Members


@attrs.frozen(kw_only=True)
class ProcessedRequest:
    """
    A request as it stands (docs/reference/wire.md, "Requests as an origin gets them").

    Attributes:
        guid: The request.
        account: The account's GUID, `privakeyId` on the wire.
        account_id: The origin's own id of the user.
        content: A text, or an object with title and keys.
        button_selected: Index of the chosen button; None unless ANSWERED.
        approved: What the service says; never act on it alone.
        answer: The device's own token.
        receipt: The service's.
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

    @property
    def finished(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.state not in UNFINISHED


def read_request(document: object) -> ProcessedRequest:
    """
    Read a processed request that came as JSON.

    Raises:
        InvalidField: A member is missing or of another type; the error names it.
    """
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
        issued_at=members.moment("issuedAt"),
        expires_at=members.moment("expiresAt"),
        button_selected=members.index_or_none("buttonSelected"),
        approved=members.flag("approved"),
        answered_at=members.moment_or_none("answeredAt"),
        device=members.guid_or_none("device"),
        answer=members.text_or_none("answer"),
        receipt=members.text_or_none("receipt"),
    )


def _state(members: Members) -> ChallengeState:
    """Read `state`, or `status`, which say the same where there are both."""
    names = [name for name in ("state", "status") if name in members.document]
    told = [members.choice(name, ChallengeState) for name in names]
    if not told or len(set(told)) > 1:
        raise InvalidField("state", "missing, or said in two ways")
    return told[0]


def _button(members: Members) -> Button:
    return Button(
        title=members.text("title"),
        strong=members.flag("strongAuth"),
        style=members.text_or_none("style"),
        approving=members.flag("approving"),
    )
