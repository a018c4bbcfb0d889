"""
The policy: lifetimes, limits and allowed algorithms in one frozen record.

Every setting states its reason beside it; the reference page is made of these reasons.
No setting can be set past what its reason allows: an unsound policy cannot be made.
"""

from __future__ import annotations

from counterseal.policy.limits import AskingLimits
from counterseal.policy.policy import Policy
from counterseal.policy.profiles import PROFILES, STANDARD, STRICT

__all__ = ["PROFILES", "STANDARD", "STRICT", "AskingLimits", "Policy"]
