"""
Started requests: what a CIBA client sends to begin a request, and keeps until its tokens have come.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from counterseal import read_json
from counterseal.challenges.documents.action import action_request_document, read_action
from counterseal.ijson import compact
from counterseal.models import Action
from counterseal.wire.members import Members, format_time
from counterseal_client.errors import Unfit, demand

ACTION_TYPE = "urn:counterseal:action"

INTERVAL = 5
"""Seconds between two token requests if the service names none (CIBA Core 1.0, 7.3)."""


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


@attrs.frozen(kw_only=True)
class RequestStart:
    """What begins a request: the arguments of `CibaClient.start`."""

    account_id: str
    action: Action | None
    binding_message: str | None
    requested_expiry: timedelta | None
    notification_token: str | None = attrs.field(repr=False)

    def parameters(self) -> dict[str, str]:
        """
        Return the parameters of the authentication request (CIBA Core 1.0, 7.1).

        Raises:
            Unfit: A member is of another type, or the action has a purpose already.
        """
        demand("account_id", self.account_id, str)
        parameters = {"scope": "openid", "login_hint": self.account_id}
        if self.action is not None:
            demand("action", self.action, Action)
            if self.binding_message is not None and self.action.purpose is not None:
                raise Unfit("binding_message: the action has a purpose, which is shown")
            details = [{"type": ACTION_TYPE, "action": action_request_document(self.action)}]
            parameters["authorization_details"] = compact(details).decode()
        if self.binding_message is not None:
            demand("binding_message", self.binding_message, str)
            parameters["binding_message"] = self.binding_message
        if self.requested_expiry is not None:
            demand("requested_expiry", self.requested_expiry, timedelta)
            parameters["requested_expiry"] = str(int(self.requested_expiry.total_seconds()))
        if self.notification_token is not None:
            demand("notification_token", self.notification_token, str)
            parameters["client_notification_token"] = self.notification_token
        return parameters

    def read_reply(self, document: object, *, now: datetime) -> StartedRequest:
        """
        Read the reply to the authentication request (CIBA Core 1.0, 7.3), which came at *now*.

        Raises:
            InvalidField: A member is missing or of another type.
        """
        members = Members.of(document)
        interval = members.count_or_none("interval")
        action = self.action
        if action is not None and self.binding_message is not None:
            action = attrs.evolve(action, purpose=self.binding_message)
        return StartedRequest(
            auth_req_id=members.text("auth_req_id"),
            account_id=self.account_id,
            action=action,
            expires_at=now + timedelta(seconds=members.count("expires_in")),
            interval=timedelta(seconds=INTERVAL if interval is None else interval),
            notification_token=self.notification_token,
        )
