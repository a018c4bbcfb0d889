"""
Checks: what is missing or unfit in the project's settings, each with what to do.

| id | about |
|---|---|
| `counterseal.E001` | `settings.COUNTERSEAL` does not fit |
| `counterseal.E002` | the alias `counterseal` in `DATABASES` is missing, or does not fit |
| `counterseal.E003` | the alias is the same dictionary as another one |
| `counterseal.E004` | the URL is not HTTPS |
| `counterseal.E005` | the URL's host is not in `ALLOWED_HOSTS` |
| `counterseal.E006` | `counterseal_django.urls` is not included |
| `counterseal.E007` | it is included elsewhere than at the URL's path |
| `counterseal.E008` | other users of the machine can read the keys |
| `counterseal.W001` | there are no keys |
"""

from __future__ import annotations

import ipaddress
import stat
from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags
from django.db import connections
from django.http.request import validate_host
from django.urls import NoReverseMatch, get_script_prefix, reverse

from counterseal_django.configuration import Configuration, configuration
from counterseal_django.errors import UnfitDatabase, UnfitSettings
from counterseal_django.store import ALIAS, address_of_alias, connect_to, in_test_environment
from counterseal_django.wiring import KEY_NAMES, has_keys

OTHERS = stat.S_IRWXG | stat.S_IRWXO
SAME_DATABASE = (
    "For the project's own database, PostgreSQL or a SQLite file, write DATABASES['counterseal'] ="
    " {**DATABASES['default'], 'TEST': {'MIRROR': 'default'}}."
)
LOCAL_HOSTS = [".localhost", "127.0.0.1", "[::1]"]
"""What Django allows with `DEBUG` and no `ALLOWED_HOSTS`."""


def register() -> None:
    """Register the checks with Django."""
    checks.register(check_project, Tags.security)


def check_project(**_: Any) -> list[CheckMessage]:
    """Return what is missing or unfit."""
    try:
        config = configuration()
    except UnfitSettings as error:
        return [
            Error(
                str(error),
                hint="Set COUNTERSEAL as the README of counterseal-django shows.",
                id="counterseal.E001",
            )
        ]
    url = urlsplit(config.url)
    return [
        *_check_database(config),
        *_check_scheme(url),
        *_check_host(url),
        *_check_path(url),
        *_check_keys(config),
    ]


def _check_database(config: Configuration) -> Iterator[CheckMessage]:
    if in_test_environment():
        # Test runners give the alias another database, which not every test uses.
        return
    try:
        connect_to(address_of_alias(), config.connections)
    except UnfitDatabase as error:
        yield Error(
            str(error),
            hint=SAME_DATABASE,
            id="counterseal.E002",
        )
        return
    for alias, members in connections.settings.items():
        if alias != ALIAS and members is connections.settings[ALIAS]:
            yield Error(
                f"DATABASES[{ALIAS!r}] and DATABASES[{alias!r}] are one dictionary",
                hint=f"Django renames each of them for parallel tests. {SAME_DATABASE}",
                id="counterseal.E003",
            )


def _check_scheme(url: SplitResult) -> Iterator[CheckMessage]:
    if url.scheme != "https" and not settings.DEBUG and not _is_loopback(url.hostname or ""):
        yield Error(
            "COUNTERSEAL: 'URL' does not begin with https://",
            hint="Serve the project by HTTPS: anybody on the way can read bind links.",
            id="counterseal.E004",
        )


def _check_host(url: SplitResult) -> Iterator[CheckMessage]:
    allowed = settings.ALLOWED_HOSTS or (LOCAL_HOSTS if settings.DEBUG else [])
    host = url.hostname or ""
    if not validate_host(f"[{host}]" if ":" in host else host, allowed):
        yield Error(
            f"ALLOWED_HOSTS has no {host!r}, which is the host of COUNTERSEAL['URL']",
            hint="Add it: Django refuses every call to another host.",
            id="counterseal.E005",
        )


def _check_path(url: SplitResult) -> Iterator[CheckMessage]:
    try:
        path = reverse("counterseal:api", args=[""])
    except NoReverseMatch:
        yield Error(
            "counterseal_django.urls is not included in the project's urlpatterns",
            hint=f'Add path("{url.path.strip("/")}/", include("counterseal_django.urls")).',
            id="counterseal.E006",
        )
        return
    # What is before it, a proxy or `FORCE_SCRIPT_NAME` may add.
    included = path.removeprefix(get_script_prefix())
    if not f"{url.path}/".endswith(f"/{included}"):
        yield Error(
            f"COUNTERSEAL: 'URL' has the path {url.path or '/'!r}, and counterseal_django.urls is"
            f" included at {'/' + included!r}",
            hint="Make both the same: devices sign the whole URL of each call.",
            id="counterseal.E007",
        )


def _check_keys(config: Configuration) -> Iterator[CheckMessage]:
    if not has_keys(config):
        yield checks.Warning(
            f"COUNTERSEAL: 'KEYS': there are no keys in {config.keys}",
            hint="Run manage.py counterseal_upgrade --create-keys, once for a new project; for an"
            " old one, restore the folder: new keys open nothing that lost keys have sealed.",
            id="counterseal.W001",
        )
    for path in (config.keys, *(config.keys / name for name in KEY_NAMES)):
        if path.exists() and path.stat().st_mode & OTHERS:
            yield Error(
                f"COUNTERSEAL: 'KEYS': other users of this machine may use {path}",
                hint=f"Run chmod go= {path}",
                id="counterseal.E008",
            )


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
