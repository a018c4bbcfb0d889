"""Checks of the settings."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from counterseal.errors import InvalidField
from counterseal_server.configuration import KINDS, PREFIX
from counterseal_server.doctor.finding import Finding, failure, fine, warning
from counterseal_server.doctor.installation import Installation
from counterseal_server.requirements import PARTS

FLAG = "--"
FOR_DEVELOPMENT = {
    "allow_private_callbacks": "callbacks may go to plain http and to private addresses",
    "allow_private_providers": "Identity Providers may be at plain http and private addresses",
    "allow_private_pushes": "pushes may go to plain http and to private addresses",
}


def check_configuration(installation: Installation) -> Iterator[Finding]:
    """Say how many settings are set and where, and which are not for production or do not work."""
    settings = installation.settings
    sources = {value.source for value in installation.sourced_values.values()}
    files = sorted(
        source
        for source in sources - {str(settings.store_file)}
        if not source.startswith((FLAG, PREFIX))
    )
    origin = ", ".join(files) or "no file"
    yield fine(
        "settings_accepted",
        f"{len(installation.sourced_values)} of {len(KINDS)} settings are set; read {origin}",
    )
    for name, effect in FOR_DEVELOPMENT.items():
        if getattr(settings, name):
            yield warning(f"{name}_set", effect, f"unset `{name}` in production")
    store = installation.sourced_values.get("store")
    if store is not None and store.source in files and _has_password(store.value):
        yield warning(
            "password_in_file",
            f"{store.source} contains the password of the store",
            "put the URL into a file of its own, and set `store_file`",
        )
    for require in PARTS:
        try:
            require(settings)
        except InvalidField as error:
            yield failure("setting_unusable", str(error), f"correct `{error.field}`")


def _has_password(url: object) -> bool:
    try:
        return bool(urlsplit(str(url)).password)
    except ValueError:
        return False
