"""
Write the table of look-alike characters: `python .github/release/lookalike_table.py FOLDER`.

FOLDER has `confusables.txt` (UTS 39) and `ppucd.txt` (the Unicode Character Database in one file),
both of one version, as ICU's source has them in `icu4c/source/data/unidata`. The stored table is of
version 16.0.0, as Debian's source package `icu` 76.1-4 has it; the SHA-256 of its
`confusables.txt` is `95bd0aad6dced5ebc63436f459c06ab21a8d107cd842fb57f5c3a1e91bca8611`.
`docs/decisions/0129` says why the table is as it is.
"""

import json
import re
import sys
import unicodedata
from collections import defaultdict
from pathlib import Path

import attrs

PROGRAM = ".github/release/lookalike_table.py"
TABLE = Path(__file__).parents[2] / "src" / "counterseal" / "wire" / "lookalikes.json"
SIZE_LIMIT = 20_000

LICENCE = (
    "The data are © 2024 Unicode, Inc., under the Unicode License V3,"
    " https://www.unicode.org/license.txt"
)

SCRIPTS = frozenset({"Arab", "Armn", "Cyrl", "Grek", "Hebr", "Latn", "Zinh", "Zyyy"})
"""What characters are compared with, by the script; those that look like them are of any script."""

OLDEST = (14, 0)
"""The Unicode version of the oldest Python; newer characters are normalized by the table."""

SMALL_CAPITAL = re.compile(r"LATIN LETTER SMALL CAPITAL ([A-Z])")
DRAWN_AS = {"ß": "β", "ς": "ϛ"}
"""Prototypes that case folding would change, and a letter of the same look that stays."""

SPACES = "\t\n\v\f\r\u0085"
"""White space that no normalization changes."""


@attrs.frozen
class Character:
    """What the Unicode Character Database says of one character, as far as it is used here."""

    name: str
    script: str
    age: tuple[int, int]
    lower: str
    folded: str
    decomposition: str | None
    is_ignorable: bool


def read_characters(lines):
    """Return the assigned and the ignorable characters of `ppucd.txt`, by themselves."""
    blocks, characters = [], {}
    for line in lines:
        kind, *values = line.rstrip("\n").split(";")
        if kind not in {"block", "cp", "unassigned"}:
            continue
        first, _, last = values[0].partition("..")
        span = range(int(first, 16), int(last or first, 16) + 1)
        properties = dict(value.partition("=")[::2] for value in values[1:])
        if kind == "block":
            blocks.append((span, properties))
            if properties.get("gc", "Cn") in {"Cn", "Co", "Cs"}:
                continue  # its characters, if it has any, have lines of their own
        else:
            properties = (
                next((ours for block, ours in blocks[::-1] if span[0] in block), {}) | properties
            )
        for code in span:
            characters[chr(code)] = character_of(chr(code), properties)
    return characters


def character_of(character, properties):
    major, _, minor = properties.get("age", "0.0").partition(".")
    decomposition = properties.get("dm")
    lower = properties.get("lc") or properties.get("slc")
    folded = properties.get("cf") or properties.get("scf")
    return Character(
        name=properties.get("na", ""),
        script=properties.get("sc", "Zzzz"),
        age=(int(major), int(minor)),
        lower=character if lower is None else text_of(lower),
        folded=character if folded is None else text_of(folded),
        decomposition=None if decomposition is None else text_of(decomposition),
        is_ignorable="DI" in properties,
    )


def text_of(codes):
    """Return a text that is written as code points in hexadecimal."""
    return "".join(chr(int(code, 16)) for code in codes.split() if not code.startswith("<"))


def read_confusables(lines):
    """Return version and date of `confusables.txt`, and the prototype of each character."""
    version, date, prototypes = None, None, {}
    for line in lines:
        if match := re.match(r"# Version: ([0-9.]+)", line):
            version = match[1]
        elif match := re.match(r"# Date: ([0-9-]+)", line):
            date = match[1]
        elif match := re.match(r"([0-9A-F]+) ;\t([0-9A-F ]+) ;", line):
            prototypes[text_of(match[1])] = text_of(match[2])
    return version, date, prototypes


class Skeletons:
    """What each character becomes."""

    def __init__(self, characters, prototypes):
        self.characters = characters
        self.prototypes = prototypes
        self.capitals = {}
        self.folds = {}
        for character, properties in characters.items():
            if match := SMALL_CAPITAL.fullmatch(properties.name):
                letter = match[1].lower()
                self.capitals[character] = letter
                # Some are not their own prototypes.
                self.capitals[prototypes.get(character, character)] = letter
            if properties.lower == character != (folded := self.lower(properties.folded)):
                self.folds[character] = folded

    def normalized(self, text):
        """Return *text* in NFKC and then NFD, by the database's version, without ignorables."""
        text = unicodedata.normalize("NFKC", "".join(map(self._compatible, text)))
        decomposed = unicodedata.normalize("NFD", text)
        return "".join(
            character
            for character in decomposed
            if not (character in self.characters and self.characters[character].is_ignorable)
        )

    def _compatible(self, character):
        properties = self.characters.get(character)
        if properties is None or properties.decomposition is None or properties.age <= OLDEST:
            return character
        return "".join(map(self._compatible, properties.decomposition))

    def lower(self, text):
        return "".join(
            self.characters[character].lower if character in self.characters else character
            for character in text
        )

    def outline_of(self, text):
        """Return what *text* looks like, in lower case: the same again for what it returns."""
        while True:
            mapped = "".join(self.prototypes.get(each, each) for each in self.normalized(text))
            mapped = "".join(self.capitals.get(each, each) for each in self.lower(mapped))
            mapped = "".join(DRAWN_AS.get(each, each) for each in mapped)
            mapped = self.normalized("".join(" " if each in SPACES else each for each in mapped))
            if mapped == text:
                return text
            text = mapped

    def folded_outline_of(self, text):
        """Return what *text* looks like in lower case."""
        lower = self.normalized(self.lower(self.normalized(text)))
        return self.outline_of("".join(self.folds.get(character, character) for character in lower))


def is_compared(text, characters):
    """Tell whether all characters of *text* are of the scripts of the table."""
    return all(
        character in characters and characters[character].script in SCRIPTS for character in text
    )


def table_of(version, date, characters, prototypes):
    """
    Return the table, whose members `counterseal.wire.lookalikes` describes.

    The runtimes normalize and write in lower case what they know; the table has the rest.
    """
    rules = Skeletons(characters, prototypes)
    lower_case, outlines = dict.fromkeys(SPACES, " "), {}
    for character, properties in characters.items():
        new = properties.age > OLDEST
        stays = new or rules.normalized(character) == character
        if not stays or properties.is_ignorable or character in SPACES:
            continue
        # What the oldest runtime makes of it before it looks it up.
        looked_up = character if new else properties.lower
        folded = rules.folded_outline_of(character)
        if looked_up == character and folded != character and is_compared(folded, characters):
            lower_case[character] = folded
        outline = rules.outline_of(character)
        is_final = rules.folded_outline_of(outline) == outline
        if outline != folded and is_final and is_compared(outline, characters):
            outlines[character] = outline
    ignorable = sorted(
        ord(each) for each, properties in characters.items() if properties.is_ignorable
    )
    return {
        "about": f"Made by {PROGRAM} of confusables.txt of {date}. {LICENCE}",
        "unicode": version,
        "ignorable": ranges_of(sorted(ignorable)),
        "lowerCase": by_target(lower_case),
        "outlines": by_target(outlines),
    }


def ranges_of(codes):
    """Return ordered numbers as ranges, each by its first and its last."""
    ranges = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return ranges


def by_target(mapping):
    """Return, for each text that characters become, all of these characters as one text."""
    grouped = defaultdict(list)
    for character, target in mapping.items():
        grouped[target].append(character)
    return {target: "".join(sorted(grouped[target])) for target in sorted(grouped)}


def write(table):
    """Return the table as JSON, with a line for each target."""
    members = []
    for name, value in table.items():
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if isinstance(value, dict):
            lines = (
                json.dumps({target: sources}, ensure_ascii=False, separators=(",", ":"))[1:-1]
                for target, sources in value.items()
            )
            text = "{\n" + ",\n".join(lines) + "\n}"
        members.append(f'"{name}": {text}')
    return "{\n" + ",\n".join(members) + "\n}\n"


def main():
    folder = Path(sys.argv[1])
    with (folder / "ppucd.txt").open(encoding="utf-8") as lines:
        characters = read_characters(lines)
    with (folder / "confusables.txt").open(encoding="utf-8-sig") as lines:
        version, date, prototypes = read_confusables(lines)
    text = write(table_of(version, date, characters, prototypes))
    if len(text.encode()) > SIZE_LIMIT:
        sys.exit(f"{len(text.encode())} bytes are more than {SIZE_LIMIT}")
    TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
