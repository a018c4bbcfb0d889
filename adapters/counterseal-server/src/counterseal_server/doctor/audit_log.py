"""Checks of the audit log: whether workers chain it and sign its head."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import attrs

from counterseal import AuditChain, Ports, ProcessHeadMemory
from counterseal.audit.documents import read_head
from counterseal.errors import (
    AuditHeadDetached,
    AuditHeadMissing,
    AuditHeadOlder,
    AuditHeadOther,
    AuditRenewalDue,
    InvalidField,
    Refused,
)
from counterseal.models import UnchainedEvents
from counterseal.ports import Signer
from counterseal.wire.members import format_time
from counterseal_server.doctor.finding import Finding, NotChecked, failure, fine, warning
from counterseal_server.doctor.installation import Installation
from counterseal_server.head_memory import FileHeadMemory, head_memory

LIMIT = 1_000
PATIENCE = timedelta(minutes=1)
"""Workers chain and sign an event within seconds."""


def check_audit_log(installation: Installation) -> Iterator[Finding]:
    """
    Check that no event waits for its chain, and that the signed head is right.

    It has to be the one that this machine remembers or a newer one, and to cover the chains.
    """
    now = installation.clock.now()
    # First, since it may only be older than what is stored.
    try:
        memory = head_memory(installation.settings.data)
        content = memory.load()
    except InvalidField as error:
        yield failure(
            "memory_unreadable",
            f"{error.problem.partition(':')[0]}: nothing is signed",
            "run `counterseal audit verify --head` with a head that you keep, then"
            " `counterseal audit renew`",
        )
        return
    with installation.open_ports() as stored_ports:
        old = _unchained_since(stored_ports.audit.unchained(LIMIT), now)
        if old:
            yield warning(
                "events_unchained",
                f"events wait for their chain since {format_time(min(old))}",
                "start `counterseal serve`, which chains them; else find `audit:` in its log",
            )
        if not isinstance(memory, FileHeadMemory):
            yield warning(
                "head_not_kept",
                f"{installation.settings.data} cannot be written: if somebody deletes the signed"
                " head while no process runs, that is not found here",
                "keep the lines `audit head` of the service's log, and run `counterseal audit"
                " verify --head LINE` with the newest one",
            )
        ports = attrs.evolve(stored_ports, signer=_open_signer(installation))
        chain = AuditChain(ports, installation.settings.serving_policy, ProcessHeadMemory(content))
        try:
            chain.require_head()
        except Refused as refusal:
            yield _refused(refusal)
        else:
            yield from _check_coverage(ports, now, is_chained=not old)


def _unchained_since(batches: Iterable[UnchainedEvents], now: datetime) -> list[datetime]:
    return [
        stored.event.at
        for batch in batches
        for stored in batch.events
        if stored.event is not None and now - stored.event.at > PATIENCE
    ]


def _open_signer(installation: Installation) -> Signer:
    try:
        signer = installation.open_keys().signer
        signer.jwks()
    except Exception:  # noqa: BLE001 (whatever it is, the check of the keys says it)
        raise NotChecked("the signing keys cannot be read, see `signing_keys`") from None
    return signer


def _refused(refusal: Refused) -> Finding:
    """Return why nothing is signed."""
    match refusal:
        case AuditRenewalDue():
            return failure(
                "renewal_due",
                "the store was restored or copied: nothing is signed since",
                "run `counterseal audit verify`, then `counterseal audit renew`",
            )
        case AuditHeadMissing() | AuditHeadOlder() | AuditHeadOther() | AuditHeadDetached():
            return failure(
                "head_refused",
                f"the signed head was deleted or replaced ({refusal.code}): nothing is signed",
                "compare the log with heads and archives that you keep, as the runbook says under"
                " CountersealAuditHeadRefused; then run `counterseal audit renew`",
            )
        case _:
            return failure(
                "head_foreign",
                "no key of this service has signed the head of the log",
                "run `counterseal audit verify`, then `counterseal audit renew` if a key was lost",
            )


def _check_coverage(ports: Ports, now: datetime, *, is_chained: bool) -> Iterator[Finding]:
    """Check that the signed head is of the past, and covers the chains."""
    positions = {head.partition: head.position for head in ports.audit.heads() if head.position}
    stored = ports.audit.signed_head()
    if stored is None:
        if positions:
            yield warning(
                "head_missing",
                f"no head of {sum(positions.values())} chained events is signed",
                "start `counterseal serve`, which signs it",
            )
        elif is_chained:
            yield fine("log_empty", "no event is chained yet")
        return
    signed = read_head(stored.token, service_keys=ports.signer.jwks())
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
    elif is_chained:
        count = sum(covered.values())
        yield fine("head_signed", f"the head was signed at {at}, and covers {count} events")
