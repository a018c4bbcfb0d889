"""Rules of accounts: whether an account, its devices, an origin and an identity may take part."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol

import attrs

from counterseal.errors import (
    AccountLocked,
    AccountTaken,
    AccountUnbound,
    BindingInactive,
    DeadlineAhead,
    DeadlinePassed,
    Foreign,
    InvalidField,
    Refused,
    TooManyBindings,
    WrongAuthority,
    WrongIssuer,
    WrongKind,
    WrongState,
)
from counterseal.models import (
    PROVISIONAL,
    Account,
    AccountEventKind,
    AppSpace,
    Authority,
    Binding,
    BindingState,
    Challenge,
    Device,
    Guid,
    Identity,
    IdpSettings,
    Origin,
    RelyingParty,
    replace,
)
from counterseal.narrowing import policy_within
from counterseal.policy import Policy


class Timed(Protocol):
    """Facts of an event that has to come before, or after, a deadline."""

    @property
    def now(self) -> datetime:
        """When the event was received."""

    @property
    def deadline(self) -> datetime:
        """`in_time` refuses from this time on, and `deadline_came` before it."""


@attrs.define(kw_only=True)
class Deadline:
    """Facts of an `expire`, or of what has to come before a deadline."""

    now: datetime
    deadline: datetime


@attrs.define(kw_only=True)
class SuspensionFacts:
    """Facts of a suspension or resumption, and the authority that asks for it."""

    binding: Binding
    authority: Authority


@attrs.define(kw_only=True)
class ChallengeFacts:
    """Facts of what has to come before a challenge's deadline."""

    now: datetime
    challenge: Challenge

    @property
    def deadline(self) -> datetime:
        """The challenge's deadline."""
        return self.challenge.deadline


@attrs.define(kw_only=True)
class CancellationFacts(ChallengeFacts):
    """Facts of a cancellation, and the origin that asks for it."""

    origin: Guid


class OfAccount(Protocol):
    """Facts that concern an account."""

    @property
    def account(self) -> Account:
        """The account as stored."""


class OfBinding(Protocol):
    """Facts that concern a binding."""

    @property
    def binding(self) -> Binding:
        """The binding as stored."""


class Ceremony(Protocol):
    """A registration or an authentication by a passkey, which an origin asked for."""

    @property
    def account(self) -> Guid:
        """Whose passkey it is about."""

    @property
    def origin(self) -> Guid:
        """Who asked for it."""


class OfCeremony(Protocol):
    """Facts of the end of a ceremony."""

    @property
    def party(self) -> RelyingParty:
        """The origin that finishes it."""

    @property
    def account(self) -> Account:
        """The account as stored."""

    @property
    def ceremony(self) -> Ceremony:
        """The ceremony as stored."""


def account_unlocked(facts: OfAccount) -> None:
    """Refuse a locked account."""
    unlocked(facts.account)


def unlocked(account: Account) -> None:
    """Refuse an account that is locked."""
    if account.locked_at is not None:
        raise AccountLocked


def binding_active(facts: OfBinding) -> None:
    """
    Refuse a binding that is not ACTIVE, and say what it is.

    The device is told, so its proof is verified before this rule is asked.
    """
    if facts.binding.state is not BindingState.ACTIVE:
        raise BindingInactive(facts.binding.state.value.lower())


def own_challenge(facts: CancellationFacts) -> None:
    """Refuse an origin that did not issue the challenge."""
    if facts.challenge.origin != facts.origin:
        raise Foreign


def own_ceremony(facts: OfCeremony) -> None:
    """Refuse an origin that did not ask for the ceremony, and another account than its own."""
    ceremony = facts.ceremony
    if ceremony.origin != facts.party.origin.guid or ceremony.account != facts.account.guid:
        raise Foreign


def own_app_space(origin: Origin, owned: Account | Binding) -> None:
    """Refuse an origin outside the App Space of the record that it asks about."""
    if origin.app_space != owned.app_space:
        raise Foreign


def same_authority(facts: SuspensionFacts) -> None:
    """Refuse to resume what another authority suspended."""
    if facts.binding.suspended_by is not facts.authority:
        raise WrongAuthority


def reachable(account: Account) -> None:
    """Refuse to ask an account that is locked or has no active device that answers."""
    unlocked(account)
    if not has_answering_device(account):
        raise AccountUnbound


def has_answering_device(account: Account) -> bool:
    """Tell whether the account has an active device that answers."""
    return any(device.state is BindingState.ACTIVE and device.answers for device in account.devices)


def device_reachable(account: Account, device: Guid) -> None:
    """Refuse to ask a device that is not active on the account, or does not answer."""
    if not answers_for(account, device):
        raise InvalidField("deviceGuid", "not an active device of the account")


def approval_valid(account: Account, device: Guid | None) -> None:
    """Refuse what a device has approved that may no longer answer for the account."""
    unlocked(account)
    if not answers_for(account, device):
        raise WrongState("approved by a device that is no longer active")


def answers_for(account: Account, device: Guid | None) -> bool:
    """Tell whether a device is active on the account, and answers."""
    return any(
        each.binding == device and each.state is BindingState.ACTIVE and each.answers
        for each in account.devices
    )


def binding_limit_unreached(account: Account, now: datetime, policy: Policy) -> None:
    """Refuse one more device than the policy allows."""
    if len(living(account.devices, now)) >= policy.bindings_limit:
        raise TooManyBindings


def renewable(binding: Binding, now: datetime, policy: Policy) -> None:
    """Refuse to renew what is not an origin's invitation, or is used, revoked or too old."""
    is_unused = binding.bound_at is None and binding.enrolled == ""
    if not is_unused or binding.state not in {BindingState.INVITED, BindingState.EXPIRED}:
        raise WrongState
    if binding.origin is None or not binding.answers:
        raise WrongKind
    if now - binding.created_at >= policy.renewal_window:
        raise DeadlinePassed


def living(devices: tuple[Device, ...], now: datetime) -> tuple[Device, ...]:
    """Return an account's devices without the provisional ones whose deadline has come."""
    return tuple(
        device for device in devices if device.state not in PROVISIONAL or now < device.deadline
    )


def without_old_link(account: Account, now: datetime) -> Account:
    """Return *account* without its mailed link if the link's deadline has come."""
    link = account.mailed_link
    if link is None or now < link.deadline:
        return account
    return replace(account, mailed_link=None)


def without_dead_invitations(bindings: Iterable[Binding], now: datetime) -> tuple[Binding, ...]:
    """
    Return *bindings* without provisional ones that can no longer be used.

    These were revoked, or their deadline has passed, whether a worker has expired them or not.
    Devices that were bound are returned in every state.
    """
    return tuple(
        binding
        for binding in bindings
        if binding.bound_at is not None or (binding.state in PROVISIONAL and now < binding.deadline)
    )


def revalidation_due(account: Account, app_space: AppSpace, now: datetime, policy: Policy) -> bool:
    """Tell whether the provider has to be asked again; refuse a user of another provider."""
    if app_space.idp is None:
        return False
    if account.issuer != app_space.idp.issuer:
        raise WrongIssuer
    if account.confirmed_at is None:
        return True
    life = policy_within(policy, app_space, None).revalidation_life
    return now >= account.confirmed_at + life


def within_grace(account: Account, now: datetime, policy: Policy) -> bool:
    """Tell whether the provider's last confirmation is still valid although it cannot be asked."""
    if account.confirmed_at is None:
        return False
    return now < account.confirmed_at + policy.revalidation_life + policy.revalidation_grace


def expected_issuer(identity: Identity, app_space: AppSpace) -> None:
    """Refuse an identity of another issuer than the App Space's (OpenID Connect Core, 3.1.3.7)."""
    if app_space.idp is None or identity.issuer != app_space.idp.issuer:
        raise WrongIssuer


def same_identity(account: Account, identity: Identity) -> None:
    """Refuse an identity that is not the account's: subjects are unique per issuer only."""
    if account.issuer != identity.issuer:
        raise WrongIssuer
    if account.subject != identity.subject:
        raise AccountTaken


def identified_by_origin(app_space: AppSpace) -> None:
    """Refuse an origin's invitation where an Identity Provider identifies the users."""
    if app_space.idp is not None:
        raise WrongKind


def provider_of(app_space: AppSpace) -> IdpSettings:
    """Return the App Space's Identity Provider; refuse where origins say who the users are."""
    if app_space.idp is None:
        raise WrongKind
    return app_space.idp


EDGE_MARGIN = timedelta(seconds=1)
"""The window's edges are within it."""

CLOCK_MARGIN = timedelta(minutes=1)
"""By how much the clocks of two processes of one service may differ; they should by less."""


def in_time(facts: Timed) -> None:
    """Refuse at the deadline and after it."""
    if facts.now >= facts.deadline:
        raise DeadlinePassed


def deadline_came(facts: Timed) -> None:
    """Refuse before the deadline."""
    if facts.now < facts.deadline:
        raise DeadlineAhead


def within_window(signed_at: float, now: datetime, policy: Policy, refusal: type[Refused]) -> None:
    """Refuse a signature whose time, seconds since the epoch, is outside the policy's window."""
    age = now.timestamp() - signed_at
    if not -policy.proof_future.total_seconds() <= age <= policy.proof_past.total_seconds():
        raise refusal


def forgettable_at(now: datetime, policy: Policy) -> datetime:
    """Return when everything that is within the window now is outside of it."""
    return now + (policy.proof_future + policy.proof_past + EDGE_MARGIN)


def receives(origin: Origin, kind: AccountEventKind, now: datetime) -> bool:
    """Tell whether *origin* gets events of *kind*; without a valid credential it gets no events."""
    return kind in origin.event_kinds and any(
        in_force(credential.ends_at, now) for credential in origin.credentials
    )


def may_authenticate(origin: Origin, now: datetime) -> bool:
    """Tell whether *origin* is a CIBA client that has a live secret or a key."""
    client = origin.backchannel
    if client is None:
        return False
    return bool(client.keys) or any(in_force(each.ends_at, now) for each in origin.credentials)


def token_generation(origin: Origin, edited: Origin, now: datetime) -> int:
    """
    Return the generation of the access tokens of *origin* once it has become *edited*.

    It is a new one where one of the two can authenticate as a CIBA client and the other cannot, so
    a token that a revocation has ended is never valid again. A secret that ends within
    `CLOCK_MARGIN` of *now* may have ended by the clock of another process, so the generation is
    also a new one if it matters whether this secret has ended.
    """
    loses, gains = (
        may_authenticate(first, now - CLOCK_MARGIN)
        and not may_authenticate(then, now + CLOCK_MARGIN)
        for first, then in ((origin, edited), (edited, origin))
    )
    return origin.token_generation + (loses or gains)


def in_force(ends_at: datetime | None, now: datetime) -> bool:
    """Tell whether a secret that ends at *ends_at* is still valid; None has no end."""
    return ends_at is None or now < ends_at
