"""
Gauges: how many records of a kind and state there are now, by App Space and origin.

A commit changes gauges together with the records, so a gauge is read without counting records.
A record's `index` names the gauge that counts it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NamedTuple

from counterseal.models.guid import Guid


class Gauge(enum.StrEnum):
    """What is counted; at most one gauge counts a record."""

    ACTIVE_USERS = "active_users"
    """Accounts that are not locked and have an active device, or an active passkey."""
    ACTIVE_ORIGINS = "active_origins"
    """Origins with a credential without an end; an origin that was revoked has none."""
    PENDING_CHALLENGES = "pending_challenges"
    """Challenges that are unfinished by their state, whatever the time is."""
    QUEUED_CALLBACKS = "queued_callbacks"
    """Callbacks that wait for an attempt."""
    DEAD_CALLBACKS = "dead_callbacks"
    """Callbacks of which no attempt is made any more, until the store forgets them."""


class GaugeKey(NamedTuple):
    """
    One gauge of one App Space, and of one of its origins where the records have one.

    Attributes:
        app_space: None for callbacks of an older release, which do not say theirs.
        origin: None for users and origins, which are counted by App Space.
    """

    gauge: Gauge
    app_space: Guid | None
    origin: Guid | None


USER_GAUGES = frozenset({Gauge.ACTIVE_USERS, Gauge.PENDING_CHALLENGES})
"""What User Support reads: what it works on, users and their challenges."""


def sum_gauges(gauges: Mapping[GaugeKey, int]) -> Mapping[Gauge, int]:
    """Return the sum of each gauge over App Spaces and origins; all of them, in their order."""
    sums = dict.fromkeys(Gauge, 0)
    for key, count in gauges.items():
        sums[key.gauge] += count
    return sums
