"""The oracle of when devices were seen: it is stored once an hour, by their own calls only."""

from __future__ import annotations

from datetime import timedelta

from counterseal_testing.histories.ledger import Commit, Ledger, Plain
from counterseal_testing.histories.transitions import DEVICE_CALLS

HOUR = timedelta(hours=1)


def was_seen(ledger: Ledger, commit: Commit) -> bool:
    """
    Tell whether a commit only stores when the device was seen that calls, and write it down.

    Raises:
        AssertionError: It is not the caller, may not act, or was seen within the hour before.
    """
    (kind, old, new), *others = commit.changes or [("", None, {})]
    if kind != "Binding" or old is None or not only_seen(old, new):
        return False
    if others and not _only_listed(others, new):
        return False
    guid, operation = new["guid"], commit.operation
    assert operation.verb in DEVICE_CALLS, "a device was seen that did not call"
    if operation.attacker:
        assert ledger.accounts[new["account"]].attacker, "an attacker was seen as somebody else"
    else:
        assert operation.facts["device"] == guid, "another device was seen"
    assert old["state"] == ledger.bindings[guid].state == "ACTIVE", "seen, and may not act"
    assert not commit.audit, "an event of a device that was only seen"
    assert new["version"] == old["version"] + 1 == ledger.versions[guid] + 1, "not the next version"
    ledger.versions[guid] = new["version"]
    for _, _, account in others:
        assert account["version"] == ledger.versions[account["guid"]] + 1, "not the next version"
        ledger.versions[account["guid"]] = account["version"]
    return True


def _only_listed(others: list[tuple[str, Plain | None, Plain]], binding: Plain) -> bool:
    """Tell whether the other change only stores in the account what *binding* stores."""
    (kind, old, new), *more = others
    if more or kind != "Account" or old is None:
        return False
    blank = {"version": 0, "devices": []}
    if old | blank != new | blank:
        return False
    listed = [
        [device for device in account["devices"] if device["binding"] != binding["guid"]]
        for account in (old, new)
    ]
    if listed[0] != listed[1]:
        return False
    (entry,) = [each for each in new["devices"] if each["binding"] == binding["guid"]]
    assert entry["language"] == binding["language"], "a device was seen in another language"
    assert entry["language"], "an account was changed although its device has no language"
    assert any(each["language"] for each in listed[0]), "an account was changed for one language"
    assert entry["last_seen_at"] == binding["last_seen_at"], "seen at another time"
    return True


def only_seen(old: Plain, new: Plain) -> bool:
    """
    Tell whether nothing of a binding changes but when its device was seen.

    Raises:
        AssertionError: It was seen within the hour before.
    """
    if old | {"version": 0, "last_seen_at": None} != new | {"version": 0, "last_seen_at": None}:
        return False
    before, now = old["last_seen_at"], new["last_seen_at"]
    assert before is None or now - before >= HOUR, "seen twice within an hour"
    return True
