"""Answers: a bound device lists and reads its challenges, and answers or disowns them."""

from __future__ import annotations

import attrs

from counterseal._audit_context import AuditContext
from counterseal._capabilities import after_ending
from counterseal._decisions import answers
from counterseal._decisions.device_requests import AuthenticatedDevice, open_request, read_again
from counterseal._transaction import UseCase, refusals
from counterseal.charts.challenges import ChallengeEvent
from counterseal.models import Challenge, DeviceCall, Guid
from counterseal.usecases._admission import admit, open_call
from counterseal.wire.device import EndedRequest

# The caller is unknown until the call is read.
_STRANGER = "stranger"
_ANSWER = AuditContext(event="challenge.answer", actor=_STRANGER)
_DISOWN = AuditContext(event="challenge.disown", actor=_STRANGER)


@attrs.frozen
class Answers(UseCase):
    """List, read, answer and disown challenges, as a bound device."""

    def pending(self, call: DeviceCall) -> tuple[Challenge, ...]:
        """
        Return the open challenges of the device's account, oldest first.

        Raises:
            Refused: The call is not proven, or the device may not act.
        """
        context, request = open_call(
            self._transactions, call, "challenge.pending", about_device=False
        )
        context, device = admit(self._transactions, context, request, request.reading())
        return self._transactions.transact(context, device, answers.list_pending)

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
        context, request = open_call(
            self._transactions, call, "challenge.ended", about_device=False
        )
        context, device = admit(self._transactions, context, request, request.reading())
        return self._transactions.transact(context, device, answers.list_ended)

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
        context, request = open_call(self._transactions, call, "challenge.fetch")
        reading = request.reading(challenge)
        context, device = admit(
            self._transactions, context.with_subject(challenge), request, reading
        )
        return self._transactions.transact(context, device, answers.fetch)

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
            Refused: Another rule of `counterseal.rules.answering` refuses it.
        """
        return self._respond(call, ChallengeEvent.ANSWER, _ANSWER)

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
        return self._respond(call, ChallengeEvent.DISOWN, _DISOWN)

    def _respond(
        self, call: DeviceCall, event: ChallengeEvent, context_before_reading: AuditContext
    ) -> Challenge:
        ports = self.ports
        with refusals(ports, context_before_reading):
            request = open_request(call, self.policy)
            token = answers.read_token(call.body, event, self.policy)
        challenge = token.answer.challenge
        context = AuditContext(
            event=context_before_reading.event, actor=request.proof.device, subject=challenge
        )
        context, device = admit(self._transactions, context, request, request.reading(challenge))
        served_kinds = ports.notifier.kinds()
        return self._transactions.transact(
            context,
            device,
            answers.respond,
            token,
            served_kinds=served_kinds,
            after_ending=after_ending,
        )
