"""Rules of ceremonies: who may finish one, and what a browser's answer has to prove."""

from __future__ import annotations

from datetime import datetime

import attrs

from counterseal import keys
from counterseal.bindings.rules.evidence import key_allowed
from counterseal.ceremonies.records import PasskeyAuthentication, PasskeyRegistration, user_handle
from counterseal.errors import DomainForbidden, UnfitKey, WrongKey
from counterseal.keys import AssertionParts
from counterseal.models import (
    PASSKEY_ALGORITHMS,
    Account,
    Binding,
    BindingState,
    Guid,
    Origin,
    PasskeyUse,
    Record,
    RelyingParty,
    Session,
    replace,
)
from counterseal.models.passkeys import PasskeyScope, rp_id_at, web_origin_at
from counterseal.policy import Policy


@attrs.define(kw_only=True)
class RegistrationFacts:
    """
    Facts of a registration.

    Attributes:
        rp_id_hash, origins: Where the passkey is pinned to, by the `AttestationVerifier`.
        session: The one-time link's session by which the browser registers; None if it is another.
        name: By which lists name the passkey; may be empty.
    """

    now: datetime
    party: RelyingParty
    account: Account
    ceremony: PasskeyRegistration
    rp_id_hash: str
    origins: tuple[str, ...]
    session: Guid | None = None
    name: str = ""

    @property
    def deadline(self) -> datetime:
        """The registration's deadline."""
        return self.ceremony.deadline


@attrs.define(kw_only=True)
class AuthenticationFacts:
    """
    Facts of an authentication, and the assertion that is to end it.

    Attributes:
        binding: Whose passkey the assertion names; None if no passkey of the account is named so.
        sessions: The record of the binding's `session`, as stored; empty if it names none.
        user_handle: Whose the passkey says that it is; None if it does not say.
    """

    now: datetime
    policy: Policy
    party: RelyingParty
    account: Account
    ceremony: PasskeyAuthentication
    binding: Binding | None
    sessions: tuple[Record | None, ...] = ()
    assertion: AssertionParts
    user_handle: bytes | None

    @property
    def deadline(self) -> datetime:
        """The authentication's deadline."""
        return self.ceremony.deadline


def scope_at(party: RelyingParty, domain: str) -> PasskeyScope:
    """
    Return where passkeys of *domain* are used: on the web origins of the entries for it.

    An entry is a domain, which may have a port; it means its https origin, at and below
    `localhost` its http one, where browsers have passkeys without TLS.

    Raises:
        DomainForbidden: The origin's allow-list does not have the domain.
        InvalidField: An entry for it means no web origin, or it has too many.
    """
    entries = [entry for entry in party.origin.domains if rp_id_at(entry) == domain]
    if not entries:
        raise DomainForbidden
    return PasskeyScope(rp_id=domain, origins=tuple(map(web_origin_at, entries)))


def passkeys_allowed(policy: Policy) -> None:
    """Refuse passkeys where the policy refuses them, or allows none of their algorithms."""
    if policy.passkeys is PasskeyUse.REFUSE or not policy.algorithms & PASSKEY_ALGORITHMS.keys():
        raise UnfitKey("a passkey, which the policy refuses")


def own_handle(facts: AuthenticationFacts) -> None:
    """Refuse a passkey that says that it is another account's (WebAuthn Level 3, 7.2, step 6)."""
    if facts.user_handle not in {None, user_handle(facts.account.guid)}:
        raise WrongKey


def scope_current(facts: RegistrationFacts) -> None:
    """Refuse a passkey for a scope that is not the registration's, whole, and the origin's now."""
    scope = facts.ceremony.scope
    if _listed(scope.origins, facts.party.origin) != scope.origins:
        raise UnfitKey("a passkey for a domain that its origin has no more")
    if (facts.rp_id_hash, facts.origins) != (keys.digest(scope.rp_id.encode()), scope.origins):
        raise UnfitKey("a passkey of another scope")


def passkey_active(facts: AuthenticationFacts) -> None:
    """Refuse what is no active passkey of the account at this relying party id."""
    binding = facts.binding
    if binding is None or binding.account != facts.ceremony.account:
        raise WrongKey
    if binding.state is not BindingState.ACTIVE:
        raise WrongKey


def enrolment_completed(facts: AuthenticationFacts) -> None:
    """Refuse a passkey that a one-time link registered, unless it opened the link's session."""
    binding = facts.binding
    if binding is None or binding.session is None:
        return
    if not any(opened_by(session, binding) for session in facts.sessions):
        raise WrongKey


def opened_by(session: Record | None, binding: Binding) -> bool:
    """Tell whether *binding* has opened *session*, as stored, whatever has become of it since."""
    return isinstance(session, Session) and binding.guid in [
        proof.binding for proof in session.proofs
    ]


def assertion_holds(facts: AuthenticationFacts) -> None:
    """
    Refuse an assertion that does not hold for the challenge, or by a key not allowed now.

    It may have been made only where the passkey is pinned to and the origin's allow-list still is.
    """
    binding = facts.binding
    if binding is None:
        raise WrongKey
    key = binding.keys[0].key
    if key.passkey is None:
        raise WrongKey
    keys.require_equal(key.passkey.rp_id_hash, keys.digest(facts.ceremony.rp_id.encode()), WrongKey)
    key_allowed(key, facts.policy)
    origins = _listed(key.passkey.origins, facts.party.origin)
    keys.verify_assertion(
        keys.write_assertion(facts.assertion),
        facts.ceremony.nonce,
        key,
        replace(key.passkey, origins=origins),
    )


def _listed(web_origins: tuple[str, ...], origin: Origin) -> tuple[str, ...]:
    """Return those of *web_origins* that are on the allow-list of *origin*."""
    entries = set(map(web_origin_at, origin.domains))
    return tuple(each for each in web_origins if each in entries)
