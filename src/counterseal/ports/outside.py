"""The outside: push services, Identity Providers and origins' callback addresses."""

from __future__ import annotations

from typing import Protocol

from counterseal.models import (
    AddressKind,
    Bell,
    Delivery,
    DeliveryOutcome,
    Guid,
    Identity,
    IdpSettings,
    Logout,
    PushAddress,
    PushOutcome,
)


class Notifier(Protocol):
    """Rings a device's bell; nothing depends on its being heard."""

    def kinds(self) -> frozenset[AddressKind]:
        """
        Return the kinds of address that it rings at.

        - NOTIFIER-1: always the same, without asking anybody; nothing is ever noted to be
          rung at other kinds.
        """

    def push(self, addresses: tuple[PushAddress, ...], bell: Bell) -> tuple[PushOutcome, ...]:
        """
        Make one attempt to ring at each of *addresses*.

        - NOTIFIER-2: it may deliver twice or never, and is asked again without complaint.
        - NOTIFIER-3: it sends what the bell holds, and nothing else that tells of anything.
        - NOTIFIER-4: one outcome for each address, in order; at an address of a kind that it
          does not ring at, MISCONFIGURED.
        - NOTIFIER-5: GONE is only an address that will never work again,
          and what is wrong with one address changes nothing for another.
        - NOTIFIER-6: at most one message to each address: it tries nothing again by itself,
          and never waits for as long as a push service asks, which is what `after` is for.
        - NOTIFIER-7: it returns within the bell's `timeout`; what it does not know by then
          is LATER.

        Raises:
            NotifierUnavailable: LATER, for all of them.
        """


class IdentityProvider(Protocol):
    """
    An OpenID Connect provider; state, nonce and PKCE are the core's.

    Each call names the *company* of the App Space for which it is made, so that an adapter can
    share what it has, such as threads, fairly between companies.
    """

    def authorization_url(
        self, settings: IdpSettings, *, company: Guid, state: str, nonce: str, verifier: str
    ) -> str:
        """
        Return where to send the user.

        - IDP-1: the address carries *state*, *nonce* and the S256 challenge of *verifier*
          (RFC 7636, 4.2), never the verifier itself.

        Raises:
            IdentityUnavailable: The provider's configuration cannot be read.
        """

    def exchange(
        self,
        settings: IdpSettings,
        *,
        company: Guid,
        code: str,
        nonce: str,
        verifier: str,
        issuer: str | None,
    ) -> Identity:
        """
        Exchange *code* for the user's identity.

        - IDP-2: the ID token is validated as OpenID Connect Core 3.1.3.7 demands, *nonce* included;
          a code serves once, for its own client and *verifier*.
        - IDP-3: *issuer*, the response's `iss` (RFC 9207), is compared where the provider sends it.

        Raises:
            IdentityWithdrawn: The provider refuses the code, or the token does not hold.
            IdentityUnavailable: The provider did not answer.
        """

    def still_vouches(
        self, settings: IdpSettings, identity: Identity, *, company: Guid
    ) -> Identity:
        """
        Ask whether the provider still vouches for the user.

        - IDP-4: the identity that comes back is of the same issuer and subject;
          its grant may be a new one.

        Raises:
            IdentityWithdrawn: It does not.
            IdentityUnavailable: The provider did not answer.
        """

    def logged_out(self, settings: IdpSettings, token: str, *, company: Guid) -> Logout:
        """
        Read a logout token that the provider, or anybody, sent.

        - IDP-5: the token is validated as OpenID Connect Back-Channel Logout 1.0, 2.6, demands,
          but for its `jti`, which the caller remembers.

        Raises:
            IdentityWithdrawn: The token does not hold.
            IdentityUnavailable: The provider's keys cannot be read.
        """

    def let_go(self, settings: IdpSettings, identity: Identity, *, company: Guid) -> None:
        """
        Tell the provider that it will not be asked about the user by this grant again.

        - IDP-6: the grant is revoked where the provider can be told so;
          to say it twice does no harm.

        Raises:
            IdentityUnavailable: The provider did not answer.
        """


class CallbackSender(Protocol):
    """Delivers callbacks."""

    def require_callable(self, url: str) -> None:
        """
        Refuse an address to which nothing will ever be sent, as far as its text says so.

        - SENDER-5: it asks nobody, and refuses exactly what `send` reports as final without a
          status: what is refused here is never sent, and what is not refused may be.

        Raises:
            CallbackUncallable: The sender's configuration does not allow it, with the reason.
        """

    def send(self, delivery: Delivery) -> DeliveryOutcome:
        """
        Make one attempt.

        - SENDER-1: exactly one request at most, and no redirect is followed.
        - SENDER-2: it returns within the delivery's timeout.
        - SENDER-3: no address is reached that the sender's configuration does not allow.
        - SENDER-4: address, headers and body are sent as they are,
          and whatever status comes back is returned.

        Raises:
            SenderUnavailable: The attempt could not be made, for a reason on our side.
        """
