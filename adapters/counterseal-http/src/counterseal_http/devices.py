"""
Calls of a device, each with its proof, and by whatever transport its embedder gives.

A refused proof that gives no reason may come from a wrong clock: the call is made once more by the
`Date` of the refusal (RFC 9110, 6.6.1).
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

import attrs
import httpx2

from counterseal import ijson
from counterseal.bindings.documents.device import OpenRequests
from counterseal.device import SoftwareDevice
from counterseal.errors import InvalidField, Refused, Unavailable
from counterseal.wire.members import read_record
from counterseal.wire.problem import read_problem
from counterseal_http.authorities import Authorities
from counterseal_http.client import guarded_client
from counterseal_http.guard import Guard
from counterseal_http.retry_after import http_date, requested_wait

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


@attrs.frozen(kw_only=True)
class ServiceCall:
    """
    One call to the service.

    Attributes:
        url: With scheme, host and query.
        headers: The proof and the type of the body, where the call has them.
    """

    method: str
    url: str
    headers: dict[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(default=b"", repr=False)


@attrs.frozen(kw_only=True)
class ServiceReply:
    """
    What came back, whatever its status.

    Attributes:
        headers: Names and values, one pair for each field line; the case of names is ignored.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = attrs.field(default=b"", repr=False)


class Transport(Protocol):
    """How calls reach the service."""

    def send(self, call: ServiceCall) -> ServiceReply:
        """
        Make *call* once, follow no redirect, and return the reply.

        Raises:
            ServiceUnreachable: No reply came; whether the service has the call is not known.
            InvalidField: The URL is not one.
        """

    def close(self) -> None:
        """Close the connections."""


class HttpTransport:
    """
    Guarded HTTP; the default.

    Args:
        guard: Where calls may go; None for any host, as the person chooses the service, which may
            be on this machine.
        tls: The authorities that the service's certificate needs; by default the machine's.
    """

    def __init__(self, guard: Guard | None = None, *, tls: Authorities | None = None) -> None:
        everywhere = Guard(allow_http=True, allow_private=True, ports=None)
        self._client = guarded_client(everywhere if guard is None else guard, tls=tls)

    def send(self, call: ServiceCall) -> ServiceReply:
        """
        Make *call* once.

        Raises:
            ServiceUnreachable: No reply came.
            InvalidField: The URL is not one.
        """
        try:
            response = self._client.request(
                call.method, call.url, content=call.body or None, headers=call.headers
            )
        except httpx2.RequestError as error:
            raise ServiceUnreachable(str(error) or type(error).__name__) from None
        except httpx2.InvalidURL:
            raise InvalidField("url", "not an address") from None
        return ServiceReply(
            status=response.status_code,
            headers=tuple(response.headers.multi_items()),
            body=response.content,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


@attrs.frozen
class Listed:
    """What the device is asked, and how long the service wants it to pause before the next call."""

    open: OpenRequests
    pause: timedelta | None


class DeviceCalls:
    """
    Calls to one service.

    Args:
        url: The URL of the service, before the path; proofs cover it.
        transport: How calls reach it; None for guarded HTTP.
    """

    def __init__(self, url: str, transport: Transport | None = None) -> None:
        self._url = url.rstrip("/")
        self._transport: Transport = HttpTransport() if transport is None else transport

    def plain(self, path: str, document: dict[str, Any], reply: type[R]) -> R:
        """
        Make a call without a proof; return its *reply*.

        Raises:
            ServiceRefused: The service refused the call.
            ServiceUnreachable: It did not reply, or its reply is invalid.
        """
        body = json.dumps(document).encode()
        return _parse(reply, _document(self._send("POST", path, body, {"Content-Type": JSON})))

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

    def lock(self, device: SoftwareDevice) -> None:
        """
        Make the call that locks the account of *device*.

        Raises:
            NotBound: The device is not bound.
            ServiceRefused: The service refused the call.
            ServiceUnreachable: It did not reply, or its reply is invalid.
        """
        self._signed(device, "POST", "/device/lock")

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
        reply = self._proved(device, "GET", f"/device/requests?wait={seconds}")
        pause = requested_wait(_headers(reply), device.clock.now())
        return Listed(_parse(OpenRequests, _document(reply)), pause)

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()

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
    ) -> ServiceReply:
        """Make a call with a proof; once more if the device's clock was wrong, and correct it."""
        reply = self._send_signed(device, method, path, body, content_type)
        if not _denied(reply):
            return reply
        service_time = _service_time(reply, device)
        clock = device.clock
        if service_time is None or not device.correct_clock(service_time):
            return reply
        repeated_reply = self._send_signed(device, method, path, body, content_type)
        if _denied(repeated_reply):
            device.clock = clock  # the time was not the reason
        return repeated_reply

    def _send_signed(
        self, device: SoftwareDevice, method: str, path: str, body: bytes, content_type: str
    ) -> ServiceReply:
        call = device.signed_call(method, self._url + path, body)
        headers = {PROOF: call.proof} | ({"Content-Type": content_type} if body else {})
        return self._send(method, path, body, headers)

    def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> ServiceReply:
        call = ServiceCall(method=method, url=self._url + path, headers=headers, body=body)
        return self._transport.send(call)


def _headers(reply: ServiceReply) -> httpx2.Headers:
    return httpx2.Headers(list(reply.headers))


def _service_time(reply: ServiceReply, device: SoftwareDevice) -> datetime | None:
    """Return the one `Date` of *reply*; None if it has none that can be read, or several."""
    dates = _headers(reply).get_list("date")
    return http_date(dates[0], device.clock.now()) if len(dates) == 1 else None


def _denied(reply: ServiceReply) -> bool:
    """Tell whether a proof may have been refused for its time, which the problem never says."""
    if reply.status != FORBIDDEN:
        return False
    try:
        document = ijson.parse(reply.body, field="reply")
    except InvalidField:
        return False
    problem = read_problem(document, status=FORBIDDEN)
    return problem.code == DENIED and problem.reason is None


def _parse(reply: type[R], document: object) -> R:
    try:
        return read_record(reply, document)
    except InvalidField as error:
        raise ServiceUnreachable(f"a reply that cannot be read: {error}") from None


def _document(reply: ServiceReply) -> Any:
    status = reply.status
    try:
        document = ijson.parse(reply.body, field="reply") if reply.body else {}
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
