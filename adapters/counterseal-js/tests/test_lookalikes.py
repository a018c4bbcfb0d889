"""Skeletons in JavaScript and in Python: the same for each character and for random names."""

import json
import random
import unicodedata
from pathlib import Path

import counterseal.wire.lookalikes
from counterseal.wire.lookalikes import are_alike, skeletons

PACKAGES = Path(__file__).parents[1]
TABLE = Path(counterseal.wire.lookalikes.__file__).with_name("lookalikes.json")
PROGRAM = """
import { areAlike, skeletons } from "./wire/lookalikes.js";

const isAssigned = ([first, last]) =>
  Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index));
console.log(JSON.stringify({
  changed: input.ranges.flatMap(isAssigned)
    .map((character) => [character, ...skeletons(character)])
    .filter(([character, ...texts]) => texts.some((text) => text !== character)),
  names: input.names.map(skeletons),
  pairs: input.names.map((name, index) => areAlike(name, input.names.at(index - 1))),
}));
"""
NAMES = 3000
UNNAMED = {"Cn", "Co", "Cs"}


def test_both_packages_have_one_table():
    assert (PACKAGES / "wire" / TABLE.name).read_bytes() == TABLE.read_bytes()


def assigned_ranges():
    """Return what this Python knows, and what the table says of newer characters, in ranges."""
    table = json.loads(TABLE.read_text("utf-8"))
    texts = [*table["lowerCase"].values(), *table["outlines"].values()]
    codes = {ord(character) for text in texts for character in text}
    codes |= {code for code in range(0x110000) if unicodedata.category(chr(code)) not in UNNAMED}
    ranges = []
    for code in sorted(codes):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return ranges


def random_names():
    """Return random names: each character is of one row of the table, or any that is assigned."""
    table = json.loads(TABLE.read_text("utf-8"))
    rows = [target + text for target, text in {**table["lowerCase"], **table["outlines"]}.items()]
    chosen = random.Random(2026)  # noqa: S311
    alphabet = [chr(code) for first, last in assigned_ranges() for code in range(first, last + 1)]
    marks = [character for character in alphabet if unicodedata.combining(character)]
    pieces = [*"Σς\u03c3ßẞİ\u0131Ii\u017f Kk\u00a0\u200b", "\u0345", "\u0301", "rn", "ﬃ", "½"]

    def character(row):
        kind = chosen.random()
        source = alphabet if kind < 0.1 else marks if kind < 0.2 else pieces if kind < 0.3 else row
        return chosen.choice(source)

    names = []
    while len(names) < NAMES:
        skeleton = chosen.choices(rows, k=chosen.randint(1, 8))
        names += ["".join(map(character, skeleton)), "".join(map(chosen.choice, skeleton))]
    return names


def test_both_make_the_same_skeletons(node):
    names, ranges = random_names(), assigned_ranges()
    result = node.evaluate(PROGRAM, {"ranges": ranges, "names": names})
    characters = [chr(code) for first, last in ranges for code in range(first, last + 1)]
    expected = [[character, *skeletons(character)] for character in characters]
    changed = [row for row in expected if {*row[1:]} != {row[0]}]
    assert len(changed) > 10_000
    assert result["changed"] == changed
    assert result["names"] == [list(skeletons(name)) for name in names]
    pairs = [are_alike(name, names[index - 1]) for index, name in enumerate(names)]
    assert 100 < sum(pairs) < NAMES - 100
    assert result["pairs"] == pairs
