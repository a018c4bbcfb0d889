"""
Look-alikes: names that a person cannot tell apart, though their characters differ.

Two names are alike if one of their two skeletons is the same. Both are made of the name in NFKC,
decomposed (NFD) and without what is not displayed, by the prototypes of UTS 39, 4:

- in lower case: the name is case folded first, so it is that of the name in another case;
- as drawn: capitals have the prototypes of what they look like, so `I` is like `l`.

`lookalikes.json` beside this module is the table, with these members:

| member | value |
|---|---|
| `unicode` | its Unicode version |
| `ignorable` | the characters that are not displayed, in ranges from a code point to another |
| `lowerCase` | for each text, the lower-case characters that become it |
| `outlines` | for each text, the characters that become it if case was ignored before |

The npm packages have the same file. It says what normalization and lower case of an older Unicode
leave as it is, so the skeletons are the same with each version from 14.0 on.
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Any

import attrs

_TABLE = files(__package__).joinpath("lookalikes.json")
_SPACES = re.compile(" +")


@attrs.frozen
class _Table:
    lower_case: dict[int, str]
    outlines: dict[int, str]


def skeletons(name: str) -> tuple[str, str]:
    """
    Return the skeletons of *name*: in lower case, and as drawn.

    They are for comparison only: nobody can read them.
    """
    table = _load_table()
    letters = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", name))
    return _skeleton(letters, table), _skeleton(letters.translate(table.outlines), table)


def are_alike(name: str, other_name: str) -> bool:
    """
    Tell whether two names look alike.

    Equal names do, and names that differ in case only; of three names, the first and the last need
    not look alike if both look like the second.
    """
    pairs = zip(skeletons(name), skeletons(other_name), strict=True)
    return any(skeleton == other for skeleton, other in pairs)


def _skeleton(letters: str, table: _Table) -> str:
    skeleton = unicodedata.normalize("NFD", letters.lower().translate(table.lower_case))
    return _SPACES.sub(" ", skeleton).strip(" ")


@cache
def _load_table() -> _Table:
    document: dict[str, Any] = json.loads(_TABLE.read_text("utf-8"))
    ignorable = {
        code: "" for first, last in document["ignorable"] for code in range(first, last + 1)
    }
    return _Table(
        lower_case=ignorable | _by_character(document["lowerCase"]),
        outlines=_by_character(document["outlines"]),
    )


def _by_character(targets: dict[str, str]) -> dict[int, str]:
    return {ord(character): target for target, text in targets.items() for character in text}
