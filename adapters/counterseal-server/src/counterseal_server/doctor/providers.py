"""Checks of the Identity Providers of App Spaces."""

from __future__ import annotations

from collections.abc import Iterator

from counterseal.errors import IdentityUnavailable
from counterseal.models import AppSpace
from counterseal_server.doctor.finding import Finding, failure, fine
from counterseal_server.doctor.installation import Installation
from counterseal_server.providers import app_spaces_with_provider, provider_guard


def check_providers(installation: Installation) -> Iterator[Finding]:
    """Fetch the metadata and keys of each provider, as a log-in does."""
    with installation.open_ports() as ports:
        app_spaces = app_spaces_with_provider(ports.store)
    if not app_spaces:
        yield fine("no_provider", "no App Space has an Identity Provider")
        return
    try:
        from counterseal_oidc import count_keys  # noqa: PLC0415 (an extra)
    except ImportError:
        yield failure(
            "provider_extra_missing",
            f"{len(app_spaces)} App Spaces have an Identity Provider, and none can be called",
            "pip install 'counterseal-server[oidc]'",
        )
        return
    guard = provider_guard(installation.settings)
    tls = installation.open_authorities().load
    for issuer, names in _by_issuer(app_spaces).items():
        try:
            count = count_keys(issuer, guard=guard, timeout=installation.timeout, tls=tls)
        except IdentityUnavailable as error:
            yield failure(
                "provider_unusable",
                f"{issuer} ({names}): {error}",
                "nobody can log in there: correct the issuer of the App Space, or the provider",
            )
        else:
            yield fine("provider_usable", f"{issuer} ({names}): its keys can be read ({count})")


def _by_issuer(app_spaces: list[AppSpace]) -> dict[str, str]:
    names: dict[str, list[str]] = {}
    for app_space in app_spaces:
        if app_space.idp is not None:
            names.setdefault(app_space.idp.issuer, []).append(app_space.name)
    return {issuer: ", ".join(sorted(several)) for issuer, several in sorted(names.items())}
