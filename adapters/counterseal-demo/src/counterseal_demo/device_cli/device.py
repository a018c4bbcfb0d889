"""A bound device: show its questions, and answer them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import Any, Self, TypeAlias

import attrs

from counterseal import Receipt
from counterseal.bindings.documents.device import (
    AccountStatus,
    AnswerReply,
    Bond,
    EndedRequests,
    Endorsements,
    OpenRequests,
    Peeked,
    ShownRequest,
)
from counterseal.bindings.documents.enrolment import enrolment_document, peek_document
from counterseal.device import SoftwareDevice
from counterseal.errors import DisplayChanged, InvalidField, IssuerUntrusted, ReceiptChanged
from counterseal.models import Algorithm, Guid, RefusalReason
from counterseal.wire.members import parse_time
from counterseal_demo.device_cli.app import (
    APP_VERSION,
    PLATFORM,
    changes_for,
    read_language,
    send_changes,
)
from counterseal_demo.device_cli.attachments import Announce, attachment_client, demand_attachments
from counterseal_demo.device_cli.home import Home
from counterseal_demo.device_cli.rotation import completed_rotation
from counterseal_demo.device_cli.unconfirmed import SignedReply
from counterseal_http import Authorities
from counterseal_http.devices import (
    DeviceCalls,
    HttpTransport,
    ServiceRefused,
    ServiceUnreachable,
)

LONGEST_WAIT = 25
"""Seconds for which one call waits; proxies often give up after 30."""

WAITED = 0.9
"""The share of its time after which a call has waited for all of it, as clocks differ."""

REVOKED = "revoked"
"""The reason of each refusal of a device that was revoked."""

LOCKED = "unreachable"
"""The problem of each refusal of a device whose account is locked."""

PAUSE = timedelta(seconds=1)
"""Before the next call, if the service does not wait."""

Ask: TypeAlias = Callable[[], str]
"""A function that asks the person for a value when it is needed."""


class DeviceClient:
    """
    A bound device and its service.

    Args:
        home: The folder of the device.
        tls: The authorities that certificates of the service and of servers of documents need; by
            default the machine's.
        monotonic: Seconds that only grow.
        sleep: Waits a number of seconds.

    Attributes:
        device: The software device.
        home: Its folder.
        calls: The calls to its service.

    Raises:
        InvalidField: The folder has no device.
        ServiceRefused: Keys were changed, the reply was lost, and now the service refuses the call.
        ServiceUnreachable: Likewise, and it did not reply, or its reply is invalid.
        OSError: The folder cannot be read.
    """

    def __init__(
        self,
        home: Home,
        *,
        tls: Authorities | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.home = home
        self._monotonic = monotonic
        self._sleep = sleep
        self.device: SoftwareDevice = home.device()
        self._tls = tls
        self.calls = DeviceCalls(home.service(), HttpTransport(tls=tls))
        try:
            self.device = completed_rotation(home, self.calls, self.device)
        except BaseException:
            self.calls.close()
            raise

    @staticmethod
    def read_invitation(url: str, token: str, *, tls: Authorities | None = None) -> Peeked:
        """
        Return what the service says of the App Space and the account of a session token.

        Raises:
            ServiceRefused: The service refused the call.
            ServiceUnreachable: It did not reply, or its reply is invalid.
        """
        with closing(DeviceCalls(url, HttpTransport(tls=tls))) as calls:
            return calls.plain("/device/invitation", peek_document(token), Peeked)

    @staticmethod
    def bind(
        home: Home,
        url: str,
        token: str,
        app_space: Guid,
        *,
        pin: str,
        name: str,
        algorithm: Algorithm = Algorithm.ES256,
        replaces: Guid | None = None,
        language: str = "",
        tls: Authorities | None = None,
    ) -> Bond:
        """
        Create a device and bind it; after a failure, the same call may be repeated.

        Args:
            home: The folder of the device.
            url: The URL of the service.
            token: The session token.
            app_space: The App Space that the token must be for.
            pin: The PIN of the new device.
            name: The name of the new device.
            algorithm: Of the new device's keys.
            replaces: The device whose place the new one takes; only with a log-in's token.
            language: In which actions are displayed, a tag; only where the reply of
                `read_invitation` has `languages`.
            tls: The authorities that the service's certificate needs; by default the machine's.

        Raises:
            InvalidField: There is a bound device already, or a value is invalid.
            UnfitKey: This installation does not have *algorithm*.
            ServiceRefused: The service refused the call.
            ServiceUnreachable: It did not reply, or its reply is invalid.
            OSError: The folder cannot be written.
        """
        device = home.new(pin, algorithm)
        enrolment = device.enrolment(
            token,
            app_space,
            pin=pin,
            name=name,
            replaces=replaces,
            platform=PLATFORM,
            app_version=APP_VERSION,
            language=language,
        )
        with closing(DeviceCalls(url, HttpTransport(tls=tls))) as calls:
            device.bond = calls.plain("/device/bind", enrolment_document(enrolment), Bond)
        home.keep_service(url)
        home.keep(device)
        return device.bond

    def pending(self) -> list[dict[str, Any]]:
        """
        Return the open questions to show now, oldest first.

        Raises:
            DisplayChanged: One of them must not be shown; see `fetch_display`.
            ServiceRefused: The service refused the call.
            ServiceUnreachable: It did not reply, or its reply is invalid.
        """
        pending = self.calls.signed_request(self.device, "GET", "/device/requests", OpenRequests)
        return [self.fetch_display(request.guid) for request in pending.requests]

    def await_pending(self, seconds: int) -> list[dict[str, Any]]:
        """
        Return what is asked as soon as that is anything, or nothing after *seconds*.

        Raises:
            DisplayChanged: One of them cannot be shown; see `fetch_display`.
            ServiceRefused: The service refuses.
            ServiceUnreachable: It did not answer, or not as it should.
        """
        deadline = self._monotonic() + seconds
        while True:
            began = self._monotonic()
            wait = max(0, min(LONGEST_WAIT, math.ceil(deadline - began)))
            listed = self.calls.await_list(self.device, wait)
            now = self._monotonic()
            if listed.open.requests or now >= deadline:
                return [self.fetch_display(request.guid) for request in listed.open.requests]
            # A service that waits for less than it was asked for cannot wait now.
            if now - began < wait * WAITED:
                pause = max(PAUSE, (listed.pause or PAUSE)).total_seconds()
                self._sleep(min(pause, deadline - now))

    def fetch_display(self, challenge: Guid) -> dict[str, Any]:
        """
        Return the verified display document of one challenge, to show it now.

        Raises:
            DisplayChanged: It is not for this device's account, not canonical, of another
                challenge, or differs from what was shown before.
            ServiceRefused: The service refused the call.
            ServiceUnreachable: It did not reply, or its reply is invalid.
            OSError: The folder cannot be written.
        """
        display = self._display(challenge)
        document = self.device.read_display(display)
        until = parse_time(document["expiresAt"])
        self.home.displays.keep(challenge, display, until=until, now=self.device.clock.now())
        return document

    def answer(
        self,
        challenge: Guid,
        button: int,
        *,
        code: str | None,
        ask_pin: Ask,
        ask_code: Ask,
        announce: Announce,
        reason: RefusalReason | None = None,
    ) -> AnswerReply:
        """
        Press a button; ask for the PIN and the code only if they are needed.

        *announce* tells the person which documents are fetched, and from where.

        After a lost reply, the same call sends the same bytes again, and asks for nothing.

        Raises:
            InvalidField: There is no such button, *reason* is given for one that approves,
                another answer was sent already whose reply was lost, or the button approves and a
                document of the action is another one than the request names.
            DisplayChanged: The document is not for this device's account, of another challenge,
                or differs from what was shown.
            ServiceRefused: The service refused the call.
            ServiceUnreachable: It did not reply, or its reply is invalid.
        """
        reply_to_send = self.home.unconfirmed.get(challenge)
        if reply_to_send is None:
            reply_to_send = self._answered(
                challenge, button, code, ask_pin, ask_code, announce=announce, reason=reason
            )
        reply_to_send.demand_same(button, code, reason)
        return self._deliver("/device/answer", challenge, reply_to_send)

    def disown(self, challenge: Guid, *, reason: RefusalReason | None = None) -> AnswerReply:
        """
        Disown the challenge; after a lost reply, the same call is safe.

        Raises:
            InvalidField: An answer was sent already, and its reply was lost.
            DisplayChanged: The document is not for this device's account, of another challenge,
                or differs from what was shown.
            ServiceRefused: The service refused the call.
            ServiceUnreachable: It did not reply, or its reply is invalid.
            OSError: The folder cannot be written.
        """
        reply_to_send = self.home.unconfirmed.get(challenge)
        if reply_to_send is None:
            signed = self.device.disown(self._display(challenge), reason=reason)
            reply_to_send = SignedReply(signed=signed, reason=_word(reason))
        reply_to_send.demand_same(None, None, reason)
        return self._deliver("/device/disown", challenge, reply_to_send)

    def _answered(
        self,
        challenge: Guid,
        button: int,
        code: str | None,
        ask_pin: Ask,
        ask_code: Ask,
        *,
        announce: Announce,
        reason: RefusalReason | None,
    ) -> SignedReply:
        display = self._display(challenge)
        document = self.device.read_display(display)
        if not 0 <= button < len(document["buttons"]):
            raise InvalidField("button", "not a button of the challenge")
        chosen = document["buttons"][button]
        if chosen["approves"]:
            new_client = partial(attachment_client, tls=self._tls)
            demand_attachments(document, announce, new_client=new_client)
        if document["code"] and chosen["approves"]:
            code = code or ask_code()
        pin = ask_pin() if chosen["strong"] else None
        signed = self.device.answer(display, button, pin=pin, code=code, reason=reason)
        return SignedReply(signed=signed, button=button, code=code, reason=_word(reason))

    def _deliver(self, path: str, challenge: Guid, reply_to_send: SignedReply) -> AnswerReply:
        """Send a signed answer, and store it until the service has replied."""
        self.home.unconfirmed.keep(challenge, reply_to_send)
        try:
            reply = self.calls.signed_request(
                self.device, "POST", path, AnswerReply, reply_to_send.signed
            )
        except ServiceRefused:
            self.home.unconfirmed.confirm(challenge)
            raise
        if reply.guid != challenge:
            raise ServiceUnreachable("a reply to another answer")
        self.home.unconfirmed.confirm(challenge)
        return reply

    def status(self) -> AccountStatus:
        """
        Return the status of the device at the service.

        The service learns this program's version, and the person's language where it takes that.

        The names of the account and its company are stored as the service says them.

        Raises:
            ServiceRefused: The service refused the call.
            ServiceUnreachable: It did not reply, or its reply is invalid.
            OSError: The folder cannot be written.
        """
        status = self.calls.signed_request(self.device, "GET", "/device/status", AccountStatus)
        self._keep_names(status)
        changes = changes_for(status, read_language())
        if changes is None:
            return status
        changed = send_changes(self.calls, self.device, changes)
        return attrs.evolve(
            status,
            platform=changed.platform,
            app_version=changed.app_version,
            language=changed.language,
        )

    def _keep_names(self, status: AccountStatus) -> None:
        bond = self.device.bond
        if bond is None:
            return
        renamed_bond = attrs.evolve(
            bond,
            app_space_name=status.app_space_name,
            company_name=status.company_name,
            verified_name=status.verified_name,
            account_id=status.account_id,
            account_name=status.account_name,
        )
        if renamed_bond != bond:
            self.device.bond = renamed_bond
            self.home.keep(self.device)

    def history(self) -> EndedRequests:
        """
        Return the challenges that ended last, newest first.

        Raises:
            ServiceRefused: The service refused the call.
            ServiceUnreachable: It did not reply, or its reply is invalid.
        """
        return self.calls.signed_request(self.device, "GET", "/device/history", EndedRequests)

    def unbind(self) -> None:
        """
        Revoke the device at the service, and delete its folder's content.

        Raises:
            ServiceRefused: The service refused the call; the folder stays as it is.
            ServiceUnreachable: It did not reply, or its reply is invalid; likewise.
            OSError: The folder cannot be written.
        """
        try:
            self.calls.unbind(self.device)
        except ServiceRefused as refusal:
            # Revoked already, perhaps by a call whose reply was lost: the request is satisfied.
            if refusal.reason != REVOKED:
                raise
        self.device.complete_unbinding()
        self.home.clear()

    def lock(self) -> None:
        """
        Lock the account of the device; only an administrator of the service unlocks it.

        Raises:
            ServiceRefused: The service refused the call.
            ServiceUnreachable: It did not reply, or its reply is invalid.
        """
        try:
            self.calls.lock(self.device)
        except ServiceRefused as refusal:
            # Locked already, perhaps by a call whose reply was lost: the request is satisfied.
            if refusal.word != LOCKED:
                raise

    def receipt(self, reply: AnswerReply) -> Receipt | None:
        """
        Verify the receipt of a reply; None if no pinned key, and none that it endorses, signed it.

        Raises:
            ReceiptChanged: It is not consistent, or belongs to another reply.
            ServiceRefused: The service refused to return its keys.
            ServiceUnreachable: It did not answer, or not as it should.
            OSError: The folder cannot be written.
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

    def _checked(self, reply: AnswerReply) -> Receipt:
        receipt = self.device.check(reply.receipt or "")
        ending = (receipt.answer.challenge, receipt.state, receipt.approved)
        if (reply.guid, reply.state, reply.approved) != ending:
            raise ReceiptChanged("it is of another answer")
        return receipt

    def _adopt(self) -> None:
        """Pin the service's present keys, if a pinned key endorses them."""
        bond = self.device.bond
        pinned = () if bond is None else bond.service_keys
        reply = self.calls.signed_request(self.device, "GET", "/device/keys", Endorsements)
        for key in pinned:
            if key.kid in reply.endorsed:
                self.device.adopt(reply.endorsed[key.kid])
                self.home.keep(self.device)
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.calls.close()

    def _display(self, challenge: Guid) -> str:
        path = f"/device/requests/{challenge}"
        display = self.calls.signed_request(self.device, "GET", path, ShownRequest).display
        if self.device.read_display(display)["challenge"] != challenge:
            raise DisplayChanged("another question than was asked for")
        self.home.displays.demand_same(challenge, display)
        return display


def _word(reason: RefusalReason | None) -> str | None:
    return None if reason is None else reason.value
