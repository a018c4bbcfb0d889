"""Web Push: a Notifier for browsers and for apps with UnifiedPush."""

from __future__ import annotations

from counterseal_webpush.notifier import WebPushNotifier
from counterseal_webpush.subscription import Subscription, Unusable, read_subscription
from counterseal_webpush.vapid import Vapid, public_key

__all__ = [
    "Subscription",
    "Unusable",
    "Vapid",
    "WebPushNotifier",
    "public_key",
    "read_subscription",
]
