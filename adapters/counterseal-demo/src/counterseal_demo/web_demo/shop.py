"""The shop: what its server does, with the library for origins, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import attrs

from counterseal import Receipt, Refused
from counterseal.models import Guid
from counterseal.ports import Clock
from counterseal.wire.members import format_time
from counterseal_client import (
    ByAccount,
    CallbackRefused,
    Client,
    Declined,
    MatchingCode,
    NotApproved,
    PendingRequest,
    ProcessedRequest,
    StrongKey,
    Trust,
    require_approved,
    verify_callback,
)
from counterseal_demo.approval_demo import questions
from counterseal_http import Guard, guarded_client

ACCOUNT_ID = "demo-user"
DURATION = timedelta(minutes=3)
"""How long the customer may answer: a newcomer reads first."""

SHOWN_HEADERS = ("content-type", "webhook-id", "webhook-timestamp", "webhook-signature")


@attrs.frozen(kw_only=True)
class ReceivedCallback:
    """
    A callback as it was received.

    Attributes:
        headers: Those that concern the callback, by lower-case name.
        body: The body, as text.
        problem: Why it was refused; empty if its signature was verified.
    """

    headers: Mapping[str, str]
    body: str
    problem: str

    def document(self) -> dict[str, Any]:
        """Return it as the page gets it."""
        return attrs.asdict(self)


@attrs.frozen(kw_only=True)
class Verdict:
    """
    What the shop concludes from the reply to its question.

    Attributes:
        outcome: `approved`, or why the shop does not act: `declined`, `disowned`, `unanswered`,
            or the code of the error.
        receipt: The verified receipt; None if nobody has answered.
        token: The receipt's text.
    """

    outcome: str
    receipt: Receipt | None
    token: str

    def document(self) -> dict[str, Any]:
        """Return it as the page gets it."""
        receipt = self.receipt
        if receipt is None:
            return {"outcome": self.outcome, "receipt": None}
        return {
            "outcome": self.outcome,
            "receipt": {
                "state": receipt.state.value,
                "button": receipt.answer.title,
                "role": receipt.role.value,
                "algorithm": receipt.key.alg,
                "at": format_time(receipt.at),
                "number": receipt.number,
                "hash": receipt.hash,
                "issuer": receipt.issuer.thumbprint,
                "token": self.token,
            },
        }


class Shop:
    """
    The shop's server; threads may share it.

    Args:
        url: The service's public URL.
        client: The shop's client of the service.
        callback_secret: Verifies the service's callbacks.
        callback: Where the shop receives them.
        clock: The time, for callbacks.
    """

    def __init__(
        self, url: str, client: Client, callback_secret: str, *, callback: str, clock: Clock
    ) -> None:
        self._url = url
        self._client = client
        self._callback_secret = callback_secret
        self._callback = callback
        self._clock = clock
        self._lock = threading.Lock()
        self._trust: Trust | None = None
        self._account: Guid | None = None
        self._link: str | None = None
        self._pending: PendingRequest | None = None
        self._received: ReceivedCallback | None = None
        self._verdict: Verdict | None = None

    @property
    def account(self) -> Guid | None:
        """The customer's account at the service; None before the first invitation."""
        return self._account

    @property
    def pending_request(self) -> PendingRequest | None:
        """The last question; None before the first."""
        return self._pending

    @property
    def received_callback(self) -> ReceivedCallback | None:
        """The callback of the last question; None before it comes."""
        return self._received

    @property
    def verdict(self) -> Verdict | None:
        """What the shop concludes from that callback; None before it comes."""
        return self._verdict

    def pin_keys(self) -> None:
        """
        Get the service's keys, once; from then on, receipts are verified offline.

        Raises:
            HTTPError: The service did not reply.
        """
        guard = Guard(allow_http=True, allow_private=True, ports=None)
        with guarded_client(guard) as client:
            jwks = client.request("GET", f"{self._url}/.well-known/jwks.json").content
        self._trust = Trust.jwks(jwks)

    def connect(self, *, again: bool) -> str:
        """
        Invite a phone of the customer; return the link, which is a secret, for the web app.

        Args:
            again: Whether to invite although there is an invitation.

        Raises:
            Refused: The service refused.
            Unavailable: The service did not reply.
        """
        with self._lock:
            if again or self._link is None:
                invitation = self._client.bind(ACCOUNT_ID)
                self._account = invitation.account
                self._link = invitation.link(display_name=ACCOUNT_ID)
            return self._link

    def pay(self) -> None:
        """
        Ask the customer whether to pay for the order.

        Raises:
            Refused: The service refused.
            Unavailable: The service did not reply.
        """
        question = questions.own(ACCOUNT_ID)
        pending_request = self._client.ask(
            ACCOUNT_ID,
            question.content,
            buttons=question.buttons,
            duration=DURATION,
            transaction_id=question.transaction_id,
            callback=self._callback,
            show_code=question.show_code,
        )
        with self._lock:
            self._pending = pending_request
            self._received = self._verdict = None

    def cancel(self) -> None:
        """
        Cancel the last question, if there is one.

        Raises:
            Refused: The service refused: it has ended already.
            Unavailable: The service did not reply.
        """
        if self._pending is not None:
            self._client.cancel(self._pending)

    def receive(self, headers: Mapping[str, str], body: bytes) -> HTTPStatus:
        """
        Receive what was sent to the address for callbacks; return the status of the reply.

        Args:
            headers: By lower-case name.
            body: As received.
        """
        problem, request = "", None
        try:
            now = self._clock.now()
            callback = verify_callback(headers, body, self._callback_secret, now=now)
            request = callback.request
        except CallbackRefused as error:
            problem = str(error)
        with self._lock:
            pending_request = self._pending
            if pending_request is None or (
                request is not None and request.guid != pending_request.guid
            ):
                return HTTPStatus.NO_CONTENT  # of an earlier question
            if request is None and self._verdict is not None:
                return HTTPStatus.BAD_REQUEST  # anybody may send; it replaces nothing
            self._received = ReceivedCallback(
                headers={name: headers[name] for name in SHOWN_HEADERS if name in headers},
                body=body.decode(errors="replace"),
                problem=problem,
            )
            if request is None:
                return HTTPStatus.BAD_REQUEST
            self._verdict = self._conclude(request, pending_request)
        return HTTPStatus.NO_CONTENT

    def _conclude(self, request: ProcessedRequest, pending_request: PendingRequest) -> Verdict:
        assert self._trust is not None  # noqa: S101 (pinned before anybody asks)
        requirements = (StrongKey(), MatchingCode(), ByAccount(ACCOUNT_ID))
        outcome = "approved"
        try:
            require_approved(request, pending_request, self._trust, requirements=requirements)
        except Declined as error:
            outcome = "disowned" if error.disowned else "declined"
        except NotApproved as error:
            outcome = error.code
        except Refused as error:
            return Verdict(outcome=error.code, receipt=None, token="")
        token = request.receipt or ""
        receipt = self._trust.verify(token) if token else None
        return Verdict(outcome=outcome, receipt=receipt, token=token)
