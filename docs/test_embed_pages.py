"""What the pages about embedding say is so: lifetimes, connections, and the shops' own words."""

import re
from pathlib import Path

import pytest

from counterseal import STANDARD

DOCS = Path(__file__).parent
SHOPS = DOCS / "examples" / "shops"
MINUTES = {5: "five minutes"}


def test_the_page_says_how_long_a_link_is_valid():
    life = MINUTES[STANDARD.session_token_life.total_seconds() // 60]
    page = (DOCS / "how-to" / "parts" / "devices.md").read_text()
    assert re.search(rf"session token, which binds one device and is valid for {life}", page)


@pytest.mark.parametrize(
    "file", sorted(SHOPS.glob("**/approvals.py")), ids=lambda file: str(file.relative_to(SHOPS))
)
def test_the_shops_say_how_long_a_link_is_valid(file):
    life = MINUTES[STANDARD.session_token_life.total_seconds() // 60]
    assert f"Return the link that binds one device of *user*, for {life}." in file.read_text()
