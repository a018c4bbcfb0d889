"""
Answers: decide on an answer or disown of an authenticated device, and on what it may read.

An answer is accepted or refused; a refused one may be a strike, or have a mistyped code. Only
this module ends a challenge on a device's evidence. The commit of an accepted answer contains the
challenge, the account, the callback, and the binding, as a guard or with its strikes reset.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from counterseal import keys
from counterseal._plan import AuditEntry, Decision, Signing, Tools, pending_of, records
from counterseal.accounts.decisions.account_events import NewAccountEvent, build_account_events
from counterseal.bindings.decisions.device_requests import AuthenticatedDevice
from counterseal.bindings.decisions.strikes import count_strike
from counterseal.bindings.documents.device import EndedRequest
from counterseal.bindings.records import Binding
from counterseal.bindings.rules.evidence import Evidence
from counterseal.challenges.chart import CHALLENGE, ChallengeEvent
from counterseal.challenges.decisions.consequences import decide_consequences, needs_pending
from counterseal.challenges.decisions.ended_challenges import ENDED_LIMIT, Followers, end_challenge
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
class SubmittedAnswer:
    """The answer or disown in a call's body, read but not verified."""

    text: str
    jws: Jws
    answer: Answer
    event: ChallengeEvent
    _evidence: Evidence | None = None

    @property
    def record_guid(self) -> Guid:
        """The challenge that it answers or disowns."""
        return self.answer.challenge

    def evidence(self, key: PublicKey | None) -> Evidence:
        """
        Return the token as evidence, which is verified once.

        Args:
            key: The key that the token names; None if the device has no such key.
        """
        if self._evidence is None or self._evidence.key != key:
            self._evidence = Evidence(self.jws, key, self.answer.typ)
        return self._evidence


def read_submitted_answer(body: bytes, policy: Policy, event: ChallengeEvent) -> SubmittedAnswer:
    """Read the token in a call's body."""
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise MalformedToken from None
    jws = keys.read(text, limit=policy.token_bytes)
    typ = ANSWER_TYP if event is ChallengeEvent.ANSWER else DISOWN_TYP
    if jws.header.typ != typ:
        raise WrongType
    return SubmittedAnswer(text, jws, read_answer(jws.claimed, typ=typ), event)


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
    challenge, binding = _require_challenge(device), device.binding
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
    submitted_answer: SubmittedAnswer,
    *,
    served_kinds: frozenset[AddressKind],
    after_ending: Followers,
) -> Decision[Challenge]:
    """Decide on an answer or disown; for one that is accepted, a receipt is signed."""
    tools = tools.within(device.app_space)
    facts = _facts(device, tools, submitted_answer)
    challenge = facts.challenge
    try:
        if _ended_with(challenge, submitted_answer, facts.binding.guid):
            if not _is_same_token(challenge, submitted_answer):
                facts.signature.require()
            return Decision(result=challenge, wakes=(challenge.guid,))
        if challenge.state is ChallengeState.EXPIRED:
            raise WrongState("it is EXPIRED", detail=EXPIRED_DETAIL)
        state = step(CHALLENGE, challenge.state, submitted_answer.event, facts)
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
    reason = submitted_answer.answer.reason
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
            token=submitted_answer.text,
            state=state,
            button=submitted_answer.answer.button,
            at=at,
        ),
    )
    outcome = Outcome(
        at=at,
        device=facts.binding.guid,
        kid=signer.key.kid,
        thumbprint=signer.key.thumbprint,
        button=submitted_answer.answer.button,
        token=submitted_answer.text,
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


def _facts(
    device: AuthenticatedDevice, tools: Tools, submitted_answer: SubmittedAnswer
) -> AnswerFacts:
    challenge, binding = _require_challenge(device), device.binding
    signer = binding.key_named(submitted_answer.jws.header.kid)
    return AnswerFacts(
        now=tools.now,
        policy=tools.policy,
        proving=device.proving,
        challenge=challenge,
        account=device.account,
        binding=binding,
        answer=submitted_answer.answer,
        signature=submitted_answer.evidence(None if signer is None else signer.key),
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
    ended = end_challenge(tools, facts.challenge, account.history, state, outcome)
    updated_account = revise(
        account,
        history=ended.history,
        receipts=account.receipts + 1,
        receipt_hash=receipt_hash(receipt),
    )
    notifications = build_ending_notifications(
        tools, served_kinds, account, ended.challenge, aware_device=binding.guid
    )
    new_events: tuple[NewAccountEvent, ...] = ()
    if state is ChallengeState.DISOWNED:
        kind = AccountEventKind.DISOWNED
        new_events = (NewAccountEvent(kind, device=binding.guid, challenge=ended.challenge.guid),)
    audit: tuple[AuditEntry, ...] = (ended.entry,)
    wakes: tuple[Guid, ...] = (ended.challenge.guid, account.guid)
    followers = after_ending(ended.challenge, outcome.at)
    writes = (*ended.writes, *notifications, *followers)
    if outcome.refusal_reason is not None:
        consequences = decide_consequences(
            tools, served_kinds, updated_account, ended.challenge, pending
        )
        updated_account = consequences.account
        new_events += consequences.new_events
        writes += consequences.writes
        audit += consequences.audit
        wakes += consequences.wakes
    if new_events:
        updated_account, events = build_account_events(tools, updated_account, *new_events)
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
        # The counter is for readers of the log: nothing is decided by it.
        ended.entry.attributes = (
            ("sign_count", str(assertion.sign_count)),
            ("backed_up", "true" if assertion.backed_up else "false"),
        )
    if outcome.refusal_reason is not None:
        ended.entry.attributes += (("refusal_reason", outcome.refusal_reason.value),)
    return Decision(
        result=ended.challenge,
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
        ended = end_challenge(tools, challenge, history, state, outcome, reason=refusal.code)
        history, result = ended.history, ended.challenge
        notifications = build_ending_notifications(
            tools, served_kinds, account, result, aware_device=facts.binding.guid
        )
        writes = (*ended.writes, *notifications)
        audit.append(ended.entry)
    else:
        result = revise(challenge, state=state, wrong_codes=challenge.wrong_codes + 1)
        writes = (result,)
    updated_account = revise(account, history=history, locked_at=locked_at)
    events: tuple[AccountEvent, ...] = ()
    if locked_at is not None:
        new_event = NewAccountEvent(AccountEventKind.LOCKED)
        updated_account, events = build_account_events(tools, updated_account, new_event)
    return Decision(
        result=result,
        writes=(*writes, updated_account, *events),
        guards=(facts.binding,),
        audit=tuple(audit),
        refusal=refusal,
        wakes=(challenge.guid, account.guid),
    )


def _require_challenge(device: AuthenticatedDevice) -> Challenge:
    """Return the challenge that was read with *device*, if it is one of those that it is asked."""
    (record,) = device.others
    if not isinstance(record, Challenge):
        raise NotFound
    if record.account != device.account.guid or record.device not in {None, device.binding.guid}:
        raise Foreign
    return record


def _ended_with(challenge: Challenge, submitted_answer: SubmittedAnswer, device: Guid) -> bool:
    """Tell whether *challenge* ended with this answer: the same signed part by the same key."""
    outcome = challenge.outcome
    if outcome is None or outcome.token is None or outcome.device != device:
        return False
    # The signature is not compared: one answer has many valid ones (ECDSA is malleable).
    return keys.constant_time_equal(outcome.token.rpartition(".")[0], submitted_answer.jws.signed)


def _is_same_token(challenge: Challenge, submitted_answer: SubmittedAnswer) -> bool:
    """Tell whether this token was accepted: it was verified then, with the key of that time."""
    recorded_token = challenge.outcome.token if challenge.outcome is not None else None
    return recorded_token is not None and keys.constant_time_equal(
        recorded_token, submitted_answer.text
    )


def _without_receipt(challenge: Challenge, device: Guid) -> Challenge:
    """Return *challenge* without the answer and receipt, unless *device* gave the answer."""
    outcome = challenge.outcome
    if outcome is None or outcome.device in {None, device}:
        return challenge
    return replace(challenge, outcome=replace(outcome, token=None, receipt=None))
