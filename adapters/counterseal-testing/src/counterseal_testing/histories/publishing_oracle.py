"""The oracle of publishing: each event is in the log once, in order, and reaches its origins."""

from __future__ import annotations

from counterseal_testing.histories.ledger import (
    CallbackEntry,
    Commit,
    EventEntry,
    Ledger,
    Plain,
)

OVER = ("DELIVERED", "DEAD")


def check_event(ledger: Ledger, _: Commit, old: Plain | None, new: Plain) -> None:
    """
    Check an account's event.

    Raises:
        AssertionError: It is said to be published, and is not.
    """
    if old is None:
        ledger.events[new["guid"]] = EventEntry(
            account=new["account"],
            kind=new["kind"],
            device=new["device"],
            challenge=new["challenge"],
            sequence=new["number"],
            at=new["created_at"],
        )
        return
    entry = ledger.events[new["guid"]]
    assert entry.number is not None, "an event that is in no log is said to be published"
    entry.state = new["state"]


def check_logged(ledger: Ledger, commit: Commit, old: Plain | None, new: Plain) -> None:
    """
    Check one entry of a log, and the callbacks of its commit.

    Raises:
        AssertionError: Its number is not the next, the account's earlier event is missing, it says
            something else than the event, or an origin gets it twice or not at all.
    """
    assert old is None, "an entry of a log changed"
    entry, space = ledger.events[new["event"]], new["app_space"]
    assert entry.number is None, "an event is published twice"
    person = ledger.accounts[entry.account]
    assert space == person.space, "an event in the log of another App Space"
    for name in ("account", "kind", "device", "challenge", "sequence"):
        assert new[name] == getattr(entry, name), f"{name} of an event changed"
    ledger.logs[space] = ledger.logs.get(space, 0) + 1
    assert new["number"] == ledger.logs[space], "a gap in a log"
    ledger.streams[entry.account] = ledger.streams.get(entry.account, 0) + 1
    assert entry.sequence == ledger.streams[entry.account], "an account's events out of order"
    entry.number = new["number"]
    callbacks = [
        (record["origin"], record["url"])
        for kind, before, record in commit.changes
        if kind == "Callback" and before is None and record["event"] == new["guid"]
    ]
    expected = [(origin, url) for origin, (own, url) in ledger.subscribers.items() if own == space]
    assert sorted(callbacks) == sorted(expected), "an event is not delivered to each origin once"


def check_head(ledger: Ledger, _: Commit, __: Plain | None, new: Plain) -> None:
    """
    Check what a log knows of itself, or of an account.

    Raises:
        AssertionError: It is not the number of the last entry.
    """
    last = ledger.streams[new["account"]] if "account" in new else ledger.logs[new["app_space"]]
    assert new["last"] == last, "a log does not know its last event"


def new_callback(commit: Commit, new: Plain) -> CallbackEntry:
    """
    Return the entry of a new callback that delivers an event.

    Raises:
        AssertionError: Its event is not in the log by the same commit.
    """
    events = [
        record["event"]
        for kind, _, record in commit.changes
        if kind == "LoggedEvent" and record["guid"] == new["event"]
    ]
    assert len(events) == 1, "a callback of an event that is in no log"
    return CallbackEntry(event=events[0], account=new["account"], origin=new["origin"])


def check_waiting(commit: Commit, old: Plain, new: Plain) -> None:
    """
    Check a callback that was changed by another one's attempt, or by a later event.

    Raises:
        AssertionError: More was changed than who waits for whom, or it waits no longer for what
            is still to be delivered.
    """
    changed = {name for name in new if new[name] != old[name]}
    assert changed <= {"version", "successor", "waits_for", "next_at"}, f"{changed} was moved"
    if "waits_for" in changed:
        ended = [
            record["guid"]
            for kind, _, record in commit.changes
            if kind == "Callback" and record["state"] in OVER
        ]
        assert new["waits_for"] is None
        assert old["waits_for"] in ended, "an event is sent before an account's earlier one"


def require_in_turn(ledger: Ledger, callback: CallbackEntry) -> None:
    """
    Demand that an account's event is sent to an origin after all its earlier ones.

    Raises:
        AssertionError: An earlier one was never delivered, nor given up.
    """
    event = ledger.events[callback.event]
    for other in ledger.callbacks.values():
        if other.event and (other.account, other.origin) == (callback.account, callback.origin):
            earlier = ledger.events[other.event].sequence < event.sequence
            assert not earlier or other.ended, "an event is sent before an account's earlier one"


def require_all_published(ledger: Ledger) -> None:
    """
    Demand what must hold once workers have published and delivered all they can.

    Raises:
        AssertionError: An event was lost.
    """
    for entry in ledger.events.values():
        assert entry.number is not None, "an event that was never published"
        assert entry.state == "PUBLISHED", "an event that is published again and again"
    for callback in ledger.callbacks.values():
        if callback.event:
            assert callback.state in OVER, "an event that was never delivered, nor given up"
            arrived = any(status in range(200, 300) for status in callback.statuses)
            assert arrived or callback.state == "DEAD", "an event that never arrived"
