"""Profiles: policies by name, with their reasons."""

from __future__ import annotations

from datetime import timedelta

from counterseal.models import Algorithm
from counterseal.policy.policy import Policy

STANDARD = Policy()
"""For most services."""

STRICT = Policy(
    pending_limit=1,
    supersede=True,
    ask_limit_origin=5,
    ask_limit=10,
    ask_limit_unapproved=20,
    cooldown_after=2,
    cooldown=timedelta(minutes=2),
    cx_pending_limit=1,
    cx_ask_limit=5,
    cx_ask_limit_unapproved=20,
    cx_cooldown=True,
    strike_limit=3,
    origin_texts=False,
    algorithms=frozenset({Algorithm.ES256, Algorithm.EDDSA, Algorithm.PS256}),
)
"""One question at a time, few guesses, no PKCS#1 v1.5, plain bells: for payments, for staff."""

PROFILES = {"standard": STANDARD, "strict": STRICT}
