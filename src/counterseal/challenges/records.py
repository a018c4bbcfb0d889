"""Challenges: one question to one account, answered at most once."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeAlias

import attrs

from counterseal import models
from counterseal.models import fields
from counterseal.models.action import Action
from counterseal.models.guid import Guid
from counterseal.models.record import Gauge, GaugeKey, Index, Listing
from counterseal.models.sealing import code_context


class ChallengeState(enum.Enum):
    """The states of a challenge; `counterseal.machines` says how they follow."""

    PENDING = "PENDING"
    SEEN = "SEEN"
    ANSWERED = "ANSWERED"
    DISOWNED = "DISOWNED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


UNFINISHED = (ChallengeState.PENDING, ChallengeState.SEEN)

FINISHED = tuple(state for state in ChallengeState if state not in UNFINISHED)
"""How a challenge can end."""


class CancelReason(enum.Enum):
    """Why a challenge was cancelled."""

    ORIGIN = "origin"
    SUPERSEDED = "superseded"
    ERASED = "erased"
    REFUSED = "refused"
    """Another request of its origin was refused for a reason that cancels this one too."""
    STAFF = "staff"
    """An administrator has withdrawn it."""


class RefusalReason(enum.Enum):
    """
    Why a person refused, in their own choice of these words; signed with the answer or disown.

    PRESSURED is for the origin and support staff only: no device and no page of a person shows it.
    """

    DECLINED = "declined"
    NOT_MINE = "not_mine"
    WRONG_DETAILS = "wrong_details"
    PRESSURED = "pressured"
    OTHER = "other"


class Reaction(enum.Enum):
    """What follows from the reason of a refusal, in the commit that accepts it."""

    ALERT = "alert"
    """The App Space's origins learn of it by an account event."""
    CANCEL_PENDING = "cancel_pending"
    """The other open requests of the same origin to the account are cancelled."""
    DEMAND_CODES = "demand_codes"
    """For a while, the account is asked with a matching code only."""
    LOCK_ACCOUNT = "lock_account"
    """The account is locked, until an administrator unlocks it."""


@attrs.frozen(kw_only=True, field_transformer=fields.check_together)
class Outcome:
    """
    How a challenge ended.

    Attributes:
        device: The binding whose key signed; None where nobody answered.
        kid, thumbprint: The key that signed.
        button: Index of the chosen button; None if none was chosen.
        token: The answer or disown as it was received, a compact JWS.
        receipt: The service's receipt, a compact JWS.
        reason: Why, for a cancelled challenge.
        refusal_reason: Why the person refused, if they said so.
        suspensions: How often `device` had been suspended by then; of an administrator's only.
    """

    at: datetime = attrs.field(validator=fields.utc)
    device: Guid | None = None
    kid: str | None = None
    thumbprint: str | None = None
    button: int | None = None
    token: str | None = attrs.field(default=None, repr=False)
    receipt: str | None = attrs.field(default=None, repr=False)
    reason: CancelReason | None = None
    refusal_reason: RefusalReason | None = None
    suspensions: int = attrs.field(default=0, validator=fields.count)


@attrs.frozen(kw_only=True, field_transformer=fields.check_together)
class Challenge:
    """
    One question to one account.

    Attributes:
        display: The display document in canonical form (RFC 8785), UTF-8.
        display_hash: SHA-256 of `display`, base64url.
        code_asked: Whether an approval needs the matching code.
        show_code: The `showCode` that the origin sent, returned unchanged.
        sealed_code: The matching code, sealed; empty if none is asked for.
        wrong_codes: Wrong matching codes so far.
        deadline: From then on every answer is refused.
        device: The only device that is asked, and that may read and answer it, as its origin chose;
            None for every device of the account.
        callback: Where the outcome is delivered; None for nowhere.
        callback_states: The endings that are delivered there, from its origin's settings at issue.
        backchannel: Its state as a request of a CIBA client; None if no client requested it.
        channel: Its state as a request of a realm; None if no realm requested it.
        action: What an approval allows its origin to do once; None unless it asks for an action.
        submission: What its origin sent in another protocol, in canonical form; only the origin
            gets it back. None for a request of this service's own API.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    state: ChallengeState
    app_space: Guid
    origin: Guid
    account: Guid
    display: str = attrs.field(repr=False)
    display_hash: str
    buttons: tuple[Button, ...] = attrs.field(repr=False)
    transaction_id: str | None = attrs.field(default=None, repr=False)
    callback: str | None = attrs.field(default=None, repr=False)
    callback_states: tuple[ChallengeState, ...] = FINISHED
    notification_title: str | None = attrs.field(default=None, repr=False)
    notification_body: str | None = attrs.field(default=None, repr=False)
    show_notification: bool = True
    show_code: bool = False
    code_asked: bool = False
    sealed_code: bytes = attrs.field(default=b"", repr=False)
    wrong_codes: int = attrs.field(default=0, validator=fields.count)
    device: Guid | None = None
    issued_at: datetime = attrs.field(validator=fields.utc)
    deadline: datetime = attrs.field(validator=fields.utc)
    keep_until: datetime = attrs.field(validator=fields.utc)
    outcome: Outcome | None = None
    backchannel: models.BackchannelRequest | None = None
    channel: models.ChannelRequest | None = None
    action: models.ActionTerms | None = None
    submission: str | None = attrs.field(default=None, repr=False)

    parent: ClassVar[Guid | None] = None

    @property
    def due_at(self) -> datetime | None:
        """When a worker has to expire it; None once it is finished."""
        return self.deadline if self.state in UNFINISHED else None

    @property
    def index(self) -> Index:
        """The keys that it is found by; until it is finished, a list and a gauge have it, too."""
        is_pending, gauge = self.state in UNFINISHED, None
        if is_pending:
            gauge = GaugeKey(Gauge.PENDING_CHALLENGES, self.app_space, self.origin)
        return Index(
            account=self.account,
            listing=Listing.PENDING,
            owner=self.account,
            listed=is_pending,
            gauge=gauge,
        )

    @property
    def approved(self) -> bool:
        """Whether it ended with an approving button."""
        return (
            self.state is ChallengeState.ANSWERED
            and self.outcome is not None
            and self.outcome.button is not None
            and self.buttons[self.outcome.button].approving
        )

    @property
    def calls_back_once(self) -> bool:
        """Whether its outcome is delivered at most once."""
        return self.channel is not None

    @property
    def calls_back_from(self) -> datetime | None:
        """When its outcome is delivered at the earliest; None for no such time."""
        return None if self.channel is None else self.channel.calls_back_from(self.issued_at)

    @property
    def reason(self) -> RefusalReason | None:
        """Why the person refused; None unless they did, and said so."""
        return None if self.outcome is None else self.outcome.refusal_reason

    def open_code(self, unseal: Callable[[bytes, str], bytes]) -> str:
        """Return the matching code, opened by `Sealer.open`; empty if none is asked for."""
        if not self.sealed_code:
            return ""
        return unseal(self.sealed_code, code_context(self.guid)).decode()

    def state_at(self, now: datetime) -> ChallengeState:
        """Return the state at *now*: an unfinished challenge is EXPIRED from its deadline on."""
        if self.state in UNFINISHED and now >= self.deadline:
            return ChallengeState.EXPIRED
        return self.state


@attrs.frozen(kw_only=True)
class TextContent:
    """Plain text."""

    text: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class HtmlContent:
    """An HTML document; the device decides how much of it to render."""

    html: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Pair:
    """One line of a template."""

    key: str = attrs.field(repr=False)
    value: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class PairsContent:
    """A title with key/value pairs."""

    title: str = attrs.field(repr=False)
    pairs: tuple[Pair, ...]


Content: TypeAlias = TextContent | HtmlContent | PairsContent | Action
"""What a question is about; an action's type renders it as `PairsContent`."""


@attrs.frozen(kw_only=True)
class RequestContext:
    """
    What an origin says of the act that it asks about; nobody has verified it.

    Attributes:
        ip_address: The IP address from which the act comes; None if the origin does not say.
        place: Where that is.
        browser: The browser or app.
    """

    ip_address: str | None = attrs.field(default=None, repr=False)
    place: str | None = attrs.field(default=None, repr=False)
    browser: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class Button:
    """
    One choice.

    Attributes:
        strong: Whether the answer has to be signed by a strong key.
        style: Opaque text for the device; None if there is none.
        approving: Whether choosing it is an approval.
    """

    title: str = attrs.field(repr=False)
    strong: bool
    style: str | None = attrs.field(default=None, repr=False)
    approving: bool = False


DEFAULT_BUTTONS = (
    Button(title="Approve", strong=True, approving=True),
    Button(title="Reject", strong=False),
)


@attrs.frozen(kw_only=True)
class Question:
    """
    One question to one account, as the origin puts it.

    Attributes:
        account_id: The origin's own id of the account.
        duration: How long it may be answered; None takes the policy's default.
        additional_info: Opaque text or JSON object, shown to the device and returned.
        show_code: Whether the person types a code that the origin shows.
        show_notification: Whether devices are notified at all.
        device: The only device that is asked; None for every device of the account.
        context: What the origin says of where the act comes from, shown and signed.
    """

    account_id: str
    content: Content
    buttons: tuple[Button, ...] = DEFAULT_BUTTONS
    duration: timedelta | None = None
    additional_info: Any = attrs.field(default=None, repr=False)
    transaction_id: str | None = attrs.field(default=None, repr=False)
    callback: str | None = attrs.field(default=None, repr=False)
    notification_title: str | None = attrs.field(default=None, repr=False)
    notification_body: str | None = attrs.field(default=None, repr=False)
    show_code: bool = False
    show_notification: bool = True
    device: Guid | None = None
    context: RequestContext | None = None
