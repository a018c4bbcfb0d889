"""The lines of a question in HTML."""

import html
import json
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.device import HtmlText, read_html

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "html.json").read_text(encoding="utf-8")
)
WHITE = " \t\n\f\r\u00a0"


@pytest.mark.parametrize("case", VECTORS["read"], ids=lambda case: case["about"])
def test_each_text_node_is_read(case):
    text = read_html(case["html"])
    assert text is not None
    assert attrs.asdict(text) | {"lines": list(text.lines)} == case["text"]


@pytest.mark.parametrize("case", VECTORS["source"], ids=lambda case: case["about"])
def test_what_is_not_written_plainly_is_not_read(case):
    assert read_html(case["html"]) is None


@given(st.text())
def test_every_source_is_read_or_not(source):
    text = read_html(source)
    assert text is None or all(text.lines)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_text_that_is_escaped_is_read_whole(text):
    words = text
    for white in WHITE:
        words = words.replace(white, " ")
    line = " ".join(filter(None, words.split(" ")))
    expected = HtmlText(lines=(line,)) if line else None
    assert read_html(f"<p>{html.escape(text)}</p>") == expected
