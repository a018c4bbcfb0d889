"""
Draw the mermaid fences of the pages as pictures within them, while Sphinx builds.

Nothing is loaded when somebody reads: no script, and no picture from elsewhere.
"""

from __future__ import annotations

import html
import itertools
import re
from typing import Any

import mmdr
from docutils import nodes

DRAWN_AS = "merman"
"""The name that the renderer gives to every picture; two on a page need two."""

LABEL = re.compile(
    r'<g [^>]*data-merman-source-classes="[^"]*edgeLabel [^>]*><rect x="([\d.]+)" y="([\d.]+)"'
    r' width="([\d.]+)" height="([\d.]+)"[^>]*/><text [^>]*>([^<]*)</text></g>'
)
"""The label of an arrow between states: its box and its text."""

TRANSITION = re.compile(r"^\s*(\w+) --> (\w+): (.*)$", re.MULTILINE)
VIEW = re.compile(r'max-width:([\d.]+)px" viewBox="([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+)"')
CHARACTER = 7.5
"""The width of a character of a label, at most, on average."""
GAP = 8
"""How far labels are from each other, at least."""
MARGIN = 24
"""What is added at the left, for labels that move there."""


def picture_of(source: str) -> str:
    """Return *source*, Mermaid's text, as SVG whose labels do not overlap."""
    picture = mmdr.render(source).svg()
    if DRAWN_AS not in picture:
        message = f"the renderer drew nothing, or gives its pictures another name: {source}"
        raise ValueError(message)
    return apart(picture, source) if "stateDiagram" in source else picture


def apart(picture: str, source: str) -> str:
    """Move the labels of a state diagram away from each other, and from loops."""
    transitions = TRANSITION.findall(source)
    labels = list(LABEL.finditer(picture))
    if [label[5] for label in labels] != [text for *_, text in transitions]:
        message = f"the renderer draws labels in another order: {source}"
        raise ValueError(message)
    # The renderer puts the label of a loop onto the loop.
    shifts = {
        number: (-MARGIN / 2, 0.0)
        for number, (start, end, _) in enumerate(transitions)
        if start == end
    }
    for (first, label), (second, other) in itertools.combinations(enumerate(labels), 2):
        if overlap(label, other):
            shifts[first], shifts[second] = (0.0, -MARGIN / 2), (0.0, MARGIN / 2)
    for number, (right, down) in sorted(shifts.items(), reverse=True):
        start, end = labels[number].span()
        moved = f'<g transform="translate({right} {down})">{picture[start:end]}</g>'
        picture = picture[:start] + moved + picture[end:]
    return VIEW.sub(widened, picture, count=1)


def overlap(label: re.Match[str], other: re.Match[str]) -> bool:
    """Tell whether two labels touch each other."""
    (left, top, width, height), (x, y, x_width, _) = (
        map(float, each.groups()[:4]) for each in (label, other)
    )
    widths = max(len(label[5]) * CHARACTER, width) + max(len(other[5]) * CHARACTER, x_width)
    between = abs((left + width / 2) - (x + x_width / 2))
    return between < widths / 2 + GAP and abs(top - y) < height


def widened(view: re.Match[str]) -> str:
    """Return the size of a picture with room for the labels at the left."""
    limit, left, top, width, height = map(float, view.groups())
    limit, left, width = limit + MARGIN, left - MARGIN, width + MARGIN
    return f'max-width:{limit}px" viewBox="{left} {top} {width} {height}"'


def draw(app: Any, doctree: nodes.document, _docname: str) -> None:
    """Put a picture in the place of each fence; its source is what a screen reader reads."""
    if app.builder.format != "html":
        return
    fences = [
        block
        for block in doctree.findall(nodes.literal_block)
        if block.get("language") == "mermaid"
    ]
    for number, fence in zip(itertools.count(1), fences, strict=False):
        source = fence.astext()
        label = html.escape(source)
        drawn = picture_of(source).replace(DRAWN_AS, f"diagram-{number}")
        text = f'<div class="diagram" role="img" aria-label="{label}">{drawn}</div>'
        fence.replace_self(nodes.raw("", text, format="html"))


def setup(app: Any) -> dict[str, bool]:
    """Draw once the pages are read."""
    app.connect("doctree-resolved", draw)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
