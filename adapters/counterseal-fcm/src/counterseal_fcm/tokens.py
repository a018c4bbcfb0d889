"""
Access tokens: google-auth signs and asks for them, and we keep it from waiting.

google-auth tries up to three times and sleeps in between when a token endpoint is busy.
So an answer that is no token reaches it as an error of its transport, which it does not try again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import httpx2
from google.auth import transport
from google.auth.credentials import Credentials, TokenState
from google.auth.exceptions import GoogleAuthError, TransportError

from counterseal.models import PushOutcome, PushResult
from counterseal.ports import Clock
from counterseal_http import Budget, Forbidden, GuardedClient, asked_to_wait
from counterseal_http.rounds import LATER, MISCONFIGURED

PAUSE_SECONDS = 5.0
"""
How long a failure to get a token stands for all who want one.
Else each of many addresses would ask anew, of a server that just refused.
"""

_OK = 200
_REFUSALS = range(400, 500)
_NOT_NOW = frozenset({408, 429})

_log = logging.getLogger("counterseal_fcm")


class NoToken(Exception):
    """
    There is no token now.

    Attributes:
        outcome: What that means for every address.
    """

    def __init__(self, outcome: PushOutcome) -> None:
        super().__init__(outcome.result.value)
        self.outcome = outcome


class Tokens:
    """
    One token at a time, for all threads.

    Args:
        credentials: Whose `refresh` is called.
        client: By which they ask.
        clock: What a date in `Retry-After` is counted from.
        monotonic: Seconds that only grow.
    """

    def __init__(
        self,
        credentials: Credentials,
        client: GuardedClient,
        clock: Clock,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credentials: Any = credentials
        self._client = client
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._good = ""
        self._bad = ""
        self._failure: tuple[float, PushOutcome] | None = None

    def bearer(self, left: Budget) -> str:
        """
        Return a token that has not run out, after one request for a new one at most.

        Raises:
            NoToken: There is none, or not within *left*.
            TimeoutError: Nothing is left.
        """
        state, token = self._credentials.token_state, self._credentials.token
        if state is TokenState.FRESH and token is not None:
            return str(token)
        # One that soon runs out serves all others while somebody sees to the next.
        serves = state is TokenState.STALE and token is not None
        if not self._lock.acquire(timeout=0 if serves else left.seconds()):
            if serves:
                return str(token)
            raise NoToken(LATER)
        try:
            if self._credentials.token_state is not TokenState.FRESH:
                self._renew(left)
            return str(self._credentials.token)
        finally:
            self._lock.release()

    def accepted(self, token: str) -> None:
        """Note that FCM took *token*."""
        self._good = token

    def refused(self, token: str) -> PushOutcome:
        """
        Drop *token*, and return what its refusal means for the address.

        One that served before has been withdrawn: the next attempt brings another.
        One that never did is as good as the next one.
        """
        with self._lock:
            if self._credentials.token == token:
                self._credentials.token = None
                if token != self._good:
                    _log.warning("FCM does not accept our access token")
                    self._bad = token
                    self._fail(MISCONFIGURED)
            return MISCONFIGURED if token == self._bad else LATER

    def _renew(self, left: Budget) -> None:
        serves = self._credentials.token_state is TokenState.STALE
        if self._failure is not None and self._monotonic() < self._failure[0]:
            if serves:
                return
            raise NoToken(self._failure[1])
        asking = _Asking(self._client, self._clock, left)
        try:
            self._credentials.refresh(asking)
        except _Unanswered as error:
            outcome = error.outcome
        except GoogleAuthError:
            # What the endpoint sent is no token, or there is no key to sign with.
            outcome = MISCONFIGURED
        else:
            self._failure = None
            return
        _log.warning("no access token: %s", outcome.result.value)
        self._fail(outcome)
        if not serves:
            raise NoToken(outcome)

    def _fail(self, outcome: PushOutcome) -> None:
        self._failure = (self._monotonic() + PAUSE_SECONDS, outcome)


class _Unanswered(TransportError):
    def __init__(self, outcome: PushOutcome) -> None:
        super().__init__(outcome.result.value)  # type: ignore[no-untyped-call]
        self.outcome = outcome


class _Answer(transport.Response):
    def __init__(self, response: httpx2.Response) -> None:
        self._response = response

    @property
    def status(self) -> int:
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    @property
    def data(self) -> bytes:
        return self._response.content


class _Asking(transport.Request):
    """google-auth's way of asking, within the time of one push."""

    def __init__(self, client: GuardedClient, clock: Clock, left: Budget) -> None:
        self._client = client
        self._clock = clock
        self._left = left

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002 (google-auth's; ours is shorter)
        **_: object,
    ) -> _Answer:
        try:
            response = self._client.request(
                method, url, content=body, headers=dict(headers or {}), timeout=self._left.seconds()
            )
        except Forbidden:
            raise _Unanswered(MISCONFIGURED) from None
        except (httpx2.TransportError, TimeoutError):
            raise _Unanswered(LATER) from None
        if response.status_code != _OK:
            raise _Unanswered(_refusal(response, self._clock.now()))
        return _Answer(response)


def _refusal(response: httpx2.Response, now: datetime) -> PushOutcome:
    status = response.status_code
    if status in _REFUSALS and status not in _NOT_NOW:
        return MISCONFIGURED
    return PushOutcome(result=PushResult.LATER, after=asked_to_wait(response.headers, now))
