"""Check of the authorities whose certificates this machine trusts."""

from __future__ import annotations

from collections.abc import Iterator

from counterseal_http import NotAttempted, load_machine_authorities
from counterseal_server.doctor.finding import Finding, failure, fine
from counterseal_server.doctor.installation import Installation


def check_authorities(_: Installation) -> Iterator[Finding]:
    """Read the certificates that every call by https needs: callbacks, pushes and providers."""
    try:
        load_machine_authorities()
    except NotAttempted as error:
        yield failure(
            "authorities_unreadable",
            str(error),
            "install or restore the system's package of certificates, such as `ca-certificates`",
        )
        return
    yield fine("authorities_read", "the certificates of this machine's authorities can be read")
