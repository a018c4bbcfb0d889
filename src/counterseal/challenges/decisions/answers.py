"""
Answers: decide on an answer or disown of an authenticated device, and on what it may read.

An answer is accepted or refused; a refused one may count as a strike or as a mistyped code. Only
this module ends a challenge on a device's evidence. The commit of an accepted answer contains the
challenge, the account, the callback, and the binding, as a guard or with its strikes reset.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from counterseal import keys
from counterseal._plan import AuditEntry, Decision, Signing, Tools, pending_of, records
from counterseal.accounts.decisions.account_events import Happening, with_events
from counterseal.accounts.decisions.strikes import count_strike
from counterseal.bindings.decisions.device_requests import AuthenticatedDevice
from counterseal.bindings.documents.device import EndedRequest
from counterseal.bindings.records import Binding
from counterseal.bindings.rules.evidence import Evidence
from counterseal.challenges.chart import CHALLENGE, ChallengeEvent
from counterseal.challenges.decisions.endings import ENDED_LIMIT, Followers, end
from counterseal.challenges.decisions.reactions import needs_pending, react
from counterseal.challenges.documents.answer import ANSWER_TYP, DISOWN_TYP, Answer, read_answer
from counterseal.challenges.documents.receipt import RECEIPT_TYP, receipt_hash, receipt_payload
from counterseal.challenges.records import UNFINISHED, Challenge, ChallengeState, Outcome
from counterseal.challenges.rules.answering import AnswerFacts, FetchFacts, StrikeFacts
from counterseal.errors import (
    Foreign,
    MalformedToken,
    NotFound,
    WrongCode,
    WrongSignature,
    WrongState,
    WrongType,
)
from counterseal.keys import Jws
from counterseal.machines import step
from counterseal.models import replace, revise
from counterseal.models.device_key import PublicKey, Role
from counterseal.models.events import AccountEvent, AccountEventKind
from counterseal.models.guid import Guid
from counterseal.models.push import AddressKind
from counterseal.outbox.decisions.outbox import build_ending_notifications
from counterseal.policy import Policy

EXPIRED_DETAIL = "It is over: the deadline passed before it was answered."


@attrs.define
class Token:
    """The answer or disown in a call's body, read but not verified."""

    text: str
    jws: Jws
    answer: Answer
    event: ChallengeEvent
    _evidence: Evidence | None = None

    @property
    def subject(self) -> Guid:
        """The challenge that it answers or disowns."""
        return self.answer.challenge

    def evidence(self, key: PublicKey | None) -> Evidence:
        """Return the token, to be verified once with *key*: None if the named key is unknown."""
        if self._evidence is None or self._evidence.key != key:
            self._evidence = Evidence(self.jws, key, self.answer.typ)
        return self._evidence


def read_token(body: bytes, policy: Policy, event: ChallengeEvent) -> Token:
    """Read the token in a call's body."""
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise MalformedToken from None
    jws = keys.read(text, limit=policy.token_bytes)
    typ = ANSWER_TYP if event is ChallengeEvent.ANSWER else DISOWN_TYP
    if jws.header.typ != typ:
        raise WrongType
    return Token(text, jws, read_answer(jws.claimed, typ=typ), event)


async def list_pending(
    device: AuthenticatedDevice, tools: Tools
) -> Decision[tuple[Challenge, ...]]:
    """Decide to list the open challenges that the device is asked, oldest first."""
    asked_devices = {None, device.binding.guid}
    challenges = tuple(
        challenge
        for challenge in await pending_of(device.account.guid)
        if challenge.state_at(tools.now) in UNFINISHED and challenge.device in asked_devices
    )
    return Decision(result=challenges)


async def list_ended(
    device: AuthenticatedDevice, tools: Tools
) -> Decision[tuple[EndedRequest, ...]]:
    """
    Decide to list the account's last ended challenges, newest first.

    The device sees those that it answered, and those that were issued while it was bound, but not
    those of another device that the origin had chosen. Those whose deadline has passed are ended,
    even if no worker has expired them yet.
    """
    account = device.account
    overdue = _overdue(await pending_of(account.guid), tools)
    ended = await records(*account.history.ended[::-1])
    return Decision(result=_ended(device.binding, [*overdue, *ended]))


def _overdue(challenges: tuple[Challenge, ...], tools: Tools) -> list[Challenge]:
    now = tools.now
    return [
        replace(challenge, state=challenge.state_at(now))
        for challenge in challenges[::-1]
        if challenge.state_at(now) not in UNFINISHED
    ]


def _ended(binding: Binding, stored: Iterable[object]) -> tuple[EndedRequest, ...]:
    requests = [
        EndedRequest.of(challenge, device=binding.guid)
        for challenge in stored
        if isinstance(challenge, Challenge) and _saw(binding, challenge)
    ]
    return tuple(sorted(requests, key=lambda request: request.ended_at, reverse=True)[:ENDED_LIMIT])


def _saw(binding: Binding, challenge: Challenge) -> bool:
    outcome, bound_at = challenge.outcome, binding.bound_at
    if challenge.device not in {None, binding.guid}:
        return False
    if outcome is not None and outcome.device == binding.guid:
        return True
    return bound_at is not None and challenge.issued_at >= bound_at


def fetch(device: AuthenticatedDevice, tools: Tools) -> Decision[Challenge]:
    """Return what the device may read of the challenge, and mark a pending one as seen."""
    challenge, binding = _own(device), device.binding
    if challenge.state not in UNFINISHED:
        return Decision(result=_without_receipt(challenge, binding.guid))
    facts = FetchFacts(
        now=tools.now,
        proving=device.proving,
        challenge=challenge,
        account=device.account,
        binding=binding,
    )
    state = step(CHALLENGE, challenge.state, ChallengeEvent.FETCH, facts)
    if state is challenge.state:
        return Decision(result=challenge)
    seen_challenge = revise(challenge, state=state)
    return Decision(
        result=seen_challenge,
        writes=(seen_challenge,),
        guards=(device.account, binding),
        audit=(AuditEntry(challenge.guid),),
    )


async def respond(
    device: AuthenticatedDevice,
    tools: Tools,
    token: Token,
    *,
    served_kinds: frozenset[AddressKind],
    after_ending: Followers,
) -> Decision[Challenge]:
    """Decide on an answer or disown; for one that is accepted, a receipt is signed."""
    tools = tools.within(device.app_space)
    facts = _facts(device, tools, token)
    challenge = facts.challenge
    try:
        if _ended_with(challenge, token, facts.binding.guid):
            if not _same_token(challenge, token):
                facts.signature.require()
            return Decision(result=challenge, wakes=(challenge.guid,))
        if challenge.state is ChallengeState.EXPIRED:
            raise WrongState("it is EXPIRED", detail=EXPIRED_DETAIL)
        state = step(CHALLENGE, challenge.state, token.event, facts)
    except WrongSignature:
        if facts.signer is None or facts.signer.role is not Role.STRONG:
            # A device key's wrong signature is no strike.
            raise
        striking = StrikeFacts(
            proving=facts.proving,
            policy=tools.policy,
            binding=facts.binding,
            answer=facts.signature,
        )
        return count_strike(tools, served_kinds, striking, facts.account, challenge)
    except WrongCode as refusal:
        return _count_wrong_code(tools, facts, refusal, served_kinds=served_kinds)
    reason = token.answer.reason
    pending: tuple[Challenge, ...] = ()
    if reason is not None and needs_pending(tools, reason):
        pending = await pending_of(device.account.guid)
    signer = facts.signer
    assert signer is not None  # noqa: S101 (signature_holds; for the type checker)
    # If the clock stepped back, the answer is not accepted before the challenge was issued.
    at = max(facts.now, challenge.issued_at)
    receipt = await Signing(
        typ=RECEIPT_TYP,
        payload=lambda issuer: receipt_payload(
            challenge,
            issuer=issuer,
            account=facts.account,
            binding=facts.binding,
            signer=signer,
            token=token.text,
            state=state,
            button=token.answer.button,
            at=at,
        ),
    )
    outcome = Outcome(
        at=at,
        device=facts.binding.guid,
        kid=signer.key.kid,
        thumbprint=signer.key.thumbprint,
        button=token.answer.button,
        token=token.text,
        receipt=receipt,
        refusal_reason=reason,
        suspensions=facts.binding.suspensions,
    )
    return _end(
        tools,
        facts,
        state,
        outcome,
        receipt,
        served_kinds=served_kinds,
        pending=pending,
        after_ending=after_ending,
    )


def _facts(device: AuthenticatedDevice, tools: Tools, token: Token) -> AnswerFacts:
    challenge, binding = _own(device), device.binding
    signer = binding.key_named(token.jws.header.kid)
    return AnswerFacts(
        now=tools.now,
        policy=tools.policy,
        proving=device.proving,
        challenge=challenge,
        account=device.account,
        binding=binding,
        answer=token.answer,
        signature=token.evidence(None if signer is None else signer.key),
        signer=signer,
        code=challenge.open_code(tools.open),
    )


def _end(
    tools: Tools,
    facts: AnswerFacts,
    state: ChallengeState,
    outcome: Outcome,
    receipt: str,
    *,
    served_kinds: frozenset[AddressKind],
    pending: tuple[Challenge, ...],
    after_ending: Followers,
) -> Decision[Challenge]:
    account, binding = facts.account, facts.binding
    ending = end(tools, facts.challenge, account.history, state, outcome)
    updated_account = revise(
        account,
        history=ending.history,
        receipts=account.receipts + 1,
        receipt_hash=receipt_hash(receipt),
    )
    notifications = build_ending_notifications(
        tools, served_kinds, account, ending.challenge, aware_device=binding.guid
    )
    happenings: tuple[Happening, ...] = ()
    if state is ChallengeState.DISOWNED:
        kind = AccountEventKind.DISOWNED
        happenings = (Happening(kind, device=binding.guid, challenge=ending.challenge.guid),)
    audit: tuple[AuditEntry, ...] = (ending.entry,)
    wakes: tuple[Guid, ...] = (ending.challenge.guid, account.guid)
    followers = after_ending(ending.challenge, outcome.at)
    writes = (*ending.writes, *notifications, *followers)
    if outcome.refusal_reason is not None:
        consequences = react(tools, served_kinds, updated_account, ending.challenge, pending)
        updated_account = consequences.account
        happenings += consequences.happenings
        writes += consequences.writes
        audit += consequences.audit
        wakes += consequences.wakes
    if happenings:
        updated_account, events = with_events(tools, updated_account, *happenings)
        writes += events
    writes += (updated_account,)
    signer = facts.signer
    # A stricter policy may find the limit reached already: such a device can only disown.
    forgives_strikes = (
        0 < binding.strikes < facts.policy.strike_limit
        and signer is not None
        and signer.role is Role.STRONG
    )
    assertion = facts.signature.assertion
    if assertion is not None:
        # The counter is for whoever reads the log: it decides nothing.
        ending.entry.attributes = (
            ("sign_count", str(assertion.sign_count)),
            ("backed_up", "true" if assertion.backed_up else "false"),
        )
    if outcome.refusal_reason is not None:
        ending.entry.attributes += (("refusal_reason", outcome.refusal_reason.value),)
    return Decision(
        result=ending.challenge,
        writes=(*writes, revise(binding, strikes=0)) if forgives_strikes else writes,
        guards=() if forgives_strikes else (binding,),
        audit=audit,
        wakes=wakes,
    )


def _count_wrong_code(
    tools: Tools, facts: AnswerFacts, refusal: WrongCode, *, served_kinds: frozenset[AddressKind]
) -> Decision[Challenge]:
    challenge, account = facts.challenge, facts.account
    state = step(CHALLENGE, challenge.state, ChallengeEvent.MISTYPE, facts)
    wrong_codes = account.history.wrong_codes + 1
    history = replace(account.history, wrong_codes=wrong_codes)
    locked_at = tools.now if wrong_codes >= tools.policy.code_limit_account else None
    audit = [AuditEntry(challenge.guid, "challenge.mistype", refusal.code)]
    if locked_at is not None:
        audit.append(AuditEntry(account.guid, "account.lock", refusal.code))
    if state is ChallengeState.FAILED:
        outcome = Outcome(at=tools.now)
        ending = end(tools, challenge, history, state, outcome, reason=refusal.code)
        history, result = ending.history, ending.challenge
        notifications = build_ending_notifications(
            tools, served_kinds, account, result, aware_device=facts.binding.guid
        )
        writes = (*ending.writes, *notifications)
        audit.append(ending.entry)
    else:
        result = revise(challenge, state=state, wrong_codes=challenge.wrong_codes + 1)
        writes = (result,)
    updated_account = revise(account, history=history, locked_at=locked_at)
    events: tuple[AccountEvent, ...] = ()
    if locked_at is not None:
        happening = Happening(AccountEventKind.LOCKED)
        updated_account, events = with_events(tools, updated_account, happening)
    return Decision(
        result=result,
        writes=(*writes, updated_account, *events),
        guards=(facts.binding,),
        audit=tuple(audit),
        refusal=refusal,
        wakes=(challenge.guid, account.guid),
    )


def _own(device: AuthenticatedDevice) -> Challenge:
    """Return the challenge that was read with *device*, if it is one of those that it is asked."""
    (record,) = device.others
    if not isinstance(record, Challenge):
        raise NotFound
    if record.account != device.account.guid or record.device not in {None, device.binding.guid}:
        raise Foreign
    return record


def _ended_with(challenge: Challenge, token: Token, device: Guid) -> bool:
    """Tell whether *challenge* ended with this answer: the same signed part by the same key."""
    outcome = challenge.outcome
    if outcome is None or outcome.token is None or outcome.device != device:
        return False
    # The signature is not compared: one answer has many valid ones (ECDSA is malleable).
    return keys.constant_time_equal(outcome.token.rpartition(".")[0], token.jws.signed)


def _same_token(challenge: Challenge, token: Token) -> bool:
    """Tell whether *token* is the stored one: that was verified with the key of that time."""
    recorded_token = challenge.outcome.token if challenge.outcome is not None else None
    return recorded_token is not None and keys.constant_time_equal(recorded_token, token.text)


def _without_receipt(challenge: Challenge, device: Guid) -> Challenge:
    """Return *challenge* without the answer and receipt, unless *device* gave the answer."""
    outcome = challenge.outcome
    if outcome is None or outcome.device in {None, device}:
        return challenge
    return replace(challenge, outcome=replace(outcome, token=None, receipt=None))
