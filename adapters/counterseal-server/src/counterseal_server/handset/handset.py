"""What a person does with a device: bind it, look at what is asked, answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from types import TracebackType
from typing import Any, Self, TypeAlias

from counterseal import Receipt, trusted_keys
from counterseal.device import Bond, SoftwareDevice
from counterseal.errors import DisplayChanged, InvalidField, IssuerUntrusted, ReceiptChanged
from counterseal.models import ChallengeState, Guid
from counterseal.models.guid import parse
from counterseal.wire.claims import parse_time
from counterseal.wire.enrolment import enrolment_document
from counterseal_server.handset.calls import Calls, ServiceRefused, ServiceUnreachable
from counterseal_server.handset.home import Home
from counterseal_server.handset.sent import Sent

ENDINGS = frozenset(state.value for state in ChallengeState)

Ask: TypeAlias = Callable[[], str]
"""Asks the person, when it is needed."""


class Handset:
    """
    A bound device and its service.

    Attributes:
        device: The software device.

    Raises:
        InvalidField: There is none at home.
        OSError: The home cannot be read.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self.device: SoftwareDevice = home.device()
        self._calls = Calls(home.service())

    @staticmethod
    def bind(
        home: Home, url: str, token: str, app_space: Guid | None, *, pin: str, name: str
    ) -> Bond:
        """
        Make a device and finish its bind; after a failure, the same again may succeed.

        Args:
            home: Where the device is kept.
            url: The service's address.
            token: The session token.
            app_space: What the token is said to be for; None asks the service.
            pin: Of the new device.
            name: What to call it.

        Raises:
            InvalidField: There is a bound device already, or a value does not fit.
            ServiceRefused: The service refuses.
            ServiceUnreachable: It did not answer, or not as it should.
            OSError: The home cannot be written.
        """
        device = home.new(pin)
        with closing(Calls(url)) as calls:
            space = _app_space(calls, token) if app_space is None else app_space
            enrolment = device.enrolment(token, space, pin=pin, name=name)
            body = json.dumps(enrolment_document(enrolment)).encode()
            bound = calls.plain("POST", "/device/bind", body)
        device.bond = _bond(bound)
        home.keep_service(url)
        home.keep(device)
        return device.bond

    def pending(self) -> list[dict[str, Any]]:
        """
        Return what is asked, oldest first, to be shown now.

        Raises:
            DisplayChanged: One of them cannot be shown; see `shown`.
            ServiceRefused: The service refuses.
            ServiceUnreachable: It did not answer, or not as it should.
        """
        reply = self._calls.proven(self.device, "GET", "/device/requests")
        return [self.shown(challenge) for challenge in _requested(reply)]

    def shown(self, challenge: Guid) -> dict[str, Any]:
        """
        Return the display document of one challenge, judged by the device, to be shown now.

        Raises:
            DisplayChanged: It is not for this device's account, not in its one form, of another
                challenge, or another than was shown before.
            ServiceRefused: The service refuses.
            ServiceUnreachable: It did not answer, or not as it should.
            OSError: The home cannot be written.
        """
        display = self._display(challenge)
        document = self.device.read_display(display)
        until = parse_time(document["expiresAt"])
        self._home.shown.keep(challenge, display, until=until, now=self.device.clock.now())
        return document

    def answer(
        self, challenge: Guid, button: int, *, code: str | None, ask_pin: Ask, ask_code: Ask
    ) -> dict[str, Any]:
        """
        Press a button; the PIN and the code are asked for only where they are needed.

        If the reply is lost, the same again sends the same bytes, and asks for nothing.

        Raises:
            InvalidField: There is no such button, or another answer was sent already and
                nobody knows what became of it.
            DisplayChanged: The document is not for this device's account, of another challenge,
                or another than was shown.
            ServiceRefused: The service refuses.
            ServiceUnreachable: It did not answer, or not as it should.
        """
        sent = self._home.unsettled.get(challenge)
        if sent is None:
            sent = self._answered(challenge, button, code, ask_pin, ask_code)
        sent.demand_same(button, code)
        return self._told("/device/answer", challenge, sent)

    def disown(self, challenge: Guid) -> dict[str, Any]:
        """
        Say that this was not me; after a lost reply, the same again is safe.

        Raises:
            InvalidField: An answer was sent already, and nobody knows what became of it.
            DisplayChanged: The document is not for this device's account, of another challenge,
                or another than was shown.
            ServiceRefused: The service refuses.
            ServiceUnreachable: It did not answer, or not as it should.
            OSError: The home cannot be written.
        """
        sent = self._home.unsettled.get(challenge)
        if sent is None:
            sent = Sent(signed=self.device.disown(self._display(challenge)))
        sent.demand_same(None, None)
        return self._told("/device/disown", challenge, sent)

    def _answered(
        self, challenge: Guid, button: int, code: str | None, ask_pin: Ask, ask_code: Ask
    ) -> Sent:
        display = self._display(challenge)
        document = self.device.read_display(display)
        if not 0 <= button < len(document["buttons"]):
            raise InvalidField("button", "not a button of the challenge")
        chosen = document["buttons"][button]
        if document["code"] and chosen["approves"]:
            code = code or ask_code()
        pin = ask_pin() if chosen["strong"] else None
        signed = self.device.answer(display, button, pin=pin, code=code)
        return Sent(signed=signed, button=button, code=code)

    def _told(self, path: str, challenge: Guid, sent: Sent) -> dict[str, Any]:
        """Send what is signed, and keep it until the service has said what becomes of it."""
        self._home.unsettled.keep(challenge, sent)
        try:
            reply: dict[str, Any] = self._calls.proven(
                self.device, "POST", path, sent.signed.encode()
            )
        except ServiceRefused:
            self._home.unsettled.settle(challenge)
            raise
        if reply.get("guid") != challenge:
            raise ServiceUnreachable("a reply to another answer")
        _require_ended(reply)
        self._home.unsettled.settle(challenge)
        return reply

    def status(self) -> dict[str, Any]:
        """
        Return what the service knows of the device.

        Raises:
            ServiceRefused: The service refuses.
            ServiceUnreachable: It did not answer, or not as it should.
        """
        reply: dict[str, Any] = self._calls.proven(self.device, "GET", "/device/status")
        return reply

    def receipt(self, reply: dict[str, Any]) -> Receipt | None:
        """
        Check a reply's receipt; None if neither a pinned key nor one that it endorses signed it.

        Raises:
            ReceiptChanged: It does not hold together, or is one of another reply.
            ServiceRefused: The service refuses to tell its keys.
            ServiceUnreachable: It did not answer, or not as it should.
            OSError: The home cannot be written.
        """
        try:
            return self._checked(reply)
        except IssuerUntrusted:
            pass
        try:
            self._adopt()
            return self._checked(reply)
        except IssuerUntrusted:
            return None

    def _checked(self, reply: dict[str, Any]) -> Receipt:
        receipt = self.device.check(reply.get("receipt", ""))
        told = tuple(reply.get(name) for name in ("guid", "state", "approved"))
        if told != (receipt.answer.challenge, receipt.state.value, receipt.approved):
            raise ReceiptChanged("it is of another answer")
        return receipt

    def _adopt(self) -> None:
        """Pin the service's keys of now, if a pinned one has signed that they are."""
        bond = self.device.bond
        pinned = () if bond is None else bond.service_keys
        endorsed = self._calls.proven(self.device, "GET", "/device/keys").get("endorsed")
        for key in pinned:
            if isinstance(endorsed, dict) and key.kid in endorsed:
                self.device.adopt(endorsed[key.kid])
                self._home.keep(self.device)
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._calls.close()

    def _display(self, challenge: Guid) -> str:
        reply = self._calls.proven(self.device, "GET", f"/device/requests/{challenge}")
        display = reply.get("display")
        if not isinstance(display, str):
            raise ServiceUnreachable("a reply without a display document")
        if self.device.read_display(display)["challenge"] != challenge:
            raise DisplayChanged("another question than was asked for")
        self._home.shown.demand_same(challenge, display)
        return display


def _requested(reply: dict[str, Any]) -> list[Guid]:
    try:
        return [parse(one["guid"], field="guid") for one in reply["requests"]]
    except (KeyError, TypeError, InvalidField):
        raise ServiceUnreachable("a reply without a list of requests") from None


def _require_ended(reply: dict[str, Any]) -> None:
    """Refuse a reply that does not say what became of the question, in words that are known."""
    if (
        reply.get("state") not in ENDINGS
        or not isinstance(reply.get("approved"), bool)
        or not isinstance(reply.get("receipt"), str | None)
    ):
        raise ServiceUnreachable("a reply that does not say what became of it")


def _app_space(calls: Calls, token: str) -> Guid:
    told = calls.plain("POST", "/device/invitation", json.dumps({"token": token}).encode())
    try:
        return parse(told["appSpace"], field="appSpace")
    except (KeyError, InvalidField):
        raise ServiceUnreachable("a reply without an App Space") from None


def _bond(reply: Any) -> Bond:
    try:
        return Bond(
            device=parse(reply["device"], field="device"),
            account=parse(reply["account"], field="account"),
            app_space=parse(reply["appSpace"], field="appSpace"),
            service_keys=trusted_keys(reply["serviceKeys"]),
        )
    except KeyError:
        raise ServiceUnreachable("a reply without what a bind brings") from None
