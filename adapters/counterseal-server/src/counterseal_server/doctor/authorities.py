"""Check of the authorities whose certificates this machine and `ca_file` trust."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from counterseal.errors import InvalidField
from counterseal_http import NotAttempted
from counterseal_server.authorities import AddedAuthorities
from counterseal_server.doctor.finding import Finding, failure, fine, warning
from counterseal_server.doctor.installation import Installation

RENEWAL = timedelta(days=30)
"""An authority's certificate takes longer to replace than a server's."""


def check_authorities(installation: Installation) -> Iterator[Finding]:
    """Read the certificates that every call by https needs: callbacks, pushes and providers."""
    authorities = AddedAuthorities(installation.settings.ca_file, installation.clock)
    try:
        certificates = authorities.read()
    except InvalidField as error:
        yield failure(
            "ca_file_unusable",
            str(error),
            "correct the file or `ca_file`: with this one, the service does not start",
        )
        return
    try:
        authorities.load()
    except NotAttempted as error:
        yield failure(
            "authorities_unreadable",
            str(error),
            "install or restore the system's package of certificates, such as `ca-certificates`",
        )
        return
    yield fine("authorities_read", "the certificates of this machine's authorities can be read")
    if not certificates:
        return
    now = installation.clock.now()
    yield fine(
        "ca_file_read",
        f"{len(certificates)} certificates of {installation.settings.ca_file} are trusted too",
    )
    for certificate in certificates:
        if certificate.has_ended(now):
            yield warning(
                "ca_file_expired",
                certificate.describe_validity(now),
                "remove it, or replace it by the authority's new one",
            )
        elif certificate.ends_at - now < RENEWAL:
            yield warning(
                "ca_file_expiring",
                certificate.describe_validity(now),
                "add the authority's new one beside it, and restart the service",
            )
