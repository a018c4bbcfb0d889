"""
Counterseal for asynchronous callers.

    issue = aio(challenges.issue)
    issued = await issue(party, question)
"""

from __future__ import annotations

from counterseal_asgi.threads import DEFAULT_THREADS, aio

__all__ = ["DEFAULT_THREADS", "aio"]
