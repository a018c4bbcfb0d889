"""The CallbackSender: one attempt to deliver a callback, over guarded HTTP."""

from __future__ import annotations

import logging
from typing import Self

import httpx2

from counterseal.errors import CallbackUncallable, SenderUnavailable
from counterseal.models import Delivery, DeliveryOutcome
from counterseal.ports import Clock
from counterseal_http.authorities import Authorities
from counterseal_http.budget import Budget
from counterseal_http.client import HEADERS
from counterseal_http.errors import EXPLAINED, Forbidden, NotAttempted, Unresolved
from counterseal_http.guard import Guard
from counterseal_http.retry_after import requested_wait
from counterseal_http.transport import CONNECTIONS, GuardedTransport

BODY_LIMIT = 16_384
"""
Octets of a receiver's response that are read, so that the connection can be reused.
They are neither stored nor logged.
"""

UNSENT = (Unresolved, httpx2.ConnectError, httpx2.ConnectTimeout)
"""Before there is a connection, with its TLS handshake, no byte of a request leaves."""

_log = logging.getLogger("counterseal_http")


class HttpCallbackSender:
    """
    Delivers callbacks by `POST`.

    Each failure that the receiver can cause is an outcome, and counts as an attempt: a refused
    or broken connection, a wrong certificate, no response, an invalid response.
    `SenderUnavailable` is only for failures of this machine. Otherwise a receiver could have its
    callback retried for ever.

    Args:
        guard: Which URLs may be called.
        clock: The time from which a date in `Retry-After` counts.
        connections: How many attempts run at the same time; at least the number of workers.
        tls: The authorities that receivers' certificates need; by default the machine's.
    """

    def __init__(
        self,
        guard: Guard,
        clock: Clock,
        *,
        connections: int = CONNECTIONS,
        tls: Authorities | None = None,
    ) -> None:
        self._guard = guard
        self._clock = clock
        self._transport = GuardedTransport(
            guard, response_limit=BODY_LIMIT, connections=connections, tls=tls
        )

    def require_callable(self, url: str) -> None:
        """
        Require a URL that the guard accepts (SENDER-5).

        Names are resolved, and their addresses checked, only at each attempt.

        Raises:
            CallbackUncallable: The guard refuses *url*; the text has its reason.
        """
        try:
            self._guard.target(url)
        except Forbidden as error:
            raise CallbackUncallable(str(error)) from None

    def send(self, delivery: Delivery) -> DeliveryOutcome:
        """
        Make one attempt (SENDER-1 to SENDER-4, SENDER-6).

        The refusal of a URL is final; that of a name's address is not, since it may change.

        Raises:
            SenderUnavailable: The sender is closed, or out of connections, sockets or threads.
        """
        budget = Budget(delivery.timeout.total_seconds())
        try:
            target = self._guard.target(delivery.url)
            headers = (*delivery.headers, *_default_headers(delivery.headers))
            status, received = self._transport.post(target, headers, delivery.body, budget)
        except Forbidden as error:
            _log_failure(delivery, error)
            return DeliveryOutcome(status=None, final=error.final, may_have_arrived=False)
        except NotAttempted as error:
            raise SenderUnavailable(str(error)) from error
        except Exception as error:  # noqa: BLE001 (ALL-1; each failure counts)
            _log_failure(delivery, error)
            return DeliveryOutcome(status=None, may_have_arrived=not isinstance(error, UNSENT))
        return DeliveryOutcome(
            status=status, retry_after=requested_wait(received, self._clock.now())
        )

    def close(self) -> None:
        """Refuse further attempts; attempts that run are completed."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _default_headers(headers: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    present = {name.lower() for name, _ in headers}
    return [(name, value) for name, value in HEADERS.items() if name not in present]


def _log_failure(delivery: Delivery, error: Exception) -> None:
    # Ids and kinds only: URL, headers and bodies may contain secrets (ALL-3).
    reason = str(error) if isinstance(error, EXPLAINED) else _kinds(error)
    message = dict(delivery.headers).get("webhook-id", "without an id")
    _log.warning("callback %s was not delivered: %s", message, reason)


def _kinds(error: BaseException) -> str:
    """Return the kind of *error*, and those of its causes that say more."""
    names: dict[str, None] = {}
    cause: BaseException | None = error
    while cause is not None:
        names[type(cause).__name__] = None
        # httpcore2 raises some errors again "from None", so that their cause is in `__context__`.
        cause = cause.__cause__ or cause.__context__
    return ": ".join(names)
