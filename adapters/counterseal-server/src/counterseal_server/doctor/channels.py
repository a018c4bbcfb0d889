"""Checks of the channels for push messages: their credentials, and whether they can be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import attrs
import httpx2

from counterseal.errors import InvalidField
from counterseal.memory import SystemEntropy
from counterseal_http import Authorities, Forbidden, describe_failure, guarded_client
from counterseal_server.channels import channels, push_guard
from counterseal_server.doctor.finding import Finding, failure, fine, warning
from counterseal_server.doctor.installation import Installation
from counterseal_server.settings import Settings

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
