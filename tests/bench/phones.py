"""Phones of users: each is bound to an account over HTTP, and answers over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import attrs

from counterseal import trusted_keys
from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.device import Bond, SoftwareDevice
from counterseal.memory import SystemClock, SystemEntropy

PIN = "1379"
CHEAP = 2
"""The PIN's scrypt belongs to the device and is not measured."""

Send = Callable[[str, str, dict[str, str], bytes], Any]
"""Makes a call by its method, target, headers and body, and returns the reply's document."""


@attrs.frozen
class Phone:
    """
    A phone that is bound to one account.

    Attributes:
        base: The public address of the service.
    """

    account: str
    base: str
    device: SoftwareDevice

    def pending(self, send: Send) -> list[dict[str, Any]]:
        """Return the list of open requests."""
        requests: list[dict[str, Any]] = self._call(send, "GET", "/device/requests")["requests"]
        return requests

    def answer(self, send: Send, guid: str) -> None:
        """Fetch a request, and press its first button."""
        display = self._call(send, "GET", f"/device/requests/{guid}")["display"]
        signed = self.device.answer(display, 0, pin=PIN).encode()
        assert self._call(send, "POST", "/device/answer", signed)["approved"]

    def _call(self, send: Send, method: str, path: str, body: bytes = b"") -> Any:
        proof = self.device.signed_call(method, self.base + path, body).proof
        headers = {"Content-Type": "application/jose", "Counterseal-Proof": proof}
        return send(method, path, headers, body)


def bind(send: Send, base: str, headers: dict[str, str], account: str) -> Phone:
    """
    Bind a new phone to a new account.

    Args:
        send: Makes the calls of the origin and of the phone.
        base: The public address of the service.
        headers: Of the origin.
        account: Its name with the origin.
    """
    clock, entropy = SystemClock(), SystemEntropy()
    device = SoftwareDevice.make(clock=clock, entropy=entropy, pin=PIN, cost=CHEAP)
    invited = send("PUT", "/account/bind", headers, json.dumps({"accountId": account}).encode())
    enrolment = device.enrolment(invited["sessionToken"], invited["appSpaceGuid"], pin=PIN)
    body = json.dumps(enrolment_document(enrolment)).encode()
    bound = send("POST", "/device/bind", {"Content-Type": "application/json"}, body)
    device.bond = Bond(
        device=bound["device"],
        account=bound["account"],
        app_space=bound["appSpace"],
        service_keys=trusted_keys(bound["serviceKeys"]),
    )
    return Phone(account, base, device)
