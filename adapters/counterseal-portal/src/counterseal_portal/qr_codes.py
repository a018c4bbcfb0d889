"""QR codes: a text as the path of an inline picture, which needs no style and no script."""

from __future__ import annotations

import attrs
import segno

QUIET_ZONE = 4
"""Modules around the code (ISO/IEC 18004, 5.3.8)."""


@attrs.frozen
class QrCode:
    """
    A QR code.

    Attributes:
        side: Of the picture, in modules, with the quiet zone.
        path: The dark modules, as an SVG path.
    """

    side: int
    path: str = attrs.field(repr=False)


def qr_code(text: str) -> QrCode:
    """Return *text* as a QR code."""
    rows = [list(row) for row in segno.make(text, error="m", micro=False).matrix]
    path = "".join(
        f"M{column + QUIET_ZONE} {row + QUIET_ZONE}h1v1h-1z"
        for row, modules in enumerate(rows)
        for column, is_dark in enumerate(modules)
        if is_dark
    )
    return QrCode(len(rows) + 2 * QUIET_ZONE, path)
