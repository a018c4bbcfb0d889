"""
Verified names: what an operator may call a company.

A tenant chooses the names of its company, App Spaces and origins, and so it can choose those of
another tenant. Its verified name is the mark that it cannot choose: a person tells two tenants
apart by it. So it is short, shows all that is in it, and no other company has one that looks alike:
names are compared here as a device compares those of App Spaces, by `counterseal.wire.lookalikes`,
and by their letters and digits alone: a person does not read a comma, a space or an accent.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from counterseal._input_limits import text_fits
from counterseal.errors import InvalidField
from counterseal.models import Company
from counterseal.wire.lookalikes import are_alike
from counterseal.wire.visible import visible

VERIFIED_NAME_BYTES = 64
"""The most bytes of a verified name: it is one line of a small screen."""

FIELD = "verifiedName"

ACCENTS = range(0x0300, 0x0370)
"""Combining diacritical marks, of Latin, Greek and Cyrillic; marks of other scripts are vowels."""


def verified_name_fits(name: str) -> None:
    """
    Refuse a name that is long, or that does not show all that is in it.

    Its spaces are single and between words; each other character is visible, and composed (NFC).
    """
    text_fits(name, VERIFIED_NAME_BYTES, FIELD)
    if visible(name) != name:
        raise InvalidField(FIELD, "a control, invisible or bidirectional character")
    if name != " ".join(name.split()):
        raise InvalidField(FIELD, "spaces at an end, or in a row")
    if not unicodedata.is_normalized("NFC", name):
        raise InvalidField(FIELD, "not composed (NFC)")
    if not _letters_of(name):
        raise InvalidField(FIELD, "no letter or digit")


def require_distinct(name: str, company: Company, companies: Iterable[Company]) -> None:
    """
    Refuse a name that looks like the verified name of another of *companies*.

    Its own may be spelled anew.
    """
    for other_company in companies:
        if other_company.guid == company.guid or other_company.verified_name is None:
            continue
        if are_alike(name, other_company.verified_name) or are_alike(
            _letters_of(name), _letters_of(other_company.verified_name)
        ):
            raise InvalidField(FIELD, "looks like that of another company")


def _letters_of(name: str) -> str:
    """Return the letters and digits of a name, without accents."""
    return "".join(
        character
        for character in unicodedata.normalize("NFD", name)
        if unicodedata.category(character)[0] in "LNM" and ord(character) not in ACCENTS
    )
