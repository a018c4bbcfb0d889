"""Key sets: providers' public keys, and what happens when they change them."""

from __future__ import annotations

from datetime import timedelta

from counterseal.errors import IdentityUnavailable
from counterseal.ports import Clock
from counterseal_http import Budget
from counterseal_oidc.asking import OK, Asker
from counterseal_oidc.discovery import Metadata
from counterseal_oidc.jose import Key, Token, has_key_for, read_keys, verify
from counterseal_oidc.keeping import Keeper


class KeySets:
    """
    Verifies tokens by their provider's keys; may be shared by threads.

    A token by a key that is not in the cached set has the set asked for anew, at most once a
    minute for each issuer, however many such tokens come.
    A token without `kid` is by such a key if no key of the set verifies it.

    Args:
        asker: Sends the requests.
        clock: Tells when something is old.
    """

    def __init__(self, asker: Asker, clock: Clock) -> None:
        self._asker = asker
        self._kept: Keeper[tuple[Key, ...]] = Keeper(clock)

    def verify(self, token: Token, metadata: Metadata, left: Budget) -> None:
        """
        Verify the token's signature.

        Raises:
            TokenKeyUnknown: The provider has no such key.
            TokenSignature: It does not hold.
            IdentityUnavailable: The keys cannot be read.
        """
        keys = self._kept.get(
            f"{metadata.issuer} {metadata.jwks_uri}",
            lambda left: self._fetched(metadata, left),
            left,
            wanted=lambda keys: has_key_for(token, keys),
        )
        verify(token, keys)

    def make_ready(self, metadata: Metadata, left: Budget) -> None:
        """
        See to it that there are keys, before something is asked for that serves once.

        Raises:
            IdentityUnavailable: There are none.
        """
        self._kept.get(
            f"{metadata.issuer} {metadata.jwks_uri}",
            lambda left: self._fetched(metadata, left),
            left,
        )

    def _fetched(self, metadata: Metadata, left: Budget) -> tuple[tuple[Key, ...], timedelta]:
        answer = self._asker.get(metadata.jwks_uri, left)
        keys = read_keys(answer.members) if answer.status == OK else None
        if keys is None:
            raise IdentityUnavailable(f"keys: status {answer.status}, and no key set")
        return keys, answer.fresh_for
