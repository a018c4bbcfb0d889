"""Push: where a device's bell can be rung, and what ringing it says."""

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


@attrs.frozen(kw_only=True)
class Bell:
    """
    A push: it says that there is something to fetch, and nothing of what.

    Attributes:
        title, body: The notification's own texts; empty for a silent bell.
        life: What is left until the deadline.
    """

    challenge: Guid
    account: Guid
    title: str = attrs.field(repr=False)
    body: str = attrs.field(repr=False)
    life: timedelta


@attrs.frozen(kw_only=True)
class PushOutcome:
    """What a notifier learned: addresses that will never work again."""

    dead: tuple[PushAddress, ...] = ()
