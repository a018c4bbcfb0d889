"""Assets: the portal's styles, scripts and pictures, read once, with their types and tags."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import attrs

STATIC = Path(__file__).parent / "static"

MEDIA_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""By the end of the file's name; no other file is served."""

CACHING: Mapping[str, str] = {"Cache-Control": "no-cache"}
"""A browser keeps the files, and asks each time whether they are the same."""


@attrs.frozen(kw_only=True)
class Asset:
    """
    One file.

    Attributes:
        body: Its bytes.
        media_type: Of `Content-Type`.
        etag: The entity tag of *body*, with quotes (RFC 9110, 8.8.3).
    """

    body: bytes = attrs.field(repr=False)
    media_type: str
    etag: str

    def is_known(self, if_none_match: str) -> bool:
        """Return whether a browser that sends *if_none_match* has this file already."""
        tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
        return self.etag in tags or "*" in tags


def load_assets() -> dict[str, Asset]:
    """Return the files by their names."""
    assets = {}
    for path in sorted(STATIC.iterdir()):
        if path.suffix in MEDIA_TYPES:
            body = path.read_bytes()
            assets[path.name] = Asset(
                body=body,
                media_type=MEDIA_TYPES[path.suffix],
                etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"',
            )
    return assets
