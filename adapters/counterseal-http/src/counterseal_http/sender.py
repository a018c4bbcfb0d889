"""The CallbackSender: one attempt to deliver a finished challenge, over guarded HTTP."""

from __future__ import annotations

import logging
import ssl
from types import TracebackType
from typing import Self

import httpx2

from counterseal.errors import CallbackUncallable, SenderUnavailable
from counterseal.models import Delivery, DeliveryOutcome
from counterseal.ports import Clock
from counterseal_http.budget import Budget
from counterseal_http.client import HEADERS
from counterseal_http.errors import Forbidden, NotAttempted, Unresolved
from counterseal_http.guard import Guard
from counterseal_http.retry_after import asked_to_wait
from counterseal_http.transport import CONNECTIONS, GuardedTransport

BODY_LIMIT = 16_384
"""
Octets of a receiver's answer that are read, only so that the connection can serve again.
They are neither kept nor logged.
"""

_log = logging.getLogger("counterseal_http")


class HttpCallbackSender:
    """
    Delivers callbacks by `POST`.

    What the other side can bring about is an outcome, and counts as an attempt: a refused
    or broken connection, a certificate that does not fit, silence, nonsense.
    Only what is wrong on this side is `SenderUnavailable`, or else a receiver could keep its
    callback alive for ever.

    Args:
        guard: What may be called.
        clock: What a date in `Retry-After` is counted from.
        connections: How many attempts run at once; as many as there are workers, or more.
        tls: How receivers prove who they are; the machine's authorities if none is given.
    """

    def __init__(
        self,
        guard: Guard,
        clock: Clock,
        *,
        connections: int = CONNECTIONS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = guard
        self._clock = clock
        self._transport = GuardedTransport(
            guard, response_limit=BODY_LIMIT, connections=connections, tls=tls
        )

    def require_callable(self, url: str) -> None:
        """
        Refuse an address that the guard refuses as it is written (SENDER-5).

        Where a name leads is asked at each attempt.

        Raises:
            CallbackUncallable: It does, with the guard's reason.
        """
        try:
            self._guard.target(url)
        except Forbidden as error:
            raise CallbackUncallable(str(error)) from None

    def send(self, delivery: Delivery) -> DeliveryOutcome:
        """
        Make one attempt (SENDER-1 to SENDER-4).

        An address that is refused as it is written is final; where a name leads may change.

        Raises:
            SenderUnavailable: The sender is closed, or out of connections, sockets or threads.
        """
        budget = Budget(delivery.timeout.total_seconds())
        try:
            request = self._request(delivery)
            response = self._transport.exchange(request, budget)
        except Forbidden as error:
            _tell(delivery, error)
            return DeliveryOutcome(status=None, final=error.final)
        except NotAttempted as error:
            raise SenderUnavailable(str(error)) from error
        except Exception as error:  # noqa: BLE001 (ALL-1; whatever it is, it counts)
            _tell(delivery, error)
            return DeliveryOutcome(status=None)
        # The answer is here; what becomes of its body changes nothing.
        _drain(response)
        return DeliveryOutcome(
            status=response.status_code,
            retry_after=asked_to_wait(response.headers, self._clock.now()),
        )

    def close(self) -> None:
        """Attempt nothing from now on; attempts that run come to their own end."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _request(self, delivery: Delivery) -> httpx2.Request:
        target = self._guard.target(delivery.url)
        return httpx2.Request(
            "POST",
            target.url,
            headers=[*delivery.headers, *_missing(delivery.headers)],
            content=delivery.body,
            # SENDER-4: httpx2 would write some paths in another way.
            extensions={"target": target.path.encode("ascii")},
        )


def _missing(headers: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    given = {name.lower() for name, _ in headers}
    return [(name, value) for name, value in HEADERS.items() if name not in given]


def _drain(response: httpx2.Response) -> None:
    try:
        for _ in response.iter_raw():
            pass
    except httpx2.HTTPError:
        pass
    finally:
        response.close()


def _tell(delivery: Delivery, error: Exception) -> None:
    # Ids and kinds only: address, headers and bodies may hold secrets (ALL-3).
    reason = str(error) if isinstance(error, Forbidden | Unresolved) else _kinds(error)
    name = dict(delivery.headers).get("webhook-id", "without an id")
    _log.warning("callback %s was not delivered: %s", name, reason)


def _kinds(error: BaseException) -> str:
    # httpcore2 raises some of its errors again, "from None".
    cause = error.__cause__ or error.__context__
    return type(error).__name__ + (f" < {_kinds(cause)}" if cause else "")
