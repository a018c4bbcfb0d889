"""The sender of callbacks, created at the first one: most commands send none."""

from __future__ import annotations

import threading

import counterseal_http as http
from counterseal.errors import SenderUnavailable
from counterseal.models import Delivery, DeliveryOutcome
from counterseal.ports import Clock
from counterseal_server.callback_reach import callback_guard
from counterseal_server.settings import Settings


class LateCallbackSender:
    """
    A CallbackSender that loads the HTTP client when it is first used.

    Args:
        settings: Which addresses may be called, and how many attempts run at once.
        clock: The time from which a date in `Retry-After` counts.
        tls: The authorities that receivers' certificates need.
    """

    def __init__(self, settings: Settings, clock: Clock, *, tls: http.Authorities) -> None:
        self._settings = settings
        self._clock = clock
        self._tls = tls
        self._opened_sender: http.HttpCallbackSender | None = None
        self._is_closed = False
        self._lock = threading.Lock()

    def require_callable(self, url: str) -> None:
        """
        Require a URL that the guard accepts; see `CallbackSender.require_callable`.

        Raises:
            CallbackUncallable: The guard refuses *url*.
            SenderUnavailable: The sender is closed.
        """
        self._sender().require_callable(url)

    def send(self, delivery: Delivery) -> DeliveryOutcome:
        """
        Make one attempt; see `CallbackSender.send`.

        Raises:
            SenderUnavailable: The sender is closed, or out of connections, sockets or threads.
        """
        return self._sender().send(delivery)

    def close(self) -> None:
        """Refuse further attempts; attempts that run are completed."""
        with self._lock:
            self._is_closed = True
            if self._opened_sender is not None:
                self._opened_sender.close()

    def _sender(self) -> http.HttpCallbackSender:
        with self._lock:
            if self._is_closed:
                raise SenderUnavailable("the sender is closed")
            if self._opened_sender is None:
                self._opened_sender = http.HttpCallbackSender(
                    callback_guard(self._settings),
                    self._clock,
                    connections=max(1, self._settings.senders),
                    tls=self._tls,
                )
            return self._opened_sender
