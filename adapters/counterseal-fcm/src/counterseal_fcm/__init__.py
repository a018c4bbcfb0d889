"""Firebase Cloud Messaging: a Notifier for apps on Android and iOS."""

from __future__ import annotations

from counterseal_fcm.credentials import ServiceAccount, read_service_account
from counterseal_fcm.notifier import FCM_URL, FcmNotifier

__all__ = ["FCM_URL", "FcmNotifier", "ServiceAccount", "read_service_account"]
