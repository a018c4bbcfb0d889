"""Look-alikes: App Spaces of the devices in the folders beside a new one, before it is bound."""

from __future__ import annotations

from counterseal.device import AppSpaceIdentity, Lookalike, find_lookalikes
from counterseal.errors import InvalidField
from counterseal_demo.device_cli.home import Home


def lookalikes_beside(home: Home, identity: AppSpaceIdentity) -> tuple[Lookalike, ...]:
    """
    Return what *identity* looks like, among the App Spaces of devices in folders beside *home*.

    Raises:
        OSError: The folders cannot be listed.
    """
    return find_lookalikes(identity, filter(None, map(_identity_of, home.beside())))


def _identity_of(home: Home) -> AppSpaceIdentity | None:
    """Return the App Space of a bound device; None if the folder is of other software."""
    try:
        bond = home.device().bond
        return None if bond is None else AppSpaceIdentity.of(home.service(), bond)
    except (InvalidField, OSError):
        return None
