"""Session rows: browsers in which an administrator is logged in, and one-time links, in lists."""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs

from counterseal.models import LogInMethod, Session, SessionState

UNKNOWN = "a browser that says nothing of itself"

METHODS = {
    LogInMethod.LINK: "Logged in by a one-time link",
    LogInMethod.PASSKEY: "Logged in by a passkey",
    LogInMethod.DEVICE: "Logged in by their own device",
}

PROGRAMS = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"(?:Firefox|FxiOS)/"),
    ("Chrome", r"(?:HeadlessChrome|Chrome|CriOS)/"),
    ("Safari", r"Version/.* Safari/"),
)
SYSTEMS = (
    ("Android", r"Android"),
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Windows", r"Windows"),
    ("macOS", r"Macintosh"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux"),
)
"""The name, and what a `User-Agent` has that means it; the first that fits."""


@attrs.frozen
class SessionRow:
    """
    One browser in which an administrator is logged in, or a link that is open.

    Attributes:
        label: What it is called in a list.
        state: How it stands; empty for a link that was opened.
        browser: The one that has opened the link or is logged in.
        was_opened: Whether it is a link that a browser has opened, and that has registered no
            passkey yet.
    """

    session: Session
    label: str
    state: str
    browser: str
    was_opened: bool


def session_rows(sessions: Iterable[Session]) -> tuple[SessionRow, ...]:
    """Return sessions and links that have not ended as a list shows them."""
    return tuple(map(session_row, sessions))


def session_row(session: Session) -> SessionRow:
    """Return a session or a link as a list shows it."""
    browser = session.browser or UNKNOWN
    if session.state is SessionState.INVITED:
        return SessionRow(session, "One-time link", "Not opened yet", "", was_opened=False)
    if session.state is SessionState.ENROLLING:
        return SessionRow(session, "One-time link", "", browser, was_opened=True)
    label = f"{browser[:1].upper()}{browser[1:]}"
    return SessionRow(session, label, METHODS[session.method], browser, was_opened=False)


def describe_browser(user_agent: str) -> str:
    """
    Return a text such as `Firefox on Linux`; empty if nothing is known.

    It is what the browser says, and helps a person to recognise it; it decides nothing.
    """
    program, system = (
        next((name for name, pattern in names if re.search(pattern, user_agent[:512])), "")
        for names in (PROGRAMS, SYSTEMS)
    )
    return " on ".join(part for part in (program, system) if part)
