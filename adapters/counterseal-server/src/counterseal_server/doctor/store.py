"""Checks of the store: whether it responds, and is of this release."""

from __future__ import annotations

from collections.abc import Iterator

from counterseal.errors import Misuse, Refused, Unavailable
from counterseal.memory import memory_ports
from counterseal.models import Company
from counterseal_server.doctor.finding import Finding, failure, fine, warning
from counterseal_server.doctor.installation import Installation


def check_store(installation: Installation) -> Iterator[Finding]:
    """Check that the store responds, that this release can use it, and that it is not empty."""
    try:
        with installation.open_records() as records:
            schema = records.schema()
            if schema.is_too_new:
                yield failure(
                    "store_too_new",
                    f"its schema is {schema.present}, and this release knows {schema.newest}",
                    "install the release that upgraded it, or restore the backup before that",
                )
                return
            if schema.present is None:
                yield failure(
                    "store_empty",
                    "it has no schema: is it another store, or lost?",
                    "correct `store`, restore the backup, or run `counterseal init`",
                )
                return
            if schema.is_outdated:
                yield warning(
                    "store_outdated",
                    f"its schema is {schema.present}, and this release needs {schema.newest}",
                    "make a backup and restart `counterseal serve`, which upgrades it",
                )
                return
            ports = records.joined(memory_ports(clock=installation.clock))
            has_company = any(isinstance(one, Company) for one in ports.store.list(None))
    except (Misuse, Refused, Unavailable) as error:
        yield failure(
            "store_unreachable",
            f"{error.code}: {error}",
            "start the database, and correct `store` if its address has changed",
        )
        return
    if has_company:
        yield fine("store_current", f"it responds; its schema is {schema.present}, the newest")
    else:
        yield failure(
            "store_empty",
            "there is no company in it: is it another store, or lost?",
            "correct `store`, restore the backup, or run `counterseal init`",
        )
