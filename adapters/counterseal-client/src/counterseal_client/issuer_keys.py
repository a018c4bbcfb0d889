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
        pinned_trust: The keys that the program trusts; None to trust the issuer, which TLS
            authenticates.
        fetch: Returns the keys that the issuer publishes now.
    """

    def __init__(
        self, pinned_trust: Trust | None, fetch: Callable[[], tuple[PublicKey, ...]]
    ) -> None:
        self._pinned_trust = pinned_trust
        self._fetch = fetch
        self._issuer_keys: tuple[PublicKey, ...] = ()

    @property
    def trust(self) -> Trust:
        """What proves a receipt; call it after `key_of`, which fetches the keys."""
        return self._pinned_trust or Trust(keys=self._issuer_keys)

    def key_of(self, id_token: str) -> PublicKey:
        """
        Return the key that an ID token names.

        Raises:
            EvidenceRefused: It is no key of the service, or *id_token* is not a compact JWS.
            RequestRefused, Unavailable: The keys cannot be fetched.
        """
        pinned_keys = () if self._pinned_trust is None else self._pinned_trust.keys
        key = key_of(id_token, pinned_keys or self._issuer_keys)
        if key is None and not pinned_keys:
            self._issuer_keys = self._fetch_trusted()
            key = key_of(id_token, self._issuer_keys)
        if key is None:
            raise EvidenceRefused("ID token: an unknown key")
        return key

    def _fetch_trusted(self) -> tuple[PublicKey, ...]:
        keys = self._fetch()
        if self._pinned_trust is None:
            return keys
        return tuple(key for key in keys if key.thumbprint == self._pinned_trust.thumbprint)
