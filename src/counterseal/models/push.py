"""Push: where a device's bell can be rung, what ringing it says, and what came of it."""

from __future__ import annotations

import enum
from datetime import timedelta

import attrs

from counterseal.models import fields
from counterseal.models.guid import Guid


class AddressKind(enum.Enum):
    """Which transport a push address belongs to."""

    FCM_TOKEN = "fcm_token"  # noqa: S105 - the name of a transport
    FCM_FID = "fcm_fid"
    WEBPUSH = "webpush"
    APNS = "apns"
    RELAY = "relay"


@attrs.frozen(kw_only=True)
class PushAddress:
    """Where a device's bell can be rung; opaque to the core."""

    kind: AddressKind
    value: str = attrs.field(validator=fields.text, repr=False)


class News(enum.Enum):
    """What a bell tells of."""

    CHALLENGE = "challenge"
    """A question is to be fetched; the subject is the challenge."""
    DEVICE_BOUND = "device_bound"
    """Another device was bound to the account; the subject is its binding."""
    DEVICE_REVOKED = "device_revoked"
    """Another device was revoked; the subject is its binding."""
    TEST = "test"
    """An operator tries whether this very device can be rung; the subject is its binding."""


@attrs.frozen(kw_only=True)
class Bell:
    """
    A push: it says that there is something to fetch, and nothing of what.

    Attributes:
        guid: Names the bell, the same at every attempt: what a transport collapses by.
        subject: What the news is of.
        account: Our own GUID of the account, `privakeyId` on the wire.
        title, body: What the person reads on the screen; neither is empty.
        life: What is left until nobody wants to hear it any more.
        timeout: How long the attempt may take, for all addresses together.
    """

    guid: Guid
    news: News
    subject: Guid
    account: Guid
    title: str = attrs.field(validator=fields.text, repr=False)
    body: str = attrs.field(validator=fields.text, repr=False)
    life: timedelta
    timeout: timedelta

    @property
    def urgent(self) -> bool:
        """Whether somebody waits for the person: the transport's high priority."""
        return self.news is News.CHALLENGE


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
    What came of a push at one address.

    Attributes:
        after: How long the push service asks to be left alone; with LATER only.
    """

    result: PushResult
    after: timedelta | None = None
