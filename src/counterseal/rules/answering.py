"""
Rules of answering: whether an answer belongs to this challenge, as it was shown.

Each compares the claims of the answer with the stored records, apart from the signature.
"""

from __future__ import annotations

from counterseal import keys
from counterseal.errors import (
    ButtonChanged,
    CodeMissing,
    DisplayChanged,
    WeakKey,
    WrongAlgorithm,
    WrongAudience,
    WrongChallenge,
    WrongCode,
    WrongDevice,
    WrongState,
)
from counterseal.models import Button, Role
from counterseal.rules.facts import Answering


def addressed_here(facts: Answering) -> None:
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


def display_matches(facts: Answering) -> None:
    """Refuse an answer to anything but the stored display document."""
    keys.require_equal(facts.answer.display_hash, facts.challenge.display_hash, DisplayChanged)


def button_matches(facts: Answering) -> None:
    """Refuse a button that the challenge does not have, by index and title."""
    if chosen(facts).title != facts.answer.title:
        raise ButtonChanged


def key_strong_enough(facts: Answering) -> None:
    """Refuse a strong button signed by a device key."""
    if chosen(facts).strong and facts.signer is not None and facts.signer.role is not Role.STRONG:
        raise WeakKey


def signature_holds(facts: Answering) -> None:
    """Refuse unless the key that the answer names is one of the binding's, and signed it."""
    if facts.signer is None or facts.signer.key != facts.signature.key:
        facts.signature.require()
        raise WrongState("the evidence is under another key than the signer's")
    if facts.signer not in facts.binding.keys:
        raise WrongState("the signer is no key of the binding")
    if facts.signer.key.algorithm not in facts.policy.algorithms:
        raise WrongAlgorithm("no longer allowed by the policy")
    facts.signature.require()


def code_matches(facts: Answering) -> None:
    """Refuse an approval without the matching code where one is asked for."""
    if not code_needed(facts):
        return
    if facts.answer.code is None:
        raise CodeMissing
    if not _same_code(facts):
        raise WrongCode(max(0, facts.policy.code_limit - facts.challenge.wrong_codes - 1))


def code_mistyped(facts: Answering) -> None:
    """Refuse to count a code as wrong unless one was needed, typed, and is wrong."""
    if not code_needed(facts) or facts.answer.code is None or _same_code(facts):
        raise WrongState("no code was mistyped")


def codes_exhausted(facts: Answering) -> bool:
    """Tell whether this wrong code is the last one that the policy allows."""
    return facts.challenge.wrong_codes + 1 >= facts.policy.code_limit


def code_needed(facts: Answering) -> bool:
    """Tell whether the chosen button asks for the matching code: approving ones do."""
    return facts.challenge.code_asked and chosen(facts).approving


def chosen(facts: Answering) -> Button:
    """
    Return the stored button that the answer names.

    Raises:
        ButtonChanged: There is none.
    """
    index = facts.answer.button
    if index is None or not 0 <= index < len(facts.challenge.buttons):
        raise ButtonChanged
    return facts.challenge.buttons[index]


def _same_code(facts: Answering) -> bool:
    # Fail closed: an empty stored code would match an empty claim.
    return bool(facts.code) and keys.constant_time_equal(facts.answer.code or "", facts.code)
