"""
Approved actions as an origin uses them: what it sends to `action/…`, and what the service replies.

| record | in |
|---|---|
| `ActionName` | the body of `action/withdraw` |
| `UseRequest` | the body of `action/consume` |
| `UseReport` | the body of `action/report` |
| `KnownAction` | every reply, and that to `GET action/{guid}` |

A request names the challenge, `requestGuid`; the action has no other name outside.
See `wire.members.Members` for the refusals of all readers here.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from counterseal.errors import InvalidField
from counterseal.models import (
    UNFINISHED,
    ActionTerms,
    ActionUse,
    ApprovedAction,
    Challenge,
    ChallengeState,
    Guid,
    UseState,
)
from counterseal.wire.members import (
    FLAG,
    GUID,
    OPTIONAL_TEXT,
    OPTIONAL_TIME,
    TEXT,
    TIME,
    Kind,
    Members,
    choice,
    member,
    write_record,
)


def _read_arguments(members: Members, name: str) -> Mapping[str, Any]:
    value = members.document.get(name)
    if not isinstance(value, Mapping):
        raise InvalidField(name, "missing or not a JSON object")
    return value


ARGUMENTS = Kind(_read_arguments)


class Progress(enum.Enum):
    """How far an action that an origin asked about has come."""

    PENDING = "PENDING"
    """A device may have read it already."""
    DECLINED = "DECLINED"
    DISOWNED = "DISOWNED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    APPROVED = "APPROVED"
    USED = "USED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


@attrs.frozen(kw_only=True)
class ActionName:
    """The action of a request; its GUID is not checked yet."""

    request: str = attrs.field(metadata=member("requestGuid", TEXT))


@attrs.frozen(kw_only=True)
class UseRequest:
    """The request to use an approved action for these arguments; nothing is checked yet."""

    request: str = attrs.field(metadata=member("requestGuid", TEXT))
    arguments: Mapping[str, Any] = attrs.field(repr=False, metadata=member("arguments", ARGUMENTS))


class Outcome(enum.Enum):
    """What an origin reports of a use."""

    EXECUTED = "executed"
    FAILED = "failed"


@attrs.frozen(kw_only=True)
class UseReport:
    """The report of what came of a use."""

    request: str = attrs.field(metadata=member("requestGuid", TEXT))
    outcome: Outcome = attrs.field(metadata=member("outcome", choice(Outcome)))
    detail: str | None = attrs.field(
        default=None, repr=False, metadata=member("detail", OPTIONAL_TEXT, omitted=True)
    )

    @property
    def state(self) -> UseState:
        """The state of the use after it."""
        return UseState[self.outcome.name]


@attrs.frozen(kw_only=True)
class KnownUse:
    """
    The use of an approved action, as the service knows it.

    Attributes:
        state: UNKNOWN until the origin reports: the action may have been executed.
        presented: Whether the arguments were presented, and matched.
        receipt: What the service signed about the use; see `verify_use_receipt`.
    """

    state: UseState = attrs.field(metadata=member("state", choice(UseState)))
    presented: bool = attrs.field(metadata=member("argumentsPresented", FLAG))
    receipt: str = attrs.field(repr=False, metadata=member("receipt", TEXT))
    detail: str | None = attrs.field(repr=False, metadata=member("detail", OPTIONAL_TEXT))
    at: datetime = attrs.field(metadata=member("at", TIME))
    reported_at: datetime | None = attrs.field(metadata=member("reportedAt", OPTIONAL_TIME))


def _read_use(members: Members, name: str) -> KnownUse | None:
    if not members.has(name):
        return None
    use = Members.of(members.document[name], name)
    return KnownUse(
        state=use.choice("state", UseState),
        presented=use.flag("argumentsPresented"),
        receipt=use.text("receipt"),
        detail=use.text_or_none("detail"),
        at=use.time("at"),
        reported_at=use.time_or_none("reportedAt"),
    )


OPTIONAL_USE = Kind(_read_use, lambda use: None if use is None else write_record(use))


@attrs.frozen(kw_only=True)
class KnownAction:
    """
    An action that an origin asked about, as the service knows it.

    Attributes:
        request: The challenge's GUID.
        digest: Of the action, as the person is asked to sign it.
        valid_until: From then on, an approval can no longer be used.
        use: None unless it was used.
    """

    request: Guid = attrs.field(metadata=member("requestGuid", GUID))
    state: Progress = attrs.field(metadata=member("state", choice(Progress)))
    type: str = attrs.field(metadata=member("type", TEXT))
    digest: str = attrs.field(metadata=member("digest", TEXT))
    valid_until: datetime = attrs.field(metadata=member("validUntil", TIME))
    use: KnownUse | None = attrs.field(metadata=member("use", OPTIONAL_USE))

    @classmethod
    def of(
        cls, request: Guid, terms: ActionTerms, state: Progress, use: ActionUse | None
    ) -> KnownAction:
        """Return what is known of the action of *terms*, which the challenge *request* asks for."""
        return cls(
            request=request,
            state=state,
            type=terms.type,
            digest=terms.digest,
            valid_until=terms.valid_until,
            use=None
            if use is None
            else KnownUse(
                state=use.state,
                presented=use.presented,
                receipt=use.receipt,
                detail=use.detail,
                at=use.created_at,
                reported_at=use.reported_at,
            ),
        )


def progress_of(challenge: Challenge, action: ApprovedAction | None) -> Progress:
    """Return how far an action has come, of records that are in their present state."""
    if action is not None:
        return Progress[action.state.name]
    if challenge.state is ChallengeState.ANSWERED:
        return Progress.DECLINED
    return Progress.PENDING if challenge.state in UNFINISHED else Progress[challenge.state.name]
