"""Challenges as their origin sees them: issued, looked at, cancelled; and expired by a worker."""

from __future__ import annotations

import itertools

import attrs

from counterseal.bindings.reserving import conclude, reserve
from counterseal.challenges.bell import wake
from counterseal.challenges.composing import Issued, new_guid, reissued
from counterseal.challenges.finishing import finish
from counterseal.challenges.issuing import Put, issued
from counterseal.decisions import Act, Decision, found, refused, settle, sweep, within_rate
from counterseal.errors import (
    AccountUnknown,
    Foreign,
    NotFound,
    Refused,
)
from counterseal.machines import CHALLENGE, ChallengeEvent, step
from counterseal.models import (
    UNFINISHED,
    Account,
    CancelReason,
    Challenge,
    Guid,
    KeyScope,
    Outcome,
    Question,
    Record,
    RelyingParty,
)
from counterseal.policy import Policy
from counterseal.ports import Due, Ports
from counterseal.rules.addresses import allow_list, callback_allowed
from counterseal.rules.facts import Cancelling, Deadline
from counterseal.rules.sizes import life_of, question_fits, text_fits
from counterseal.wire.question import question_document


@attrs.frozen
class Challenges:
    """What an origin does with challenges, and the worker that expires them."""

    ports: Ports
    policy: Policy

    def issue(
        self, party: RelyingParty, question: Question, *, idempotency_key: str | None = None
    ) -> Issued:
        """
        Put a question to one account.

        Args:
            party: The origin that asks.
            question: What it asks.
            idempotency_key: The same key with the same question again gets the first result.

        Raises:
            InvalidField: A member does not fit the policy; the error names it.
            CallbackForbidden: The callback is not on the origin's allow-list.
            CallbackUncallable: Nothing would ever be sent to the callback; says why.
            AccountUnknown: The App Space knows no such account.
            AccountUnbound: It has no active device.
            AccountLocked: It is locked.
            TooManyPending: The person has enough open questions; says how long to wait.
            TooOften: The person or the origin has to wait; says how long.
            CodeDemanded: The person may be asked with a matching code only.
            KeyInProgress: A call with this idempotency key is running.
            KeyReused: The key was used for another question.
            NotFound: What the key made has been erased.
            Unavailable: A port failed.
        """
        act = Act(event="challenge.issue", actor=party.origin.guid)
        within_rate(self.ports, act, ("origin", party.origin.guid), self.policy.origin_rate)
        try:
            question_fits(question, self.policy)
            life = life_of(question, self.policy)
            if question.callback is not None:
                callback_allowed(question.callback, allow_list(party.origin, self.policy))
                self.ports.sender.require_callable(question.callback)
            fresh = new_guid(self.ports, party, question)
            held = None
            if idempotency_key is not None:
                held = reserve(
                    self.ports,
                    self.policy,
                    KeyScope.ISSUE,
                    party,
                    question_document(question),
                    key=idempotency_key,
                    guid=fresh,
                )
        except Refused as refusal:
            refused(self.ports, act, refusal)
            raise
        guid = fresh if held is None else held.guid
        rounds = itertools.count()

        def decide() -> Decision[Put]:
            # What this very call has reserved is not there yet, unless it lost a race.
            if held is not None and (guid != fresh or next(rounds)):
                recorded, account = self.ports.store.about(guid)
                if isinstance(recorded, Challenge):
                    _readable(recorded, account)
                    return Decision(result=Put(issued=reissued(self.ports, recorded)))
            return issued(self.ports, self.policy, party, question, life=life, guid=guid)

        try:
            put = settle(self.ports, self.policy, act, decide)
        finally:
            if held is not None:
                conclude(self.ports, held)
        for waited_for in put.wakes:
            wake(self.ports, waited_for)
        return put.issued

    def status(self, party: RelyingParty, challenge: Guid) -> Challenge:
        """
        Return a challenge as it has to be told now: EXPIRED from its deadline on, swept or not.

        Raises:
            NotFound: There is no such challenge.
            Foreign: Another origin issued it.
            Unavailable: A port failed.
        """
        act = Act(event="challenge.status", actor=party.origin.guid, subject=challenge)

        def decide() -> Decision[Challenge]:
            record, account = self.ports.store.about(challenge)
            held = _own(party, record)
            _readable(held, account)
            now = self.ports.clock.now()
            if held.state_at(now) is held.state:
                return Decision(result=held)
            return Decision(result=attrs.evolve(held, state=held.state_at(now)))

        return settle(self.ports, self.policy, act, decide)

    def pending(self, party: RelyingParty, account_id: str) -> tuple[Challenge, ...]:
        """
        Return the account's open challenges that this origin issued, oldest first.

        Raises:
            AccountUnknown: The App Space has no such account.
            InvalidField: The id does not fit.
            Unavailable: A port failed.
        """
        act = Act(event="challenge.list", actor=party.origin.guid)

        def decide() -> Decision[tuple[Challenge, ...]]:
            text_fits(account_id, self.policy.account_id_bytes, "accountId")
            account = self.ports.store.account(party.app_space.guid, account_id)
            if account is None:
                raise AccountUnknown
            now = self.ports.clock.now()
            return Decision(
                result=tuple(
                    held
                    for held in self.ports.store.pending(account.guid)
                    if held.origin == party.origin.guid and held.state_at(now) in UNFINISHED
                )
            )

        return settle(self.ports, self.policy, act, decide)

    def cancel(self, party: RelyingParty, challenge: Guid) -> Challenge:
        """
        Take a question back.

        Raises:
            NotFound: There is no such challenge.
            Foreign: Another origin issued it.
            WrongState: It is finished.
            DeadlinePassed: It is over.
            Unavailable: A port failed.
        """
        actor = party.origin.guid
        act = Act(event="challenge.cancel", actor=actor, subject=challenge)

        def decide() -> Decision[Challenge]:
            record, about = self.ports.store.about(challenge)
            held = _own(party, record)
            account = found(about, Account)
            state = step(
                CHALLENGE,
                held.state,
                ChallengeEvent.CANCEL,
                Cancelling(now=self.ports.clock.now(), challenge=held, origin=actor),
            )
            ended = finish(
                self.ports,
                self.policy,
                challenge=held,
                account=account,
                state=state,
                outcome=Outcome(at=self.ports.clock.now(), reason=CancelReason.ORIGIN),
                actor=actor,
            )
            return Decision(changes=ended.changes, audit=(ended.audit,), result=ended.challenge)

        cancelled = settle(self.ports, self.policy, act, decide)
        wake(self.ports, challenge)
        return cancelled

    def expire(self, limit: int = 100) -> int:
        """
        Expire challenges whose deadline has come, each with its callback; return how many.

        Raises:
            Unavailable: A port failed.
        """
        due = self.ports.store.due(Due.CHALLENGE, self.ports.clock.now(), limit)
        act = Act(event="challenge.expire", actor="worker")
        try:
            return sweep(self.ports, self.policy, act, due, self._expired)
        finally:
            for record in due:
                wake(self.ports, record.guid)

    def _expired(self, guid: Guid) -> Decision[None]:
        now = self.ports.clock.now()
        record, about = self.ports.store.about(guid)
        held, account = found(record, Challenge), found(about, Account)
        facts = Deadline(now=now, deadline=held.deadline)
        state = step(CHALLENGE, held.state, ChallengeEvent.EXPIRE, facts)
        ended = finish(
            self.ports,
            self.policy,
            challenge=held,
            account=account,
            state=state,
            outcome=Outcome(at=now),
            actor="worker",
        )
        return Decision(changes=ended.changes, audit=(ended.audit,), result=None)


def _own(party: RelyingParty, record: Record | None) -> Challenge:
    held = found(record, Challenge)
    if held.origin != party.origin.guid:
        raise Foreign
    return held


def _readable(held: Challenge, account: Record | None) -> None:
    # An erased account has no unfinished ones; what had ended before still lies in the store.
    if held.outcome is not None and found(account, Account).erased_at is not None:
        raise NotFound
