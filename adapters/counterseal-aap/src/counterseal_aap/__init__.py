"""
The Agent Approval Protocol (AAP) 0.3 for Counterseal: the provider's side, for requests.

An instance of an agent is an origin, and the base URL names the account of the person who approves.
"""

from __future__ import annotations

from counterseal_aap.application import ApprovalProvider
from counterseal_aap.errors import AapError

__all__ = ["AapError", "ApprovalProvider"]
