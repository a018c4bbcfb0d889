"""Answers: what a handler returns, before headers and layout are added."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import attrs

MOUNT = "/portal"
"""Where the portal is, below the service's public URL."""


@attrs.frozen(kw_only=True)
class Answer:
    """
    What a handler returns.

    Attributes:
        status: Of HTTP.
        template: The page's template; empty for a redirect.
        context: What the template shows.
        headers: Besides those of every page.
    """

    status: HTTPStatus = HTTPStatus.OK
    template: str = ""
    context: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)


def page(template: str, status: HTTPStatus = HTTPStatus.OK, **context: Any) -> Answer:
    """Return a page."""
    return Answer(status=status, template=template, context=context)


@attrs.frozen
class Step:
    """One page above another one, for the links above its heading; *path* is after `MOUNT`."""

    label: str
    path: str


def redirect(path: str, **query: str) -> Answer:
    """
    Return a redirect to a page of the portal, which the browser gets by `GET` (RFC 9110, 15.4.4).

    Args:
        path: After `MOUNT`.
        query: Its parameters.
    """
    location = f"{MOUNT}{path}{'?' if query else ''}{urlencode(query)}"
    return Answer(status=HTTPStatus.SEE_OTHER, headers=(("Location", location),))
