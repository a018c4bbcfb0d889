"""
Pending requests: what an origin keeps of a request until it acts on the answer.

Keep it on your server, under its `guid`, with the order that waits for the answer.
Every reply and callback is compared with it: one about another request, or another account,
proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import attrs

from counterseal import STANDARD_ACTIONS, read_json, read_question
from counterseal.challenges.documents.action import action_digest
from counterseal.challenges.documents.messages import (
    ProcessedRequest,
    RequestWarning,
    read_processed,
)
from counterseal.challenges.documents.question import content_document
from counterseal.errors import ActionTypeUnknown, InvalidField
from counterseal.ijson import canonical, compact
from counterseal.models import DEFAULT_BUTTONS, DEFAULT_LANGUAGE, Action, Button, Guid, Question
from counterseal.wire.members import Members, format_time
from counterseal_client.errors import demand, demand_guid, require_evidence


@attrs.frozen(kw_only=True)
class PendingRequest:
    """
    One request that was issued.

    Attributes:
        guid: The request's GUID.
        account: The account's GUID.
        body: The question as it was sent, in JSON.
        code: The matching code. Show it on the page on which the person just acted, and nowhere
            else. It is None if the request has none, and after `load`.
        code_asked: Whether an approval needs the code.
        valid_until: From then on, an approval of the action can no longer be used; None unless the
            question asks for an action.
        warnings: What the person will meet, as the service said when it was asked, such as a
            document that its app may not fetch. Empty after `load`.
        question: The question in *body*.
    """

    guid: Guid
    account: Guid
    app_space: Guid
    origin: Guid
    body: str = attrs.field(repr=False)
    code: str | None = attrs.field(default=None, repr=False, eq=False)
    code_asked: bool
    issued_at: datetime
    expires_at: datetime
    valid_until: datetime | None = None
    warnings: tuple[RequestWarning, ...] = attrs.field(default=(), eq=False)
    question: Question = attrs.field(init=False, repr=False, eq=False)

    @question.default
    def _question(self) -> Question:
        return read_question(read_json(self.body))

    @property
    def account_id(self) -> str:
        """The origin's own id of the person."""
        return self.question.account_id

    @property
    def action(self) -> Action | None:
        """The action that it asks for, with the end of its approval; None if it asks for none."""
        content = self.question.content
        if not isinstance(content, Action):
            return None
        return attrs.evolve(content, valid_until=self.valid_until)

    @property
    def action_digest(self) -> str | None:
        """The digest that the person signs with the action; None if it asks for none."""
        return None if self.action is None else action_digest(self.action, self.origin)

    def content_document(self, language: str | None = None) -> dict[str, Any] | None:
        """
        Return the content as in the display document.

        It is None for an action that this library cannot render: then the digest alone says that it
        is the action that was sent.

        Args:
            language: In which the service displays an action that names none.
        """
        if self.action is None:
            return content_document(self.question.content)
        action = self._translated(self.action, language)
        if action is None:
            return None
        try:
            return content_document(STANDARD_ACTIONS.render(action).content)
        except ActionTypeUnknown:
            return None

    def expected_buttons(
        self, titles: Sequence[object], language: str | None = None
    ) -> tuple[Button, ...]:
        """
        Return the buttons: the question's, or those of its action's type.

        Args:
            titles: Those that the service says, which are taken where this library has none.
            language: As of `content_document`.
        """
        buttons = self.question.buttons
        if self.action is None or buttons != DEFAULT_BUTTONS:
            return buttons
        action = self._translated(self.action, language)
        try:
            if action is not None:
                return STANDARD_ACTIONS.buttons(action)
        except ActionTypeUnknown:
            pass
        texts = [title for title in titles if isinstance(title, str)]
        if len(texts) != len(buttons):
            return buttons
        return tuple(
            attrs.evolve(button, title=title) for button, title in zip(buttons, texts, strict=True)
        )

    def dump(self) -> str:
        """
        Return the record as text, for a database or a server-side session.

        It contains neither the code nor warnings; `ask` with the same idempotency key returns them
        again.
        Whoever can change the text decides what the answer is compared with, so keep it where
        users cannot write.
        """
        document = {
            "guid": self.guid,
            "account": self.account,
            "appSpace": self.app_space,
            "origin": self.origin,
            "sent": self.body,
            "codeAsked": self.code_asked,
            "issuedAt": format_time(self.issued_at),
            "expiresAt": format_time(self.expires_at),
        }
        if self.valid_until is not None:
            document["validUntil"] = format_time(self.valid_until)
        return compact(document).decode()

    @classmethod
    def load(cls, text: str) -> PendingRequest:
        """
        Read what `dump` returned.

        Raises:
            InvalidField: *text* is something else.
        """
        members = Members.of(read_json(text), "pending request")
        return cls(
            guid=members.guid("guid"),
            account=members.guid("account"),
            app_space=members.guid("appSpace"),
            origin=members.guid("origin"),
            body=members.text("sent"),
            code_asked=members.flag("codeAsked"),
            issued_at=members.time("issuedAt"),
            expires_at=members.time("expiresAt"),
            valid_until=members.time_or_none("validUntil"),
        )

    def require_equal(self, reply: ProcessedRequest) -> None:
        """
        Require that *reply* is about this request, member by member.

        Raises:
            EvidenceRefused: It is about another request; the error names the member.
        """
        question = self.question
        language = None if reply.action is None else reply.action.language
        content = self.content_document(language)
        if content is not None:
            text = content.get("text", content.get("html", content))
            require_evidence(equal_json(reply.content, text), "content")
        self._require_action(reply)
        pairs: dict[str, tuple[Any, Any]] = {
            "guid": (reply.guid, self.guid),
            "privakeyId": (reply.account, self.account),
            "accountId": (reply.account_id, question.account_id),
            "appSpaceGuid": (reply.app_space, self.app_space),
            "requestOriginGuid": (reply.origin, self.origin),
            "transactionId": (reply.transaction_id, question.transaction_id),
            "additionalInfo": (reply.additional_info, question.additional_info),
            "callback": (reply.callback, question.callback),
        }
        for name, (value, expected) in pairs.items():
            require_evidence(equal_json(value, expected), name)
        buttons = self.expected_buttons([button.title for button in reply.buttons], language)
        require_evidence(reply.buttons == buttons, "buttons")
        require_evidence(reply.show_code is question.show_code, "showCode")
        require_evidence(reply.show_notification is question.show_notification, "showNotification")
        require_evidence(reply.issued_at == self.issued_at, "issuedAt")
        require_evidence(reply.expires_at == self.expires_at, "expiresAt")

    def _translated(self, action: Action, language: str | None) -> Action | None:
        """
        Return *action* in the language of its display; None if this library has not that.

        Where the program named no language, the service chooses one of those that this library has.
        """
        # An older service displays an action that names no language in English.
        shown_in = action.language or language or DEFAULT_LANGUAGE
        if shown_in not in STANDARD_ACTIONS.languages:
            is_standard = action.type in {kind.name for kind in STANDARD_ACTIONS}
            require_evidence(action.language is not None or not is_standard, "action.language")
            return None
        return attrs.evolve(action, language=shown_in)

    def _require_action(self, reply: ProcessedRequest) -> None:
        action, expected = reply.action, self.action
        require_evidence((action is None) is (expected is None), "action")
        if action is not None and expected is not None:
            require_evidence(action.type == expected.type, "action.type")
            require_evidence(action.valid_until == self.valid_until, "action.validUntil")
            require_evidence(action.digest == self.action_digest, "action.digest")


def guid_of(request: PendingRequest | str) -> Guid:
    """
    Return the GUID of a request that a caller names.

    Raises:
        Unfit: *request* is neither a pending request nor a GUID.
    """
    if isinstance(request, PendingRequest):
        return request.guid
    demand("request", request, PendingRequest, str)
    return demand_guid("guid", request)


def equal_json(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are the same; neither true nor 1.5 is 1."""
    try:
        return canonical(one) == canonical(other)
    except InvalidField:
        return False


def read_pending_request(body: str, document: object, *, origin: Guid) -> PendingRequest:
    """
    Read the reply to `request/add`, and compare it with the *body* that was sent.

    Raises:
        InvalidField: A member is missing or of another type.
        EvidenceRefused: The reply is about another question, or another origin's.
    """
    reply = read_processed(document)
    pending_request = PendingRequest(
        guid=reply.guid,
        account=reply.account,
        app_space=reply.app_space,
        origin=origin,
        body=body,
        code=reply.code,
        code_asked=reply.code is not None,
        issued_at=reply.issued_at,
        expires_at=reply.expires_at,
        valid_until=None if reply.action is None else reply.action.valid_until,
        warnings=reply.warnings,
    )
    pending_request.require_equal(reply)
    # The reply has no code although one was wanted: the origin's setting `codes` is not `typed`.
    require_evidence(bool(reply.code) or not pending_request.question.show_code, "code")
    return pending_request
