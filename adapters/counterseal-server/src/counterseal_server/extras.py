"""Extras: what `verify` and `states` do without, and so install without."""

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
}
"""By the extra that brings it."""

EXTRAS = {part: extra for extra, parts in PARTS.items() for part in parts}


def lacking(error: ModuleNotFoundError, requirement: str | None = None) -> str | None:
    """
    Return what to say of a module that an extra brings; None if none does.

    Args:
        error: Says which one it is.
        requirement: What brings every module that may be missing, as pip names it; None for an
            extra of this package, which depends on the module.
    """
    extra = EXTRAS.get((error.name or "").partition(".")[0])
    if extra is None:
        return None
    requirement = requirement or f"counterseal-server[{extra}]"
    return f"{error.name} is not installed: this needs {requirement}"
