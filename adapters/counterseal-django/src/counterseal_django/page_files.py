"""
Page files: the style and the script of the pages of approvals.

The app serves them itself, so that the pages work where a project serves no static files, as a new
one under gunicorn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_safe

FOLDER = Path(__file__).parent / "files"
MEDIA_TYPES: Mapping[str, str] = {
    "pages.css": "text/css; charset=utf-8",
    "waiting.js": "text/javascript; charset=utf-8",
}


@cache
def read_file(name: str) -> bytes:
    """Return the bytes of the file *name*, one of `MEDIA_TYPES`."""
    return (FOLDER / name).read_bytes()


def etag_of(_request: HttpRequest, name: str) -> str | None:
    """Return the entity tag of a file; None if there is no such file."""
    if name not in MEDIA_TYPES:
        return None
    return f'"{hashlib.sha256(read_file(name)).hexdigest()[:16]}"'


@require_safe
@cache_control(no_cache=True)
@condition(etag_func=etag_of)
def page_file(_request: HttpRequest, name: str) -> HttpResponse:
    """Send a file."""
    if name not in MEDIA_TYPES:
        raise Http404
    response = HttpResponse(read_file(name), content_type=MEDIA_TYPES[name])
    response["X-Content-Type-Options"] = "nosniff"
    return response
