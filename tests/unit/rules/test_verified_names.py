"""Verified names: which name of a company looks like that of another."""

from datetime import UTC, datetime
from itertools import permutations

import attrs
import pytest

from counterseal.models import Company, guid
from counterseal.tenancy.rules.verified_names import require_distinct

EDITED, UNVERIFIED, OTHER = (
    Company(
        guid=guid.mint(7, bytes([number]) * 15),
        name="Bank",
        verified_name=name,
        created_at=datetime(2026, 11, 24, 12, tzinfo=UTC),
    )
    for number, name in enumerate(("Harbour Bank", None, "Harbour Bank"))
)


@pytest.mark.parametrize("companies", [*permutations([EDITED, UNVERIFIED, OTHER])])
def test_a_name_is_compared_with_those_of_all_other_companies(companies, refusing):
    with refusing("invalid_field", "verifiedName"):
        require_distinct("Harbour Bank", EDITED, companies)
    require_distinct("Harbour Bank", EDITED, companies[: companies.index(OTHER)])


@pytest.mark.parametrize(
    ("name", "other_name"),
    [("Bank 1", "Bank 2"), ("\u0915\u093e", "\u0915\u0940")],
    ids=["a digit", "a vowel sign"],
)
def test_names_differ_by_a_digit_or_a_vowel_sign(name, other_name):
    require_distinct(name, EDITED, [attrs.evolve(OTHER, verified_name=other_name)])
