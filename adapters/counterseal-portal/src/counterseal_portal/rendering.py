"""Rendering: templates become pages, in which every text from a record is text, and visible."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs
import segno
from jinja2 import Environment, PackageLoader, StrictUndefined, Undefined
from markupsafe import Markup

from counterseal.wire.visible import Name, visible
from counterseal_portal.answers import MOUNT

QUIET_ZONE = 4
"""Modules around the code (ISO/IEC 18004, 5.3.8)."""


def build_environment() -> Environment:
    """
    Return the environment of all templates.

    Whatever a template shows is escaped, and what hides or turns a text is written out like
    `<U+202E>`; only `raw_value` leaves a text as it is, for the fields of forms, which send it
    back. Of what the filter `name` has, hidden spaces are written out as well.
    """
    environment = Environment(
        loader=PackageLoader("counterseal_portal"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["mount"] = MOUNT
    environment.filters["raw_value"] = raw_value
    environment.filters["name"] = Name
    environment.filters["time"] = time_text
    environment.filters["second"] = second_text
    environment.filters["machine_time"] = machine_time
    return environment


def raw_value(value: str) -> Markup:
    """Return *value* escaped, and otherwise as it is, for a field of a form."""
    # A parser makes a CR that is not escaped a line feed (HTML, 13.2.3.5).
    return Markup.escape(value).replace("\r", Markup("&#13;"))


def time_text(moment: datetime) -> str:
    """Return *moment* for people, in UTC to the minute."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def second_text(moment: datetime) -> str:
    """Return *moment* for a table, in UTC to the second; the column's name says that it is UTC."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def machine_time(moment: datetime) -> str:
    """Return *moment* for the attribute `datetime`."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _visible(value: Any) -> Any:
    if isinstance(value, (Markup, Undefined)):
        return value
    if value is None:
        raise TypeError("a template shows None")
    return visible(value if isinstance(value, str) else str(value))


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
