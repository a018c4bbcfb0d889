"""The oracle of events: each change of standing has one, in its own commit."""

from __future__ import annotations

from collections import Counter
from typing import TypeAlias

from counterseal_testing.histories.ledger import PROVISIONAL, Commit, Plain

Entry: TypeAlias = tuple[str, str | None, str | None]
"""A kind, the device, and the challenge."""

BOUND = ("ACTIVE", "SUSPENDED")


def require_events(commit: Commit) -> None:
    """
    Compare the events of a commit with what its other records say.

    Raises:
        AssertionError: A change of standing has no event or two, or an event has no change.
    """
    expected: Counter[Entry] = Counter()
    counts = {"old": 0, "new": 0}
    for kind, old, new in commit.changes:
        if kind == "Binding":
            expected.update(_of_binding(commit, old, new))
        elif kind == "Challenge" and old and old["state"] != new["state"] == "DISOWNED":
            expected["disowned", new["outcome"]["device"], new["guid"]] += 1
        elif kind == "Challenge" and old and old["state"] != new["state"] == "ANSWERED":
            alerts = int("alert" in commit.reactions)
            expected.update({("reported", new["outcome"]["device"], new["guid"]): alerts})
        elif kind == "Account":
            expected.update(_of_account(commit, old, new))
            counts = {"old": 0 if old is None else old["events"], "new": new["events"]}
    events = [new for kind, old, new in commit.changes if kind == "AccountEvent" and old is None]
    actual = Counter((event["kind"], event["device"], event["challenge"]) for event in events)
    assert actual == expected, f"{expected} happened, and the events are {actual}"
    numbers = [event["number"] for event in events]
    assert sorted(numbers) == list(range(counts["old"] + 1, counts["new"] + 1)), (
        "an event has not the account's next number"
    )


def _of_binding(commit: Commit, old: Plain | None, new: Plain) -> list[Entry]:
    before, after, guid = None if old is None else old["state"], new["state"], new["guid"]
    entries: list[Entry] = []
    if old is not None and new["strikes"] > old["strikes"]:
        entries.append(("strike", guid, None))
    if before in {None, *PROVISIONAL} and after == "ACTIVE":
        first = not any(
            device["state"] in BOUND
            for kind, account, _ in commit.changes
            if kind == "Account" and account is not None
            for device in account["devices"]
        )
        entries.append(("bound" if first else "device_added", guid, None))
    elif (before, after) == ("ACTIVE", "SUSPENDED"):
        entries.append(("suspended", guid, None))
    elif (before, after) == ("SUSPENDED", "ACTIVE"):
        entries.append(("resumed", guid, None))
    elif before in BOUND and after == "REVOKED" and commit.operation.verb != "erase":
        entries.append(("revoked", guid, None))
    return entries


def _of_account(commit: Commit, old: Plain | None, new: Plain) -> list[Entry]:
    if old is None:
        return []
    if old["erased_at"] is None and new["erased_at"] is not None:
        return [("erased", None, None)]
    if (old["locked_at"] is None) == (new["locked_at"] is None):
        return []
    by_device = commit.operation.verb == "lock_by_device"
    device = commit.operation.facts["device"] if by_device else None
    return [("locked" if new["locked_at"] is not None else "unlocked", device, None)]
