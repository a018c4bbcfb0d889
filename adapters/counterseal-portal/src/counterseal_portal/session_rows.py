"""Session rows: browsers in which an administrator is logged in, and one-time links, in lists."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from counterseal.models import LogInMethod, Session, SessionState

UNKNOWN = "a browser that says nothing of itself"

METHODS = {
    LogInMethod.LINK: "Logged in by a one-time link",
    LogInMethod.PASSKEY: "Logged in by a passkey",
    LogInMethod.DEVICE: "Logged in by their own device",
}


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
