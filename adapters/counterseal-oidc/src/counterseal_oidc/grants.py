"""
Grants: what has to be kept to ask again about a user, and nothing more.

A grant is bytes to everybody else, who seals them.
A provider that gives a new refresh token with each answer takes the old one for stolen when it
comes again, so that a repeat goes by the newest that this process has seen.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs

from counterseal.errors import IdentityUnavailable, IdentityWithdrawn
from counterseal_http import Budget

REMEMBERED = 4_096
"""Refresh tokens of which it is known what came after them."""


@attrs.frozen(kw_only=True)
class Grant:
    """
    What the provider gave.

    Attributes:
        refresh_token: If it gave one.
        access_token: Kept only where there is no refresh token.
    """

    refresh_token: str | None = attrs.field(default=None, repr=False)
    access_token: str | None = attrs.field(default=None, repr=False)

    def encode(self) -> bytes:
        """Write it."""
        named = {"refresh_token": self.refresh_token}
        if self.refresh_token is None:
            named = {"access_token": self.access_token}
        given = {name: token for name, token in named.items() if token is not None}
        return json.dumps(given, separators=(",", ":")).encode()


def read_grant(data: bytes) -> Grant:
    """
    Read what `Grant.encode` wrote.

    Raises:
        IdentityWithdrawn: It is nothing that one could ask with.
    """
    try:
        members: Any = json.loads(data)
        grant = Grant(**members)
    except (ValueError, TypeError, RecursionError):
        raise IdentityWithdrawn("no grant of ours") from None
    tokens = {grant.refresh_token, grant.access_token} - {None}
    if not tokens or not all(isinstance(token, str) for token in tokens):
        raise IdentityWithdrawn("a grant without a token")
    return grant


class Line:
    """
    Refresh tokens that came one after the other.

    Attributes:
        lock: Held by whoever asks with the newest.
    """

    def __init__(self, token: str) -> None:
        self.lock = threading.Lock()
        self.newest = token


class Lines:
    """Remembers which refresh token came in place of which; may be shared by threads."""

    def __init__(self) -> None:
        self._lines: OrderedDict[bytes, Line] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def of(self, token: str, left: Budget) -> Iterator[Line]:
        """
        Have *token*'s line for oneself.

        Raises:
            IdentityUnavailable: Others have it for too long.
        """
        with self._lock:
            line = self._lines.setdefault(_name(token), Line(token))
        if not line.lock.acquire(timeout=left.seconds()):
            raise IdentityUnavailable("others are asking, and the time is over")
        try:
            yield line
            self._note(token, line)
        finally:
            line.lock.release()

    def _note(self, token: str, line: Line) -> None:
        with self._lock:
            for name in (_name(token), _name(line.newest)):
                self._lines[name] = line
                self._lines.move_to_end(name)
            while len(self._lines) > REMEMBERED:
                self._lines.popitem(last=False)


def _name(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
