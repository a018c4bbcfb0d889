"""
Use cases of notifications: a bell is rung by a worker, after the commit that made the news.

A notification is a record, as a callback is, and a worker claims an attempt by a lease.
There is no queue beside the records.
A push is tried again as long as a push service may still take it, until the challenge's
deadline, and never once the challenge was seen to have ended.
Nothing waits for it, and what becomes of it changes no challenge:
a device that was not rung asks for itself.
"""

from __future__ import annotations

from counterseal.notifications.ringing import Notifications
from counterseal.notifications.rung import Rung

__all__ = ["Notifications", "Rung"]
