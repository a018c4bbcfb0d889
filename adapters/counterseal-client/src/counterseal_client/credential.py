"""Credentials: how an origin authenticates its calls, in one of three schemes."""

from __future__ import annotations

import re
import threading
from datetime import datetime

import attrs

from counterseal.credentials.documents import write_basic, write_cx1, write_signature
from counterseal.models import Scheme
from counterseal_client.errors import Unfit, demand_guid

_KEY = re.compile(r"[!-~]{16,1024}")
"""Printable ASCII without spaces; a line break read from a file is not part of a secret."""

_MILLISECONDS = 1000


@attrs.frozen(kw_only=True)
class Attempt:
    """
    One attempt of a call, before it is sent.

    Attributes:
        uri: The full URI, as the service knows it.
        headers: All headers but those of the credential.
        nonce: A text of at least 22 characters and 128 random bits, unique to the attempt.
    """

    method: str
    uri: str = attrs.field(repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    now: datetime
    nonce: str = attrs.field(repr=False)


class Credential:
    """
    One origin's GUID and key; its `repr` does not contain the key.

    Args:
        origin: The Request Origin's GUID.
        key: Its secret, as the service returned it; it is used as text, without decoding.
        scheme: The origin's scheme.

    Raises:
        Unfit: An argument is malformed.
    """

    def __init__(self, origin: str, key: str, scheme: Scheme | str) -> None:
        self.origin = demand_guid("origin", origin)
        try:
            self.scheme = Scheme(scheme)
        except ValueError:
            raise Unfit("scheme: not basic, hmac or signature", argument="scheme") from None
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise Unfit("key: not an origin's key", argument="key")
        self._key = key
        self._lock = threading.Lock()
        self._last = 0

    def __repr__(self) -> str:
        """Name the origin and the scheme, and not the key."""
        return f"Credential(origin={self.origin!r}, scheme={self.scheme.value!r})"

    def headers(self, attempt: Attempt) -> tuple[tuple[str, str], ...]:
        """Return the headers that authenticate one attempt."""
        if self.scheme is Scheme.SIGNATURE:
            return write_signature(
                self._key,
                guid=self.origin,
                method=attempt.method,
                uri=attempt.uri,
                headers=attempt.headers,
                body=attempt.body,
                created=int(attempt.now.timestamp()),
                nonce=attempt.nonce,
            )
        return (("authorization", self._authorization(attempt)),)

    def _authorization(self, attempt: Attempt) -> str:
        if self.scheme is Scheme.BASIC:
            return write_basic(self._key, guid=self.origin)
        return write_cx1(
            self._key,
            method=attempt.method,
            uri=attempt.uri,
            milliseconds=self._next(int(attempt.now.timestamp() * _MILLISECONDS)),
            guid=self.origin,
            body=attempt.body,
        )

    def _next(self, milliseconds: int) -> int:
        # CX1 has no nonce: an equal request in the same millisecond would be refused as a replay.
        with self._lock:
            self._last = max(milliseconds, self._last + 1)
            return self._last
