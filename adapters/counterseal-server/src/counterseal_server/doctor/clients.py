"""Checks of the CIBA clients: whether one is refused because of a setting of its origin."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from counterseal import Ports
from counterseal.errors import EndpointAudience
from counterseal.models import Guid, Origin
from counterseal.models.audit_log import AuditQuery
from counterseal.wire.members import format_time
from counterseal_server.doctor.finding import Finding, fine, warning
from counterseal_server.doctor.installation import Installation

DAYS = 30
"""How long a refusal is a finding."""


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
