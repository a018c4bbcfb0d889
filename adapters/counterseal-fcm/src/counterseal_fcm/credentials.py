"""
The service account that sends, and its access tokens.

google-auth requests the tokens.
By itself it tries up to three times when a token endpoint is busy, and sleeps in between.
So a response without a token reaches it as a transport error, after which it does not retry.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import attrs
import httpx2
from google.auth import transport
from google.auth.credentials import Credentials, TokenState
from google.auth.exceptions import GoogleAuthError, TransportError
from google.oauth2 import service_account

from counterseal.errors import InvalidField
from counterseal.models import PushOutcome, PushResult
from counterseal.ports import Clock
from counterseal_http import (
    Budget,
    Forbidden,
    GuardedClient,
    describe_failure,
    requested_wait,
)
from counterseal_http.fan_out import LATER, MISCONFIGURED

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
"""It allows sending messages, and nothing else."""

FILE_LIMIT = 65_536
"""Octets; such a file has some 2,400."""

PAUSE_SECONDS = 5.0
"""
How long after a failure no token is requested.
Otherwise each of many addresses would request one from a server that has just refused.
"""

_OK = 200
_REFUSALS = range(400, 500)
_RETRYABLE = frozenset({408, 429})

_log = logging.getLogger("counterseal_fcm")


@attrs.frozen(kw_only=True)
class ServiceAccount:
    """
    The account that sends, and its Firebase project.

    Attributes:
        project: The id of the project.
        credentials: Credentials of google-auth with the scope `firebase.messaging`.
    """

    project: str
    credentials: Credentials = attrs.field(repr=False)


def read_service_account(data: bytes) -> ServiceAccount:
    """
    Read a service account's key file, as JSON.

    Raises:
        InvalidField: *data* is not such a file; the error does not contain *data*.
    """
    try:
        members: Any = json.loads(data) if len(data) <= FILE_LIMIT else None
    except ValueError:
        members = None
    if not isinstance(members, dict) or members.get("type") != "service_account":
        raise InvalidField("credentials", "not the key file of a service account")
    project = members.get("project_id")
    if not isinstance(project, str) or not project:
        raise InvalidField("credentials", "names no project")
    new_credentials: Any = service_account.Credentials.from_service_account_info
    try:
        credentials = new_credentials(members, scopes=[SCOPE])
    except (GoogleAuthError, ValueError, TypeError):
        raise InvalidField("credentials", "a key file that google-auth cannot use") from None
    return ServiceAccount(project=project, credentials=credentials)


class NoAccessToken(Exception):
    """
    There is no access token now.

    Attributes:
        outcome: The outcome for every address.
    """

    def __init__(self, outcome: PushOutcome) -> None:
        super().__init__(outcome.result.value)
        self.outcome = outcome


class AccessTokens:
    """
    The current access token, for all threads.

    Args:
        credentials: Their `refresh` requests a token.
        client: Sends the requests.
        clock: The time from which a date in `Retry-After` counts.
        monotonic: A monotonic clock, in seconds.
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
        self._confirmed = ""
        self._rejected = ""
        self._failure: tuple[float, PushOutcome] | None = None

    def get(self, budget: Budget) -> str:
        """
        Return a token that has not expired, after at most one request for a new one.

        Raises:
            NoAccessToken: There is none, or none within *budget*.
            TimeoutError: No time is left.
        """
        state, token = self._credentials.token_state, self._credentials.token
        if state is TokenState.FRESH and token is not None:
            return str(token)
        # While one thread requests the next token, the others use one that expires soon.
        is_usable = state is TokenState.STALE and token is not None
        if not self._lock.acquire(timeout=0 if is_usable else budget.seconds()):
            if is_usable:
                return str(token)
            raise NoAccessToken(LATER)
        try:
            if self._credentials.token_state is not TokenState.FRESH:
                self._refresh(budget)
            return str(self._credentials.token)
        finally:
            self._lock.release()

    def confirm(self, token: str) -> None:
        """Remember that FCM has accepted *token*."""
        self._confirmed = token

    def discard(self, token: str) -> PushOutcome:
        """
        Drop *token*, which FCM refused, and return the outcome for the address.

        If FCM has accepted the token before, it was withdrawn, and the next attempt requests
        another. If it never did, another token would be refused, too.
        """
        with self._lock:
            if self._credentials.token == token:
                self._credentials.token = None
                if token != self._confirmed:
                    _log.warning("FCM does not accept the access token")
                    self._rejected = token
                    self._fail(MISCONFIGURED)
            return MISCONFIGURED if token == self._rejected else LATER

    def _refresh(self, budget: Budget) -> None:
        is_usable = self._credentials.token_state is TokenState.STALE
        if self._failure is not None and self._monotonic() < self._failure[0]:
            if is_usable:
                return
            raise NoAccessToken(self._failure[1])
        request = _Request(self._client, self._clock, budget)
        try:
            self._credentials.refresh(request)
        except _RequestFailed as error:
            outcome, reason = error.outcome, error.reason
        except GoogleAuthError as error:
            # The endpoint did not send a token, or the key cannot sign.
            outcome, reason = MISCONFIGURED, type(error).__name__
        else:
            self._failure = None
            return
        _log.warning("no access token: %s: %s", outcome.result.value, reason)
        self._fail(outcome)
        if not is_usable:
            raise NoAccessToken(outcome)

    def _fail(self, outcome: PushOutcome) -> None:
        self._failure = (self._monotonic() + PAUSE_SECONDS, outcome)


class _RequestFailed(TransportError):
    def __init__(self, outcome: PushOutcome, reason: str) -> None:
        super().__init__(reason)  # type: ignore[no-untyped-call]
        self.outcome = outcome
        self.reason = reason


class _Response(transport.Response):
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


class _Request(transport.Request):
    """The transport of google-auth, within the budget of one push message."""

    def __init__(self, client: GuardedClient, clock: Clock, budget: Budget) -> None:
        self._client = client
        self._clock = clock
        self._budget = budget

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002 (google-auth's; the budget is shorter)
        **_: object,
    ) -> _Response:
        try:
            response = self._client.request(
                method,
                url,
                content=body,
                headers=dict(headers or {}),
                timeout=self._budget.seconds(),
            )
        except Forbidden as error:
            raise _RequestFailed(MISCONFIGURED, describe_failure(error)) from None
        except (httpx2.TransportError, TimeoutError) as error:
            raise _RequestFailed(LATER, describe_failure(error)) from None
        if response.status_code != _OK:
            outcome = _refusal(response, self._clock.now())
            raise _RequestFailed(outcome, f"status {response.status_code}")
        return _Response(response)


def _refusal(response: httpx2.Response, now: datetime) -> PushOutcome:
    status = response.status_code
    if status in _REFUSALS and status not in _RETRYABLE:
        return MISCONFIGURED
    return PushOutcome(result=PushResult.LATER, after=requested_wait(response.headers, now))
