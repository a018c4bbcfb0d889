"""Assets: the files of the web app, read once, with their types and tags."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from counterseal_pwa.service_address import require_service

STATIC = Path(__file__).parent / "static"
LIBRARY_PARTS = ("device/*.js", "wire/*.js", "wire/*.json")
"""Files of the device library, which a wheel has below `STATIC`."""

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


SERVICE = "service.json"
"""The one file that is not the same at every address: it names the service that the app calls."""


def load_assets(service: str | None = None) -> dict[str, Asset]:
    """
    Return the files by their paths, which have no slash in front.

    Args:
        service: The public URL of the service; by default, what the app's own address continues by
            one segment.

    Raises:
        InvalidField: *service* is not an address that a browser calls from an app on HTTPS.
        FileNotFoundError: The device library is not there: the package was not built, and is
            not in a checkout either.
    """
    assets = {name: _asset(path.read_bytes(), path.suffix) for name, path in _files()}
    if service is not None:
        document = json.dumps({"service": require_service(service)}) + "\n"
        assets[SERVICE] = _asset(document.encode(), Path(SERVICE).suffix)
    return assets


def _files() -> Iterator[tuple[str, Path]]:
    yield from _below(STATIC, STATIC)
    if (STATIC / "device").is_dir():
        return
    # A checkout: the packages for npm stand beside this one.
    library = Path(__file__).parents[3] / "counterseal-js"
    for part in LIBRARY_PARTS:
        paths = sorted(library.glob(part))
        if not paths:
            raise FileNotFoundError(f"no device library in {library / part}")
        yield from ((path.relative_to(library).as_posix(), path) for path in paths)


def _below(folder: Path, root: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in MEDIA_TYPES:
            yield path.relative_to(root).as_posix(), path


def _asset(body: bytes, suffix: str) -> Asset:
    compressed = gzip.compress(body, mtime=0)
    return Asset(
        body=body,
        compressed=compressed if len(compressed) < len(body) else None,
        media_type=MEDIA_TYPES[suffix],
        etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"',
    )
