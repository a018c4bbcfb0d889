"""Answers: what a handler returns, before headers and layout are added, and where it leads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import attrs

MOUNT = "/portal"
"""Where the portal is, below the service's public URL."""

LIMIT = 1_000
_PATH = re.compile(rf"{MOUNT}((?:/[A-Za-z0-9._-]+)*)((?:\?[A-Za-z0-9=&%+._~-]*)?)")


@attrs.frozen(kw_only=True)
class Answer:
    """
    What a handler returns.

    Attributes:
        status: Of HTTP.
        template: The page's template; empty for a redirect.
        context: What the template shows.
        headers: Besides those of every page.
        stream: A file that comes in pieces, in place of a page; the face closes it.
    """

    status: HTTPStatus = HTTPStatus.OK
    template: str = ""
    context: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    stream: Iterable[bytes] | None = attrs.field(default=None, repr=False)


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


def destination(text: str) -> str:
    """
    Return the page of the portal that *text* names, after `MOUNT`; the overview for any other text.

    Nothing in an address leads to another site, or to a page outside of the portal.
    """
    match = _PATH.fullmatch(text) if len(text) <= LIMIT else None
    if match is None or ".." in match[1].split("/"):
        return ""
    return f"{match[1]}{match[2]}"


@attrs.frozen
class Secret:
    """
    One value to hand over.

    Attributes:
        label: What it is.
        value: As it has to be copied.
        is_secret: Whether it is shown this once only.
    """

    label: str
    value: str = attrs.field(repr=False)
    is_secret: bool = False


@attrs.frozen
class Mail:
    """A text to mail: its subject, and its lines."""

    subject: str
    lines: tuple[str, ...] = attrs.field(repr=False)

    @property
    def body(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


def secret_page(
    *,
    title: str,
    intro: tuple[str, ...],
    secrets: tuple[Secret, ...],
    continue_to: Step,
    trail: tuple[Step, ...],
    button: str = "I have stored it",
    mail: Mail | None = None,
) -> Answer:
    """
    Return the page that shows *secrets*; it is the answer to the form, and has no address.

    Args:
        title: Its heading.
        intro: Paragraphs above the secrets.
        secrets: In their order.
        continue_to: Where the button leads.
        trail: The pages above that one.
        button: What is pressed once they are handed over.
        mail: A text that has the secrets, for those who mail them; None for none.
    """
    return page(
        "secrets.html",
        title=title,
        intro=intro,
        secrets=secrets,
        continue_to=continue_to,
        button=button,
        mail=mail,
        trail=(*trail, continue_to),
        notice="",
    )
