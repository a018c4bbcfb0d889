"""Checks of deliveries: how many callbacks are due, and how fast the senders can be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from counterseal import Callbacks
from counterseal_server.backlog import DUE_COUNTED, read_backlog
from counterseal_server.doctor.finding import Finding, fine, warning
from counterseal_server.doctor.installation import Installation

PATIENCE = timedelta(minutes=1)
"""As the alert CountersealCallbacksLate."""

REPLY = timedelta(milliseconds=200)
"""A receiver for which the rate is given."""


def check_deliveries(installation: Installation) -> Iterator[Finding]:
    """Check that no callback is due for long."""
    with installation.open_ports() as ports:
        due = read_backlog(ports).due["callback"]
    senders = installation.settings.senders
    rate = round(Callbacks.slots_of_each(senders, origins=1) / REPLY.total_seconds())
    count = f"{DUE_COUNTED} or more" if due.count == DUE_COUNTED else str(due.count)
    text = f"{count} callbacks are due, the oldest for {due.oldest_seconds:.0f} s"
    if senders:
        text += f"; `senders` allows {rate} a second to an origin that replies in 200 ms"
    else:
        text += "; `senders` is 0, so that only `counterseal callbacks run` sends them"
    if due.oldest_seconds > PATIENCE.total_seconds():
        yield warning(
            "callbacks_late", text, "act as for the alert CountersealCallbacksLate in the runbook"
        )
    else:
        yield fine("callbacks_prompt", text)
