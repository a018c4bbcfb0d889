"""Outbound HTTP with a guard against SSRF: a client for other adapters, and the CallbackSender."""

from __future__ import annotations

from counterseal_http.budget import Budget
from counterseal_http.client import GuardedClient, guarded_client
from counterseal_http.errors import Forbidden, NotAttempted, Unresolved
from counterseal_http.fan_out import FanOut
from counterseal_http.guard import WEB_PORTS, Guard
from counterseal_http.resolver import Resolver, SystemResolver
from counterseal_http.retry_after import requested_wait
from counterseal_http.sender import HttpCallbackSender
from counterseal_http.transport import GuardedTransport, load_machine_authorities

__all__ = [
    "WEB_PORTS",
    "Budget",
    "FanOut",
    "Forbidden",
    "Guard",
    "GuardedClient",
    "GuardedTransport",
    "HttpCallbackSender",
    "NotAttempted",
    "Resolver",
    "SystemResolver",
    "Unresolved",
    "guarded_client",
    "load_machine_authorities",
    "requested_wait",
]
