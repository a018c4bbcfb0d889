"""
Visible text: whatever comes from outside, spelled so that it cannot fake the screen.

- Letters, digits, punctuation, symbols and the plain space stay as they are.
- Everything else is written `<U+202E>`: control and bidirectional characters, other spaces,
  line breaks, what has no width or no ink, what this Python knows no name for,
  and what the terminal's encoding cannot say.
- A combining mark stays where it stands on a letter, a few at most; one that strikes
  through or encloses what it stands on never does, nor does one on a digit or a border.
- `<` is written so too where it would begin what looks like this notation.

So what was written out can be told from what was there, and two texts that differ look different
(as far as their letters do: a Cyrillic letter is not told from a Latin one).
"""

from __future__ import annotations

import re
import unicodedata

MARKS_IN_A_ROW = 4
"""More than any living script puts on one letter, and too few to reach the next line."""

NOTATION = "<U+"
OVERLAY = 1
"""The canonical combining class of marks that strike through."""

_NO_INK = re.compile(
    "["
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
    "\u2800\U00013441-\U00013442\U00016fe4\U0001d159"
    "]"
)
"""
Default_Ignorable_Code_Point (UAX #44) as far as `isprintable` lets it pass,
and letters and symbols that are drawn as a blank.
"""


def visible(text: str, encoding: str = "utf-8") -> str:
    """
    Return *text* with everything in it visible, in one line.

    Args:
        text: From anywhere.
        encoding: What the terminal reads.
    """
    if text.isascii() and text.isprintable() and NOTATION not in text:
        return text
    characters = []
    marks_left = 0
    for index, character in enumerate(text):
        category = unicodedata.category(character)
        mark = category.startswith("M")
        plain = (
            character.isprintable()
            and not _NO_INK.match(character)
            and not text.startswith(NOTATION, index)
            and not (mark and (not marks_left or _covers(character, category)))
            and _sayable(character, encoding)
        )
        characters.append(character if plain else f"{NOTATION}{ord(character):04X}>")
        if mark:
            marks_left = marks_left - 1 if plain else 0
        else:
            marks_left = MARKS_IN_A_ROW if plain and category.startswith("L") else 0
    return "".join(characters)


def _covers(mark: str, category: str) -> bool:
    return category == "Me" or unicodedata.combining(mark) == OVERLAY


def _sayable(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
