"""The labels of the diagrams do not overlap, as Chromium draws them."""

import itertools
import re
import runpy
from pathlib import Path

import pytest

from counterseal import CHARTS, mermaid

DOCS = Path(__file__).parent
pytest.importorskip("mmdr")
diagrams = runpy.run_path(str(DOCS / "diagrams.py"))
FENCE = re.compile(r"^```mermaid\n(.*?)^```", re.DOTALL | re.MULTILINE)
SOURCES = {name: mermaid(chart) for name, chart in CHARTS.items()} | {
    f"{page.stem}-{number}": source
    for page in sorted(DOCS.rglob("*.md"))
    if page.stem != "states" and "_build" not in page.parts
    for number, source in enumerate(FENCE.findall(page.read_text("utf-8")))
}
BOXES = """() => [...document.querySelectorAll("text")].filter(text => text.textContent.trim()).map(
    text => { const {x, y, width, height} = text.getBoundingClientRect();
              return [text.textContent, x, y, x + width, y + height]; })"""


def collisions(page, picture):
    page.set_content(f"<div>{picture}</div>")
    return [
        (text, other)
        for (text, *box), (other, *at) in itertools.combinations(page.evaluate(BOXES), 2)
        if max(box[0], at[0]) < min(box[2], at[2]) and max(box[1], at[1]) < min(box[3], at[3])
    ]


@pytest.fixture(scope="module")
def page(chromium_of_file):
    page = chromium_of_file.new_page(viewport={"width": 1280, "height": 800})
    yield page
    page.close()


@pytest.mark.parametrize("name", SOURCES)
def test_labels_do_not_overlap(page, name):
    assert collisions(page, diagrams["picture_of"](SOURCES[name])) == []


def test_two_labels_that_overlap_are_found(page):
    picture = '<svg><text x="9" y="20">revoke</text><text x="19" y="24">expire</text></svg>'

    assert collisions(page, picture) == [("revoke", "expire")]


def test_a_renderer_that_draws_other_labels_is_refused():
    with pytest.raises(ValueError, match="another order"):
        diagrams["apart"](diagrams["picture_of"](SOURCES["binding"]), mermaid(CHARTS["login"]))
