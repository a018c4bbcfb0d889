"""Issuing: whether a question may be put to an account, and what changes when it is."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from counterseal.bindings.news import noted
from counterseal.challenges.bell import NOTED
from counterseal.challenges.composing import Issued, new_challenge, new_code
from counterseal.challenges.finishing import finish
from counterseal.decisions import Decision, found
from counterseal.errors import AccountUnknown
from counterseal.machines import CHALLENGE, ChallengeEvent, step
from counterseal.models import (
    Account,
    AuditEvent,
    CancelReason,
    Challenge,
    Change,
    Codes,
    Guid,
    History,
    News,
    OpenQuestion,
    Outcome,
    Question,
    RelyingParty,
)
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.asking import Ruling, after_asking, asking, limits_for, may_ask
from counterseal.rules.facts import Cancelling
from counterseal.rules.standing import reachable
from counterseal.wire.moment import whole


@attrs.frozen(kw_only=True)
class Put:
    """
    What was issued, and what is to be rung inside: nothing, if it was issued before.

    Attributes:
        wakes: The questions that it has replaced, the account, and those who ring bells.
    """

    issued: Issued
    wakes: tuple[Guid, ...] = ()


def issued(
    ports: Ports,
    policy: Policy,
    party: RelyingParty,
    question: Question,
    *,
    life: timedelta,
    guid: Guid,
) -> Decision[Put]:
    """
    Decide whether *question* may be put now, and issue the challenge *guid*.

    Raises:
        AccountUnknown: The App Space knows no such account.
        AccountUnbound: It has no active device.
        AccountLocked: It is locked.
        TooManyPending: The person has enough open questions; says how long to wait.
        TooOften: The person has to be left alone for a while; says how long.
        CodeDemanded: The person may be asked with a matching code only.
        InvalidField: I-JSON cannot hold what is to be shown.
        Unavailable: A port failed.
    """
    account = ports.store.account(party.app_space.guid, question.account_id)
    if account is None:
        raise AccountUnknown
    reachable(account)
    now = whole(ports.clock.now())
    typed = party.origin.codes is Codes.TYPED
    ruling = asking(
        account.history,
        now=now,
        origin=party.origin.guid,
        limits=limits_for(party.origin, policy),
        code_asked=typed and question.show_code,
        codes_typed=typed,
        policy=policy,
    )
    may_ask(ruling)
    code = new_code(ports) if typed and question.show_code else None
    challenge = new_challenge(
        ports, policy, party, question, account, guid=guid, life=life, code=code, now=now
    )
    changes, audit, history = _superseded(ports, policy, party, account, ruling=ruling, now=now)
    asked = OpenQuestion(challenge=guid, origin=party.origin.guid, deadline=challenge.deadline)
    account_after = attrs.evolve(
        account,
        version=account.version + 1,
        history=after_asking(history, asked, now, policy),
    )
    event = AuditEvent(at=now, event="challenge.issue", actor=party.origin.guid, subject=guid)
    bells: tuple[Change, ...] = ()
    if question.show_notification:
        bells = noted(
            ports,
            policy,
            account,
            News.CHALLENGE,
            guid,
            now=now,
            ends_at=challenge.deadline,
        )
    return Decision(
        changes=(Change(None, challenge), Change(account, account_after), *changes, *bells),
        audit=(*audit, event),
        result=Put(
            issued=Issued(challenge=challenge, code=code),
            wakes=(*ruling.supersedes, account.guid, *((NOTED,) if bells else ())),
        ),
    )


def _superseded(
    ports: Ports,
    policy: Policy,
    party: RelyingParty,
    account: Account,
    *,
    ruling: Ruling,
    now: datetime,
) -> tuple[tuple[Change, ...], tuple[AuditEvent, ...], History]:
    """Cancel the questions that a newer one replaces, as far as the ruling names any."""
    changes: list[Change] = []
    audit: list[AuditEvent] = []
    # In one trip, and in none where there are none.
    open_ = ports.store.get(*ruling.supersedes) if ruling.supersedes else ()
    for record in open_:
        held = found(record, Challenge)
        facts = Cancelling(now=now, challenge=held, origin=party.origin.guid)
        ended = finish(
            ports,
            policy,
            challenge=held,
            account=account,
            state=step(CHALLENGE, held.state, ChallengeEvent.CANCEL, facts),
            outcome=Outcome(at=now, reason=CancelReason.SUPERSEDED),
            actor=party.origin.guid,
            reason=CancelReason.SUPERSEDED.value,
        )
        account = attrs.evolve(account, history=ended.history)
        changes += ended.others
        audit.append(ended.audit)
    return tuple(changes), tuple(audit), account.history
