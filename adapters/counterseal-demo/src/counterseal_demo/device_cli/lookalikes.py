"""Look-alikes: App Spaces of the devices in the folders beside a new one, before it is bound."""

from __future__ import annotations

from contextlib import closing

from counterseal.device import AppSpaceIdentity, Lookalike, find_lookalikes
from counterseal.errors import InvalidField
from counterseal.wire.device import Peeked
from counterseal.wire.enrolment import peek_document
from counterseal_demo.device_cli.home import Home
from counterseal_http.devices import DeviceCalls


def fetch_lookalikes(
    home: Home, url: str, token: str
) -> tuple[AppSpaceIdentity, tuple[Lookalike, ...]] | None:
    """
    Return the App Space of *token*, and what it looks like; None if there is nothing to compare.

    Nothing is bound, and the token stays as good as it was.

    Raises:
        InvalidField: *url* is not an address of a service.
        ServiceRefused: The service refused the call.
        ServiceUnreachable: It did not reply, or its reply is invalid.
        OSError: The folders beside *home* cannot be listed.
    """
    existing = tuple(filter(None, map(_identity_of, home.beside())))
    if not existing:
        return None
    with closing(DeviceCalls(url)) as calls:
        peeked = calls.plain("/device/invitation", peek_document(token), Peeked)
    identity = AppSpaceIdentity.of(url, peeked)
    return identity, find_lookalikes(identity, existing)


def _identity_of(home: Home) -> AppSpaceIdentity | None:
    """Return the App Space of a bound device; None if the folder is of other software."""
    try:
        bond = home.device().bond
        return None if bond is None else AppSpaceIdentity.of(home.service(), bond)
    except (InvalidField, OSError):
        return None
