"""Key rows: what an administrator can log in with, as pages show it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import attrs

from counterseal.models import Binding, BindingState
from counterseal_portal.account_rows import LIVING
from counterseal_portal.labels import BINDINGS
from counterseal_portal.rendering import time_text


@attrs.frozen
class KeyRow:
    """
    One passkey, device or open invitation of a device.

    Attributes:
        state: Empty for one that logs in.
        facts: By which it is recognised, each with its label.
        times: When it was registered and used, each with its label.
    """

    binding: Binding
    title: str
    state: str
    facts: tuple[tuple[str, str], ...]
    times: tuple[tuple[str, datetime], ...]


def key_rows(bindings: Iterable[Binding]) -> tuple[KeyRow, ...]:
    """Return the passkeys, devices and open invitations among *bindings*, in their order."""
    return tuple(_key_row(each) for each in bindings if each.state in LIVING)


def _key_row(binding: Binding) -> KeyRow:
    state = "" if binding.state is BindingState.ACTIVE else BINDINGS[binding.state]
    if binding.state is BindingState.INVITED:
        return KeyRow(
            binding,
            title="Invitation of a device",
            state=state,
            facts=(),
            times=(("Made", binding.created_at), ("Works until", binding.deadline)),
        )
    if binding.answers:
        title, fact = binding.name or "Device", ("System", binding.platform)
    else:
        title, fact = "Passkey", ("Browser", binding.name)
    times = (("Registered", binding.bound_at), ("Last used", binding.last_seen_at))
    return KeyRow(
        binding,
        title=title,
        state=state,
        facts=(fact,) if fact[1] else (),
        times=tuple((label, at) for label, at in times if at is not None),
    )


def key_details(row: KeyRow) -> tuple[tuple[str, str], ...]:
    """Return by what a passkey or a device is recognised, as texts."""
    return (*row.facts, *((label, time_text(at)) for label, at in row.times))
