"""Origin and device of Counterseal: the five calls of one transaction."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from counterseal import trusted_keys
from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.device import Bond, SoftwareDevice
from counterseal.memory import SystemClock, SystemEntropy

Send = Callable[[str, str, str, dict[str, str], bytes], Any]
Who = dict[str, Any]

JSON = {"Content-Type": "application/json"}
JOSE = {"Content-Type": "application/jose"}
PIN = "1379"
CHEAP = 2
"""The PIN's scrypt belongs to the device and is not measured."""

TIMES = 8
"""How often one user is asked, at most: the policy refuses more than ten in ten minutes."""

AT_ONCE = 4


class Ours:
    """
    One origin, and the devices of its users.

    Args:
        url: The service's public address, for which devices make their proofs.
    """

    def __init__(self, folder: Path, url: str = "http://127.0.0.1:8787") -> None:
        shop = json.loads((folder / "shop.json").read_text())
        self._origin = JSON | {"Authorization": shop["authorization"]}
        self._url = url
        self._count = 0

    def prepare(self, send: Send) -> None:
        """Do nothing: the origin has its credential."""

    def users(self, send: Send, count: int) -> list[Who]:
        """Return users whose devices are bound, for so many transactions."""
        return [self._bound(send) for _ in range(max(AT_ONCE, -(-count // TIMES)))]

    def transact(self, send: Send, who: Who) -> None:
        """Add, pending, one request, answer, getRequest."""
        question = {"accountId": who["user"], "content": "Do you want to confirm the login?"}
        body = json.dumps(question).encode()
        guid = send("create", "POST", "/request/add", self._origin, body)["guid"]

        pending = self._signed(send, who, "pull", "/device/requests")
        (waiting,) = pending["requests"]
        display = self._signed(send, who, "show", f"/device/requests/{waiting['guid']}")

        signed = who["device"].answer(display["display"], 0, pin=PIN).encode()
        reply = self._signed(send, who, "answer", "/device/answer", signed)
        assert reply["approved"] is True

        path = f"/request/getRequest?requestGuid={guid}"
        learned = send("poll", "GET", path, self._origin, b"")
        assert learned["status"] == "ANSWERED"
        assert learned["buttonSelected"] == 0

    def _bound(self, send: Send) -> Who:
        self._count += 1
        user = f"user-{os.getpid()}-{self._count}"
        device = SoftwareDevice.make(
            clock=SystemClock(), entropy=SystemEntropy(), pin=PIN, cost=CHEAP
        )
        naming = json.dumps({"accountId": user}).encode()
        invited = send("bind", "PUT", "/account/bind", self._origin, naming)
        enrolment = device.enrolment(invited["sessionToken"], invited["appSpaceGuid"], pin=PIN)
        body = json.dumps(enrolment_document(enrolment)).encode()
        bound = send("bind", "POST", "/device/bind", JSON, body)
        device.bond = Bond(
            device=bound["device"],
            account=bound["account"],
            app_space=bound["appSpace"],
            service_keys=trusted_keys(bound["serviceKeys"]),
        )
        return {"user": user, "device": device}

    def _signed(self, send: Send, who: Who, name: str, path: str, body: bytes = b"") -> Any:
        method = "POST" if body else "GET"
        call = who["device"].signed_call(method, self._url + path, body)
        return send(name, method, path, JOSE | {"Counterseal-Proof": call.proof}, body)
