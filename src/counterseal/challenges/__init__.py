"""
Use cases of challenges on the old pattern: what becomes of an account that is to be forgotten.

What origins and devices do with challenges is in `counterseal.usecases`.
"""

from __future__ import annotations

from counterseal.challenges.erasing import Erasure

__all__ = ["Erasure"]
