"""
Rules of answering: whether a call's proof is valid, and an answer belongs to this challenge.

They also say which failures are counted: wrong signatures by a strong key, as strikes, and wrong
matching codes.
"""

from __future__ import annotations

import attrs

from counterseal import keys
from counterseal.accounts.rules import ChallengeFacts, within_window
from counterseal.bindings.rules.evidence import Evidence, ProofFacts, RotationFacts, key_allowed
from counterseal.challenges.documents.answer import Answer
from counterseal.errors import (
    BindingInactive,
    ButtonChanged,
    CodeMissing,
    DisplayChanged,
    Foreign,
    InvalidField,
    StaleProof,
    WeakKey,
    WrongAudience,
    WrongChallenge,
    WrongCode,
    WrongDevice,
    WrongKey,
    WrongRequest,
    WrongSignature,
    WrongState,
)
from counterseal.models import (
    Account,
    Binding,
    Button,
    DeviceKey,
    PasskeyUse,
    Role,
)
from counterseal.policy import Policy


@attrs.define(kw_only=True)
class FetchFacts(ChallengeFacts):
    """Facts of a device reading a challenge."""

    proving: ProofFacts
    account: Account
    binding: Binding


@attrs.define(kw_only=True)
class AnswerFacts(FetchFacts):
    """
    Facts of an answer, a disown or a mistyped code.

    Attributes:
        answer: The claims of the token.
        signature: The token as evidence, with the key that it names.
        signer: That key in its role; None if the binding has no such key.
        code: The matching code; empty where none is asked for.
    """

    policy: Policy
    answer: Answer
    signature: Evidence
    signer: DeviceKey | None
    code: str = attrs.field(default="", repr=False)


@attrs.define(kw_only=True)
class StrikeFacts:
    """Facts of a wrong strong-key signature inside a proven call."""

    proving: ProofFacts
    policy: Policy
    binding: Binding
    answer: Evidence


def own_account(facts: FetchFacts) -> None:
    """Refuse a device whose binding belongs to another account than the challenge."""
    if (
        facts.challenge.account != facts.account.guid
        or facts.binding.account != facts.account.guid
        or facts.challenge.app_space != facts.binding.app_space
    ):
        raise WrongAudience


def chosen_device(facts: FetchFacts) -> None:
    """Refuse every device but the one that the origin has chosen, if it has chosen one."""
    if facts.challenge.device not in {None, facts.binding.guid}:
        raise Foreign


def proof_holds(facts: ProofFacts) -> None:
    """Refuse a proof that is not this device's, for this request, and fresh (RFC 9449, 4.3)."""
    if facts.evidence.proved is facts:
        # Facts are frozen, so the earlier result is still valid.
        return
    if facts.proof.device != facts.binding.guid:
        raise WrongDevice
    if (
        facts.proof.account != facts.binding.account
        or facts.proof.app_space != facts.binding.app_space
    ):
        raise WrongAudience
    if facts.proof.method != facts.call.method or facts.proof.uri != facts.call.uri:
        raise WrongRequest
    if not keys.constant_time_equal(facts.proof.body_hash, facts.body_hash):
        raise WrongRequest
    within_window(facts.proof.issued_at, facts.now, facts.policy, StaleProof)
    facts.evidence.require()
    facts.evidence.proved = facts


def caller_proved(facts: FetchFacts | RotationFacts | StrikeFacts) -> None:
    """Refuse an event unless its call is proven to come from the same binding."""
    if facts.proving.binding.guid != facts.binding.guid:
        raise WrongDevice
    device_key = facts.binding.device_key()
    if device_key is None or device_key.key != facts.proving.evidence.key:
        raise WrongKey
    proof_holds(facts.proving)


def addressed_here(facts: AnswerFacts) -> None:
    """Refuse an answer by another device, or for another account, App Space or challenge."""
    if facts.answer.device != facts.binding.guid:
        raise WrongDevice
    if (
        facts.answer.account != facts.challenge.account
        or facts.answer.app_space != facts.challenge.app_space
    ):
        raise WrongAudience
    if facts.answer.challenge != facts.challenge.guid:
        raise WrongChallenge
    device_key = facts.answer.device_key
    if device_key is not None:
        proving_key = facts.proving.evidence.key
        if proving_key is None or proving_key.thumbprint != device_key:
            raise WrongDevice


def display_matches(facts: AnswerFacts) -> None:
    """Refuse an answer to anything but the stored display document."""
    keys.require_equal(facts.answer.display_hash, facts.challenge.display_hash, DisplayChanged)


def button_matches(facts: AnswerFacts) -> None:
    """
    Refuse a button that the challenge does not have, by index and title.

    An approving button with a reason is refused too: the person cannot have meant both.
    """
    button = chosen(facts)
    if button.title != facts.answer.title:
        raise ButtonChanged
    if button.approving and facts.answer.reason is not None:
        raise InvalidField("reason", "only with a button that does not approve")


def key_strong_enough(facts: AnswerFacts) -> None:
    """
    Refuse a strong button signed by a device key.

    A passkey that may be copied is strong by itself only if the policy allows it. Otherwise its
    answer also has to name the device key, which has proved the call.
    """
    if not chosen(facts).strong or facts.signer is None:
        return
    if facts.signer.role is not Role.STRONG:
        raise WeakKey
    passkey = facts.signer.key.passkey
    if passkey is None or not passkey.backup_eligible or facts.policy.passkeys is PasskeyUse.ALLOW:
        return
    if facts.answer.device_key is None:
        raise WeakKey("a passkey that may be copied, without the device key")


def signature_holds(facts: AnswerFacts) -> None:
    """Refuse unless the key that the answer names is one of the binding's, and signed it."""
    if facts.signer is None or facts.signer.key != facts.signature.key:
        facts.signature.require()
        raise WrongState("the evidence is under another key than the signer's")
    if facts.signer not in facts.binding.keys:
        raise WrongState("the signer is no key of the binding")
    key_allowed(facts.signer.key, facts.policy)
    facts.signature.require()


def strikes_left(facts: AnswerFacts | StrikeFacts) -> None:
    """Refuse a device that has reached the strike limit of today's policy."""
    if facts.binding.strikes >= facts.policy.strike_limit:
        raise BindingInactive


def strong_key_missed(facts: StrikeFacts) -> None:
    """Allow a strike only for a token that names a strong key and has a wrong signature."""
    strong = [device_key.key for device_key in facts.binding.keys if device_key.role is Role.STRONG]
    if facts.answer.key not in strong:
        raise WrongKey
    try:
        facts.answer.require()
    except WrongSignature:
        return
    raise WrongState("the signature holds")


def strikes_exhausted(facts: StrikeFacts) -> bool:
    """Tell whether this strike is the last one that the policy allows."""
    return facts.binding.strikes + 1 >= facts.policy.strike_limit


def code_matches(facts: AnswerFacts) -> None:
    """Refuse an approval without the matching code where one is asked for."""
    if not code_needed(facts):
        return
    if facts.answer.code is None:
        raise CodeMissing
    if not _same_code(facts):
        raise WrongCode(max(0, facts.policy.code_limit - facts.challenge.wrong_codes - 1))


def code_mistyped(facts: AnswerFacts) -> None:
    """Refuse to call a code wrong unless a code was needed and typed, and is wrong."""
    if not code_needed(facts) or facts.answer.code is None or _same_code(facts):
        raise WrongState("no code was mistyped")


def codes_exhausted(facts: AnswerFacts) -> bool:
    """Tell whether this wrong code is the last one that the policy allows."""
    return facts.challenge.wrong_codes + 1 >= facts.policy.code_limit


def code_needed(facts: AnswerFacts) -> bool:
    """Tell whether the chosen button asks for the matching code: approving ones do."""
    return facts.challenge.code_asked and chosen(facts).approving


def chosen(facts: AnswerFacts) -> Button:
    """Return the stored button that the answer names; refuse one that is not there."""
    index = facts.answer.button
    if index is None or not 0 <= index < len(facts.challenge.buttons):
        raise ButtonChanged
    return facts.challenge.buttons[index]


def _same_code(facts: AnswerFacts) -> bool:
    # Fail closed: an empty stored code would match an empty claim.
    return bool(facts.code) and keys.constant_time_equal(facts.answer.code or "", facts.code)
