"""Calls of a device, each with its proof, over guarded HTTP."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, TypeVar

import attrs
import httpx2

from counterseal import read_json
from counterseal.device import SoftwareDevice
from counterseal.errors import InvalidField, Refused, Unavailable
from counterseal.wire.device import OpenRequests
from counterseal.wire.members import read_record
from counterseal.wire.problem import read_problem
from counterseal_demo.device_cli.clock import CorrectedClock, clock_offset
from counterseal_http import Guard, guarded_client, requested_wait

R = TypeVar("R", bound=attrs.AttrsInstance)

PROOF = "Counterseal-Proof"
JSON = "application/json"
JWS = "application/jose"
BAD_REQUEST = 400
FORBIDDEN = 403
SERVER_ERROR = 500
DENIED = "denied"
"""The code of each refusal of a proof."""


class ServiceRefused(Refused, code="service_refused"):
    """
    The service refused the call.

    Attributes:
        word: The problem's code.
        reason: The problem's reason; None if it has none.
    """

    def __init__(self, word: str, detail: str, reason: str | None = None) -> None:
        super().__init__(f"{word}: {detail}")
        self.word = word
        self.reason = reason


class ServiceUnreachable(Unavailable, code="service_unreachable"):
    """The service did not reply, or its reply is invalid; the call may be repeated."""


@attrs.frozen
class Listed:
    """What the device is asked, and how long the service wants it to pause before the next call."""

    open: OpenRequests
    pause: timedelta | None


class Calls:
    """
    Calls to one service.

    Args:
        url: The URL of the service, before the path; proofs cover it.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        # The person chooses the service, which may be on this machine.
        self._client = guarded_client(Guard(allow_http=True, allow_private=True, ports=None))

    def plain(self, path: str, document: dict[str, Any], reply: type[R]) -> R:
        """
        Make a call without a proof; return its *reply*.

        Raises:
            ServiceRefused: The service refused the call.
            ServiceUnreachable: It did not reply, or its reply is invalid.
        """
        body = json.dumps(document).encode()
        return _parse(reply, self._called("POST", path, body, {"Content-Type": JSON}))

    def signed_request(
        self, device: SoftwareDevice, method: str, path: str, reply: type[R], token: str = ""
    ) -> R:
        """
        Make a call with the proof that *device* makes, and a *token*; return its *reply*.

        Raises:
            NotBound: The device is not bound.
            ServiceRefused: The service refused the call.
            ServiceUnreachable: It did not reply, or its reply is invalid.
        """
        return _parse(reply, self._signed(device, method, path, token.encode()))

    def json_request(
        self, device: SoftwareDevice, method: str, path: str, body: bytes, reply: type[R]
    ) -> R:
        """
        Make a call with the proof that *device* makes, and a JSON *body*; return its *reply*.

        Raises:
            NotBound: The device is not bound.
            ServiceRefused: The service refused the call.
            ServiceUnreachable: It did not reply, or its reply is invalid.
        """
        return _parse(reply, self._signed(device, method, path, body, JSON))

    def record_telemetry(self, device: SoftwareDevice, body: bytes) -> None:
        """
        Report an event of *device*; *body* is a JSON object, as in `counterseal.wire.telemetry`.

        Raises:
            NotBound: The device is not bound.
            ServiceRefused: The service refused the call.
            ServiceUnreachable: It did not reply, or its reply is invalid.
        """
        self._signed(device, "POST", "/device/telemetry", body, JSON)

    def unbind(self, device: SoftwareDevice) -> None:
        """
        Make the call that revokes *device*.

        Raises:
            NotBound: The device is not bound.
            ServiceRefused: The service refused the call.
            ServiceUnreachable: It did not reply, or its reply is invalid.
        """
        self._signed(device, "DELETE", "/device")

    def await_list(self, device: SoftwareDevice, seconds: int) -> Listed:
        """
        Return what *device* is asked, once that is anything.

        Args:
            device: Which is bound.
            seconds: How long the service may wait; then, or if too many wait, it replies too.

        Raises:
            NotBound: The device is not bound.
            ServiceRefused: The service refuses.
            ServiceUnreachable: It did not answer, or not as it should.
        """
        response = self._proved(device, "GET", f"/device/requests?wait={seconds}")
        pause = requested_wait(response.headers, device.clock.now())
        return Listed(_parse(OpenRequests, _document(response)), pause)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _signed(
        self,
        device: SoftwareDevice,
        method: str,
        path: str,
        body: bytes = b"",
        content_type: str = JWS,
    ) -> Any:
        return _document(self._proved(device, method, path, body, content_type))

    def _proved(
        self,
        device: SoftwareDevice,
        method: str,
        path: str,
        body: bytes = b"",
        content_type: str = JWS,
    ) -> httpx2.Response:
        """Make a call with a proof; once more if the device's clock was wrong, and correct it."""
        response = self._signed_response(device, method, path, body, content_type)
        if not _denied(response):
            return response
        offset = clock_offset(response.headers, device.clock.now())
        if offset is None:
            return response
        device.clock = CorrectedClock(device.clock, offset)
        return self._signed_response(device, method, path, body, content_type)

    def _signed_response(
        self, device: SoftwareDevice, method: str, path: str, body: bytes, content_type: str
    ) -> httpx2.Response:
        call = device.signed_call(method, self._url + path, body)
        headers = {PROOF: call.proof} | ({"Content-Type": content_type} if body else {})
        return self._response(method, path, body, headers)

    def _called(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Any:
        return _document(self._response(method, path, body, headers))

    def _response(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> httpx2.Response:
        try:
            return self._client.request(
                method, self._url + path, content=body or None, headers=headers
            )
        except httpx2.RequestError as error:
            raise ServiceUnreachable(str(error) or type(error).__name__) from None
        except httpx2.InvalidURL:
            raise InvalidField("url", "not an address") from None


def _denied(response: httpx2.Response) -> bool:
    """Tell whether a proof may have been refused for its time, which the problem never says."""
    if response.status_code != FORBIDDEN:
        return False
    try:
        document = read_json(response.content, field="reply")
    except InvalidField:
        return False
    problem = read_problem(document, status=FORBIDDEN)
    return problem.code == DENIED and problem.reason is None


def _parse(reply: type[R], document: object) -> R:
    try:
        return read_record(reply, document)
    except InvalidField as error:
        raise ServiceUnreachable(f"a reply that cannot be read: {error}") from None


def _document(response: httpx2.Response) -> Any:
    status = response.status_code
    try:
        document = read_json(response.content, field="reply") if response.content else {}
    except InvalidField:
        document = None
    if status >= SERVER_ERROR or not isinstance(document, dict):
        raise ServiceUnreachable(f"status {status}")
    if status < BAD_REQUEST:
        return document
    problem = read_problem(document, status=status)
    detail = problem.detail or problem.title or f"status {status}"
    if problem.attempts_left is not None:
        detail += f" Attempts left: {problem.attempts_left}."
    if problem.reason is not None:
        detail += f" Reason: {problem.reason}."
    raise ServiceRefused(problem.code, detail, problem.reason)
