"""Rules of confirmation: who may confirm a new device, and what has to be signed or typed."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

import attrs

from counterseal import bindings, keys
from counterseal.accounts.rules import living
from counterseal.bindings.documents.enrolment import thumbprints_of
from counterseal.bindings.rules.evidence import CompletionFacts, Evidence, ProofFacts, key_allowed
from counterseal.challenges.rules.answering import StrikeFacts, caller_proved, strikes_left
from counterseal.errors import (
    Foreign,
    InvalidField,
    KeysChanged,
    NewDeviceForbidden,
    NotFound,
    TooManyBindings,
    WeakKey,
    WrongAudience,
    WrongCode,
    WrongDevice,
    WrongState,
)
from counterseal.models import (
    PROVISIONAL,
    Account,
    Binding,
    BindingState,
    DeviceKey,
    Guid,
    NewDeviceRule,
    PasskeyUse,
    Role,
)
from counterseal.policy import Policy

WAITING_LIMIT = 5
"""Without it, a thief with a device key, and no PIN, could use up all invitations."""

LOGIN_WAITING_LIMIT = 2 * WAITING_LIMIT
"""More than devices may use, so a thief cannot prevent the owner from replacing a lost phone."""


@attrs.define(kw_only=True)
class ConfirmationFacts:
    """
    Facts of a device that confirms or refuses a new one.

    Attributes:
        binding: The new device's.
        confirmer: That of the device that signs.
        replaced: That of the device that the new one replaces, if a log-in has named one.
        signature: The token as evidence, with the key that it names.
        signer: That key in its role; None if the confirmer has no such key.
    """

    now: datetime
    policy: Policy
    account: Account
    binding: Binding
    confirmer: Binding
    replaced: Binding | None = None
    proving: ProofFacts
    confirmation: bindings.Confirmation
    signature: Evidence
    signer: DeviceKey | None

    @property
    def deadline(self) -> datetime:
        """When the new device ends unless it is confirmed."""
        return self.binding.deadline

    @property
    def replaced_devices(self) -> set[Guid]:
        """The devices whose place the new one takes."""
        replaced_devices = set() if self.replaced is None else {self.replaced.guid}
        if self.confirmation.choice is bindings.Choice.MOVE:
            replaced_devices.add(self.confirmer.guid)
        return replaced_devices

    @property
    def striking(self) -> StrikeFacts:
        """The facts of a strike of the confirmer."""
        return StrikeFacts(
            proving=self.proving,
            policy=self.policy,
            binding=self.confirmer,
            answer=self.signature,
        )


@attrs.define(kw_only=True)
class ComparisonFacts:
    """
    Facts of an origin that confirms a new device by its comparison code.

    Attributes:
        binding: The new device's.
        replaced: That of the device that the new one replaces, if a log-in has named one.
        code: As the person has said it.
    """

    now: datetime
    policy: Policy
    account: Account
    binding: Binding
    replaced: Binding | None = None
    code: str = attrs.field(repr=False)

    @property
    def deadline(self) -> datetime:
        """When the new device ends unless it is confirmed."""
        return self.binding.deadline

    @property
    def replaced_devices(self) -> set[Guid]:
        """The devices whose place the new one takes."""
        return set() if self.replaced is None else {self.replaced.guid}

    @cached_property
    def is_right(self) -> bool:
        """Whether the code is that of the new device's keys; computed once, which takes a while."""
        binding = self.binding
        thumbprints = thumbprints_of(binding.keys)
        expected = bindings.comparison_code(binding.account, binding.guid, thumbprints)
        return keys.constant_time_equal(bindings.typed_code(self.code), expected)


def confirmation_needed(facts: CompletionFacts) -> bool:
    """Tell whether a new device has to be confirmed before it is active."""
    if facts.binding.endorser is not None:
        return True
    return facts.policy.new_devices is NewDeviceRule.CONFIRMED


def replacement_allowed(facts: CompletionFacts) -> None:
    """
    Refuse to replace anything but a bound device of the same account, after a log-in.

    Whether another account has such a device, or a device has ended, looks alike from outside.
    """
    if facts.replaces is None:
        return
    if not facts.binding.by_login or not facts.policy.device_replacement:
        raise InvalidField("replaces", "of a log-in at an Identity Provider only, by the policy")
    replaced = facts.replaced
    if not isinstance(replaced, Binding):
        raise NotFound
    if (replaced.account, replaced.app_space) != (facts.account.guid, facts.binding.app_space):
        raise Foreign
    if not replaceable(replaced):
        raise NotFound


def replaceable(binding: Binding) -> bool:
    """Tell whether a binding is a device whose place another can take."""
    return binding.answers and binding.state in {BindingState.ACTIVE, BindingState.SUSPENDED}


def invitations_allowed(policy: Policy) -> None:
    """Refuse invitations by devices where the policy forbids them."""
    if not policy.device_invitations:
        raise NewDeviceForbidden


def invitation_allowed(facts: CompletionFacts | ConfirmationFacts | ComparisonFacts) -> None:
    """Refuse a new device that another invited where the policy forbids it by now."""
    if facts.binding.endorser is not None:
        invitations_allowed(facts.policy)


def endorser_active(facts: CompletionFacts | ConfirmationFacts | ComparisonFacts) -> None:
    """Refuse a new device if the device that invited it is no longer active: it may be stolen."""
    endorser = facts.binding.endorser
    if endorser is not None and not any(
        device.binding == endorser and device.state is BindingState.ACTIVE
        for device in facts.account.devices
    ):
        raise WrongState("the device that invited it is active no more")


def waiting_limit_unreached(account: Account, now: datetime) -> None:
    """Refuse that a device invites one more while too many wait to be bound or confirmed."""
    waiting = [device for device in living(account.devices, now) if device.state in PROVISIONAL]
    if len(waiting) >= WAITING_LIMIT:
        raise TooManyBindings


def login_limit_unreached(account: Account, now: datetime, policy: Policy) -> None:
    """
    Refuse a log-in of a user who has as many devices as the policy allows.

    If the new device can replace another one, it is invited all the same. `device_limit_unreached`
    refuses it later if it does not replace one.
    """
    devices = living(account.devices, now)
    if len(devices) < policy.bindings_limit:
        return
    waiting = sum(device.state in PROVISIONAL for device in devices)
    can_replace = policy.device_replacement and any(
        device.answers and device.state not in PROVISIONAL for device in devices
    )
    if not can_replace or waiting >= LOGIN_WAITING_LIMIT:
        raise TooManyBindings


def device_limit_unreached(facts: CompletionFacts | ConfirmationFacts | ComparisonFacts) -> None:
    """Refuse one more device than the policy allows, unless it replaces another device."""
    if isinstance(facts, CompletionFacts) and confirmation_needed(facts):
        return
    bound = facts.account.bound_devices
    if any(device.binding in facts.replaced_devices for device in bound):
        return
    if len(bound) >= facts.policy.bindings_limit:
        raise TooManyBindings


def confirmer_active(facts: ConfirmationFacts) -> None:
    """Refuse a call that is not proven to come from another active device of the same account."""
    confirmer, binding = facts.confirmer, facts.binding
    if confirmer.account != binding.account or binding.account != facts.account.guid:
        raise Foreign
    if confirmer.guid == binding.guid or confirmer.state is not BindingState.ACTIVE:
        raise WrongDevice
    caller_proved(facts.striking)


def confirmation_matches(facts: ConfirmationFacts) -> None:
    """Refuse a confirmation by another device, or of another device, account, or of other keys."""
    confirmation, binding = facts.confirmation, facts.binding
    if confirmation.device != facts.confirmer.guid or confirmation.binding != binding.guid:
        raise WrongDevice
    if (confirmation.account, confirmation.app_space) != (binding.account, binding.app_space):
        raise WrongAudience
    if confirmation.thumbprints != thumbprints_of(binding.keys):
        raise KeysChanged


def confirmed_strongly(facts: ConfirmationFacts) -> None:
    """
    Refuse unless an allowed strong key of the confirming device signed.

    As for an answer, a passkey that may be copied is enough by itself only if the policy allows
    it. Otherwise the token also has to name the device key, which has proved the call.
    """
    signer, policy = facts.signer, facts.policy
    strikes_left(facts.striking)
    if signer is not None and signer.role is not Role.STRONG:
        raise WeakKey
    facts.signature.require()
    if signer is None or signer not in facts.confirmer.keys or signer.key != facts.signature.key:
        raise WrongState("the signer is no key of the confirming device")
    key_allowed(signer.key, policy)
    device_key, proving_key = facts.confirmation.device_key, facts.proving.evidence.key
    if device_key is not None and (proving_key is None or proving_key.thumbprint != device_key):
        raise WrongDevice
    passkey = signer.key.passkey
    copied = passkey is not None and passkey.backup_eligible
    if copied and policy.passkeys is not PasskeyUse.ALLOW and device_key is None:
        raise WeakKey("a passkey that may be copied, without the device key")


def comparison_matches(facts: ComparisonFacts) -> None:
    """Refuse another comparison code than that of the new device's keys."""
    if not facts.is_right:
        raise WrongCode(max(0, facts.policy.comparison_limit - facts.binding.wrong_codes - 1))


def comparison_missed(facts: ComparisonFacts) -> None:
    """Refuse to call a comparison code wrong if it is right."""
    if facts.is_right:
        raise WrongState("the comparison code is right")


def comparisons_exhausted(facts: ComparisonFacts) -> bool:
    """Tell whether this wrong code is the last one that the policy allows."""
    return facts.binding.wrong_codes + 1 >= facts.policy.comparison_limit
