"""Rules of ceremonies: who may finish one, and what a browser's answer has to prove."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import attrs

from counterseal import keys
from counterseal.errors import DomainForbidden, Foreign, UnfitKey, WrongKey
from counterseal.keys import AssertionParts
from counterseal.models import Account, Binding, BindingState, RelyingParty
from counterseal.models.ceremony import PasskeyAuthentication, PasskeyRegistration
from counterseal.models.passkeys import PasskeyScope
from counterseal.policy import Policy
from counterseal.rules.evidence import key_allowed
from counterseal.rules.standing import unlocked


class Finishing(Protocol):
    """Facts of the end of a ceremony that an origin asked for."""

    @property
    def party(self) -> RelyingParty:
        """The origin that finishes it."""

    @property
    def account(self) -> Account:
        """The account as stored."""

    @property
    def ceremony(self) -> PasskeyRegistration | PasskeyAuthentication:
        """The ceremony as stored."""


@attrs.define(kw_only=True)
class Registering:
    """
    Facts of a registration.

    Attributes:
        rp_id_hash, origins: Where the passkey is pinned to, by the `AttestationVerifier`.
    """

    now: datetime
    party: RelyingParty
    account: Account
    ceremony: PasskeyRegistration
    rp_id_hash: str
    origins: tuple[str, ...]

    @property
    def deadline(self) -> datetime:
        """The registration's deadline."""
        return self.ceremony.deadline


@attrs.define(kw_only=True)
class Authenticating:
    """
    Facts of an authentication, and the assertion that is to end it.

    Attributes:
        binding: Whose passkey the assertion names; None if no passkey of the account is named so.
    """

    now: datetime
    policy: Policy
    party: RelyingParty
    account: Account
    ceremony: PasskeyAuthentication
    binding: Binding | None
    assertion: AssertionParts

    @property
    def deadline(self) -> datetime:
        """The authentication's deadline."""
        return self.ceremony.deadline


def scope_at(party: RelyingParty, domain: str) -> PasskeyScope:
    """
    Return where passkeys of *domain* are used: on the web origins of the entries for it.

    An entry is a domain, which may have a port; it means its https origin, below `localhost` its
    http one.

    Raises:
        DomainForbidden: The origin's allow-list does not have the domain.
        InvalidField: An entry for it means no web origin, or it has too many.
    """
    local = domain == "localhost" or domain.endswith(".localhost")
    scheme = "http" if local else "https"
    entries = [entry for entry in party.origin.domains if entry.partition(":")[0] == domain]
    if not entries:
        raise DomainForbidden
    return PasskeyScope(rp_id=domain, origins=tuple(f"{scheme}://{entry}" for entry in entries))


def own_ceremony(facts: Finishing) -> None:
    """Refuse an origin that did not ask for the ceremony, and another account than its own."""
    ceremony = facts.ceremony
    if ceremony.origin != facts.party.origin.guid or ceremony.account != facts.account.guid:
        raise Foreign


def owner_unlocked(facts: Finishing) -> None:
    """Refuse a locked account."""
    unlocked(facts.account)


def scope_stands(facts: Registering) -> None:
    """Refuse a passkey for a scope that is not the registration's, whole."""
    scope = facts.ceremony.scope
    if (facts.rp_id_hash, facts.origins) != (keys.digest(scope.rp_id.encode()), scope.origins):
        raise UnfitKey("a passkey of another scope")


def passkey_active(facts: Authenticating) -> None:
    """Refuse what is no active passkey of the account at this relying party id."""
    binding = facts.binding
    if binding is None or binding.account != facts.ceremony.account:
        raise WrongKey
    if binding.state is not BindingState.ACTIVE:
        raise WrongKey


def assertion_holds(facts: Authenticating) -> None:
    """Refuse an assertion that does not hold for the challenge, or by a key not allowed now."""
    binding = facts.binding
    if binding is None:
        raise WrongKey
    key = binding.keys[0].key
    if key.passkey is None:
        raise WrongKey
    keys.require_equal(key.passkey.rp_id_hash, keys.digest(facts.ceremony.rp_id.encode()), WrongKey)
    key_allowed(key, facts.policy)
    keys.verify_assertion(
        keys.write_assertion(facts.assertion), facts.ceremony.nonce, key, key.passkey
    )
