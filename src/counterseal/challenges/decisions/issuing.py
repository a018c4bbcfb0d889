"""Issuing: decide whether a person may be asked, and make the challenge with what it displays."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from counterseal import challenges, keys
from counterseal._plan import (
    AuditEntry,
    Decision,
    Reading,
    Records,
    Tools,
    account_of,
    demand_readable,
    records,
    require,
    require_known,
)
from counterseal.accounts.records import Account, History, OpenQuestion
from counterseal.accounts.rules import CancellationFacts, device_reachable, reachable
from counterseal.challenges.chart import CHALLENGE, ChallengeEvent
from counterseal.challenges.decisions.ended_challenges import end_challenge
from counterseal.challenges.documents.display import DisplayedAction, display_document, display_text
from counterseal.challenges.records import CancelReason, Challenge, Outcome, Question
from counterseal.challenges.rules.question_limits import (
    after_asking,
    limits_for,
    may_ask,
    rule_on_question,
)
from counterseal.machines import step
from counterseal.models import Record, replace, revise
from counterseal.models.clients import Codes
from counterseal.models.guid import Guid
from counterseal.models.push import AddressKind, Occasion
from counterseal.models.sealing import code_context
from counterseal.outbox.decisions.outbox import build_ending_notifications, build_notifications
from counterseal.outbox.records import Notification
from counterseal.tenancy.records import RelyingParty
from counterseal.wire.members import truncate

if TYPE_CHECKING:
    from counterseal.challenges.documents.messages import RequestWarning

CODE_DIGITS = 6
"""NIST SP 800-63B-4, 3.1.3.2: six digits."""

CODE_ENTROPY_BYTES = 16
"""More bytes than six digits need, so that no code is noticeably likelier than another."""


@attrs.frozen(kw_only=True)
class Issued:
    """
    A challenge that was issued.

    Attributes:
        code: The code that the origin shows to the person; None if no code is asked for.
        repeated: Whether an earlier call with the same idempotency key issued it.
        warnings: What people will meet: documents that the app in the browser may not fetch.
    """

    challenge: Challenge
    code: str | None = attrs.field(default=None, repr=False)
    repeated: bool = attrs.field(default=False, eq=False)
    warnings: tuple[RequestWarning, ...] = ()


class Extension(Protocol):
    """What another protocol adds to a challenge that it requests."""

    def extend(self, tools: Tools, challenge: Challenge) -> Challenge:
        """Return *challenge*, which is about to be issued, as such a request."""

    def document(self) -> dict[str, Any]:
        """
        Return, as JSON, what a repeated request must have in common besides the question.

        A member that a question has too is that of the question.
        """


@attrs.frozen
class Submission:
    """
    The request in the words of another protocol, stored for a façade that has to return it.

    Attributes:
        text: In canonical form; what `Challenge.submission` is.
    """

    text: str = attrs.field(repr=False)

    def extend(self, _: Tools, challenge: Challenge) -> Challenge:
        """Return *challenge* with the text."""
        return replace(challenge, submission=self.text)

    def document(self) -> dict[str, Any]:
        """Return the text: it is a part of the question."""
        return {"submission": self.text}


@attrs.define(kw_only=True)
class Draft:
    """
    A question that is to become the challenge *guid*, and may be answered for *life*.

    Attributes:
        action: The action that it asks for, as it is displayed; None if it asks for none.
        asked_action: What displays the action in another language; None if it asks for none.
        extension: What makes it the request of another protocol; None for none.
    """

    party: RelyingParty
    question: Question
    guid: Guid
    life: timedelta
    served_kinds: frozenset[AddressKind]
    action: DisplayedAction | None = None
    asked_action: challenges.AskedAction | None = None
    extension: Extension | None = None

    @property
    def code_asked(self) -> bool:
        """Whether an approval needs the matching code."""
        return self.question.show_code and self.party.origin.codes is Codes.TYPED


async def issue(record: Account | None, tools: Tools, draft: Draft) -> Decision[Issued]:
    """Decide to issue the challenge, if the question may be asked now."""
    account = require_known(record)
    reachable(account)
    if draft.question.device is not None:
        device_reachable(account, draft.question.device)
    party, policy = draft.party, tools.policy
    if draft.asked_action is not None:
        draft = _translate(draft, draft.asked_action, account)
    now, code_asked = truncate(tools.now), draft.code_asked
    ruling = rule_on_question(
        account.history,
        now=now,
        origin=party.origin.guid,
        clients=party.origin.clients,
        limits=limits_for(party.origin, policy),
        code_asked=code_asked,
        codes_typed=party.origin.codes is Codes.TYPED,
        policy=policy,
    )
    may_ask(ruling)
    code = new_code(tools) if code_asked else None
    challenge = new_challenge(tools, draft, account, code, now)
    issued_challenge = Issued(challenge=challenge, code=code)
    if not ruling.supersedes:
        return _issue(account, tools, draft, issued_challenge, account.history)
    older_challenges = await records(*ruling.supersedes)
    return _supersede(account, tools, draft, issued_challenge, older_challenges)


async def issue_once(stored: Records, tools: Tools, draft: Draft) -> Decision[Issued]:
    """Issue the challenge whose GUID an idempotency key has reserved, unless it exists."""
    challenge, account = stored
    if not isinstance(challenge, Challenge):
        return await issue(await asked_account(draft), tools, draft)
    demand_readable(challenge, account)
    code = challenge.open_code(tools.open) or None
    return Decision(result=Issued(challenge=challenge, code=code, repeated=True))


def asked_account(draft: Draft) -> Reading[Account | None]:
    """Read the account of the person whom *draft* asks."""
    return account_of(draft.party.app_space.guid, draft.question.account_id)


def _translate(draft: Draft, asked_action: challenges.AskedAction, account: Account) -> Draft:
    """Return *draft* with its action in the language of the devices of *account*."""
    language = asked_action.choose_language(account.devices)
    if draft.action is not None and draft.action.language == language:
        return draft
    return replace(draft, action=asked_action.display(language))


def new_code(tools: Tools) -> str:
    """Return six random digits."""
    number = int.from_bytes(tools.entropy(CODE_ENTROPY_BYTES))
    return f"{number % 10**CODE_DIGITS:0{CODE_DIGITS}}"


def new_challenge(
    tools: Tools, draft: Draft, account: Account, code: str | None, now: datetime
) -> Challenge:
    """Return a new challenge with its display document; *now* is in whole milliseconds."""
    party, question, guid = draft.party, draft.question, draft.guid
    deadline = now + draft.life
    terms = None if draft.action is None else draft.action.terms
    if terms is not None:
        # An approval that could no longer be used is not asked for.
        deadline = min(deadline, terms.valid_until)
    display = display_text(
        display_document(
            question,
            challenge=guid,
            app_space=party.app_space,
            origin=party.origin,
            account=account,
            code_asked=code is not None,
            issued_at=now,
            deadline=deadline,
            action=draft.action,
        )
    )
    challenge = Challenge(
        guid=guid,
        state=CHALLENGE.initial,
        app_space=party.app_space.guid,
        origin=party.origin.guid,
        account=account.guid,
        display=display,
        display_hash=keys.digest(display.encode()),
        buttons=question.buttons if draft.action is None else draft.action.buttons,
        transaction_id=question.transaction_id,
        callback=question.callback,
        callback_states=party.origin.callback_states,
        notification_title=question.notification_title,
        notification_body=question.notification_body,
        show_notification=question.show_notification,
        show_code=question.show_code,
        code_asked=code is not None,
        device=question.device,
        sealed_code=b"" if code is None else tools.seal(code.encode(), code_context(guid)),
        issued_at=now,
        deadline=deadline,
        keep_until=max(deadline, deadline if terms is None else terms.valid_until)
        + tools.policy.retention,
        action=terms,
    )
    return challenge if draft.extension is None else draft.extension.extend(tools, challenge)


def _supersede(
    account: Account,
    tools: Tools,
    draft: Draft,
    issued_challenge: Issued,
    older_challenges: Records,
) -> Decision[Issued]:
    """Cancel the questions that the new one replaces, and issue the new one."""
    history, now = account.history, issued_challenge.challenge.issued_at
    writes: list[Record] = []
    audit: list[AuditEntry] = []
    superseded_guids: list[Guid] = []
    for record in older_challenges:
        challenge = require(record, Challenge)
        facts = CancellationFacts(now=now, challenge=challenge, origin=draft.party.origin.guid)
        ended = end_challenge(
            tools,
            challenge,
            history,
            step(CHALLENGE, challenge.state, ChallengeEvent.CANCEL, facts),
            Outcome(at=now, reason=CancelReason.SUPERSEDED),
            reason=CancelReason.SUPERSEDED.value,
        )
        history = ended.history
        writes += ended.writes
        writes += build_ending_notifications(tools, draft.served_kinds, account, ended.challenge)
        audit.append(ended.entry)
        superseded_guids.append(challenge.guid)
    decision = _issue(account, tools, draft, issued_challenge, history)
    decision.writes += tuple(writes)
    decision.audit = (*audit, *decision.audit)
    decision.wakes = (*superseded_guids, *decision.wakes)
    return decision


def _issue(
    account: Account, tools: Tools, draft: Draft, issued_challenge: Issued, history: History
) -> Decision[Issued]:
    challenge = issued_challenge.challenge
    question = OpenQuestion(
        challenge=challenge.guid,
        origin=challenge.origin,
        deadline=challenge.deadline,
        clients=draft.party.origin.clients,
    )
    updated_account = revise(
        account, history=after_asking(history, question, challenge.issued_at, tools.policy)
    )
    occasions: list[tuple[Occasion, datetime | None]] = []
    if draft.question.show_notification:
        occasions.append((Occasion.CHALLENGE, None))
        if challenge.action is not None:
            due_at = challenges.reminder_due_at(challenge, tools.policy)
            occasions += [] if due_at is None else [(Occasion.CHALLENGE_REMINDER, due_at)]
    notifications: tuple[Notification, ...] = ()
    for occasion, due_at in occasions:
        notifications += build_notifications(
            tools,
            draft.served_kinds,
            account,
            occasion,
            challenge.guid,
            now=challenge.issued_at,
            due_at=due_at,
            ends_at=challenge.deadline,
            only_device=challenge.device,
        )
    return Decision(
        result=issued_challenge,
        writes=(challenge, updated_account, *notifications),
        audit=(AuditEntry(challenge.guid),),
        wakes=(account.guid,),
    )
