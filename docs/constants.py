"""
The numbers on the how-to pages: cog writes each from the constant that the program has.

    say('''A question has at most {documents} files.''')

A number has commas between thousands, and a time is in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import attrs
import cog

from counterseal import STANDARD
from counterseal.actions.document import DOCUMENTS
from counterseal.actions.tool_call import CHARACTERS, ROWS
from counterseal.ciba.decisions.backchannel import SLOWER
from counterseal.device.ports import CLOCK_TOLERANCE, LARGEST_CORRECTION
from counterseal.tenancy.rules.logos import LOGO_BYTES, LOGO_PIXELS
from counterseal_asgi import DEFAULT_THREADS
from counterseal_demo.device_cli.attachments import LARGEST
from counterseal_django import site_actions
from counterseal_http import WEB_PORTS
from counterseal_mcp.settings import Settings as McpSettings
from counterseal_portal.pages.overview import DAYS
from counterseal_server.commands.doctor import doctor
from counterseal_server.doctor.machine import RENEWAL
from counterseal_server.logs import LINE_LIMIT
from counterseal_server.records.redis_address import RedisAddress
from counterseal_server.serving import FILES
from counterseal_server.settings import Settings
from counterseal_server.store_check import LARGE, MOST
from counterseal_testing.contracts.race import SHRINK_SECONDS
from counterseal_web.settings import Settings as WebSettings

KIB = 1_024
DAYS_OF_YEAR = 365
ORM_CONNECTIONS = 15
"""SQLAlchemy's default: `pool_size` and `max_overflow`."""


def _default(kind: type[Any], name: str) -> Any:
    return attrs.fields_dict(kind)[name].default


def _listed(numbers: list[int]) -> str:
    return f"{', '.join(map(str, numbers[:-1]))} or {numbers[-1]}"


def _minutes(time: timedelta) -> int:
    return time // timedelta(minutes=1)


def _delays() -> str:
    """Return the delays of callbacks, each in the largest unit that divides it."""
    units = (("hours", 3_600), ("minutes", 60), ("seconds", 1))
    parts: dict[str, list[int]] = {}
    for delay in STANDARD.callback_delays:
        seconds = int(delay.total_seconds())
        name, size = next(unit for unit in units if seconds % unit[1] == 0)
        parts.setdefault(name, []).append(seconds // size)
    texts = []
    for name, numbers in parts.items():
        first = ", ".join(map(str, numbers[:-1]))
        texts.append(f"{first} and {numbers[-1]} {name}" if first else f"{numbers[-1]} {name}")
    return f"{', '.join(texts[:-1])}, and {texts[-1]}"


TIMEOUT_OF_DOCTOR = next(option for option in doctor.params if option.name == "timeout").default

VALUES: Mapping[str, Any] = MappingProxyType(
    {
        "account_id_bytes": STANDARD.account_id_bytes,
        "aio_threads": DEFAULT_THREADS,
        "authority_days": RENEWAL.days,
        "bindings": STANDARD.bindings_limit,
        "check_processes": MOST,
        "check_records": LARGE,
        "callback_delays": _delays(),
        "callback_ports": _listed(sorted(WEB_PORTS)),
        "callback_timeout": STANDARD.callback_timeout,
        "clock_tolerance": CLOCK_TOLERANCE,
        "content_bytes": STANDARD.content_bytes,
        "correction_years": LARGEST_CORRECTION.days // DAYS_OF_YEAR,
        "cx_asked": STANDARD.cx_ask_limit,
        "cx_pending": STANDARD.cx_pending_limit,
        "cx_window_minutes": _minutes(STANDARD.ask_window),
        "doctor_seconds": TIMEOUT_OF_DOCTOR,
        "document_bytes": LARGEST,
        "document_mib": LARGEST // KIB**2,
        "documents": DOCUMENTS,
        "fastapi_connections": 2 * (DEFAULT_THREADS + ORM_CONNECTIONS) + 2,
        "fastapi_process": DEFAULT_THREADS + ORM_CONNECTIONS,
        "files": FILES,
        "grace": _default(Settings, "grace"),
        "log_line_kib": LINE_LIMIT // KIB,
        "logo_kb": LOGO_BYTES // KIB,
        "logo_pixels": LOGO_PIXELS,
        "mcp_wait": _default(McpSettings, "longest_wait"),
        "overview_days": DAYS,
        "redis_connect_timeout": int(_default(RedisAddress, "socket_connect_timeout")),
        "redis_patience": _default(RedisAddress, "patience"),
        "redis_replicas": _default(RedisAddress, "replicas"),
        "redis_retries": _default(RedisAddress, "retries"),
        "redis_timeout": int(_default(RedisAddress, "socket_timeout")),
        "shrink_seconds": SHRINK_SECONDS,
        "site_characters": site_actions.CHARACTERS,
        "site_rows": site_actions.ROWS,
        "slower": SLOWER,
        "threads": _default(Settings, "threads"),
        "title_bytes": STANDARD.title_bytes,
        "tool_characters": CHARACTERS,
        "tool_rows": ROWS,
        "wait_limit": _default(WebSettings, "wait_limit"),
        "waiters": _default(Settings, "waiters"),
    }
)

WRITERS: Mapping[type, Callable[[Any], str]] = MappingProxyType(
    {int: "{:,}".format, str: str, timedelta: lambda time: f"{time.total_seconds():g}"}
)


def say(text: str) -> None:
    """Write *text*, in which `{name}` stands for one of `VALUES`."""
    values = {name: WRITERS[type(value)](value) for name, value in VALUES.items()}
    cog.outl("\n" + text.strip("\n").format_map(values) + "\n")
