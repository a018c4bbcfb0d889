"""Web Push: a Notifier for browsers and for apps with UnifiedPush."""

from __future__ import annotations

from counterseal_webpush.encryption import Unusable, decrypt
from counterseal_webpush.notifier import WebPushNotifier
from counterseal_webpush.subscription import Subscription, read_subscription
from counterseal_webpush.vapid import Unauthorized, Vapid, public_key, verify_authorization

__all__ = [
    "Subscription",
    "Unauthorized",
    "Unusable",
    "Vapid",
    "WebPushNotifier",
    "decrypt",
    "public_key",
    "read_subscription",
    "verify_authorization",
]
