"""The roster: an account's list of its living devices, kept in step with their bindings."""

from __future__ import annotations

from datetime import datetime

import attrs

from counterseal.models import LIVING, Account, Binding, Device
from counterseal.rules.standing import living


def enlisted(account: Account, binding: Binding, now: datetime) -> Account:
    """Return *account*, a version on, with *binding* on its roster as far as it lives."""
    others = tuple(held for held in living(account, now) if held.binding != binding.guid)
    line = Device(
        binding=binding.guid,
        state=binding.state,
        deadline=binding.deadline,
        addresses=binding.addresses,
    )
    return attrs.evolve(
        account,
        version=account.version + 1,
        devices=(*others, line) if binding.state in LIVING else others,
    )
