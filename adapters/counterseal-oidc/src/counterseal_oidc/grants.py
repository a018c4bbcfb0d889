"""
Grants: the tokens with which the provider is asked again about a user.

To the core, a grant is a sequence of octets, which it seals.
A provider that rotates refresh tokens regards a repeated one as stolen, and revokes all of them.
So a call with a token that this process has replaced uses the newest token of its family.
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

CAPACITY = 4_096
"""Refresh tokens whose family is known; the least recently used one is removed first."""


@attrs.frozen(kw_only=True)
class Grant:
    """
    The token that the provider issued.

    Attributes:
        refresh_token: None if the provider issued none.
        access_token: Encoded only if there is no refresh token.
    """

    refresh_token: str | None = attrs.field(default=None, repr=False)
    access_token: str | None = attrs.field(default=None, repr=False)

    def encode(self) -> bytes:
        """Return the grant as JSON."""
        members = {"refresh_token": self.refresh_token}
        if self.refresh_token is None:
            members = {"access_token": self.access_token}
        present = {name: token for name, token in members.items() if token is not None}
        return json.dumps(present, separators=(",", ":")).encode()


def decode_grant(data: bytes) -> Grant:
    """
    Decode what `Grant.encode` returned.

    Raises:
        IdentityWithdrawn: *data* is not a grant with a token.
    """
    try:
        members: Any = json.loads(data)
        grant = Grant(**members)
    except (ValueError, TypeError, RecursionError):
        raise IdentityWithdrawn("not a grant") from None
    tokens = {grant.refresh_token, grant.access_token} - {None}
    if not tokens or not all(isinstance(token, str) for token in tokens):
        raise IdentityWithdrawn("a grant without a token")
    return grant


class TokenFamily:
    """
    Refresh tokens, each of which replaced the one before.

    Attributes:
        lock: Only the thread that has it may use the newest token.
        newest: The only token that may still be valid.
    """

    def __init__(self, token: str) -> None:
        self.lock = threading.Lock()
        self.newest = token


class TokenFamilies:
    """The families of the refresh tokens that this process used; may be shared by threads."""

    def __init__(self) -> None:
        self._families: OrderedDict[bytes, TokenFamily] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def lock(self, token: str, budget: Budget) -> Iterator[TokenFamily]:
        """Lock the family of *token*."""
        with self._lock:
            family = self._families.setdefault(_digest(token), TokenFamily(token))
        if not family.lock.acquire(timeout=budget.seconds()):
            raise IdentityUnavailable("another call was using the grant, and this one timed out")
        try:
            yield family
            self._remember(token, family)
        finally:
            family.lock.release()

    def _remember(self, token: str, family: TokenFamily) -> None:
        with self._lock:
            for digest in (_digest(token), _digest(family.newest)):
                self._families[digest] = family
                self._families.move_to_end(digest)
            while len(self._families) > CAPACITY:
                self._families.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
