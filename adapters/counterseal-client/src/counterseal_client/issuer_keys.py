"""Issuer keys: with which key the service signed an ID token, and which keys prove a receipt."""

from __future__ import annotations

from collections.abc import Callable

from counterseal.models import PublicKey
from counterseal_client.errors import EvidenceRefused
from counterseal_client.id_token import key_of
from counterseal_client.trust import Trust


class IssuerKeys:
    """
    The service's keys: pinned, or else fetched from the issuer, and again for a new one.

    Args:
        pinned: The keys that the program trusts; None to trust the issuer, which TLS authenticates.
        fetch: Returns the keys that the issuer publishes now.
    """

    def __init__(self, pinned: Trust | None, fetch: Callable[[], tuple[PublicKey, ...]]) -> None:
        self._pinned = pinned
        self._fetch = fetch
        self._fetched: tuple[PublicKey, ...] = ()

    @property
    def trust(self) -> Trust:
        """What proves a receipt; call it after `key_of`, which fetches the keys."""
        return self._pinned or Trust(keys=self._fetched)

    def key_of(self, id_token: str) -> PublicKey:
        """
        Return the key that an ID token names.

        Raises:
            EvidenceRefused: It is no key of the service, or *id_token* is not a compact JWS.
            RequestRefused, Unavailable: The keys cannot be fetched.
        """
        pinned = () if self._pinned is None else self._pinned.keys
        key = key_of(id_token, pinned or self._fetched)
        if key is None and not pinned:
            self._fetched = self._fetch_trusted()
            key = key_of(id_token, self._fetched)
        if key is None:
            raise EvidenceRefused("ID token: an unknown key")
        return key

    def _fetch_trusted(self) -> tuple[PublicKey, ...]:
        fetched = self._fetch()
        if self._pinned is None:
            return fetched
        return tuple(key for key in fetched if key.thumbprint == self._pinned.thumbprint)
