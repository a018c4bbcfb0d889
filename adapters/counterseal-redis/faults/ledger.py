"""
The ledger: what clients requested and the results they got, compared with the stored records.

The clients write it, outside the service; an entry is what happened, the challenge, and its end.
"""

import json
import os
import threading
from collections import Counter, defaultdict

from attrs import define, field, frozen

from counterseal.errors import (
    CodeDemanded,
    DeadlineAhead,
    Indeterminate,
    Refused,
    TooManyPending,
    TooOften,
    Unavailable,
    WrongState,
)
from counterseal.models import UNFINISHED, ChallengeState

EXPECTED = (WrongState, DeadlineAhead, TooManyPending, TooOften, CodeDemanded)
"""Refusals of a sound service: another client was faster, or too many challenges are open."""


UNREQUESTED = {None, ChallengeState.EXPIRED.value}


def end_of(challenge):
    """Return the end of *challenge*, with its button; None if it is open."""
    if challenge.state in UNFINISHED:
        return None
    button = None if challenge.outcome is None else challenge.outcome.button
    return end_text(challenge.state.value, button)


def end_text(state, button):
    """Return an end as one text."""
    return state if button is None else f"{state} {button}"


class Ledger:
    """
    Entries, in the order in which they were recorded.

    Args:
        copy: A file descriptor that gets each entry too, for a process that will be killed.
    """

    def __init__(self, copy=None):
        self.entries = []
        self._copy = copy
        self._recorded = threading.Condition()

    def record(self, *entry):
        """Record an entry."""
        with self._recorded:
            self.entries.append(entry)
            if self._copy is not None:
                os.write(self._copy, (json.dumps(entry) + "\n").encode())
            self._recorded.notify_all()

    def wait_until(self, holds, *, within):
        """Wait until *holds* is true, which is called after each entry; return its result."""
        with self._recorded:
            return self._recorded.wait_for(holds, within)

    def record_copy(self, copy):
        """Record the entries in another process's *copy*; its last line may be incomplete."""
        for line in copy.split(b"\n")[:-1]:
            self.record(*json.loads(line))

    def attempt(self, call):
        """
        Make *call*, and record how it ended.

        Returns:
            Its result, or None if it failed; and whether its effect is unknown.
        """
        self.record("called")
        try:
            return call(), False
        except (Indeterminate, Unavailable) as error:
            self.record("unknown", error.code)
            return None, True
        except EXPECTED:
            return None, False
        except Refused as refusal:
            self.record("unexpected", refusal.code)
        except Exception as error:  # noqa: BLE001 - any other error is a broken promise
            self.record("wrong", type(error).__name__)
        return None, False

    def repeat(self, call, times):
        """Make *call* until its effect is known, at most so many *times*."""
        for _ in range(times):
            result, is_unknown = self.attempt(call)
            if not is_unknown:
                return result
        return None


@define
class Case:
    """
    The entries about one challenge.

    Attributes:
        is_issued: Whether its origin was told that it was issued.
        requests: The ends that a client requested.
        results: The ends that a client was told.
        messages: The callbacks that were sent.
    """

    is_issued: bool = False
    requests: set = field(factory=set)
    results: set = field(factory=set)
    messages: set = field(factory=set)


@frozen
class Verdict:
    """
    The differences between ledger and store.

    Attributes:
        operations: Calls of use cases.
        lost: Challenges with a result that the store does not have.
        doubled: Challenges with two different results.
        indeterminate: Calls whose effect is unknown.
        wrong: What must never happen, after any fault.
        unexpected: What must not happen where nothing was lost.
    """

    operations: int
    lost: int
    doubled: int
    indeterminate: int
    wrong: Counter
    unexpected: Counter

    @property
    def sound(self):
        """Whether no result was lost or changed."""
        return not (self.lost or self.doubled or self.unexpected)


def compare(ledger, store, audit):
    """Compare *ledger* with the final contents of *store* and *audit*."""
    cases = _cases(ledger)
    counts = Counter(entry[0] for entry in ledger.entries)
    wrong = Counter(entry[1] for entry in ledger.entries if entry[0] == "wrong")
    unexpected = Counter(entry[1] for entry in ledger.entries if entry[0] == "unexpected")
    records = dict(zip(cases, store.get(*cases), strict=True)) if cases else {}
    lost = 0
    for guid, case in cases.items():
        record = records[guid]
        end = None if record is None else end_of(record)
        # An end that no client requested is neither reported nor stored.
        wrong["no client requested it"] += len((case.results | {end}) - case.requests - UNREQUESTED)
        lost += (case.is_issued and record is None) or bool(case.results - {end})
        if end is not None and end not in case.results:
            unexpected["no callback"] += 1
    doubled = sum(len(case.results) > 1 or len(case.messages) > 1 for case in cases.values())
    unexpected += _partial_commits(records, store, audit)
    return Verdict(
        operations=counts["called"],
        lost=lost,
        doubled=doubled,
        indeterminate=counts["unknown"],
        wrong=+wrong,
        unexpected=+unexpected,
    )


def record_unclaimed(ledger, store):
    """Record the callbacks that were sent without a stored claim."""
    messages = sorted({entry[3] for entry in ledger.entries if entry[0] == "sent"})
    for callback in store.get(*messages):
        # A new callback has version 1, and a claim changes it.
        if callback is None or callback.version == 1:
            ledger.record("unexpected", "sent before its claim was durable")


def _cases(ledger):
    cases = defaultdict(Case)
    for entry in ledger.entries:
        match entry:
            case "issued", guid:
                cases[guid].is_issued = True
            case "requested", guid, end:
                cases[guid].requests.add(end)
            case "result", guid, end:
                cases[guid].results.add(end)
            case "sent", guid, end, message:
                cases[guid].results.add(end)
                cases[guid].messages.add(message)
    return cases


def _partial_commits(records, store, audit):
    """Count what is missing of commits, and what was applied twice."""
    differences = Counter()
    ended = Counter(one.subject for one in audit if one.event in ENDINGS)
    of_account = defaultdict(list)
    for record in filter(None, records.values()):
        of_account[record.account].append(record)
    for account, challenges in of_account.items():
        pending = {one.guid for one in store.pending(account)}
        receipts = 0
        for record in challenges:
            has_ended = record.state not in UNFINISHED
            differences["an ending in the log"] += abs(ended[record.guid] - has_ended)
            differences["an entry of the index"] += (record.guid in pending) is has_ended
            receipts += has_ended and record.outcome.receipt is not None
        (stored_account,) = store.get(account)
        differences["an account's receipts"] += (
            stored_account is None or stored_account.receipts != receipts
        )
    return differences


ENDINGS = {f"challenge.{end}" for end in ("answered", "disowned", "cancelled", "expired")}
