"""A static site: the files of the web app in a folder, for a web server that only serves files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from counterseal_pwa.bundle.files import INDEX, VERSION
from counterseal_pwa.pages import CACHE_CONTROL, LASTING, Pages

HEADERS_FILE = "_headers"
"""The headers in the format that several hosts of static sites read; it is in the folder itself."""


def write_site(folder: Path, service: str, *, documents: Iterable[str] = ()) -> tuple[str, ...]:
    """
    Write the files of the app for *service* into *folder*, and return their paths there.

    The app may fetch documents of actions from the web origins *documents*, as in `Pages`.

    Files of the same names are replaced, and those of other versions stay, for pages that are open.
    A browser does not see a mixture: each version has a folder, and the page, which names it, is
    renamed into its place last.

    Raises:
        InvalidField: *service* is not an address that a browser calls from an app on HTTPS; or one
            of *documents* is not a web origin by HTTPS.
        OSError: A file cannot be written.
    """
    pages = Pages(service=service, documents=documents)
    bodies = {name: asset.body for name, asset in pages.assets.items()}
    bodies[HEADERS_FILE] = _headers_file(pages).encode()
    files = dict(sorted(bodies.items(), key=lambda file: _moment(file[0])))
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        incomplete = path.with_name(f".{path.name}.incomplete")
        incomplete.write_bytes(body)
        incomplete.replace(path)
    return tuple(files)


def _moment(name: str) -> tuple[bool, bool]:
    """Return what orders files so that each is there before a file that names it."""
    return VERSION.match(name) is None, name == INDEX


def nginx_headers(service: str, *, documents: Iterable[str] = ()) -> str:
    """
    Return the headers of the app for *service* as directives of nginx.

    Raises:
        InvalidField: *service* is not an address that a browser calls from an app on HTTPS; or one
            of *documents* is not a web origin by HTTPS.
    """
    headers = Pages(service=service, documents=documents).headers
    lines = [f'add_header {name} "{value}" always;' for name, value in headers.items()]
    lines += [
        f'set $counterseal_caching "{CACHE_CONTROL}";',
        f'if ($uri ~ "/{VERSION.pattern}") {{ set $counterseal_caching "{LASTING}"; }}',
        # Not for errors: a file that is missing for a moment must not be missing for a year.
        "add_header Cache-Control $counterseal_caching;",
    ]
    return "".join(f"{line}\n" for line in lines)


def _headers_file(pages: Pages) -> str:
    """Return the headers by path: hosts join those of all paths that fit, so no two name one."""
    blocks = {"/*": pages.headers}
    for name, asset in pages.assets.items():
        if not asset.lasts:
            blocks |= {
                path: {"Cache-Control": CACHE_CONTROL}
                for path in ([f"/{name}", "/"] if name == INDEX else [f"/{name}"])
            }
        elif folder := VERSION.match(name):
            blocks[f"/{folder[0]}*"] = {"Cache-Control": LASTING}
    return "".join(
        f"{path}\n" + "".join(f"  {name}: {value}\n" for name, value in headers.items())
        for path, headers in blocks.items()
    )
