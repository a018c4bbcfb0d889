"""What the pages about embedding say is so."""

import re
from pathlib import Path

from counterseal import STANDARD

DOCS = Path(__file__).parent
MINUTES = {5: "five minutes"}


def test_the_page_says_how_long_a_link_is_valid():
    life = MINUTES[STANDARD.session_token_life.total_seconds() // 60]
    page = (DOCS / "how-to" / "parts" / "devices.md").read_text()
    assert re.search(rf"session token, which binds one device and is valid for {life}", page)
