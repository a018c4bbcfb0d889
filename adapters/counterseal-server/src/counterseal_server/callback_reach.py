"""Which addresses the settings allow for callbacks, and the warnings about those refused."""

from __future__ import annotations

from collections.abc import Iterable

import counterseal_http as http
from counterseal.models import entry_addresses
from counterseal_server.plainly import CALLBACK_SETTINGS
from counterseal_server.printing import print_line
from counterseal_server.settings import Settings

ANY_SEGMENT = "{*}"
LOOK_UP_SECONDS = 2.0
"""Seconds for a name look-up: a warning is not worth a longer wait."""


def callback_guard(settings: Settings, resolver: http.Resolver | None = None) -> http.Guard:
    """
    Return the guard for callbacks, and for nothing else.

    Args:
        settings: The service's settings.
        resolver: Resolves host names; by default the machine's resolver.
    """
    resolver = resolver or http.SystemResolver()
    if settings.allow_private_callbacks:
        return http.Guard(
            allow_http=True,
            allow_private=True,
            allow=settings.callback_networks,
            ports=None,
            resolver=resolver,
        )
    return http.Guard(
        allow=settings.callback_networks,
        http_to=settings.callback_networks if settings.callback_plain_http else (),
        ports=frozenset(settings.callback_ports),
        resolver=resolver,
    )


def find_obstacle(guard: http.Guard, addresses: Iterable[str]) -> str | None:
    """
    Return why no callback can be sent to an entry of an allow-list now; None if one can.

    A name that does not resolve is no obstacle: it may resolve when there is a callback.

    Args:
        guard: The guard for callbacks.
        addresses: The entry's addresses, from `counterseal.models.entry_addresses`.

    Returns:
        The obstacle of the first address.
    """
    first = None
    for address in addresses:
        obstacle = _find_obstacle(guard, address)
        if obstacle is None:
            return None
        first = first or obstacle
    return first


def _find_obstacle(guard: http.Guard, url: str) -> str | None:
    try:
        target = guard.target(url.replace(ANY_SEGMENT, "any"))
    except http.Forbidden as error:
        return str(error)
    try:
        guard.addresses(target.host, LOOK_UP_SECONDS, target.scheme)
    except http.Forbidden as error:
        return f"its name resolves to an address that is not allowed: {error}"
    except (http.Unresolved, http.NotAttempted):
        return None
    return None


def warn_of_obstacle(settings: Settings, entry: str) -> None:
    """Print a warning on standard error if no callback can be sent to *entry* now."""
    plain_http = settings.serving_policy.callback_plain_http
    addresses = entry_addresses(entry, plain_http=plain_http)
    obstacle = find_obstacle(callback_guard(settings), addresses)
    if obstacle is not None:
        text = f"warning: nothing will be sent to {entry}: {obstacle} ({CALLBACK_SETTINGS})"
        print_line(text, err=True)
