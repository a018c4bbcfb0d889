"""A QR code in a terminal."""

from __future__ import annotations

import io

import segno


def qr(text: str) -> str:
    """Return *text* as a QR code of block characters, two rows in a line."""
    buffer = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(buffer, compact=True)
    return buffer.getvalue()
