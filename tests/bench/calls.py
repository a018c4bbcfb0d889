"""The four calls that goal 7 measures, as requests that are ready to be sent, each once."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import attrs
from service import PIN, QUESTION, Service

import counterseal as cs
from counterseal.credentials.documents import write_basic
from counterseal.models import DeviceCall, Scheme


@attrs.frozen
class Request:
    """
    One request.

    Attributes:
        target: Path and query.
        status: What it is to be answered with.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    status: int = HTTPStatus.OK

    def environ(self) -> dict[str, Any]:
        """Return it as a WSGI server hands it to an application."""
        path, _, query = self.target.partition("?")
        environ = {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "auth.example.com",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(self.body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        if self.body:
            environ["CONTENT_LENGTH"] = str(len(self.body))
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        return environ


@attrs.frozen
class Calls:
    """
    An origin and a device that call one service.

    Attributes:
        base: Its public address.
    """

    service: Service
    base: str
    secret: str

    @classmethod
    def of(cls, service: Service, base: str) -> Calls:
        """Give the service's origin a Basic secret."""
        credentials = cs.Credentials(service.ports, service.policy, by=cs.OPERATOR)
        return cls(service, base, credentials.issue(service.party.origin.guid, Scheme.BASIC).secret)

    def stored_secret(self) -> tuple[bytes, bytes]:
        """Return the salt and the digest that the service keeps."""
        (origin,) = self.service.ports.store.get(self.service.party.origin.guid)
        (credential,) = origin.credentials  # type: ignore[union-attr]
        return credential.salt, credential.digest

    def requests(self, call: str, count: int) -> list[Request]:
        """Prepare so many requests; each is about an account of its own."""
        make: dict[str, Callable[[], Request]] = {
            "add": self._add,
            "pending": self._pending,
            "answer": self._answer,
            "getRequest": self._get_request,
        }
        return [make[call]() for _ in range(count)]

    def _add(self) -> Request:
        _, _, account_id = self.service.account()
        body = json.dumps(QUESTION | {"accountId": account_id}).encode()
        return Request("POST", "/request/add", self._basic(), body, HTTPStatus.CREATED)

    def _pending(self) -> Request:
        self.service.ask()
        return self._signed("GET", "/device/requests")

    def _answer(self) -> Request:
        return self._signed("POST", "/device/answer", self._token(self.service.ask()[1]))

    def _get_request(self) -> Request:
        challenge = self.service.ask()[1]
        call = self.service.device.signed_call("POST", f"{self.base}/", self._token(challenge))
        cs.Answers(self.service.ports, self.service.policy).answer(
            DeviceCall(method="POST", uri=f"{self.base}/", body=call.body, proof=call.proof)
        )
        target = f"/request/getRequest?requestGuid={challenge.guid}"
        return Request("GET", target, self._basic())

    def _token(self, challenge: cs.Challenge) -> bytes:
        return self.service.device.answer(challenge.display, 0, pin=PIN).encode()

    def _basic(self) -> dict[str, str]:
        guid = self.service.party.origin.guid
        return {
            "Authorization": write_basic(self.secret, guid=guid),
            "Content-Type": "application/json",
        }

    def _signed(self, method: str, target: str, body: bytes = b"") -> Request:
        call = self.service.device.signed_call(method, self.base + target, body)
        headers = {"Counterseal-Proof": call.proof}
        return Request(
            method, target, headers | ({"Content-Type": "application/jose"} if body else {}), body
        )
