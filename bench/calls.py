"""The four calls that goal 7 measures, as requests that are ready to be sent, each once."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import attrs
from scene import PIN, QUESTION, Scene

import counterseal as cs
from counterseal.models import DeviceCall, Scheme
from counterseal.wire.cx1 import write_basic


@attrs.frozen
class Sent:
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
        made = {
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
            made["CONTENT_LENGTH"] = str(len(self.body))
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            made[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        return made


@attrs.frozen
class Calls:
    """
    An origin and a device that call one service.

    Attributes:
        base: Its public address.
    """

    scene: Scene
    base: str
    secret: str

    @classmethod
    def of(cls, scene: Scene, base: str) -> Calls:
        """Give the scene's origin a Basic secret."""
        credentials = cs.Credentials(scene.ports, scene.policy)
        return cls(scene, base, credentials.issue(scene.party.origin.guid, Scheme.BASIC).secret)

    def stored_secret(self) -> tuple[bytes, bytes]:
        """Return the salt and the digest that the service keeps."""
        (origin,) = self.scene.ports.store.get(self.scene.party.origin.guid)
        (credential,) = origin.credentials  # type: ignore[union-attr]
        return credential.salt, credential.digest

    def made(self, call: str, count: int) -> list[Sent]:
        """Prepare so many requests; each is about an account of its own."""
        make: dict[str, Callable[[], Sent]] = {
            "add": self._add,
            "pending": self._pending,
            "answer": self._answer,
            "getRequest": self._get_request,
        }
        return [make[call]() for _ in range(count)]

    def _add(self) -> Sent:
        _, _, account_id = self.scene.account()
        body = json.dumps(QUESTION | {"accountId": account_id}).encode()
        return Sent("POST", "/request/add", self._basic(), body, HTTPStatus.CREATED)

    def _pending(self) -> Sent:
        self.scene.asked()
        return self._proven("GET", "/device/requests")

    def _answer(self) -> Sent:
        return self._proven("POST", "/device/answer", self._token(self.scene.asked()[1]))

    def _get_request(self) -> Sent:
        challenge = self.scene.asked()[1]
        call = self.scene.device.call("POST", f"{self.base}/", self._token(challenge))
        cs.Answers(self.scene.ports, self.scene.policy).answer(
            DeviceCall(method="POST", uri=f"{self.base}/", body=call.body, proof=call.proof)
        )
        target = f"/request/getRequest?requestGuid={challenge.guid}"
        return Sent("GET", target, self._basic())

    def _token(self, challenge: cs.Challenge) -> bytes:
        return self.scene.device.answer(challenge.display, 0, pin=PIN).encode()

    def _basic(self) -> dict[str, str]:
        guid = self.scene.party.origin.guid
        return {
            "Authorization": write_basic(self.secret, guid=guid),
            "Content-Type": "application/json",
        }

    def _proven(self, method: str, target: str, body: bytes = b"") -> Sent:
        call = self.scene.device.call(method, self.base + target, body)
        headers = {"Counterseal-Proof": call.proof}
        return Sent(
            method, target, headers | ({"Content-Type": "application/jose"} if body else {}), body
        )
