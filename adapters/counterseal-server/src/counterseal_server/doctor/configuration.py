"""Checks of the settings: those of the service, and of the origins that are CIBA clients."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from counterseal import Ports
from counterseal.errors import EndpointAudience, InvalidField
from counterseal.models import Guid, Origin
from counterseal.models.audit_log import AuditQuery
from counterseal.wire.members import format_time
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

DAYS = 30
"""How long a refusal is a finding."""


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


def check_clients(installation: Installation) -> Iterator[Finding]:
    """Find the clients that have signed for an endpoint as audience, and may name the issuer."""
    now = installation.clock.now()
    since = now - timedelta(days=DAYS)
    refused = False
    with installation.open_ports() as ports:
        for app_space in _app_spaces_with_refusals(ports, since, now):
            for origin in ports.store.list(app_space):
                if not isinstance(origin, Origin) or _may_name_endpoints(origin):
                    continue
                refused_at = _last_refusal(ports, origin.guid, since)
                if refused_at is None:
                    continue
                refused = True
                yield warning(
                    "audience_refused",
                    f"{origin.name} ({origin.guid}) names an endpoint as `aud`, and was refused"
                    f" last at {format_time(refused_at)}",
                    "let it name the issuer alone; if it cannot, `counterseal admin ciba` has"
                    " --endpoint-audiences",
                )
    if not refused:
        yield fine("audiences_accepted", f"no client was refused for its `aud` in {DAYS} days")


def _app_spaces_with_refusals(ports: Ports, since: datetime, until: datetime) -> list[Guid]:
    counts = ports.audit.counts(None, since, until)
    app_spaces = {key.app_space for key in counts if key.reason == EndpointAudience.code}
    return sorted(app_space for app_space in app_spaces if app_space is not None)


def _may_name_endpoints(origin: Origin) -> bool:
    return origin.backchannel is None or origin.backchannel.endpoint_audiences


def _last_refusal(ports: Ports, origin: Guid, since: datetime) -> datetime | None:
    query = AuditQuery(subject=origin, reason=EndpointAudience.code, since=since)
    page = ports.audit.search(query, None, 1)
    while not page.events and page.after is not None:
        page = ports.audit.search(query, page.after, 1)
    return next((entry.event.at for entry in page.events if entry.event is not None), None)
