"""Guarded outbound HTTP: the SSRF guard, a client for other adapters, and the CallbackSender."""

from __future__ import annotations

from counterseal_http.budget import Budget
from counterseal_http.client import GuardedClient, guarded_client
from counterseal_http.errors import Forbidden, NotAttempted, Unresolved
from counterseal_http.guard import WEB_PORTS, Guard
from counterseal_http.resolver import Resolver, SystemResolver
from counterseal_http.retry_after import asked_to_wait
from counterseal_http.rounds import Rounds
from counterseal_http.sender import HttpCallbackSender
from counterseal_http.transport import GuardedTransport

__all__ = [
    "WEB_PORTS",
    "Budget",
    "Forbidden",
    "Guard",
    "GuardedClient",
    "GuardedTransport",
    "HttpCallbackSender",
    "NotAttempted",
    "Resolver",
    "Rounds",
    "SystemResolver",
    "Unresolved",
    "asked_to_wait",
    "guarded_client",
]
