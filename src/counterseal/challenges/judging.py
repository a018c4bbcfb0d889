"""
Judging: what an answer or disown does — it is accepted, struck, counted as mistyped, or refused.

The one place where evidence becomes a commit:
the accepting commit holds the challenge, the account, the binding as guard, and the callback.
"""

from __future__ import annotations

from functools import partial

import attrs

from counterseal import keys
from counterseal.bindings.callers import Proven
from counterseal.bindings.strikes import strike
from counterseal.challenges.composing import opened_code
from counterseal.challenges.finishing import finish
from counterseal.decisions import Decision
from counterseal.errors import WrongCode, WrongSignature, WrongState
from counterseal.keys import Jws
from counterseal.machines import CHALLENGE, ChallengeEvent, step
from counterseal.models import (
    AuditEvent,
    Challenge,
    ChallengeState,
    Change,
    Guid,
    Outcome,
    Role,
)
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.facts import Answering, Evidence, Striking
from counterseal.wire.answer import Answer
from counterseal.wire.receipt import RECEIPT_TYP, receipt_hash, receipt_payload

OVER = "It is over: the deadline passed before it was answered."


@attrs.frozen(kw_only=True)
class Token:
    """The answer or disown in a call's body, read and not believed."""

    text: str
    jws: Jws
    answer: Answer
    event: ChallengeEvent


def judge(
    ports: Ports, policy: Policy, proven: Proven, held: Challenge, token: Token
) -> Decision[Challenge]:
    """
    Judge an answer or disown of *held*, and decide what it does.

    Raises:
        WrongState: The challenge is finished, and not by this answer.
        Refused: A rule of the event refuses it, and nothing has to be recorded but that.
        Unavailable: A port failed.
    """
    facts = _facts(ports, policy, proven, held, token)
    try:
        if _recorded(held, token, proven.binding.guid):
            if not _same_token(held, token):
                facts.signature.require()
            return Decision(result=held)
        if held.state is ChallengeState.EXPIRED:
            raise WrongState("it is EXPIRED", detail=OVER)
        state = step(CHALLENGE, held.state, token.event, facts)
    except WrongSignature:
        if facts.signer is None or facts.signer.role is not Role.STRONG:
            raise
        return _struck(ports, policy, facts)
    except WrongCode as refusal:
        return _mistyped(ports, policy, facts, refusal)
    return _accepted(ports, policy, facts, token, state)


def _facts(
    ports: Ports, policy: Policy, proven: Proven, held: Challenge, token: Token
) -> Answering:
    signer = proven.binding.key_named(token.jws.header.kid)
    return Answering(
        now=ports.clock.now(),
        policy=policy,
        proving=proven.proving,
        challenge=held,
        account=proven.account,
        binding=proven.binding,
        answer=token.answer,
        signature=Evidence(token.jws, None if signer is None else signer.key, token.answer.typ),
        signer=signer,
        code=opened_code(ports, held),
    )


def _accepted(
    ports: Ports, policy: Policy, facts: Answering, token: Token, state: ChallengeState
) -> Decision[Challenge]:
    binding, signer = facts.binding, facts.signer
    # A clock that stepped back does not accept an answer before it was asked for.
    now = max(facts.now, facts.challenge.issued_at)
    assert signer is not None  # noqa: S101 (signature_holds; for the type checker)
    issuer = ports.signer.jwks()[0]
    receipt = keys.sign_bytes(
        partial(ports.signer.sign, issuer.kid),
        issuer,
        typ=RECEIPT_TYP,
        payload=receipt_payload(
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
        ports,
        policy,
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


def _struck(ports: Ports, policy: Policy, facts: Answering) -> Decision[Challenge]:
    striking = Striking(
        proving=facts.proving, policy=policy, binding=facts.binding, answer=facts.signature
    )
    return strike(ports, striking, facts.account, facts.now, result=facts.challenge)


def _mistyped(
    ports: Ports, policy: Policy, facts: Answering, refusal: WrongCode
) -> Decision[Challenge]:
    held, account, now = facts.challenge, facts.account, facts.now
    state = step(CHALLENGE, held.state, ChallengeEvent.MISTYPE, facts)
    wrong = account.history.wrong_codes + 1
    counted = attrs.evolve(
        account,
        version=account.version + 1,
        history=attrs.evolve(account.history, wrong_codes=wrong),
        locked_at=now if wrong >= policy.code_limit_account else account.locked_at,
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
            ports,
            policy,
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


def _recorded(held: Challenge, token: Token, device: Guid) -> bool:
    """Tell whether *held* ended with just this answer: the same words by the same key."""
    if held.outcome is None or held.outcome.token is None:
        return False
    if held.outcome.device != device:
        return False
    # The signature is left out: one answer has many valid signatures (ECDSA is malleable).
    return keys.same(held.outcome.token.rpartition(".")[0], token.jws.signed)


def _same_token(held: Challenge, token: Token) -> bool:
    """Tell whether it is the very token that was verified; its key may have been rotated since."""
    recorded = held.outcome.token if held.outcome is not None else None
    return recorded is not None and keys.same(recorded, token.text)
