"""
Tell whether the search of the built site finds what readers search for.

    python docs/found.py docs/_build/html

Each word of `search_words.py` has to be an entry of the index for its page, which comes first.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from search_words import WORDS, page_of


def missing(index: dict[str, Any]) -> list[str]:
    """List "word: page" for each word that *index* does not lead to its page."""
    pages, entries = index["docnames"], index["indexentries"]
    return [
        f"{word}: {page}"
        for word in WORDS
        for page in [page_of(word, pages)]
        if page not in [pages[number] for number, *_ in entries.get(word, [])]
    ]


def read_index(root: Path) -> dict[str, Any]:
    """Return the index that Sphinx wrote below *root*."""
    text = (root / "searchindex.js").read_text("utf-8")
    document: dict[str, Any] = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    return document


if __name__ == "__main__":
    sys.exit("\n".join(missing(read_index(Path(sys.argv[1])))) or 0)
