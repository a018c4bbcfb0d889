"""Entries of an origin's allow-list: put on it, and taken off."""

from __future__ import annotations

import attrs

from counterseal.errors import InvalidField, NotFound
from counterseal.models import CallbackType, Guid, Origin
from counterseal.policy import Policy
from counterseal.rules.addresses import entry_fits, require_wildcards
from counterseal.rules.sizes import text_fits


def with_entry(origin: Origin, kind: CallbackType, text: str, policy: Policy) -> Origin:
    """
    Return *origin* with an entry more; with the same, if it has that one.

    Raises:
        InvalidField: The entry is a domain or no plain address, has a wildcard and the origin is
            not set to any, or there is no room for it.
    """
    if kind is CallbackType.DOMAIN:
        problem = f"{kind.value}, a WebAuthn domain, which nothing here uses yet"
        raise InvalidField("callbackType", problem)
    text_fits(text, policy.callback_bytes, "callbackUrl")
    entry_fits(text, field="callbackUrl")
    require_wildcards(text, origin, field="callbackUrl")
    if any((kept.type, kept.text) == (kind, text) for kept in origin.entries):
        return origin
    if len(origin.entries) >= policy.callbacks_limit:
        raise InvalidField("callbackUrl", f"more than {policy.callbacks_limit}")
    return attrs.evolve(origin, callbacks=(*origin.callbacks, text))


def without_address(origin: Origin, text: str) -> Origin:
    """
    Return *origin* without an address.

    Raises:
        InvalidField: It is not on the list.
    """
    if text not in origin.callbacks:
        raise InvalidField("callbackUrl", "not on the allow-list")
    return _without(origin, CallbackType.ADDRESS, text)


def without_entry(origin: Origin, entry: Guid) -> Origin:
    """
    Return *origin* without an entry, which its GUID names: an address or a domain.

    Raises:
        NotFound: There is no such entry.
    """
    for kept in origin.entries:
        if kept.guid == entry:
            return _without(origin, kept.type, kept.text)
    raise NotFound


def _without(origin: Origin, kind: CallbackType, text: str) -> Origin:
    if kind is CallbackType.DOMAIN:
        return attrs.evolve(origin, domains=tuple(kept for kept in origin.domains if kept != text))
    left = tuple(kept for kept in origin.callbacks if kept != text)
    return attrs.evolve(origin, callbacks=left)
