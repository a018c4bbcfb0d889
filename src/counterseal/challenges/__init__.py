"""
Use cases of challenges: one question to one account, answered at most once.

- `Challenges`: what an origin does — issue, cancel, status — and the worker's expire.
- `Answers`: what a device does — pending, fetch, answer, disown.
- `Erasure`: what becomes of an account that is to be forgotten.
"""

from __future__ import annotations

from counterseal.challenges.answers import Answers
from counterseal.challenges.asked import Challenges
from counterseal.challenges.composing import Issued
from counterseal.challenges.erasing import Erasure

__all__ = ["Answers", "Challenges", "Erasure", "Issued"]
