"""Answers: a bound device asks what is pending, reads it, and answers or disowns it."""

from __future__ import annotations

import attrs

from counterseal import keys
from counterseal.bindings.callers import Caller, Proven
from counterseal.challenges.bell import wake
from counterseal.challenges.judging import Token, judge
from counterseal.decisions import Act, Decision, refused, settle
from counterseal.errors import (
    Foreign,
    MalformedToken,
    NotFound,
    Refused,
    WrongCode,
    WrongType,
)
from counterseal.machines import CHALLENGE, ChallengeEvent, step
from counterseal.models import (
    UNFINISHED,
    AuditEvent,
    Challenge,
    Change,
    DeviceCall,
    Guid,
    Record,
)
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.facts import Fetching
from counterseal.wire.answer import ANSWER_TYP, DISOWN_TYP, read_answer


@attrs.frozen
class Answers:
    """What a bound device does with challenges."""

    ports: Ports
    policy: Policy

    def pending(self, call: DeviceCall) -> tuple[Challenge, ...]:
        """
        Return what the device's account is asked at the moment, oldest first.

        Raises:
            Refused: The call is not proven, or the device may not act.
            Unavailable: A port failed.
        """
        caller = Caller(self.ports, self.policy, call, "challenge.pending")
        act = Act(event="challenge.pending", actor=caller.device)

        def decide() -> Decision[tuple[Challenge, ...]]:
            proven = caller.prove()
            asked = self.ports.store.pending(proven.account.guid)
            now = self.ports.clock.now()
            return Decision(
                result=tuple(held for held in asked if held.state_at(now) in UNFINISHED)
            )

        return settle(self.ports, self.policy, act, decide)

    def fetch(self, call: DeviceCall, challenge: Guid) -> Challenge:
        """
        Read one challenge; its display document is what the device shows and signs.

        A finished one is returned as it is, but for the answer and its receipt: only the device
        that gave them gets them back.

        Raises:
            NotFound: There is no such challenge.
            Foreign: It is another account's.
            DeadlinePassed: It is over.
            Refused: The call is not proven, or the device may not act.
            Unavailable: A port failed.
        """
        caller = Caller(self.ports, self.policy, call, "challenge.fetch")
        act = Act(event="challenge.fetch", actor=caller.device, subject=challenge)

        def decide() -> Decision[Challenge]:
            proven = caller.prove(challenge)
            held = _own(proven, proven.others[0])
            if held.state not in UNFINISHED:
                return Decision(result=_told(held, proven.binding.guid))
            now = self.ports.clock.now()
            facts = Fetching(
                now=now,
                proving=proven.proving,
                challenge=held,
                account=proven.account,
                binding=proven.binding,
            )
            state = step(CHALLENGE, held.state, ChallengeEvent.FETCH, facts)
            if state is held.state:
                return Decision(result=held)
            seen = attrs.evolve(held, version=held.version + 1, state=state)
            event = AuditEvent(
                at=now, event=act.event, actor=proven.binding.guid, subject=held.guid
            )
            return Decision(changes=(Change(held, seen),), audit=(event,), result=seen)

        return settle(self.ports, self.policy, act, decide)

    def answer(self, call: DeviceCall) -> Challenge:
        """
        Accept an answer; the call's body is the answer, a compact JWS.

        The identical answer again gets the recorded result.

        Raises:
            NotFound: There is no such challenge.
            Foreign: It is another account's.
            WrongState: It is finished, and not by this answer.
            DeadlinePassed: It is over.
            StrongKeyMissed: The device's strong key did not sign it; says what is left.
            WrongCode: The matching code is wrong; says what is left.
            CodeMissing: The matching code is missing.
            Refused: Anything else does not hold: see `counterseal.rules.answering`.
            Unavailable: A port failed.
        """
        return self._respond(call, ANSWER_TYP, ChallengeEvent.ANSWER)

    def disown(self, call: DeviceCall) -> Challenge:
        """
        Accept a disown ("this was not me"); the call's body is the disown, a compact JWS.

        The identical disown again gets the recorded result.

        Raises:
            NotFound: There is no such challenge.
            Foreign: It is another account's.
            WrongState: It is finished, and not by this disown.
            DeadlinePassed: It is over.
            StrongKeyMissed: The device's strong key did not sign it; says what is left.
            Refused: Anything else does not hold.
            Unavailable: A port failed.
        """
        return self._respond(call, DISOWN_TYP, ChallengeEvent.DISOWN)

    def _respond(self, call: DeviceCall, typ: str, event: ChallengeEvent) -> Challenge:
        name = f"challenge.{event.value}"
        caller = Caller(self.ports, self.policy, call, name)
        try:
            token = self._read(call.body, typ, event)
        except Refused as refusal:
            refused(self.ports, Act(event=name, actor="stranger"), refusal)
            raise
        named = token.answer.challenge
        act = Act(event=name, actor=caller.device, subject=named)

        def decide() -> Decision[Challenge]:
            proven = caller.prove(named)
            return judge(self.ports, self.policy, proven, _own(proven, proven.others[0]), token)

        try:
            ended = settle(self.ports, self.policy, act, decide)
        except WrongCode:
            # The last one that the policy allows has ended it.
            wake(self.ports, named)
            raise
        wake(self.ports, ended.guid)
        return ended

    def _read(self, body: bytes, typ: str, event: ChallengeEvent) -> Token:
        try:
            text = body.decode("ascii")
        except UnicodeDecodeError:
            raise MalformedToken from None
        jws = keys.read(text, limit=self.policy.token_bytes)
        if jws.header.typ != typ:
            raise WrongType
        return Token(text=text, jws=jws, answer=read_answer(jws.claimed, typ=typ), event=event)


def _own(proven: Proven, record: Record | None) -> Challenge:
    if not isinstance(record, Challenge):
        raise NotFound
    if record.account != proven.account.guid:
        raise Foreign
    return record


def _told(held: Challenge, device: Guid) -> Challenge:
    """Return *held* as *device* may see it: another device's answer says too much about it."""
    if held.outcome is None or held.outcome.device in {None, device}:
        return held
    return attrs.evolve(held, outcome=attrs.evolve(held.outcome, token=None, receipt=None))
