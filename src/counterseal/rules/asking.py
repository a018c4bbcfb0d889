"""
Rules of asking: how often a person may be asked.

NIST SP 800-63B-4, 3.1.3.3; OWASP ASVS 5.0, 6.6.4.

One pure function of policy and history rules:

- In a window, questions count per (origin, account), then per account: past the limit, later.
- Open questions are limited: past the limit, a newer one supersedes or is refused.
- Refusals and unanswered questions in a row begin a cool-down that doubles;
  while it lasts, and after too many questions without an approval, a matching code is required.
  An origin that cannot show one waits, and never longer than the longest cool-down.

More refusals never make asking easier.
"""

from __future__ import annotations

import enum
from datetime import datetime, timedelta

import attrs

from counterseal.errors import CodeDemanded, TooManyPending, TooOften
from counterseal.models import Asked, Guid, History, OpenQuestion
from counterseal.policy import Policy


class Verdict(enum.Enum):
    """What may be done now, from the easiest to the hardest."""

    ALLOW = "allow"
    REQUIRE_CODE = "require_code"
    DELAY = "delay"
    REFUSE = "refuse"


@attrs.frozen(kw_only=True)
class Ruling:
    """
    Whether a person may be asked now.

    Attributes:
        reason: Which limit spoke: `origin_window`, `account_window`, `pending`, `cooldown`,
            `unapproved`; empty where none did.
        wait: How long to wait; only with DELAY.
        supersedes: The open challenges that have to be cancelled first, oldest first.
    """

    verdict: Verdict
    reason: str = ""
    wait: timedelta = timedelta(0)
    supersedes: tuple[Guid, ...] = ()


def asking(
    history: History,
    *,
    now: datetime,
    origin: Guid,
    code_asked: bool,
    codes_typed: bool,
    policy: Policy,
) -> Ruling:
    """
    Rule whether *origin* may ask now.

    Args:
        history: The account's, as stored.
        code_asked: Whether this question asks for a typed code.
        codes_typed: Whether the origin could ask for one.
    """
    history = lapsed(history, now, policy)
    recent = [asked for asked in history.asked if now - asked.at < policy.ask_window]
    own = [asked for asked in recent if asked.origin == origin]
    if len(own) >= policy.ask_limit_origin:
        return _window("origin_window", own, policy.ask_limit_origin, now, policy)
    if len(recent) >= policy.ask_limit:
        return _window("account_window", recent, policy.ask_limit, now, policy)
    # More than one only if the limit is lower than when they were asked.
    excess = max(0, len(history.open) + 1 - policy.pending_limit)
    supersedes = tuple(held.challenge for held in history.open if held.origin == origin)[:excess]
    if excess and (not policy.supersede or len(supersedes) < excess):
        return Ruling(verdict=Verdict.REFUSE, reason="pending")
    ruling = _hardship(history, now, code_asked=code_asked, codes_typed=codes_typed, policy=policy)
    return attrs.evolve(ruling, supersedes=supersedes) if supersedes else ruling


def may_ask(ruling: Ruling) -> None:
    """
    Refuse unless the ruling allows to ask now.

    Raises:
        TooManyPending: REFUSE.
        TooOften: DELAY, with the reason and the wait.
        CodeDemanded: REQUIRE_CODE.
    """
    if ruling.verdict is Verdict.REFUSE:
        raise TooManyPending
    if ruling.verdict is Verdict.DELAY:
        raise TooOften(ruling.reason, ruling.wait.total_seconds())
    if ruling.verdict is Verdict.REQUIRE_CODE:
        raise CodeDemanded(ruling.reason)


def lapsed(history: History, now: datetime, policy: Policy) -> History:
    """Return *history* with the open questions whose deadline has come counted as refusals."""
    over = [held for held in history.open if now >= held.deadline]
    if not over:
        return history
    history = attrs.evolve(history, open=tuple(held for held in history.open if held not in over))
    for held in sorted(over, key=lambda question: question.deadline):
        history = _refused(history, held.deadline, policy)
    return history


def after_asking(
    history: History, question: OpenQuestion, now: datetime, policy: Policy
) -> History:
    """Return the history once *question* is asked."""
    history = lapsed(history, now, policy)
    recent = tuple(asked for asked in history.asked if now - asked.at < policy.ask_window)
    return attrs.evolve(
        history,
        open=(*history.open, question),
        asked=(*recent, Asked(at=now, origin=question.origin)),
        asked_since_approval=history.asked_since_approval + 1,
    )


def after_approval(
    history: History, challenge: Guid, now: datetime, policy: Policy, *, code_matched: bool
) -> History:
    """Return the history once *challenge* is approved, with its code where one was asked for."""
    history = lapsed(history, now, policy)
    return History(
        open=tuple(held for held in history.open if held.challenge != challenge),
        asked=history.asked,
        wrong_codes=0 if code_matched else history.wrong_codes,
    )


def after_refusal(history: History, challenge: Guid, now: datetime, policy: Policy) -> History:
    """Return the history once *challenge* is refused, disowned, failed or unanswered."""
    history = lapsed(history, now, policy)
    remaining = closed(history, challenge)
    if remaining is history:
        # It had lapsed, and is counted already.
        return history
    return _refused(remaining, now, policy)


def closed(history: History, challenge: Guid) -> History:
    """Return the history without *challenge* among the open questions, and nothing counted."""
    if all(held.challenge != challenge for held in history.open):
        return history
    return attrs.evolve(
        history, open=tuple(held for held in history.open if held.challenge != challenge)
    )


def _refused(history: History, at: datetime, policy: Policy) -> History:
    refusals = history.refusals + 1
    cooling_until = history.cooling_until
    if refusals >= policy.cooldown_after:
        # The exponent is bounded so that no count of refusals overflows a timedelta.
        doublings = min(refusals - policy.cooldown_after, 30)
        until = at + min(policy.cooldown * 2**doublings, policy.cooldown_limit)
        cooling_until = until if cooling_until is None else max(until, cooling_until)
    return attrs.evolve(history, refusals=refusals, cooling_until=cooling_until)


def _window(reason: str, asked: list[Asked], limit: int, now: datetime, policy: Policy) -> Ruling:
    frees = sorted(held.at for held in asked)[len(asked) - limit] + policy.ask_window
    return Ruling(verdict=Verdict.DELAY, reason=reason, wait=frees - now)


def _hardship(
    history: History, now: datetime, *, code_asked: bool, codes_typed: bool, policy: Policy
) -> Ruling:
    """Rule what refusals, and questions without an approval, demand."""
    reason, until = "", now
    if history.asked_since_approval >= policy.ask_limit_unapproved:
        last = max((asked.at for asked in history.asked), default=None)
        reason, until = "unapproved", now if last is None else last + policy.cooldown_limit
    # The longer of the two waits: one more refusal never shortens it.
    if history.cooling_until is not None and max(now, until) < history.cooling_until:
        reason, until = "cooldown", history.cooling_until
    if not reason or code_asked:
        return Ruling(verdict=Verdict.ALLOW)
    if codes_typed:
        return Ruling(verdict=Verdict.REQUIRE_CODE, reason=reason)
    if until > now:
        return Ruling(verdict=Verdict.DELAY, reason=reason, wait=until - now)
    return Ruling(verdict=Verdict.ALLOW)
