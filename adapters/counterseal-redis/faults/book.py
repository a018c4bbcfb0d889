"""
The account book: what callers asked for and what they were told, beside the store's own word.

It is kept by the callers, outside the service; every line is an act, a challenge and how it ended.
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

FITTING = (WrongState, DeadlineAhead, TooManyPending, TooOften, CodeDemanded)
"""What the core refuses here while everything is well: rivals were faster, or too much is open."""


OF_ITSELF = {None, ChallengeState.EXPIRED.value}


def end_of(challenge):
    """Return how *challenge* ended, in a word and its button; None if it is open."""
    if challenge.state in UNFINISHED:
        return None
    button = None if challenge.outcome is None else challenge.outcome.button
    return word(challenge.state.value, button)


def word(state, button):
    """Return an ending in one word."""
    return state if button is None else f"{state} {button}"


class Book:
    """
    Lines, in the order in which they were written.

    Args:
        copy: A file descriptor where each line goes, too: for a process that is to be killed.
    """

    def __init__(self, copy=None):
        self.lines = []
        self._copy = copy
        self._lock = threading.Lock()

    def note(self, *line):
        """Write a line."""
        with self._lock:
            self.lines.append(line)
            if self._copy is not None:
                os.write(self._copy, (json.dumps(line) + "\n").encode())

    def take(self, copied):
        """Write what another process's book has *copied*; its last line may be torn."""
        for line in copied.split(b"\n")[:-1]:
            self.note(*json.loads(line))

    def attempt(self, act):
        """
        Do *act*, and write down how the call ended.

        Returns:
            What it returned; None if it failed, and whether it failed unsurely.
        """
        self.note("called")
        try:
            return act(), False
        except (Indeterminate, Unavailable) as error:
            self.note("unsure", error.code)
            return None, True
        except FITTING:
            return None, False
        except Refused as refusal:
            self.note("misfit", refusal.code)
        except Exception as error:  # noqa: BLE001 - whatever gets out, it is a broken promise
            self.note("wrong", type(error).__name__)
        return None, False

    def insist(self, act, times):
        """Do *act* until it is known what became of it, at most so many *times*."""
        for _ in range(times):
            result, unsure = self.attempt(act)
            if not unsure:
                return result
        return None


@define
class Case:
    """
    What the book says about one challenge.

    Attributes:
        said: The endings that somebody asked for.
        told: The endings that somebody was told, by whom.
        messages: The callbacks that were sent.
    """

    asked: bool = False
    said: set = field(factory=set)
    told: set = field(factory=set)
    messages: set = field(factory=set)


@frozen
class Verdict:
    """
    How the book and the store agree.

    Attributes:
        operations: Calls of use cases.
        lost: Challenges of which something was told that the store does not have.
        doubled: Challenges of which two different things were told.
        indeterminate: Calls that ended unsurely.
        wrong: What may never be, after whatever fault.
        misfit: What may not be where nothing was lost.
    """

    operations: int
    lost: int
    doubled: int
    indeterminate: int
    wrong: Counter
    misfit: Counter

    @property
    def sound(self):
        """Whether nothing that was told was lost or changed."""
        return not (self.lost or self.doubled or self.misfit)


def judge(book, store, audit):
    """Compare *book* with what *store* and *audit* hold in the end."""
    cases = _cases(book)
    counts = Counter(line[0] for line in book.lines)
    wrong = Counter(line[1] for line in book.lines if line[0] == "wrong")
    misfit = Counter(line[1] for line in book.lines if line[0] == "misfit")
    held = dict(zip(cases, store.get(*cases), strict=True)) if cases else {}
    lost = 0
    for guid, case in cases.items():
        record = held[guid]
        end = None if record is None else end_of(record)
        # Nobody forges: an end that nobody asked for is told by nobody, and stored nowhere.
        wrong["nobody asked for it"] += len((case.told | {end}) - case.said - OF_ITSELF)
        lost += (case.asked and record is None) or bool(case.told - {end})
        if end is not None and end not in case.told:
            misfit["no callback"] += 1
    doubled = sum(len(case.told) > 1 or len(case.messages) > 1 for case in cases.values())
    misfit += _halves(held, store, audit)
    return Verdict(
        operations=counts["called"],
        lost=lost,
        doubled=doubled,
        indeterminate=counts["unsure"],
        wrong=+wrong,
        misfit=+misfit,
    )


def claims(book, store):
    """Write down which callbacks were sent though the claim on them is not there, or not yet."""
    sent = sorted({line[3] for line in book.lines if line[0] == "sent"})
    for callback in store.get(*sent):
        # As it is created it has version 1, and a claim changes it.
        if callback is None or callback.version == 1:
            book.note("misfit", "sent before its claim was sure")


def _cases(book):
    cases = defaultdict(Case)
    for act, *words in book.lines:
        match act, *words:
            case "asked", guid:
                cases[guid].asked = True
            case "said", guid, end:
                cases[guid].said.add(end)
            case "told", guid, end:
                cases[guid].told.add(end)
            case "sent", guid, end, message:
                cases[guid].told.add(end)
                cases[guid].messages.add(message)
    return cases


def _halves(held, store, audit):
    """Look for commits of which a half is missing, or which were applied twice."""
    found = Counter()
    ended = Counter(one.subject for one in audit if one.event in ENDINGS)
    of_account = defaultdict(list)
    for record in filter(None, held.values()):
        of_account[record.account].append(record)
    for account, records in of_account.items():
        pending = {one.guid for one in store.pending(account)}
        receipts = 0
        for record in records:
            over = record.state not in UNFINISHED
            found["an ending in the log"] += abs(ended[record.guid] - over)
            found["an entry of the index"] += (record.guid in pending) is over
            receipts += over and record.outcome.receipt is not None
        (kept,) = store.get(account)
        found["an account's receipts"] += kept is None or kept.receipts != receipts
    return found


ENDINGS = {f"challenge.{end}" for end in ("answered", "disowned", "cancelled", "expired")}
