"""Due bindings: workers expire invitations, and end what depends on administrators' bindings."""

from __future__ import annotations

from counterseal.models import PROVISIONAL, Binding
from counterseal.ports import Due, Ports

PAGES = 10
"""Of the size that a worker asks for: so many records of the other kind hide nothing."""


def read_due_bindings(ports: Ports, limit: int, *, provisional: bool) -> tuple[Binding, ...]:
    """
    Return bindings that are due, *limit* at most.

    Args:
        provisional: Whether to return invitations and unconfirmed devices, or all others.

    Raises:
        Unavailable: The store failed.
    """
    bindings: tuple[Binding, ...] = ()
    for size in (limit, PAGES * limit):
        page = ports.store.due(Due.BINDING, ports.clock.now(), size)
        bindings = tuple(
            binding
            for binding in page
            if isinstance(binding, Binding) and (binding.state in PROVISIONAL) is provisional
        )
        if len(page) < size or len(bindings) >= limit:
            break
    return bindings[:limit]
