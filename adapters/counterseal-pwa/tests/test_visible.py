"""Text from outside is written so that it cannot fake the screen, in Node and in Chromium."""

import itertools
import json
import random
import re
import subprocess
import unicodedata
from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.wire.visible import Name, visible
from counterseal_client import Button, Pair, PairsContent, TextContent

STATIC = Path(__file__).parents[1] / "src" / "counterseal_pwa" / "static"
SHOWN_HERE = {0xA0, 0x202F, 0x3000}
"""Spaces that a terminal writes out."""

PROGRAM = f"""
import {{ readFileSync }} from "node:fs";
import {{ visible }} from "{STATIC.as_uri()}/visible.js";
const [texts, how] = JSON.parse(readFileSync(0, "utf-8"));
console.log(JSON.stringify(texts.map((text) => visible(text, how))));
"""
PIECES = [
    *("<", "U", "+", "<U+", "<U+202E>", ">", "\n", "\r\n", "\t", " ", "\xa0", "a", "1", "ب"),
    *("\u202e", "\u2066", "\u200b", "\u200d", "\u200c", "\ufe0f", "\ufeff", "\u00ad", "\u0301"),
    *(
        "\u0338",
        "\u20dd",
        "\u115f",
        "\u2800",
        "😀",
        "👩",
        "💻",
        "\U000e0061",
        "\x1b",
        "क",
        "\u094d",
    ),
]


@pytest.fixture(scope="module")
def make_visible(node):
    def run(texts, **how):
        ended = subprocess.run(
            [node / "bin" / "node", "--input-type=module", "--eval", PROGRAM],
            input=json.dumps([texts, how]),
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        return json.loads(ended.stdout)

    return run


def read_back(visible_text):
    return re.sub(r"<U\+([0-9A-F]{4,6})>", lambda match: chr(int(match[1], 16)), visible_text)


def test_each_character_is_written_out_as_in_a_terminal(make_visible):
    # Others are unassigned in one of the two versions of Unicode, or half a character.
    codes = [
        code for code in range(0x110000) if unicodedata.category(chr(code)) not in {"Cn", "Cs"}
    ]
    texts = [f"b{chr(code)}b" for code in codes]
    differing = {
        code
        for code, text, here in zip(codes, texts, make_visible(texts), strict=True)
        if here != visible(text)
    }
    assert differing == SHOWN_HERE


def test_spaces_of_ids_are_written_out_as_in_a_terminal(make_visible):
    texts = [*map("".join, itertools.product([" ", "a", "\xa0", "<"], repeat=5)), "", " "]
    assert make_visible(texts, exact=True) == [visible(Name(text)) for text in texts]


def test_hidden_characters_can_be_read_back(make_visible):
    generator = random.Random(16)  # noqa: S311 (the same texts each time)
    texts = ["".join(generator.choices(PIECES, k=generator.randint(1, 12))) for _ in range(5000)]
    for how in ({"lines": False}, {"lines": True}):
        for text, here in zip(texts, make_visible(texts, **how), strict=True):
            # The whole of it: so two texts that differ never look the same.
            assert read_back(here) == text
            assert not re.search(
                "[\u202a-\u202e\u2066-\u2069\u200b\ufeff\u00ad\u2800\u115f\x1b]", here
            )
            assert how["lines"] or not re.search("[\n\r\t]", here)


HONEST = [
    "Pay 49,90\xa0€ to Zoë Example?",
    "1\u202f234,50 EUR",
    "Zoe\u0308 Example",
    "你好　世界 · こんにちは · 안녕",
    "مرحبا שלום",
    "می\u200cخواهم",  # noqa: RUF001 (Persian, which needs the non-joiner)
    "क्\u200dष नमस्ते ผู้ใช้",
    "👩\u200d💻 ❤\ufe0f 👍🏽 🇪🇺",
    "<b>&amp;</b> ${x} \\n",
]


def test_honest_text_stays(make_visible):
    assert make_visible(HONEST) == HONEST
    lines = ["two\nlines", "two\r\nlines", "a\tcolumn"]
    assert make_visible(lines, lines=True) == lines


@pytest.mark.parametrize(
    ("text", "visible_text"),
    [
        ("10\u0338 EUR", "10<U+0338> EUR"),
        ("a\u200db", "a<U+200D>b"),
        ("a\ufe0f", "a<U+FE0F>"),
        ("😀\u200d", "😀<U+200D>"),
        ("<U+202E>", "<U+003C>U+202E>"),
        ("a\rb", "a<U+000D>b"),
        ("a" + "\u0301" * 6, "a" + "\u0301" * 4 + "<U+0301>" * 2),
        ("\U000e0061", "<U+E0061>"),
    ],
)
def test_spellings(make_visible, text, visible_text):
    assert make_visible([text], lines=True) == [visible_text]


def test_a_request_cannot_look_like_another_one(device, origin):
    device.bind_passkey(origin.link("user\u202e7"))
    buttons = (
        Button(title="\u202eevorppa", strong=True, approving=True),
        Button(title="No\u200b", strong=False),
    )
    pairs = (
        Pair(key="Amount\u202e", value="10\u0338 EUR"),
        Pair(key="Payee", value="Zoë\nAmount\n1 EUR"),
    )
    origin.client.ask(
        "user\u202e7",
        PairsContent(title="Pay \u2066now", pairs=pairs),
        buttons=buttons,
        duration=timedelta(minutes=5),
        transaction_id="7\u00ad8",
        additional_info={"note": "a\u202eb"},
    )
    device.open_request()
    page = device.page
    assert page.locator(".answer .title").all_inner_texts() == ["<U+202E>evorppa", "No<U+200B>"]
    assert device.heading == "Pay <U+2066>now"
    rows = page.locator("article dl").first
    assert rows.locator("dt").all_inner_texts() == ["Amount<U+202E>", "Payee"]
    assert rows.locator("dd").all_inner_texts() == ["10<U+0338> EUR", "Zoë\nAmount\n1 EUR"]
    assert "a<U+202E>b" in page.locator("article dl.more").inner_text()
    page.locator("details.details summary").click()
    details = page.locator("details.details dl").inner_text()
    # For which account: the origin's own name of the person, which is signed.
    assert all(text in details for text in ("user<U+202E>7", "7<U+00AD>8"))


def test_a_text_of_several_lines_keeps_them(device, origin):
    device.bind_passkey(origin.link("user-lines"))
    content = TextContent(text="Log in?\r\n\tFrom\u202e Paris")
    origin.client.ask("user-lines", content, duration=timedelta(minutes=1))
    device.open_request()
    assert device.page.locator("article .text").first.text_content() == (
        "Log in?\r\n\tFrom<U+202E> Paris"
    )
