"""
Counterseal for asynchronous callers: use cases in coroutines, and the HTTP API over ASGI.

    issue = aio(challenges.issue)
    issued = await issue(party, question)

    application = AsgiApplication(Service(ports, policy, Settings(public_url=...)))
    challenge = await wait_for_end(service, party, issued.challenge.guid, timeout=timedelta(...))

    approvals = AsyncApprovals(service, "example.com/shop", company=..., app_space=..., origin=...)
    link = await approvals.invite("user-42")
"""

from __future__ import annotations

from counterseal_asgi.application import AsgiApplication
from counterseal_asgi.approvals import AsyncApprovals
from counterseal_asgi.ends import closing_on_signal, wait_for_end
from counterseal_asgi.pages import AsgiPages
from counterseal_asgi.threads import DEFAULT_THREADS, aio
from counterseal_web import Service, Settings

__all__ = [
    "DEFAULT_THREADS",
    "AsgiApplication",
    "AsgiPages",
    "AsyncApprovals",
    "Service",
    "Settings",
    "aio",
    "closing_on_signal",
    "wait_for_end",
]
