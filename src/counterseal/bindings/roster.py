"""The roster: an account's list of its living devices, for use cases on the old pattern."""

from __future__ import annotations

from datetime import datetime

import attrs

from counterseal._decisions.bindings import with_binding
from counterseal.models import Account, Binding


def enlisted(account: Account, binding: Binding, now: datetime) -> Account:
    """Return *account*, a version on, with *binding* on its roster as far as it lives."""
    devices = with_binding(account.devices, binding, now)
    return attrs.evolve(account, version=account.version + 1, devices=devices)
