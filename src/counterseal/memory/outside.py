"""An outside that stays inside: no push, no Identity Provider, callbacks that are kept."""

from __future__ import annotations

import threading
from typing import NoReturn

from counterseal.errors import IdentityUnavailable
from counterseal.models import (
    AddressKind,
    Bell,
    Delivery,
    DeliveryOutcome,
    Guid,
    Identity,
    IdpSettings,
    PushAddress,
    PushOutcome,
    PushResult,
)

NO_CONTENT = 204


class SilentNotifier:
    """Rings nowhere; devices ask for themselves."""

    def kinds(self) -> frozenset[AddressKind]:
        """Return none."""
        return frozenset()

    def push(
        self,
        addresses: tuple[PushAddress, ...],
        bell: Bell,  # noqa: ARG002 (the port's)
    ) -> tuple[PushOutcome, ...]:
        """Do nothing, and say so."""
        return (PushOutcome(result=PushResult.MISCONFIGURED),) * len(addresses)


class NoIdentityProvider:
    """The provider of a service that has none."""

    def authorization_url(
        self,
        settings: IdpSettings,  # noqa: ARG002
        *,
        company: Guid,  # noqa: ARG002
        state: str,  # noqa: ARG002
        nonce: str,  # noqa: ARG002
        verifier: str,  # noqa: ARG002
    ) -> NoReturn:
        """
        Refuse.

        Raises:
            IdentityUnavailable: Always.
        """
        raise IdentityUnavailable

    def exchange(
        self,
        settings: IdpSettings,  # noqa: ARG002
        *,
        company: Guid,  # noqa: ARG002
        code: str,  # noqa: ARG002
        nonce: str,  # noqa: ARG002
        verifier: str,  # noqa: ARG002
        issuer: str | None,  # noqa: ARG002
    ) -> NoReturn:
        """
        Refuse.

        Raises:
            IdentityUnavailable: Always.
        """
        raise IdentityUnavailable

    def still_vouches(
        self,
        settings: IdpSettings,  # noqa: ARG002
        identity: Identity,  # noqa: ARG002
        *,
        company: Guid,  # noqa: ARG002
    ) -> NoReturn:
        """
        Refuse.

        Raises:
            IdentityUnavailable: Always.
        """
        raise IdentityUnavailable

    def logged_out(
        self,
        settings: IdpSettings,  # noqa: ARG002
        token: str,  # noqa: ARG002
        *,
        company: Guid,  # noqa: ARG002
    ) -> NoReturn:
        """
        Refuse.

        Raises:
            IdentityUnavailable: Always.
        """
        raise IdentityUnavailable

    def let_go(
        self,
        settings: IdpSettings,  # noqa: ARG002
        identity: Identity,  # noqa: ARG002
        *,
        company: Guid,  # noqa: ARG002
    ) -> NoReturn:
        """
        Refuse.

        Raises:
            IdentityUnavailable: Always.
        """
        raise IdentityUnavailable


class CollectingSender:
    """
    Keeps each delivery and says that it was accepted.

    Attributes:
        sent: The deliveries so far, in order.
    """

    def __init__(self) -> None:
        self.sent: list[Delivery] = []
        self._lock = threading.Lock()

    def require_callable(self, url: str) -> None:
        """Refuse none: every delivery is collected."""

    def send(self, delivery: Delivery) -> DeliveryOutcome:
        """Keep *delivery*."""
        with self._lock:
            self.sent.append(delivery)
        return DeliveryOutcome(status=NO_CONTENT)
