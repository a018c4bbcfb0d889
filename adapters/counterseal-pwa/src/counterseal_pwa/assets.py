"""Assets: the files of the web app, read once, with their types and tags."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

STATIC = Path(__file__).parent / "static"
LIBRARY_PARTS = ("device", "wire")
"""Folders of the device library, which a wheel has below `STATIC`."""

MEDIA_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
"""By the end of the file's name; no other file is served."""


@attrs.frozen(kw_only=True)
class Asset:
    """
    One file of the web app.

    Attributes:
        body: Its bytes.
        compressed: The same by gzip (RFC 1952); None where that is not smaller.
        media_type: Of `Content-Type`.
        etag: The entity tag of *body*, with quotes (RFC 9110, 8.8.3).
    """

    body: bytes = attrs.field(repr=False)
    compressed: bytes | None = attrs.field(repr=False)
    media_type: str
    etag: str


def load_assets() -> dict[str, Asset]:
    """
    Return the files by their paths, which have no slash in front.

    Raises:
        FileNotFoundError: The device library is not there: the package was not built, and is
            not in a checkout either.
    """
    return {name: _asset(path) for name, path in _files()}


def _files() -> Iterator[tuple[str, Path]]:
    yield from _below(STATIC, STATIC)
    if (STATIC / LIBRARY_PARTS[0]).is_dir():
        return
    # A checkout: the packages for npm stand beside this one.
    library = Path(__file__).parents[3] / "counterseal-js"
    for part in LIBRARY_PARTS:
        if not (library / part / "").is_dir():
            raise FileNotFoundError(f"no device library in {library / part}")
        for path in sorted((library / part).glob("*.js")):
            yield f"{part}/{path.name}", path


def _below(folder: Path, root: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in MEDIA_TYPES:
            yield path.relative_to(root).as_posix(), path


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    compressed = gzip.compress(body, mtime=0)
    return Asset(
        body=body,
        compressed=compressed if len(compressed) < len(body) else None,
        media_type=MEDIA_TYPES[path.suffix],
        etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"',
    )
