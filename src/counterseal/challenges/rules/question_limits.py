"""
Limits of questions: how often a person may be asked.

NIST SP 800-63B-4, 3.1.3.2; OWASP ASVS 5.0, 6.6.4.

`rule_on_question` is a pure function of policy, limits and history. The limits are the policy's for
the origin's kind of clients, and the origin's own where they are tighter:

- In a window, questions are counted per origin and account, and per account. Past the limit, the
  origin has to wait.
- Open questions are limited. Past the limit, a newer one supersedes the oldest, or is refused.
- Clients may have a laxer limit than others. The limit of other clients does not include their
  questions; the laxest limit includes all questions.
- Refusals and unanswered questions in a row begin a cool-down that doubles. While it lasts, and
  after too many questions without an approval, a matching code is required.
  An origin that cannot show one waits, at most for the longest cool-down.
- A refusal may say why, and for that reason the policy may demand codes for some time. Meanwhile a
  matching code is required, even after an approval. An origin that cannot show one may ask once in
  the longest cool-down.

A refusal never lets an origin ask sooner or more often.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

import attrs

from counterseal.errors import CodeDemanded, TooManyPending, TooOften
from counterseal.models import Clients, Guid, History, OpenQuestion, Origin, PastQuestion, replace
from counterseal.models.clients import AskingLimits
from counterseal.policy import Policy

_Q = TypeVar("_Q", OpenQuestion, PastQuestion)


class Verdict(enum.Enum):
    """What the origin may do now, from the least to the most restrictive."""

    ALLOW = "allow"
    REQUIRE_CODE = "require_code"
    DELAY = "delay"
    REFUSE = "refuse"


@attrs.define(kw_only=True)
class Ruling:
    """
    Whether a person may be asked now.

    Attributes:
        reason: The limit that decided: `origin_window`, `account_window`, `pending`, `cooldown`,
            `unapproved`, `codes_demanded`; empty if none did.
        wait: How long to wait; only with DELAY and REFUSE.
        supersedes: The open challenges that have to be cancelled first, oldest first.
    """

    verdict: Verdict
    reason: str = ""
    wait: timedelta = timedelta(0)
    supersedes: tuple[Guid, ...] = ()


def limits_for(origin: Origin, policy: Policy) -> AskingLimits:
    """Return the policy's limits for the clients of *origin*, tightened by its own."""
    limits, origin_limits = policy.asking_limits(origin.clients), origin.limits
    if (
        origin_limits.pending is None
        and origin_limits.questions is None
        and not origin_limits.cooldown
    ):
        return limits
    return replace(
        limits,
        pending=limits.pending
        if origin_limits.pending is None
        else min(limits.pending, origin_limits.pending),
        origin_window=limits.origin_window
        if origin_limits.questions is None
        else min(limits.origin_window, origin_limits.questions),
        cooldown=limits.cooldown or origin_limits.cooldown,
    )


def rule_on_question(
    history: History,
    *,
    now: datetime,
    origin: Guid,
    clients: Clients,
    limits: AskingLimits,
    code_asked: bool,
    codes_typed: bool,
    policy: Policy,
) -> Ruling:
    """
    Decide whether *origin* may ask now.

    Args:
        history: The account's, as stored.
        clients: The origin's kind of clients.
        limits: As `limits_for` returns them.
        code_asked: Whether this question asks for a typed code.
        codes_typed: Whether the origin could ask for one.
    """
    history = with_expired_counted(history, now, policy)
    recent = [question for question in history.recent if now - question.at < policy.ask_window]
    of_origin = [question for question in recent if question.origin == origin]
    if len(of_origin) >= limits.origin_window:
        return _window("origin_window", of_origin, limits.origin_window, now, policy)
    # The first bound is the tightest: below it, no other is reached.
    if len(recent) >= limits.account_window:
        windows = _bounds(
            limits.account_window, clients, policy, lambda limits: limits.account_window
        )
        delays = [
            _window("account_window", counted, bound.limit, now, policy)
            for bound in windows
            if len(counted := bound.counted(recent, origin)) >= bound.limit
        ]
        if delays:
            return max(delays, key=lambda delay: delay.wait)
    supersedes: tuple[Guid, ...] = ()
    if len(history.open) >= limits.pending:
        bounds = _bounds(limits.pending, clients, policy, lambda limits: limits.pending)
        # More than one only if the limit is lower than when they were asked.
        excess = max(
            0, *(len(bound.counted(history.open, origin)) + 1 - bound.limit for bound in bounds)
        )
        own_open = (question.challenge for question in history.open if question.origin == origin)
        supersedes = tuple(own_open)[:excess]
        if excess and (not policy.supersede or len(supersedes) < excess):
            frees = _frees_at(history.open, origin, bounds, policy)
            return Ruling(verdict=Verdict.REFUSE, reason="pending", wait=frees - now)
    ruling = _cooldown_ruling(
        history,
        now,
        limits=limits,
        code_asked=code_asked,
        codes_typed=codes_typed,
        policy=policy,
    )
    return attrs.evolve(ruling, supersedes=supersedes) if supersedes else ruling


def may_ask(ruling: Ruling) -> None:
    """Refuse unless the ruling allows to ask now; the refusal says how long to wait, and why."""
    if ruling.verdict is Verdict.REFUSE:
        raise TooManyPending(ruling.wait.total_seconds())
    if ruling.verdict is Verdict.DELAY:
        raise TooOften(ruling.reason, ruling.wait.total_seconds())
    if ruling.verdict is Verdict.REQUIRE_CODE:
        raise CodeDemanded(ruling.reason)


def with_expired_counted(history: History, now: datetime, policy: Policy) -> History:
    """Return *history* with the open questions whose deadline has come counted as refusals."""
    over = [question for question in history.open if now >= question.deadline]
    if not over:
        return history
    history = replace(history, open=tuple(each for each in history.open if each not in over))
    for question in sorted(over, key=lambda question: question.deadline):
        history = _refused(history, question.deadline, policy)
    return history


def after_asking(
    history: History, question: OpenQuestion, now: datetime, policy: Policy
) -> History:
    """Return the history once *question* is asked."""
    history = with_expired_counted(history, now, policy)
    recent = tuple(past for past in history.recent if now - past.at < policy.ask_window)
    return replace(
        history,
        open=(*history.open, question),
        recent=(*recent, PastQuestion(at=now, origin=question.origin, clients=question.clients)),
        asked_since_approval=history.asked_since_approval + 1,
    )


def after_approval(
    history: History, challenge: Guid, now: datetime, policy: Policy, *, code_matched: bool
) -> History:
    """Return the history once *challenge* is approved, with its code where one was asked for."""
    history = with_expired_counted(history, now, policy)
    remaining = [question for question in history.open if question.challenge != challenge]
    return replace(
        history,
        open=tuple(remaining),
        asked_since_approval=0,
        refusals=0,
        cooling_until=None,
        wrong_codes=0 if code_matched else history.wrong_codes,
    )


def after_refusal(history: History, challenge: Guid, now: datetime, policy: Policy) -> History:
    """Return the history once *challenge* is refused, disowned, failed or unanswered."""
    history = with_expired_counted(history, now, policy)
    remaining = without_question(history, challenge)
    if remaining is history:
        # It had lapsed, and is counted already.
        return history
    return _refused(remaining, now, policy)


def with_codes_demanded(history: History, now: datetime, policy: Policy) -> History:
    """Return the history once a refusal's reason demands codes; it never ends an earlier demand."""
    until = now + policy.codes_demanded
    if history.codes_until is not None:
        until = max(until, history.codes_until)
    return replace(history, codes_until=until)


def without_question(history: History, challenge: Guid) -> History:
    """Return the history without *challenge* among the open questions, and nothing counted."""
    if all(question.challenge != challenge for question in history.open):
        return history
    return replace(
        history,
        open=tuple(question for question in history.open if question.challenge != challenge),
    )


def _refused(history: History, at: datetime, policy: Policy) -> History:
    refusals = history.refusals + 1
    cooling_until = history.cooling_until
    if refusals >= policy.cooldown_after:
        # The exponent is bounded so that no count of refusals overflows a timedelta.
        doublings = min(refusals - policy.cooldown_after, 30)
        until = at + min(policy.cooldown * 2**doublings, policy.cooldown_limit)
        cooling_until = until if cooling_until is None else max(until, cooling_until)
    return replace(history, refusals=refusals, cooling_until=cooling_until)


@attrs.frozen
class _Bound:
    """A limit of questions, counted over the *clients* and over the asking origin itself."""

    clients: frozenset[Clients]
    limit: int

    def counted(self, questions: Iterable[_Q], origin: Guid) -> list[_Q]:
        return [
            question
            for question in questions
            if question.clients in self.clients or question.origin == origin
        ]


def _bounds(
    limit: int, clients: Clients, policy: Policy, of: Callable[[AskingLimits], int]
) -> list[_Bound]:
    """
    Return the bounds of an origin for *clients*: *limit*, and each laxer limit of the policy.

    Each includes the questions of the clients whose limit is not laxer.
    """
    policys = {kind: of(policy.asking_limits(kind)) for kind in Clients}
    laxer = {each: each for each in policys.values() if each > policys[clients]}
    return [
        _Bound(frozenset(kind for kind, each in policys.items() if each <= step), most)
        for step, most in {policys[clients]: limit, **laxer}.items()
    ]


def _window(
    reason: str, recent: list[PastQuestion], limit: int, now: datetime, policy: Policy
) -> Ruling:
    frees = sorted(question.at for question in recent)[len(recent) - limit] + policy.ask_window
    return Ruling(verdict=Verdict.DELAY, reason=reason, wait=frees - now)


def _frees_at(
    waiting: tuple[OpenQuestion, ...], origin: Guid, bounds: list[_Bound], policy: Policy
) -> datetime:
    """Return when, at the latest, enough open questions have ended for *origin* to ask."""

    def free(end: datetime) -> bool:
        remaining = [question for question in waiting if question.deadline > end]
        superseded = (
            sum(question.origin == origin for question in remaining) if policy.supersede else 0
        )
        return all(
            len(bound.counted(remaining, origin)) + 1 - bound.limit <= superseded
            for bound in bounds
        )

    return next(end for end in sorted(question.deadline for question in waiting) if free(end))


def _cooldown_ruling(
    history: History,
    now: datetime,
    *,
    limits: AskingLimits,
    code_asked: bool,
    codes_typed: bool,
    policy: Policy,
) -> Ruling:
    """Decide what refusals, and questions without an approval, require."""
    reason, until = "", now
    unapproved = history.asked_since_approval >= limits.unapproved
    demanded = history.codes_until is not None and now < history.codes_until
    if unapproved or demanded:
        last = max((past.at for past in history.recent), default=None)
        reason = "unapproved" if unapproved else "codes_demanded"
        until = now if last is None else last + policy.cooldown_limit
    # The longer of the two waits: one more refusal never shortens it.
    cooling = history.cooling_until if limits.cooldown else None
    if cooling is not None and max(now, until) < cooling:
        reason, until = "cooldown", cooling
    if not reason or code_asked:
        return Ruling(verdict=Verdict.ALLOW)
    if codes_typed:
        return Ruling(verdict=Verdict.REQUIRE_CODE, reason=reason)
    if until > now:
        return Ruling(verdict=Verdict.DELAY, reason=reason, wait=until - now)
    return Ruling(verdict=Verdict.ALLOW)
