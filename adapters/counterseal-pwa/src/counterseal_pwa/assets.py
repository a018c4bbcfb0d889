"""Assets: the files that browsers load, read or built once, with their types and tags."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import attrs

from counterseal.errors import InvalidField
from counterseal.models.document_hosts import EXAMPLE, is_document_origin
from counterseal.wire.link import is_base
from counterseal_pwa.bundle.files import SERVICE, VERSION, build

STATIC = Path(__file__).parent / "static"
"""The sources, in a checkout."""
BUILT = Path(__file__).parent / "built"
"""The files that browsers load, in an installed package."""

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

LOOPBACK = frozenset({"localhost", "127.0.0.1"})
"""The hosts that a page on HTTPS may call by plain HTTP (Secure Contexts, 3.1)."""


@attrs.frozen(kw_only=True)
class Asset:
    """
    One file of the web app.

    Attributes:
        body: Its bytes.
        compressed: The same by gzip (RFC 1952); None where that is not smaller.
        media_type: Of `Content-Type`.
        etag: The entity tag of *body*, with quotes (RFC 9110, 8.8.3).
        lasts: Whether its address never has another content.
    """

    body: bytes = attrs.field(repr=False)
    compressed: bytes | None = attrs.field(repr=False)
    media_type: str
    etag: str
    lasts: bool


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
    assets = {name: _asset(name, body) for name, body in _files().items()}
    if service is not None:
        document = json.dumps({"service": require_service(service)}) + "\n"
        assets[SERVICE] = _asset(SERVICE, document.encode())
    return assets


@cache
def _files() -> Mapping[str, bytes]:
    if not BUILT.is_dir():
        # A checkout: the packages for npm stand beside this one.
        return build(STATIC, Path(__file__).parents[3] / "counterseal-js")
    paths = sorted(path for path in BUILT.rglob("*") if path.suffix in MEDIA_TYPES)
    return {path.relative_to(BUILT).as_posix(): path.read_bytes() for path in paths}


def _asset(name: str, body: bytes) -> Asset:
    compressed = gzip.compress(body, mtime=0)
    return Asset(
        body=body,
        compressed=compressed if len(compressed) < len(body) else None,
        media_type=MEDIA_TYPES[PurePosixPath(name).suffix],
        etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        lasts=VERSION.match(name) is not None,
    )


def require_service(service: str) -> str:
    """
    Return *service*, if a browser can call it from an app on HTTPS.

    Raises:
        InvalidField: It is not an address like https://auth.example.com; it is plain HTTP, and not
            on this machine; or its host is an IPv6 address, which no Content Security Policy names.
    """
    if not is_base(service) or service != service.lower():
        message = "not an address like https://auth.example.com, without a slash at its end"
        raise InvalidField("service", message)
    parts = urlsplit(service)
    if parts.hostname is None or ":" in parts.hostname:
        raise InvalidField("service", "an IPv6 address, which no Content Security Policy names")
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise InvalidField("service", "not https")
    return service


def require_documents(origins: Iterable[str]) -> tuple[str, ...]:
    """
    Return *origins*, if a browser can fetch documents from each.

    Raises:
        InvalidField: One is not a web origin like https://files.example.com, in lower case and
            without a slash at its end.
    """
    checked = (origins,) if isinstance(origins, str) else tuple(origins)
    for origin in checked:
        if not is_document_origin(origin):
            raise InvalidField("documents", f"{origin!r} is not {EXAMPLE}")
    return checked


def origin_of(service: str) -> str:
    """Return the web origin of a service's address."""
    parts = urlsplit(service)
    return f"{parts.scheme}://{parts.netloc}"
