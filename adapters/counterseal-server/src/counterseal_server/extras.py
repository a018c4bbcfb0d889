"""Extras: what the demo does without, and so installs without."""

from __future__ import annotations

PARTS = {
    "service": (
        "counterseal_flask",
        "counterseal_http",
        "counterseal_keys",
        "counterseal_records",
        "counterseal_sql",
        "counterseal_web",
        "flask",
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


def lacking(error: ModuleNotFoundError, extra: str | None = None) -> str | None:
    """
    Return what to say of a module that an extra brings; None if none does.

    Args:
        error: Says which one it is.
        extra: What brings all that may be missing; None if that hangs on what it is.
    """
    bringing = EXTRAS.get((error.name or "").partition(".")[0])
    if bringing is None:
        return None
    return f"{error.name} is not installed: this needs counterseal-server[{extra or bringing}]"
