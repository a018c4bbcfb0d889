"""Checks of what the service calls: receivers of callbacks, Identity Providers, push services."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import attrs
import httpx2

from counterseal import Callbacks
from counterseal.errors import IdentityUnavailable, InvalidField
from counterseal.memory import SystemEntropy
from counterseal.models import AppSpace
from counterseal_http import Authorities, Forbidden, describe_failure, guarded_client
from counterseal_server.backlog import DUE_COUNTED, read_backlog
from counterseal_server.channels import channels, push_guard
from counterseal_server.doctor.finding import Finding, failure, fine, warning
from counterseal_server.doctor.installation import Installation
from counterseal_server.providers import app_spaces_with_provider, provider_guard
from counterseal_server.settings import Settings

PATIENCE = timedelta(minutes=1)
"""As the alert CountersealCallbacksLate."""

REPLY = timedelta(milliseconds=200)
"""A receiver for which the rate is given."""

SETTINGS = {
    "FCM": "fcm_account_file",
    "Web Push": "webpush_contact",
    "relay": "relay_url",
}
"""By channel, the setting that turns it on."""

URLS: dict[str, Callable[[Settings], str]] = {
    "FCM": lambda settings: settings.fcm_url,
    "relay": lambda settings: settings.relay_url or "",
}
"""By channel, what `--network` calls; for Web Push, each browser names an address of its own."""


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


def check_deliveries(installation: Installation) -> Iterator[Finding]:
    """Check that no callback is due for long."""
    with installation.open_ports() as ports:
        due = read_backlog(ports).due["callback"]
    senders = installation.settings.senders
    rate = round(Callbacks.slots_of_each(senders, origins=1) / REPLY.total_seconds())
    count = f"{DUE_COUNTED} or more" if due.count == DUE_COUNTED else str(due.count)
    text = f"{count} callbacks are due, the oldest for {due.oldest_seconds:.0f} s"
    if senders:
        text += f"; `senders` allows {rate} a second to an origin that replies in 200 ms"
    else:
        text += "; `senders` is 0, so that only `counterseal callbacks run` sends them"
    if due.oldest_seconds > PATIENCE.total_seconds():
        yield warning(
            "callbacks_late", text, "act as for the alert CountersealCallbacksLate in the runbook"
        )
    else:
        yield fine("callbacks_prompt", text)


def _check_channel(name: str, installation: Installation) -> Iterator[Finding]:
    settings, turning_on = installation.settings, SETTINGS[name]
    if getattr(settings, turning_on) is None:
        yield fine("channel_off", f"not set (`{turning_on}`)")
        return
    others: dict[str, Any] = {other: None for other in SETTINGS.values() if other != turning_on}
    tls = installation.open_authorities().load
    alone = channels(attrs.evolve(settings, **others), installation.clock, SystemEntropy(), tls=tls)
    try:
        alone.open()
    except InvalidField as error:
        yield failure("channel_unusable", str(error), f"correct `{error.field}`")
        return
    finally:
        alone.close()
    yield fine("channel_set", "its credentials can be read")
    if installation.network and name in URLS:
        yield _reach(installation, URLS[name](settings), tls)


check_fcm = partial(_check_channel, "FCM")
check_webpush = partial(_check_channel, "Web Push")
check_relay = partial(_check_channel, "relay")


def _reach(installation: Installation, url: str, tls: Authorities) -> Finding:
    guard = push_guard(installation.settings)
    try:
        with guarded_client(guard, timeout=installation.timeout, tls=tls) as client:
            client.head(url)
    except (Forbidden, httpx2.RequestError, TimeoutError, ValueError) as error:
        return warning(
            "channel_unreachable",
            f"its server does not respond: {describe_failure(error)}",
            "let this machine call it: check firewall, name server and URL",
        )
    return fine("channel_reachable", "its server responds")
