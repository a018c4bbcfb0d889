"""Rendering: templates become pages, in which every text from a record is text, and visible."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Undefined
from markupsafe import Markup

from counterseal.wire.visible import visible
from counterseal_portal.answers import MOUNT


def build_environment() -> Environment:
    """
    Return the environment of all templates.

    Whatever a template shows is escaped, and what hides or turns a text is written out like
    `<U+202E>`; only `raw_value` leaves a text as it is, for the fields of forms, which send it
    back.
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
    environment.filters["time"] = time_text
    environment.filters["machine_time"] = machine_time
    return environment


def raw_value(value: str) -> Markup:
    """Return *value* escaped, and otherwise as it is, for a field of a form."""
    # A parser makes a CR that is not escaped a line feed (HTML, 13.2.3.5).
    return Markup.escape(value).replace("\r", Markup("&#13;"))


def time_text(moment: datetime) -> str:
    """Return *moment* for people, in UTC to the minute."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def machine_time(moment: datetime) -> str:
    """Return *moment* for the attribute `datetime`."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _visible(value: Any) -> Any:
    if isinstance(value, (Markup, Undefined)):
        return value
    if value is None:
        raise TypeError("a template shows None")
    return visible(value if isinstance(value, str) else str(value))
