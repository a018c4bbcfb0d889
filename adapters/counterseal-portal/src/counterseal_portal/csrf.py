"""CSRF: whether a form was sent by a page of the portal, on behalf of the person who sees it."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from counterseal_portal.visit import Visitor
from counterseal_web import Request

DEFAULT_PORTS = {"http": ":80", "https": ":443"}

FIELD = "csrf_token"
"""The field of every form that has the session's token."""


class ForgedFormError(Exception):
    """A form that no page of the portal sent in this session."""


def require_same_origin(request: Request, public_url: str) -> None:
    """
    Refuse a form that a page of another web origin sent.

    Browsers add `Origin` to every form that is posted, and `Sec-Fetch-Site` where they know it. A
    request that has neither was not sent by a page.

    Args:
        request: As it was received.
        public_url: The URL that clients use; `Host` is never looked at.

    Raises:
        ForgedFormError: The page is of another origin, or its origin is not known.
    """
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    if origin is None and site is None:
        raise ForgedFormError
    if origin is not None and origin != _web_origin(public_url):
        raise ForgedFormError
    if site is not None and site != "same-origin":
        raise ForgedFormError


def require_token(visitor: Visitor, token: str) -> None:
    """
    Refuse a form without the token of the person's session.

    Raises:
        ForgedFormError: The token is missing, or of another session.
    """
    if not visitor.csrf_token or not hmac.compare_digest(
        token.encode(errors="replace"), visitor.csrf_token.encode()
    ):
        raise ForgedFormError


def _web_origin(url: str) -> str:
    """Return the origin of *url* as browsers write it: in small letters, without a default port."""
    parts = urlsplit(url)
    host = parts.netloc.lower().removesuffix(DEFAULT_PORTS[parts.scheme])
    return f"{parts.scheme}://{host}"
