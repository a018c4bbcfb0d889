"""Answers: a bound device asks what is pending, reads it, and answers or disowns it."""

from __future__ import annotations

import attrs

from counterseal._decisions import answers
from counterseal._decisions.device_requests import open_request
from counterseal._transaction import AuditContext, Transactions, refusals
from counterseal.machines import ChallengeEvent
from counterseal.models import Challenge, DeviceCall, Guid
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.usecases._admission import admit

# Until a call is read, nobody knows who makes it.
_STRANGER = "stranger"
_PENDING = AuditContext(event="challenge.pending", actor=_STRANGER)
_FETCH = AuditContext(event="challenge.fetch", actor=_STRANGER)
_ANSWER = AuditContext(event="challenge.answer", actor=_STRANGER)
_DISOWN = AuditContext(event="challenge.disown", actor=_STRANGER)


@attrs.frozen
class Answers:
    """What a bound device does with challenges."""

    ports: Ports
    policy: Policy
    _transactions: Transactions = attrs.field(init=False, eq=False, repr=False)

    @_transactions.default
    def _bind(self) -> Transactions:
        return Transactions(self.ports, self.policy)

    def pending(self, call: DeviceCall) -> tuple[Challenge, ...]:
        """
        Return what the device's account is asked at the moment, oldest first.

        Raises:
            Refused: The call is not proven, or the device may not act.
            Unavailable: A port failed.
        """
        with refusals(self.ports, _PENDING):
            request = open_request(call, self.policy)
        context = AuditContext(event=_PENDING.event, actor=request.proof.device)
        reading = request.reading()
        device = admit(self._transactions, context, request, reading)
        return self._transactions.run(context, reading.then(answers.list_pending), device)

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
        with refusals(self.ports, _FETCH):
            request = open_request(call, self.policy)
        context = AuditContext(event=_FETCH.event, actor=request.proof.device, subject=challenge)
        reading = request.reading(challenge)
        device = admit(self._transactions, context, request, reading)
        return self._transactions.run(context, reading.then(answers.fetch), device)

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
        return self._respond(call, ChallengeEvent.ANSWER, _ANSWER)

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
        return self._respond(call, ChallengeEvent.DISOWN, _DISOWN)

    def _respond(
        self, call: DeviceCall, event: ChallengeEvent, stranger: AuditContext
    ) -> Challenge:
        ports = self.ports
        with refusals(ports, stranger):
            request = open_request(call, self.policy)
            token = answers.read_token(call.body, event, self.policy)
        challenge = token.answer.challenge
        context = AuditContext(event=stranger.event, actor=request.proof.device, subject=challenge)
        reading = request.reading(challenge)
        device = admit(self._transactions, context, request, reading)
        served_kinds = ports.notifier.kinds()
        plan = reading.then(
            lambda device, tools: answers.respond(device, tools, token, served_kinds=served_kinds)
        )
        return self._transactions.run(context, plan, device)
