"""Optional dependencies; `verify` and `states` need none of them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from counterseal.errors import InvalidField

PARTS = {
    "service": (
        "counterseal_http",
        "counterseal_keys",
        "counterseal_records",
        "counterseal_sql",
        "counterseal_web",
        "granian",
        "httpx2",
        "prometheus_client",
        "segno",
        "sqlalchemy",
    ),
    "redis": ("counterseal_redis", "redis"),
    "fcm": ("counterseal_fcm", "google"),
    "webpush": ("counterseal_webpush",),
    "relay": ("counterseal_relay",),
    "oidc": ("counterseal_oidc",),
    "aap": ("counterseal_aap",),
    "ciba": ("counterseal_ciba",),
    "keycloak": ("counterseal_keycloak",),
    "pwa": ("counterseal_pwa",),
    "portal": ("counterseal_portal", "jinja2", "markupsafe"),
    "webauthn": ("counterseal_webauthn", "webauthn", "cbor2"),
    "otel": ("counterseal_otel", "opentelemetry"),
}
"""The modules of each extra."""

OWN = "counterseal_"
"""How the names of this project's packages begin; some belong to no extra of this package."""

EXTRAS = {part: extra for extra, parts in PARTS.items() for part in parts}


def lacking(error: ModuleNotFoundError, requirement: str | None = None) -> str | None:
    """
    Return the message for a missing module of an extra; None if it belongs to no extra.

    Args:
        error: Names the module.
        requirement: What to install, whichever module is missing; None for the extra of this
            package that has the module.
    """
    part = (error.name or "").partition(".")[0]
    extra = EXTRAS.get(part)
    if extra is None and not (requirement and part.startswith(OWN)):
        return None
    requirement = requirement or f"counterseal-server[{extra}]"
    return f"{error.name} is not installed: this needs {requirement}"


def require_extra(setting: str, *modules: str) -> ModuleType:
    """
    Import the modules that *setting* needs, and return the first one.

    Raises:
        InvalidField: The extra that has them is not installed; it names *setting*.
    """
    try:
        first, *_ = map(import_module, modules)
    except ModuleNotFoundError as error:
        message = lacking(error)
        if message is None:
            raise
        raise InvalidField(setting, message) from None
    return first
