"""Challenges: origins issue, read and cancel them, staff withdraws, and a worker expires them."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

import attrs

from counterseal import _idempotency
from counterseal import challenges as challenges_package
from counterseal._audit_context import AuditContext, demand_rate, refusals
from counterseal._capabilities import after_ending
from counterseal._input_limits import challenge_life, html_allowed, question_fits, text_fits
from counterseal._plan import account_of, record_with_account, records
from counterseal._transaction import UseCase, wake
from counterseal.bindings.decisions.device_requests import AuthenticatedDevice, read_again
from counterseal.bindings.documents.device import EndedRequest
from counterseal.bindings.usecases.admission import DeviceUseCase
from counterseal.challenges.chart import ChallengeEvent
from counterseal.challenges.decisions import answers, challenges
from counterseal.challenges.decisions.issuing import (
    Draft,
    Extension,
    Issued,
    asked_account,
    issue,
    issue_once,
)
from counterseal.challenges.documents.question import question_document
from counterseal.models import (
    Action,
    Administrator,
    Challenge,
    DeviceCall,
    Guid,
    KeyScope,
    Question,
    RelyingParty,
    replace,
)
from counterseal.models.guid import ENTROPY_BYTES, account_partition, mint
from counterseal.ports import Due
from counterseal.tenancy.rules.addresses import allow_list, callback_allowed
from counterseal.tenancy.rules.authorization import OriginPermission

if TYPE_CHECKING:
    from counterseal.challenges.documents.display import DisplayedAction
    from counterseal.challenges.documents.messages import RequestWarning


@attrs.frozen
class Challenges(UseCase):
    """Issue, read, list, cancel, withdraw and expire challenges."""

    def issue(
        self,
        party: RelyingParty,
        question: Question,
        *,
        idempotency_key: str | None = None,
        extension: Extension | None = None,
        app_origins: Collection[str] | None = None,
    ) -> Issued:
        """
        Ask one account a question.

        A repeated call with the same idempotency key and question returns the first result, with
        the warnings that *app_origins* of the repeated call lead to.

        Args:
            extension: What makes it the request of another protocol, such as a `Submission`; a
                repeated call has to have the same.
            app_origins: The web origins from which the service's app in the browser may fetch
                documents; `Issued.warnings` are about the others. None if nobody knows them.

        Raises:
            InvalidField: A member does not fit the policy; the error names it.
            HtmlRefused: The content is HTML, which the App Space refuses.
            DocumentHostRefused: A document is at a host that the App Space does not list.
            ActionTypeUnknown: The question asks for an action of a type without a renderer.
            CallbackForbidden: The callback is not on the origin's allow-list.
            CallbackUncallable: No callback could ever be sent to the address; has the reason.
            AccountUnknown: The App Space knows no such account.
            AccountUnbound: It has no active device.
            AccountLocked: It is locked.
            TooManyPending: The person has too many open questions; has the time to wait.
            TooOften: The person, or this origin in all, was asked too often; has the seconds to
                wait in `retry_after`.
            CodeDemanded: The question has to ask for a matching code.
            KeyInProgress: A call with this idempotency key is running.
            KeyReused: The key was used for another question.
            NotFound: The challenge that the key created has been erased.
        """
        transactions = self._within(party.app_space, party.origin)
        ports, policy = self.ports, transactions.policy
        origin = party.origin.guid
        context = self._permit(party, OriginPermission.ASK, "challenge.issue")
        demand_rate(ports, context, ("origin", origin), policy.origin_rate)
        with refusals(ports, context):
            question_fits(question, policy)
            html_allowed(question, party.app_space)
            life = challenge_life(question, policy)
            asked_action = None
            action: DisplayedAction | None = None
            warnings: tuple[RequestWarning, ...] = ()
            if isinstance(question.content, Action):
                asked_action = challenges_package.AskedAction(
                    question=question,
                    action=question.content,
                    types=ports.actions,
                    client=origin,
                    now=ports.clock.now(),
                    life=life,
                    policy=policy,
                )
                # Before the key is reserved, so that what is refused may be sent again.
                action = asked_action.display(asked_action.choose_language())
                challenges_package.documents_allowed(action, party.app_space)
                if app_origins is not None:
                    warnings = challenges_package.document_warnings(action, app_origins)
            if question.callback is not None:
                callback_allowed(question.callback, allow_list(party.origin, policy))
                ports.sender.require_callable(question.callback)
            # In the account's partition.
            partition = account_partition(party.app_space.guid, question.account_id)
            draft = Draft(
                party=party,
                question=question,
                guid=mint(partition, ports.entropy.token(ENTROPY_BYTES)),
                life=life,
                served_kinds=ports.notifier.kinds(),
                action=action,
                asked_action=asked_action,
                extension=extension,
            )
            if idempotency_key is not None:
                document = question_document(question)
                if extension is not None:
                    document = extension.document() | document
                call = _idempotency.reserve(
                    ports,
                    policy,
                    KeyScope.ISSUE,
                    party,
                    document,
                    key=idempotency_key,
                    guid=draft.guid,
                )
        if idempotency_key is None:
            issued = transactions.transact(context, asked_account(draft), issue, draft)
        else:
            with call:
                draft.guid = call.guid
                issued = transactions.transact(context, call.first, issue_once, draft)
        return replace(issued, warnings=warnings) if warnings else issued

    def status(self, party: RelyingParty, challenge: Guid) -> Challenge:
        """
        Return a challenge with its present state.

        It is EXPIRED from the deadline on, even if no worker has expired it yet.

        Raises:
            NotFound: There is no such challenge.
            Foreign: Another origin issued it.
        """
        origin = party.origin.guid
        context = self._permit(party, OriginPermission.ASK, "challenge.status", challenge)
        return self._transactions.transact(
            context, record_with_account(challenge), challenges.read_status, origin
        )

    def pending(self, party: RelyingParty, account_id: str) -> tuple[Challenge, ...]:
        """
        Return the account's open challenges that this origin issued, oldest first.

        Raises:
            AccountUnknown: The App Space has no such account.
            InvalidField: *account_id* is empty or too long.
        """
        origin = party.origin.guid
        context = self._permit(party, OriginPermission.ASK, "challenge.list")
        with refusals(self.ports, context):
            text_fits(account_id, self.policy.account_id_bytes, "accountId")
        return self._transactions.transact(
            context, account_of(party.app_space.guid, account_id), challenges.list_open, origin
        )

    def list_of_account(self, account: Guid, *, by: Administrator) -> tuple[Challenge, ...]:
        """
        Return what an account is asked and was asked last, newest first, for support staff.

        User Support gets no content, titles of buttons or proofs, unless the policy's
        `support_reads_content` lets it.

        Raises:
            NotFound: There is no such account, or it has been erased.
            CredentialRefused: The administrator's time is over, or it was revoked.
            Foreign: The account is out of the administrator's reach.
        """
        return self._decide_for(
            by, "account.challenges", account, records(account), challenges.list_of_account
        )

    def cancel(self, party: RelyingParty, challenge: Guid) -> Challenge:
        """
        Cancel a challenge.

        Raises:
            NotFound: There is no such challenge.
            Foreign: Another origin issued it.
            WrongState: It is finished.
            DeadlinePassed: Its deadline has passed.
        """
        origin = party.origin.guid
        context = self._permit(party, OriginPermission.ASK, "challenge.cancel", challenge)
        served_kinds = self.ports.notifier.kinds()
        return self._within(party.app_space, party.origin).transact(
            context,
            record_with_account(challenge),
            challenges.cancel,
            origin,
            served_kinds=served_kinds,
        )

    def withdraw(self, challenge: Guid, *, by: Administrator) -> Challenge:
        """
        Cancel a challenge on behalf of support staff; its origin learns it as it does each ending.

        User Support gets no content, as `list_of_account` says.

        Raises:
            NotFound: There is no such challenge.
            CredentialRefused: The administrator's time is over, or it was revoked.
            Foreign: The challenge is out of the administrator's reach.
            WrongState: It is finished.
            DeadlinePassed: Its deadline has passed.
        """
        return self._decide_for(
            by,
            "challenge.withdraw",
            challenge,
            record_with_account(challenge),
            challenges.withdraw,
            served_kinds=self.ports.notifier.kinds(),
        )

    def expire(self, limit: int = 100) -> int:
        """
        Expire challenges whose deadline has passed, each with its callback; return how many.

        Raises:
            Unavailable: A port failed; earlier challenges stay expired.
        """
        due = self.ports.store.due(Due.CHALLENGE, self.ports.clock.now(), limit)
        context = AuditContext(event="challenge.expire", actor="worker")
        app_spaces = {each.guid: each.app_space for each in due if isinstance(each, Challenge)}
        try:
            return self._transactions.sweep(
                context,
                due,
                lambda guid: record_with_account(guid, app_spaces[guid]),
                challenges.expire,
            )
        finally:
            # All of them, also if one failed: waiting callers see EXPIRED from the deadline on.
            for record in due:
                wake(self.ports, record.guid)


@attrs.frozen
class Answers(DeviceUseCase):
    """List, read, answer and disown challenges, as a bound device."""

    def pending(self, call: DeviceCall) -> tuple[Challenge, ...]:
        """
        Return the open challenges of the device's account, oldest first.

        Raises:
            Refused: The call is not proven, or the device may not act.
        """
        return self._decide_as(call, "challenge.pending", None, answers.list_pending)

    def pending_again(self, device: AuthenticatedDevice) -> tuple[Challenge, ...]:
        """
        Return the open challenges, as `pending` does, to a waiting call that is authenticated.

        `Devices.authenticate` has done so. The proof is not verified or remembered again, but
        whether the device may act is checked again.

        Raises:
            Refused: The device may not act any more, or its device key was replaced.
        """
        context = AuditContext(
            event="challenge.pending", actor=device.binding.guid, app_space=device.app_space.guid
        )
        return self._transactions.transact(context, read_again(device), answers.list_pending)

    def ended(self, call: DeviceCall) -> tuple[EndedRequest, ...]:
        """
        Return the challenges of the device's account that ended last, newest first, 20 at most.

        Those that were issued before the device was bound are left out.

        Raises:
            Refused: The call is not proven, or the device may not act.
        """
        return self._decide_as(call, "challenge.ended", None, answers.list_ended)

    def fetch(self, call: DeviceCall, challenge: Guid) -> Challenge:
        """
        Return one challenge, with the display document that the device shows and signs.

        A finished challenge is returned too, with its answer and receipt only for the device that
        answered. After the deadline, the call is refused until a worker has expired the challenge.

        Raises:
            NotFound: There is no such challenge.
            Foreign: It belongs to another account.
            DeadlinePassed: Its deadline has passed, and no worker has expired it yet.
            Refused: The call is not proven, or the device may not act.
        """
        return self._decide_as(call, "challenge.fetch", challenge, answers.fetch)

    def answer(self, call: DeviceCall) -> Challenge:
        """
        Accept an answer; the call's body is the answer, a compact JWS.

        Sending the identical answer again returns the recorded result.

        Raises:
            NotFound: There is no such challenge.
            Foreign: It belongs to another account.
            WrongState: Something else than this answer has finished it.
            DeadlinePassed: Its deadline has passed, and no worker has expired it yet.
            StrongKeyMissed: The device's strong key did not sign it; has `attempts_left`.
            WrongCode: The matching code is wrong; has `attempts_left`.
            CodeMissing: The matching code is missing.
            Refused: Another rule of `counterseal.challenges.rules.answering` refuses it.
        """
        return self._respond(call, "challenge.answer", ChallengeEvent.ANSWER)

    def disown(self, call: DeviceCall) -> Challenge:
        """
        Accept a disown ("this was not me"); the call's body is the disown, a compact JWS.

        Sending the identical disown again returns the recorded result.

        Raises:
            NotFound: There is no such challenge.
            Foreign: It belongs to another account.
            WrongState: Something else than this disown has finished it.
            DeadlinePassed: Its deadline has passed, and no worker has expired it yet.
            StrongKeyMissed: The device's strong key did not sign it; has `attempts_left`.
            Refused: Another rule refuses it.
        """
        return self._respond(call, "challenge.disown", ChallengeEvent.DISOWN)

    def _respond(self, call: DeviceCall, name: str, event: ChallengeEvent) -> Challenge:
        return self._decide_on_token(
            call,
            name,
            partial(answers.read_submitted_answer, event=event),
            answers.respond,
            served_kinds=self.ports.notifier.kinds(),
            after_ending=after_ending,
        )
