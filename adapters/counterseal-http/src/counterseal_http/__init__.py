"""Outbound HTTP with a guard against SSRF: a client for other adapters, and the CallbackSender."""

from __future__ import annotations

from counterseal_http.authorities import (
    Authorities,
    add_certificates,
    load_authorities,
    load_machine_authorities,
)
from counterseal_http.budget import Budget
from counterseal_http.client import GuardedClient, guarded_client
from counterseal_http.errors import (
    CertificateRefused,
    Forbidden,
    NotAttempted,
    Unresolved,
    describe_failure,
)
from counterseal_http.fan_out import FanOut
from counterseal_http.guard import WEB_PORTS, Guard
from counterseal_http.resolver import Resolver, SystemResolver
from counterseal_http.retry_after import requested_wait
from counterseal_http.sender import HttpCallbackSender
from counterseal_http.transport import GuardedTransport

__all__ = [
    "WEB_PORTS",
    "Authorities",
    "Budget",
    "CertificateRefused",
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
    "add_certificates",
    "describe_failure",
    "guarded_client",
    "load_authorities",
    "load_machine_authorities",
    "requested_wait",
]
