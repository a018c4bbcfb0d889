"""A request for one approval, as a row of the embedding program's own database has it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from counterseal import ijson
from counterseal.challenges.documents.question import read_question, request_document
from counterseal.errors import InvalidField
from counterseal.models import Action, Guid, Question
from counterseal_records import moment_at

KEY_LENGTH = 256
"""Bytes of a key, as the standard policy limits idempotency keys."""

OUTCOME_LENGTH = 64
"""Characters of an outcome: a code of Counterseal's."""

GUID_LENGTH = 36

USED = "used"
"""The outcome of a request that was approved, and whose use the program has recorded."""


@attrs.frozen(kw_only=True)
class ApprovalRequest:
    """
    A request for the approval of one action.

    Attributes:
        key: The program's own name of it, and the idempotency key of the question.
        document: The question, as JSON.
        challenge: The challenge that asks; None before.
        asked_at: When it was issued; None before.
        outcome: `used` once the program has recorded the use; if there will be none, the reason:
            `declined`, `disowned`, `cancelled`, `failed`, `expired`, `withdrawn`, or the code of
            Counterseal's refusal, such as `account_unbound`. None while it is open.
        use: The GUID of the use; None unless *outcome* is `used`.
        reported: Whether nothing is left to do: the use was reported, or there is none.
    """

    key: str
    document: str = attrs.field(repr=False)
    challenge: Guid | None
    asked_at: datetime | None
    outcome: str | None
    use: Guid | None
    reported: bool

    @property
    def question(self) -> Question:
        """
        The question.

        Raises:
            InvalidField: The row does not have a question any more.
        """
        return read_question(ijson.parse(self.document, field="question"))

    @property
    def account_id(self) -> str:
        """The program's own id of the user who is asked."""
        return self.question.account_id

    @property
    def action(self) -> Action:
        """
        The action that the user is asked to approve.

        Raises:
            InvalidField: The row does not have an action any more.
        """
        return require_action(self.question)

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments of the action, which are those that were used if the request is."""
        return self.action.arguments


def read_row(row: Any) -> ApprovalRequest:
    """Return the request in *row*, which has the columns of `ApprovalTable` as attributes."""
    return ApprovalRequest(
        key=row.key,
        document=row.question,
        challenge=None if row.challenge is None else Guid(row.challenge),
        asked_at=None if row.asked_at is None else moment_at(row.asked_at),
        outcome=row.outcome,
        use=None if row.use is None else Guid(row.use),
        reported=row.next_visit is None,
    )


def require_action(question: Question) -> Action:
    """
    Return the action that *question* asks about.

    Raises:
        InvalidField: It asks about none, so that no use could be recorded.
    """
    if not isinstance(question.content, Action):
        raise InvalidField("action", "missing")
    return question.content


def write_question(question: Question, key: str) -> str:
    """
    Write the question of a new request as JSON.

    Raises:
        InvalidField: *question* asks about no action or cannot be written as JSON, or *key* is no
            text of 1 to 256 bytes.
    """
    if not isinstance(key, str) or not 0 < len(key.encode(errors="replace")) <= KEY_LENGTH:
        raise InvalidField("key", f"not a text of 1 to {KEY_LENGTH} bytes")
    require_action(question)
    return ijson.compact(request_document(question), field="question").decode()
