"""The oracle of narrowing: no level of a policy allows what the one above it forbids."""

from __future__ import annotations

from typing import Any

from counterseal_testing.histories.ledger import (
    NARROWING,
    Commit,
    Ledger,
    Limits,
    Plain,
)


def is_looser(limits: Limits, setting: str, value: Any) -> bool:
    """Tell whether *value* would allow more than *limits*, those of the level above."""
    if setting in NARROWING:
        name, stricter = NARROWING[setting]
        return bool(stricter(getattr(limits, name), value) != value)
    return not limits.reactions[setting.removeprefix("on_")] <= set(value)


def check_narrowed(ledger: Ledger, commit: Commit, old: Plain | None, new: Plain) -> None:
    """
    Check an App Space or origin that was edited, and note what it narrows from now on.

    Raises:
        AssertionError: Another was edited, something else was stored than was asked for, or
            something looser than the level above.
    """
    facts, guid = commit.operation.facts, new["guid"]
    assert facts["level"] == guid, "another level was edited"
    assert old is not None
    changed = {name for name in new if new[name] != old[name]} - {"version", "policy"}
    assert not changed, f"narrowing a policy changed {changed}"
    before = ledger.narrowed.get(guid, {})
    expected = {**before, **facts["settings"]}
    settings = {name: value for name, value in expected.items() if value is not None}
    stored = {name: value for name, value in (new["policy"] or {}).items() if value is not None}
    assert _plain(stored) == _plain(settings), "another policy is stored than was asked for"
    above = ledger.limits_in(facts["above"])
    for name, value in facts["settings"].items():
        assert value is None or not is_looser(above, name, value), f"{name}: looser than above"
    ledger.narrowed[guid] = settings


def _plain(settings: Plain) -> Plain:
    return {
        name: value if isinstance(value, int) else sorted(value) for name, value in settings.items()
    }
