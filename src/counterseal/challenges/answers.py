"""Answers: a bound device asks what is pending, reads it, and answers or disowns it."""

from __future__ import annotations

import attrs

from counterseal import keys
from counterseal.bindings.callers import Caller, Proven
from counterseal.bindings.devices import strike
from counterseal.challenges.composing import opened_code
from counterseal.challenges.finishing import finish
from counterseal.decisions import Act, Decision, refused, settle
from counterseal.errors import (
    Foreign,
    MalformedToken,
    NotFound,
    Refused,
    Unavailable,
    WrongCode,
    WrongSignature,
    WrongType,
)
from counterseal.keys import Jws
from counterseal.machines import CHALLENGE, ChallengeEvent, step
from counterseal.models import (
    UNFINISHED,
    AuditEvent,
    Challenge,
    ChallengeState,
    Change,
    DeviceCall,
    Guid,
    Outcome,
    Record,
    Role,
)
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.facts import Answering, Evidence, Fetching, Striking
from counterseal.wire.answer import ANSWER_TYP, DISOWN_TYP, Answer, read_answer
from counterseal.wire.receipt import RECEIPT_TYP, receipt_claims, receipt_hash


@attrs.frozen(kw_only=True)
class _Token:
    """The answer or disown in a call's body, read and not believed."""

    text: str
    jws: Jws
    answer: Answer
    event: ChallengeEvent


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

        A finished one is returned as it is.

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
                return Decision(result=held)
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
            return self._decided(proven, _own(proven, proven.others[0]), token)

        ended = settle(self.ports, self.policy, act, decide)
        self._wake(ended.guid)
        return ended

    def _read(self, body: bytes, typ: str, event: ChallengeEvent) -> _Token:
        try:
            text = body.decode("ascii")
        except UnicodeDecodeError:
            raise MalformedToken from None
        jws = keys.read(text, limit=self.policy.token_bytes)
        if jws.header.typ != typ:
            raise WrongType
        return _Token(text=text, jws=jws, answer=read_answer(jws.claimed, typ=typ), event=event)

    def _decided(self, proven: Proven, held: Challenge, token: _Token) -> Decision[Challenge]:
        facts = self._facts(proven, held, token)
        if _recorded(held, token):
            facts.signature.require()
            return Decision(result=held)
        try:
            state = step(CHALLENGE, held.state, token.event, facts)
        except WrongSignature:
            if facts.signer is None or facts.signer.role is not Role.STRONG:
                raise
            return self._struck(facts)
        except WrongCode as refusal:
            return self._mistyped(facts, refusal)
        return self._accepted(facts, token, state)

    def _facts(self, proven: Proven, held: Challenge, token: _Token) -> Answering:
        signer = proven.binding.key_named(token.jws.header.kid)
        return Answering(
            now=self.ports.clock.now(),
            policy=self.policy,
            proving=proven.proving,
            challenge=held,
            account=proven.account,
            binding=proven.binding,
            answer=token.answer,
            signature=Evidence(token.jws, None if signer is None else signer.key, token.answer.typ),
            signer=signer,
            code=opened_code(self.ports, held),
        )

    def _accepted(
        self, facts: Answering, token: _Token, state: ChallengeState
    ) -> Decision[Challenge]:
        binding, signer, now = facts.binding, facts.signer, facts.now
        assert signer is not None  # noqa: S101 (signature_holds; for the type checker)
        issuer = self.ports.signer.jwks()[0]
        receipt = keys.sign_with(
            lambda data: self.ports.signer.sign(issuer.kid, data),
            issuer,
            typ=RECEIPT_TYP,
            claims=receipt_claims(
                facts.challenge,
                issuer=issuer,
                account=facts.account,
                binding=binding,
                signer=signer,
                token=token.text,
                state=state,
                button=token.answer.button,
                at=now,
            ),
        )
        ended = finish(
            self.ports,
            self.policy,
            challenge=facts.challenge,
            account=facts.account,
            state=state,
            outcome=Outcome(
                at=now,
                device=binding.guid,
                kid=signer.key.kid,
                thumbprint=signer.key.thumbprint,
                button=token.answer.button,
                token=token.text,
                receipt=receipt,
            ),
            actor=binding.guid,
            receipt_hash=receipt_hash(receipt),
        )
        forgiven = binding
        if binding.strikes and signer.role is Role.STRONG:
            forgiven = attrs.evolve(binding, version=binding.version + 1, strikes=0)
        return Decision(
            changes=(*ended.changes, Change(binding, forgiven)),
            audit=(ended.audit,),
            result=ended.challenge,
        )

    def _struck(self, facts: Answering) -> Decision[Challenge]:
        struck = strike(
            Striking(
                proving=facts.proving,
                policy=self.policy,
                binding=facts.binding,
                answer=facts.signature,
            ),
            facts.account,
            facts.now,
        )
        return Decision(
            changes=struck.changes,
            audit=struck.audit,
            result=facts.challenge,
            refusal=struck.refusal,
        )

    def _mistyped(self, facts: Answering, refusal: WrongCode) -> Decision[Challenge]:
        held, account, now = facts.challenge, facts.account, facts.now
        state = step(CHALLENGE, held.state, ChallengeEvent.MISTYPE, facts)
        wrong = account.history.wrong_codes + 1
        counted = attrs.evolve(
            account,
            version=account.version + 1,
            history=attrs.evolve(account.history, wrong_codes=wrong),
            locked_at=now if wrong >= self.policy.code_limit_account else account.locked_at,
        )
        event = AuditEvent(
            at=now,
            event="challenge.mistype",
            actor=facts.binding.guid,
            subject=held.guid,
            reason=refusal.code,
        )
        audit = [event]
        if counted.locked_at is not None:
            audit.append(attrs.evolve(event, event="account.lock", subject=account.guid))
        guard = Change(facts.binding, facts.binding)
        if state is ChallengeState.FAILED:
            ended = finish(
                self.ports,
                self.policy,
                challenge=held,
                account=account,
                counted=counted,
                state=state,
                outcome=Outcome(at=now),
                actor=facts.binding.guid,
                reason=refusal.code,
            )
            return Decision(
                changes=(*ended.changes, guard),
                audit=(*audit, ended.audit),
                result=ended.challenge,
                refusal=refusal,
            )
        mistyped = attrs.evolve(
            held, version=held.version + 1, state=state, wrong_codes=held.wrong_codes + 1
        )
        return Decision(
            changes=(Change(held, mistyped), Change(account, counted), guard),
            audit=tuple(audit),
            result=mistyped,
            refusal=refusal,
        )

    def _wake(self, challenge: Guid) -> None:
        try:
            self.ports.wake.ring(challenge)
        except Unavailable:
            # Whoever waits looks at the store when its patience ends.
            return


def _own(proven: Proven, record: Record | None) -> Challenge:
    if not isinstance(record, Challenge):
        raise NotFound
    if record.account != proven.account.guid:
        raise Foreign
    return record


def _recorded(held: Challenge, token: _Token) -> bool:
    """Tell whether *held* ended with just this answer: the same words by the same key."""
    if held.outcome is None or held.outcome.token is None:
        return False
    # The signature is left out: one answer has many valid signatures (ECDSA is malleable).
    return keys.same(held.outcome.token.rpartition(".")[0], token.jws.signed)
