"""
Tell whether any built page loads something from another host.

    python docs/offline.py docs/_build/html

Links to follow are fine; scripts, styles, fonts, images and frames are not.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

REMOTE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
IN_STYLE = re.compile(r"(?:url\(|@import)\s*[\"']?\s*((?:https?:)?//[^\"')\s;]*)", re.IGNORECASE)
# What a <link> may name without loading it.
NAMED_ONLY = {
    "alternate",
    "author",
    "canonical",
    "help",
    "index",
    "license",
    "next",
    "prev",
}

HARMLESS = re.compile(
    r"</?(?:a|code|dd|div|dl|dt|em|li|p|pre|span|strong|td|th|tr|ul)"
    r"(?:\s+(?:aria-label|class|href|id|title)=\"[^\"<>]*\")*\s*>"
)
"""Tags that load nothing: most of a page's, which the parser need not read."""


class Loads(HTMLParser):
    """Collects what one page loads from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._in_style = tag == "style"
        self.found += IN_STYLE.findall(values.get("style", ""))
        addresses = [values.get(name, "") for name in ("src", "data", "poster")]
        addresses += [
            part.split()[0] for part in values.get("srcset", "").split(",") if part.strip()
        ]
        if tag == "link" and not set(values.get("rel", "").lower().split()) & NAMED_ONLY:
            addresses.append(values.get("href", ""))
        if tag in {"image", "use"}:  # inside SVG
            addresses += [values.get("href", ""), values.get("xlink:href", "")]
        self.found += [address for address in addresses if REMOTE.match(address)]

    def handle_endtag(self, _tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.found += IN_STYLE.findall(data)


def remote_loads(root: Path) -> list[str]:
    """List "file: address" for what the files below *root* load from elsewhere."""
    findings = []
    for path in sorted(root.rglob("*")):
        if path.suffix == ".html":
            page = Loads()
            page.feed(HARMLESS.sub("", path.read_text(encoding="utf-8")))
            found = page.found
        elif path.suffix in {".css", ".svg"}:
            found = IN_STYLE.findall(path.read_text(encoding="utf-8"))
        else:
            continue
        findings += [f"{path.relative_to(root)}: {address}" for address in found]
    return findings


if __name__ == "__main__":
    root = Path(sys.argv[1])
    if not (root / "index.html").is_file():
        sys.exit(f"{root} holds no built documentation")
    sys.exit("\n".join(remote_loads(root)) or 0)
