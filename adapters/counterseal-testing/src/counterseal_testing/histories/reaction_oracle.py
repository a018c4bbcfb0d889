"""The oracle of reasons: what follows from the reason of a refusal, in its own commit."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

from counterseal_testing.histories.ledger import (
    AccountEntry,
    ChallengeEntry,
    Commit,
    Ledger,
    Plain,
)

SIGNED = ("ANSWERED", "DISOWNED")


def expect_reactions(ledger: Ledger, commit: Commit, entry: ChallengeEntry, new: Plain) -> None:
    """
    Check the reason of an answer or disown, and note what has to follow from it.

    Raises:
        AssertionError: It is not the one that was signed, or none that there is.
    """
    outcome = new["outcome"]
    payload = outcome["token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    reason = claims.get("reason")
    assert outcome["refusal_reason"] == reason, "another reason is stored than was signed"
    if reason is None:
        return
    reactions = ledger.limits_in(entry.space).reactions
    assert reason in reactions, "a reason that there is not"
    button = outcome["button"]
    assert button is None or not entry.buttons[button]["approving"], "approved for a reason"
    commit.reactions = reactions[reason]
    if "lock_account" in commit.reactions:
        ledger.accounts[entry.account].locked = True


def check_demand(ledger: Ledger, commit: Commit, person: AccountEntry, new: Plain) -> None:
    """
    Check until when an account's questions need codes: nothing but a reason moves it, and later.

    Raises:
        AssertionError: It was moved for no reason, or not far enough.
    """
    until = new["history"]["codes_until"]
    if "demand_codes" in commit.reactions:
        life = timedelta(seconds=ledger.limits_in(person.space).codes_demanded)
        earlier = [] if person.codes_until is None else [person.codes_until]
        ends = {max([moment + life, *earlier]) for moment in commit.moments}
        assert until in ends, "a reason demanded codes for another time than it does"
        person.codes_until = until
    assert until == person.codes_until, "a demand for codes was moved for no reason"


def require_code(ledger: Ledger, person: AccountEntry, question: Plain, new: Plain) -> None:
    """
    Demand that a question has a code, or comes rarely from an origin that cannot show one.

    Raises:
        AssertionError: It was asked all the same.
    """
    until, at = person.codes_until, new["issued_at"]
    if until is None or at >= until or question["code"]:
        return
    assert not question["typed"], "asked without a code that a reason demands"
    pause = timedelta(seconds=ledger.limits.cooldown_limit)
    last = max((asked_at for asked_at, _ in person.ask_times), default=None)
    assert last is None or at >= last + pause, "asked too soon where a reason demands codes"


def open_beside(ledger: Ledger, commit: Commit) -> tuple[set[str], set[str]]:
    """Return the origin's other questions that are certainly, and that are perhaps, open."""
    refused = next(iter(_refused(commit)), None)
    if refused is None:
        return set(), set()
    entry = ledger.challenges[refused["guid"]]
    deadlines = {
        guid: other.deadline
        for guid, other in ledger.challenges.items()
        if (other.account, other.origin) == (entry.account, entry.origin)
        and other.ending is None
        and guid != refused["guid"]
    }
    first, last = min(commit.moments), max(commit.moments)
    return (
        {guid for guid, deadline in deadlines.items() if last < deadline},
        {guid for guid, deadline in deadlines.items() if first < deadline},
    )


def require_cancelled(commit: Commit, open_before: tuple[set[str], set[str]]) -> None:
    """
    Demand that a refusal ended the origin's other questions, if its reason does, and no others.

    Raises:
        AssertionError: One is open still, or one ended that should not.
    """
    certain, possible = open_before
    cancelled = {
        new["guid"]
        for kind, _, new in commit.changes
        if kind == "Challenge"
        and new["state"] == "CANCELLED"
        and new["outcome"]["reason"] == "refused"
    }
    cancels = "cancel_pending" in commit.reactions
    assert cancelled <= (possible if cancels else set()), "a refusal ended a question for no reason"
    assert not cancels or certain <= cancelled, "a question outlives a reason that ends it"
    ended = {
        new["guid"]
        for kind, old, new in commit.changes
        if kind == "Challenge" and old and old["state"] != new["state"] and new["outcome"]
    }
    if commit.operation.verb in {"answer", "disown"}:
        own = commit.operation.facts["challenge"]
        assert ended <= cancelled | {own}, "an answer ended another question"


def _refused(commit: Commit) -> list[Plain]:
    return [
        new
        for kind, old, new in commit.changes
        if kind == "Challenge" and old and old["state"] not in SIGNED and new["state"] in SIGNED
    ]
