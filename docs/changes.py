"""Write the page of changes, while Sphinx builds: CHANGELOG.md, and what is not released yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
CHANGELOG = DOCS.parent / "CHANGELOG.md"


def text_of(folder: Path, changelog: Path) -> str:
    """Return the page: the fragments in *folder*, and then *changelog* without its title."""
    text = "# Changes\n"
    fragments = sorted(folder.glob("*.*.md"))
    if fragments:
        text += "\n## Not released yet\n"
    for fragment in fragments:
        subject = fragment.name.split(".")[0]
        text += f"\n### {subject}\n\n{fragment.read_text('utf-8').strip()}\n"
    if changelog.exists():
        _, _, released = changelog.read_text("utf-8").partition("\n## ")
        text += f"\n## {released}" if released else ""
    return text


def fill(app: Any, docname: str, source: list[str]) -> None:
    """Put the changes in the place of the page."""
    if docname == "changes":
        app.env.note_dependency(str(CHANGELOG))
        source[0] = text_of(DOCS / "changelog.d", CHANGELOG)


def setup(app: Any) -> dict[str, bool]:
    """Fill the page when it is read."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
