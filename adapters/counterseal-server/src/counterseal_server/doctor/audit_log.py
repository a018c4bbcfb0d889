"""Checks of the audit log: whether workers chain it and sign its head."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from counterseal.errors import Refused
from counterseal.wire.audit_head import AuditHeads, read_head
from counterseal.wire.claims import format_time
from counterseal_server.doctor.finding import Finding, NotChecked, failure, fine, warning
from counterseal_server.doctor.installation import Installation

LIMIT = 1_000
PATIENCE = timedelta(minutes=1)
"""Workers chain and sign an event within seconds."""


def check_audit_log(installation: Installation) -> Iterator[Finding]:
    """Check that no event waits for its chain, and that the signed head covers the chains."""
    now = installation.clock.now()
    with installation.open_ports() as ports:
        stored = ports.audit.signed_head()
        heads = ports.audit.heads()
        batches = ports.audit.unchained(LIMIT)
    old = [
        one.event.at
        for batch in batches
        for one in batch.events
        if one.event is not None and now - one.event.at > PATIENCE
    ]
    if old:
        yield warning(
            "events_unchained",
            f"events wait for their chain since {format_time(min(old))}",
            "start `counterseal serve`, which chains them; else find `audit:` in its log",
        )
    positions = {head.partition: head.position for head in heads if head.position}
    if stored is None:
        if positions:
            yield warning(
                "head_missing",
                f"no head of {sum(positions.values())} chained events is signed",
                "start `counterseal serve`, which signs it",
            )
        elif not old:
            yield fine("log_empty", "no event is chained yet")
        return
    signed = _read_signed(installation, stored.token)
    if signed is None:
        yield failure(
            "head_foreign",
            "no key of this service has signed the head of the log",
            "run `counterseal audit verify`, then `counterseal audit renew` if a key was lost",
        )
        return
    covered = {head.partition: head.position for head in signed.heads.values()}
    at = format_time(signed.at)
    if signed.at > now + PATIENCE:
        yield failure(
            "head_in_future",
            f"the head was signed at {at}, which is in the future",
            "correct the clock; if it is right, the clock was wrong when the head was signed",
        )
    elif covered != positions and now - signed.at > PATIENCE:
        yield warning(
            "head_outdated",
            f"the head was signed at {at}, and does not cover all chained events",
            "start `counterseal serve`, which signs it; else run `counterseal audit verify`",
        )
    elif not old:
        count = sum(covered.values())
        yield fine("head_signed", f"the head was signed at {at}, and covers {count} events")


def _read_signed(installation: Installation, token: str) -> AuditHeads | None:
    try:
        service_keys = installation.open_keys().signer.jwks()
    except Exception:  # noqa: BLE001 (whatever it is, the check of the keys says it)
        raise NotChecked("the signing keys cannot be read, see `signing_keys`") from None
    try:
        return read_head(token, service_keys=service_keys)
    except Refused:
        return None
