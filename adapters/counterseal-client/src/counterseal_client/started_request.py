"""Started requests: what a CIBA client keeps of a request until its tokens have come."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from counterseal import read_json
from counterseal.ijson import compact
from counterseal.models import Action
from counterseal.wire.action import action_request_document, read_action
from counterseal.wire.claims import format_time
from counterseal.wire.members import Members


@attrs.define(kw_only=True)
class StartedRequest:
    """
    One request that was begun; it belongs to one thread at a time.

    Attributes:
        auth_req_id: The secret id by which the client waits for it.
        account_id: Whom it asks, by the origin's own id.
        action: The action that it asks about, as it is shown; None for a log-in.
        expires_at: Until when the person may answer.
        interval: How long the client waits between two token requests. It grows by 5 seconds
            whenever the service says `slow_down`.
        notification_token: What the ping about it has; None without one.
        due: When the next token request may be sent, by the monotonic clock of this process.
    """

    auth_req_id: str = attrs.field(repr=False)
    account_id: str
    action: Action | None = None
    expires_at: datetime
    interval: timedelta
    notification_token: str | None = attrs.field(default=None, repr=False)
    due: float = attrs.field(default=0.0, init=False, repr=False, eq=False)

    def dump(self) -> str:
        """
        Return the request as text, for a database or a server-side session.

        Whoever can read the text can redeem the request, if they are the client; whoever can
        change it decides what the approval is compared with. Keep it where users have no access.
        """
        document = {
            "authReqId": self.auth_req_id,
            "accountId": self.account_id,
            "expiresAt": format_time(self.expires_at),
            "interval": int(self.interval.total_seconds()),
        }
        if self.action is not None:
            document["action"] = action_request_document(self.action)
        if self.notification_token is not None:
            document["notificationToken"] = self.notification_token
        return compact(document).decode()

    @classmethod
    def load(cls, text: str) -> StartedRequest:
        """
        Read what `dump` returned.

        Raises:
            InvalidField: *text* is something else.
        """
        members = Members.of(read_json(text), "started request")
        return cls(
            auth_req_id=members.text("authReqId"),
            account_id=members.text("accountId"),
            action=read_action(members.document["action"]) if members.has("action") else None,
            expires_at=members.time("expiresAt"),
            interval=timedelta(seconds=members.count("interval")),
            notification_token=members.text_or_none("notificationToken"),
        )
