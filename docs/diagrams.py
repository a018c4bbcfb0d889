"""
Draw the mermaid fences of the pages as pictures within them, while Sphinx builds.

Nothing is loaded when somebody reads: no script, and no picture from elsewhere.
"""

from __future__ import annotations

import html
import itertools
from typing import Any

import mmdr
from docutils import nodes

DRAWN_AS = "merman"
"""The name that the renderer gives to every picture; two on a page need two."""


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
        picture = mmdr.render(source).svg()
        if DRAWN_AS not in picture:
            message = f"the renderer drew nothing, or gives its pictures another name: {source}"
            raise ValueError(message)
        label = html.escape(source)
        drawn = picture.replace(DRAWN_AS, f"diagram-{number}")
        text = f'<div class="diagram" role="img" aria-label="{label}">{drawn}</div>'
        fence.replace_self(nodes.raw("", text, format="html"))


def setup(app: Any) -> dict[str, bool]:
    """Draw once the pages are read."""
    app.connect("doctree-resolved", draw)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
