"""Optional dependencies; `verify` and `states` need none of them."""

from __future__ import annotations

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
    "pwa": ("counterseal_pwa",),
    "webauthn": ("counterseal_webauthn", "webauthn", "cbor2"),
}
"""The modules of each extra."""

EXTRAS = {part: extra for extra, parts in PARTS.items() for part in parts}


def lacking(error: ModuleNotFoundError, requirement: str | None = None) -> str | None:
    """
    Return the message for a missing module of an extra; None if it belongs to no extra.

    Args:
        error: Names the module.
        requirement: What to install, whichever module is missing; None for the extra of this
            package that has the module.
    """
    extra = EXTRAS.get((error.name or "").partition(".")[0])
    if extra is None:
        return None
    requirement = requirement or f"counterseal-server[{extra}]"
    return f"{error.name} is not installed: this needs {requirement}"
