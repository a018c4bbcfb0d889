"""Cookies: what a browser keeps for the portal, and who may read or send it."""

from __future__ import annotations

import enum
from datetime import timedelta
from urllib.parse import urlsplit

from counterseal_portal.answers import MOUNT
from counterseal_web import Request


class Cookie(enum.Enum):
    """
    One cookie: its name, and from where browsers send it (RFC 6265bis, 5.6.7).

    A session is `Lax`, so that a link in a message opens the page that it names; no page that is
    opened changes anything, and forms are checked by origin and token.
    """

    SESSION = ("session", "Lax")
    """`guid.secret` of the session, or of a browser that enrols."""
    BROWSER = ("browser", "Lax")
    """Whose device this browser may ask."""
    CHALLENGE = ("challenge", "Strict")
    """The challenge that a device is to answer."""

    def __init__(self, text: str, same_site: str) -> None:
        self.text = text
        self.same_site = same_site


LIMIT = 4_096
"""Characters; browsers keep no longer ones (RFC 6265, 6.1)."""


def is_secure(public_url: str) -> bool:
    """Return whether browsers reach the portal by https; all else is for development."""
    return urlsplit(public_url).scheme == "https"


def cookie_name(cookie: Cookie, public_url: str) -> str:
    """Return the name that the browser knows; with `__Host-` no other host can have set it."""
    return f"{'__Host-' if is_secure(public_url) else ''}counterseal-{cookie.text}"


def read_cookie(request: Request, cookie: Cookie, public_url: str) -> str:
    """Return the value of *cookie* in *request*; empty if it is not there, or there twice."""
    name = cookie_name(cookie, public_url)
    values = [
        value
        for found_name, equals, value in (
            pair.strip().partition("=") for pair in request.headers.get("cookie", "").split(";")
        )
        if equals and found_name == name
    ]
    return values[0] if len(values) == 1 and len(values[0]) <= LIMIT else ""


def set_cookie(
    cookie: Cookie, value: str, public_url: str, *, life: timedelta | None = None
) -> tuple[str, str]:
    """
    Return the header that makes a browser keep *value*.

    Args:
        cookie: Which one.
        value: Letters, digits, `.`, `-` and `_`.
        public_url: The URL that clients use.
        life: How long; None is until the browser is closed.
    """
    secure = is_secure(public_url)
    parts = [
        f"{cookie_name(cookie, public_url)}={value}",
        f"Path={'/' if secure else MOUNT}",  # __Host- demands the whole host
        "HttpOnly",
        f"SameSite={cookie.same_site}",
    ]
    if secure:
        parts.append("Secure")
    if life is not None:
        parts.append(f"Max-Age={life // timedelta(seconds=1)}")
    return ("Set-Cookie", "; ".join(parts))


def drop_cookie(cookie: Cookie, public_url: str) -> tuple[str, str]:
    """Return the header that makes a browser forget *cookie*."""
    return set_cookie(cookie, "", public_url, life=timedelta(0))
