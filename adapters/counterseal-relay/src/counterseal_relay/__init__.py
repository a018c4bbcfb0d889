"""A push service of one's own: a Notifier that hands pushes on, and what receives them."""

from __future__ import annotations

from counterseal_relay.handed import Handed, NotHanded, read_handed
from counterseal_relay.notifier import RelayNotifier
from counterseal_relay.payload import FRAMEWORKS
from counterseal_relay.secret import read_secret, read_secrets

__all__ = [
    "FRAMEWORKS",
    "Handed",
    "NotHanded",
    "RelayNotifier",
    "read_handed",
    "read_secret",
    "read_secrets",
]
