"""Credentials: how an origin says who it is, by Basic or CX1-HMAC-SHA256."""

from __future__ import annotations

import re
import threading
from datetime import datetime

from counterseal.errors import InvalidField
from counterseal.models import Scheme
from counterseal.models.guid import parse
from counterseal.wire.cx1 import write_basic, write_cx1
from counterseal_client.errors import Unfit

_KEY = re.compile(r"[!-~]{16,1024}")
"""Printable ASCII without spaces: a line break from a file would be part of no secret."""

_MILLISECONDS = 1000


class Credential:
    """
    One origin's GUID and key; the key shows in no `repr`.

    Args:
        origin: The Request Origin's GUID.
        key: Its secret as the service gave it out; text, and never decoded.
        scheme: Which of the two the origin is set to.

    Raises:
        Unfit: One of them cannot be right.
    """

    def __init__(self, origin: str, key: str, scheme: Scheme | str) -> None:
        try:
            self.origin = parse(origin, field="origin")
            self.scheme = Scheme(scheme)
        except (InvalidField, ValueError):
            raise Unfit("not an origin's GUID, or neither basic nor hmac") from None
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise Unfit("not an origin's key")
        self._key = key
        self._lock = threading.Lock()
        self._newest = 0

    def __repr__(self) -> str:
        """Name the origin and the scheme, and not the key."""
        return f"Credential(origin={self.origin!r}, scheme={self.scheme.value!r})"

    def authorization(self, *, method: str, uri: str, body: bytes, now: datetime) -> str:
        """Return the header of one attempt."""
        if self.scheme is Scheme.BASIC:
            return write_basic(self._key, guid=self.origin)
        return write_cx1(
            self._key,
            method=method,
            uri=uri,
            milliseconds=self._fresh(int(now.timestamp() * _MILLISECONDS)),
            guid=self.origin,
            body=body,
        )

    def _fresh(self, milliseconds: int) -> int:
        # CX1 has no nonce: the same request in the same millisecond would be a replay.
        with self._lock:
            self._newest = max(milliseconds, self._newest + 1)
            return self._newest
