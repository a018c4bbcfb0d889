"""Push messages: the addresses that they are sent to, what they are about, and the outcomes."""

from __future__ import annotations

import enum
from datetime import timedelta

import attrs

from counterseal.models import fields
from counterseal.models.guid import Guid, derive_guid


class AddressKind(enum.Enum):
    """Which transport a push address belongs to."""

    FCM_TOKEN = "fcm_token"  # noqa: S105 - the name of a transport
    FCM_FID = "fcm_fid"
    WEBPUSH = "webpush"
    APNS = "apns"
    RELAY = "relay"


@attrs.frozen(kw_only=True)
class PushAddress:
    """Where a push service reaches a device; opaque to the core."""

    kind: AddressKind
    value: str = attrs.field(validator=fields.text, repr=False)


class Occasion(enum.Enum):
    """What devices are notified of."""

    CHALLENGE = "challenge"
    """A question is to be fetched; the subject is the challenge."""
    CHALLENGE_REMINDER = "challenge_reminder"
    """A question about an action is still open; the subject is the challenge."""
    CHALLENGE_ENDED = "challenge_ended"
    """A question needs no answer any more; the subject is the challenge."""
    DEVICE_BOUND = "device_bound"
    """Another device was bound to the account; the subject is its binding."""
    DEVICE_REVOKED = "device_revoked"
    """Another device was revoked; the subject is its binding."""
    DEVICE_UNCONFIRMED = "device_unconfirmed"
    """A new device waits to be confirmed; the subject is its binding."""
    TEST = "test"
    """An operator tests whether this very device can be notified; the subject is its binding."""

    @property
    def asks(self) -> bool:
        """Whether a question waits for the person's answer."""
        return self in {Occasion.CHALLENGE, Occasion.CHALLENGE_REMINDER}

    @property
    def about_challenge(self) -> bool:
        """Whether the subject is a challenge; otherwise it is a binding."""
        return self.asks or self is Occasion.CHALLENGE_ENDED


@attrs.frozen(kw_only=True)
class PushMessage:
    """
    What a push service delivers: that there is something to fetch, and nothing of what.

    Attributes:
        guid: The same at every attempt.
        subject: What the devices are notified of.
        account: Our own GUID of the account, `privakeyId` on the wire.
        title, body: What the person reads on the screen; neither is empty. With an origin's text,
            the title begins with the App Space's name.
        life: How long it is worth delivering.
        timeout: How long the attempt may take, for all addresses together.
    """

    guid: Guid
    occasion: Occasion
    subject: Guid
    account: Guid
    title: str = attrs.field(validator=fields.text, repr=False)
    body: str = attrs.field(validator=fields.text, repr=False)
    life: timedelta
    timeout: timedelta

    @property
    def urgent(self) -> bool:
        """Whether somebody waits for the person: the transport's high priority."""
        return self.occasion.asks

    @property
    def about_challenge(self) -> bool:
        """Whether the subject is a challenge; otherwise it is a binding."""
        return self.occasion.about_challenge

    @property
    def collapse_key(self) -> Guid:
        """What messages share that replace each other, as those about one challenge do."""
        # A push service reads it, and the challenge's own GUID is not for it.
        return derive_guid(0, f"push {self.subject}") if self.about_challenge else self.guid


class PushResult(enum.Enum):
    """What a notifier learned of one address."""

    DELIVERED = "delivered"
    """The push service took it."""
    GONE = "gone"
    """The address will never work again: it is forgotten."""
    REJECTED = "rejected"
    """The push service refuses the message itself, which is our fault; not tried again."""
    MISCONFIGURED = "misconfigured"
    """It refuses *us*: not tried again, since an operator has to mend it."""
    LATER = "later"
    """It did not take it now, or nobody knows: tried again while there is time."""


@attrs.frozen(kw_only=True)
class PushOutcome:
    """
    The outcome of a push to one address.

    With LATER only, `after` is how long the push service asks to be left alone.
    """

    result: PushResult
    after: timedelta | None = None
