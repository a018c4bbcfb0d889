"""
Asked: what an origin has to remember of a question until it acts on the answer.

Keep it on your server, under its `guid`, beside the thing that waits for the answer.
Everything that comes back is compared with it: a callback that answers another question, of
another account, is worth nothing here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from counterseal import read_json, read_question
from counterseal.errors import InvalidField
from counterseal.ijson import canonical, compact
from counterseal.models import Guid, Question
from counterseal.wire.claims import format_time
from counterseal.wire.members import Members
from counterseal.wire.messages import ProcessedRequest, read_processed
from counterseal.wire.question import content_document
from counterseal_client.errors import EvidenceRefused


@attrs.frozen(kw_only=True)
class Asked:
    """
    One question that was put.

    Attributes:
        guid: The request.
        account: The account's GUID.
        sent: The question as it was sent, JSON.
        code: The matching code: show it on the page on which the person just acted, and
            nowhere else; None where no code is asked for, and in what `load` returns.
        code_asked: Whether an approval needs the code.
        question: What was sent, read.
    """

    guid: Guid
    account: Guid
    app_space: Guid
    origin: Guid
    sent: str = attrs.field(repr=False)
    code: str | None = attrs.field(default=None, repr=False, eq=False)
    code_asked: bool
    issued_at: datetime
    expires_at: datetime
    question: Question = attrs.field(init=False, repr=False, eq=False)

    @question.default
    def _question(self) -> Question:
        return read_question(read_json(self.sent))

    @property
    def account_id(self) -> str:
        """The origin's own id of the person who was asked."""
        return self.question.account_id

    def dump(self) -> str:
        """
        Return the record as text, to be kept in a database or a server-side session.

        The code is not in it; asking again with the same idempotency key tells it again.
        Whoever can change the text can choose what counts as asked: keep it where the user
        cannot write.
        """
        document = {
            "guid": self.guid,
            "account": self.account,
            "appSpace": self.app_space,
            "origin": self.origin,
            "sent": self.sent,
            "codeAsked": self.code_asked,
            "issuedAt": format_time(self.issued_at),
            "expiresAt": format_time(self.expires_at),
        }
        return compact(document).decode()

    @classmethod
    def load(cls, text: str) -> Asked:
        """
        Read what `dump` wrote.

        Raises:
            InvalidField: It is something else.
        """
        members = Members.of(read_json(text), "asked")
        return cls(
            guid=members.guid("guid"),
            account=members.guid("account"),
            app_space=members.guid("appSpace"),
            origin=members.guid("origin"),
            sent=members.text("sent"),
            code_asked=members.flag("codeAsked"),
            issued_at=members.time("issuedAt"),
            expires_at=members.time("expiresAt"),
        )

    def require_same(self, told: ProcessedRequest) -> None:
        """
        Demand that *told* is about this question, member by member.

        Raises:
            EvidenceRefused: It is about another; the error names the member.
        """
        asked = self.question
        pairs: dict[str, tuple[Any, Any]] = {
            "guid": (told.guid, self.guid),
            "privakeyId": (told.account, self.account),
            "accountId": (told.account_id, asked.account_id),
            "appSpaceGuid": (told.app_space, self.app_space),
            "requestOriginGuid": (told.origin, self.origin),
            "transactionId": (told.transaction_id, asked.transaction_id),
            "content": (told.content, _told_content(asked)),
            "additionalInfo": (told.additional_info, asked.additional_info),
            "callback": (told.callback, asked.callback),
        }
        for name, (left, right) in pairs.items():
            if not same(left, right):
                raise EvidenceRefused(name)
        exact = {
            "buttons": told.buttons == asked.buttons,
            "showCode": told.show_code is asked.show_code,
            "showNotification": told.show_notification is asked.show_notification,
            "issuedAt": told.issued_at == self.issued_at,
            "expiresAt": told.expires_at == self.expires_at,
        }
        for name, holds in exact.items():
            if not holds:
                raise EvidenceRefused(name)


def same(left: Any, right: Any) -> bool:
    """Return whether two JSON values are one and the same; neither true nor 1.5 is 1."""
    try:
        return canonical(left) == canonical(right)
    except InvalidField:
        return False


def read_asked(sent: str, reply: object, *, origin: Guid) -> Asked:
    """
    Read the reply to a question, and compare it with what was sent.

    Raises:
        InvalidField: A member is missing or of another type.
        EvidenceRefused: The service tells of another question, or of none's origin.
    """
    told = read_processed(reply)
    asked = Asked(
        guid=told.guid,
        account=told.account,
        app_space=told.app_space,
        origin=origin,
        sent=sent,
        code=told.code,
        code_asked=told.code is not None,
        issued_at=told.issued_at,
        expires_at=told.expires_at,
    )
    asked.require_same(told)
    if asked.question.show_code and not told.code:
        # Nobody would type it: the origin's setting `codes` is not `typed`.
        raise EvidenceRefused("code")
    return asked


def _told_content(question: Question) -> Any:
    document = content_document(question.content)
    return document.get("text", document.get("html", document))
