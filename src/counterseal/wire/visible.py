"""
Visible text: text from outside, written so that it cannot deceive the reader of a terminal.

- Letters, digits, punctuation, symbols and the plain space stay as they are.
- Everything else is written like `<U+202E>`: control and bidirectional characters, other spaces,
  line breaks, characters without width or ink, characters without a name in this Python,
  and characters that the terminal's encoding does not have.
- A few combining marks on a letter stay. A mark that strikes through or encloses its base is
  always written out, and so is a mark on a digit or a border.
- `<` is written out too where it would look like the beginning of this notation.
- In a `Name`, spaces at the ends or after another space are written out as well.

So a reader can tell what was written out, and two different texts look different
(as far as their letters do: a Cyrillic letter may look like a Latin one).
"""

from __future__ import annotations

import re
import unicodedata

MARKS_IN_A_ROW = 4
"""More marks than any living script has on one letter, and too few to reach the next line."""

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


_HIDDEN_SPACE = re.compile(r"\A | \Z|(?<= ) ")
"""Spaces that a screen trims or draws as one."""


class Name(str):
    """A name or an id: what differs from another one by a space alone has to look different."""

    __slots__ = ()


def write_out_spaces(text: str) -> str:
    """Return *text* with the spaces written out that a screen would trim or draw as one."""
    return _HIDDEN_SPACE.sub("<U+0020>", text)


def visible(text: str, encoding: str = "utf-8", *, escaped: bool = False) -> str:
    """
    Return *text* as one line in which everything is visible.

    Args:
        text: A text from anywhere; a `Name` if its spaces count.
        encoding: The encoding of the terminal.
        escaped: Whether who wrote *text* has used this notation already, so that it stays; what
            is still hidden is written out all the same.
    """
    visible_text = _visible(text, encoding, escaped=escaped)
    return write_out_spaces(visible_text) if isinstance(text, Name) else visible_text


def _visible(text: str, encoding: str, *, escaped: bool) -> str:
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
            and (escaped or not text.startswith(NOTATION, index))
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
