"""A static site: the files of the web app in a folder, for a web server that only serves files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from counterseal_pwa.pages import CACHING, Pages

HEADERS_FILE = "_headers"
"""The headers in the format that several hosts of static sites read; it is in the folder itself."""


def write_site(folder: Path, service: str, *, documents: Iterable[str] = ()) -> tuple[str, ...]:
    """
    Write the files of the app for *service* into *folder*, and return their paths there.

    The app may fetch documents of actions from the web origins *documents*, as in `Pages`.

    Files of the same names are replaced. A browser does not see a mixture: each file is renamed
    into its place, and asked for again at each start.

    Raises:
        InvalidField: *service* is not an address that a browser calls from an app on HTTPS; or one
            of *documents* is not a web origin by HTTPS.
        OSError: A file cannot be written.
    """
    pages = Pages(service=service, documents=documents)
    files = {name: asset.body for name, asset in pages.assets.items()}
    files[HEADERS_FILE] = _headers_file(pages).encode()
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        incomplete = path.with_name(f".{path.name}.incomplete")
        incomplete.write_bytes(body)
        incomplete.replace(path)
    return tuple(files)


def nginx_headers(service: str, *, documents: Iterable[str] = ()) -> str:
    """
    Return the headers of the app for *service* as directives of nginx.

    Raises:
        InvalidField: *service* is not an address that a browser calls from an app on HTTPS; or one
            of *documents* is not a web origin by HTTPS.
    """
    headers = _headers_of(Pages(service=service, documents=documents))
    return "".join(f'add_header {name} "{value}" always;\n' for name, value in headers.items())


def _headers_of(pages: Pages) -> dict[str, str]:
    return {**pages.headers, "Cache-Control": CACHING["Cache-Control"]}


def _headers_file(pages: Pages) -> str:
    return "/*\n" + "".join(f"  {name}: {value}\n" for name, value in _headers_of(pages).items())
