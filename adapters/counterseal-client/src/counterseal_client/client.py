"""The client: what an origin asks of the service, over HTTP."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from counterseal.memory import SystemClock, SystemEntropy
from counterseal.models import Button, ChallengeState, Content, Guid, Scheme
from counterseal.ports import Clock, Entropy
from counterseal.wire.messages import ProcessedRequest, read_processed
from counterseal_client.address import Address
from counterseal_client.asked import Asked, read_asked
from counterseal_client.caller import ATTEMPTS, Call, Caller
from counterseal_client.credential import Credential
from counterseal_client.errors import EvidenceRefused, Finished, Unfit, demand
from counterseal_client.line import Line
from counterseal_client.problem import asked_pause
from counterseal_client.question import json_body, question_body
from counterseal_client.users import Users, own_guid
from counterseal_client.waiting import HOLD, Look, Waiting
from counterseal_http import Guard

TIMEOUT = timedelta(seconds=10)
CONNECTIONS = 32

YOUR_OWN = Guard(allow_http=True, allow_private=True, ports=None)
"""The service's address is the operator's own: it may lead inside, but not to credentials."""


class Client(Users):
    """
    One Request Origin's client; it may be shared by threads.

    Args:
        base_url: The service's public address, as it is configured with it.
        origin: The Request Origin's GUID.
        key: Its secret, as the service gave it out.
        scheme: `basic`, `hmac` (CX1) or `signature` (RFC 9421), whichever the origin is set to.
        app_space: The App Space's GUID; where given, replies of another one are refused.
        timeout: The longest that one attempt of a call may take, from the look-up of the name
            to the last octet of the reply; a call makes three at most.
        tls: How the service proves who it is; the machine's authorities if none is given.
        allow_http: Whether plain `http` may be spoken with another machine.
        guard: Where the service's name may lead.
        connections: How many requests run at once.
        clock: The time that signatures tell.
        entropy: Where idempotency keys come from.
        sleep: Waits for so many seconds.
        monotonic: Seconds that only grow.

    Raises:
        Unfit: One of these cannot work.
    """

    def __init__(
        self,
        base_url: str,
        origin: str,
        key: str,
        *,
        scheme: Scheme | str = Scheme.BASIC,
        app_space: str | None = None,
        timeout: timedelta = TIMEOUT,
        tls: ssl.SSLContext | None = None,
        allow_http: bool = False,
        guard: Guard = YOUR_OWN,
        connections: int = CONNECTIONS,
        clock: Clock | None = None,
        entropy: Entropy | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        for name, text in (("base_url", base_url), ("origin", origin), ("key", key)):
            demand(name, text, str)
        demand("timeout", timeout, timedelta)
        if timeout <= timedelta(0):
            raise Unfit("a timeout that is over before it begins")
        self._monotonic = monotonic
        longest = timeout + timedelta(seconds=HOLD)
        caller = Caller(
            address=Address.read(base_url, guard, allow_http=allow_http),
            credential=Credential(origin, key, scheme),
            line=Line(guard, longest=longest, connections=connections, tls=tls),
            timeout=timeout,
            clock=clock or SystemClock(),
            entropy=entropy or SystemEntropy(),
            sleep=sleep,
        )
        super().__init__(caller, None if app_space is None else own_guid(app_space))

    def __repr__(self) -> str:
        """Name the service, the origin and the scheme, and not the key."""
        return f"Client({self._caller.address.base!r}, {self._caller.credential!r})"

    def ask(
        self,
        account_id: str,
        content: Content | str,
        *,
        buttons: Iterable[Button] | None = None,
        duration: timedelta | None = None,
        callback: str | None = None,
        additional_info: Any = None,
        transaction_id: str | None = None,
        notification_title: str | None = None,
        notification_body: str | None = None,
        show_notification: bool = True,
        show_code: bool = False,
        idempotency_key: str | None = None,
    ) -> Asked:
        """
        Put a question to a user.

        An idempotency key is always sent, so that a lost reply never asks a person twice. Give
        your own (an order's id, for one), and the same holds over a crash of your program.

        Args:
            account_id: The origin's own id of the user, from the authenticated session.
            content: What is asked; text is plain text.
            buttons: At least two; *Approve* (strong) and *Reject* if none are given.
            duration: Whole seconds in which it may be answered.
            callback: Where the outcome is delivered; on the origin's allow-list.
            additional_info: Text or JSON object, shown to the device and returned.
            transaction_id: Returned.
            notification_title: The push's own.
            notification_body: The same.
            show_notification: Whether the push is visible.
            show_code: Whether the person types a code that you show: `Asked.code`.
            idempotency_key: The same key with the same question gets the first one's result.

        Returns:
            What to keep, on your side, until the answer is acted on.

        Raises:
            InvalidField: The question is malformed; the error names the member.
            Unfit: The idempotency key is none, or an argument is of another type.
            Unreachable: The account is unknown, locked, or has no bound device.
            AskedTooOften: The person has to be left alone for a while.
            RequestRefused: The service says no for another reason.
            Unavailable: There is no answer, or one to another question.
        """
        body = question_body(
            account_id,
            content,
            buttons,
            duration,
            callback=callback,
            additionalInfo=additional_info,
            transactionId=transaction_id,
            notificationTitle=notification_title,
            notificationBody=notification_body,
            showNotification=show_notification,
            showCode=show_code,
        )
        reply = self._keyed("POST", "request/add", body, idempotency_key)
        origin, sent = self._caller.credential.origin, body.decode()
        asked = reply.read(lambda document: read_asked(sent, document, origin=origin))
        self._require_own(asked.app_space)
        return asked

    def status(self, request: Asked | str) -> ProcessedRequest:
        """
        Return a request as it stands.

        Raises:
            NotThere: This origin has none of that GUID.
            EvidenceRefused: The service tells of another request.
            RequestRefused: The service says no for another reason.
            Unavailable: There is no answer, or none that can be read.
        """
        return self._look(request).request

    def wait(self, request: Asked | str, timeout: timedelta) -> ProcessedRequest:
        """
        Return a request once it has ended, or as it stands when *timeout* is over.

        A service that holds the call is asked every 25 seconds, another one ever more seldom,
        and none before a `Retry-After` is over. A look that fails is no failure until time is
        over.

        Raises:
            NotThere: This origin has none of that GUID.
            EvidenceRefused: The service tells of another request.
            RequestRefused: The service says no for another reason.
            Unfit: An argument is of another type, or no GUID.
            Unavailable: The last look got no answer.
        """
        demand("timeout", timeout, timedelta)
        waiting = Waiting(
            look=lambda hold: self._look(request, hold=hold, attempts=1),
            sleep=self._caller.sleep,
            monotonic=self._monotonic,
        )
        return waiting.until(timeout)

    def cancel(self, request: Asked | str) -> None:
        """
        Take a question back.

        Raises:
            Finished: It has ended in another way.
            NotThere: This origin has none of that GUID.
            RequestRefused: The service says no for another reason.
            Unavailable: There is no answer.
        """
        body = json_body(requestGuid=_name(request))
        try:
            self._caller.call(Call(method="PATCH", path="request/cancel", body=body))
        except Finished as refusal:
            # By an earlier attempt, perhaps, whose reply was lost; or the person was faster.
            if not refusal.repeated or self.status(request).state is not ChallengeState.CANCELLED:
                raise

    def close(self) -> None:
        """Call nothing from now on; calls that run come to their own end."""
        self._caller.line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _look(self, request: Asked | str, *, hold: int = 0, attempts: int = ATTEMPTS) -> Look:
        guid = _name(request)
        call = Call(
            method="GET",
            path="request/getRequest",
            query=(("requestGuid", guid), *((("wait", str(hold)),) if hold else ())),
            attempts=attempts,
            longer=timedelta(seconds=hold),
        )
        reply = self._caller.call(call)
        told = reply.read(read_processed)
        if isinstance(request, Asked):
            request.require_same(told)
        elif told.guid != guid:
            raise EvidenceRefused("guid")
        return Look(request=told, pause=asked_pause(reply, self._caller.clock.now()))


def _name(request: Asked | str) -> Guid:
    if isinstance(request, Asked):
        return request.guid
    demand("request", request, Asked, str)
    return own_guid(request)
