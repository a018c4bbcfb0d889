"""
Verification of the log by an administrator, some partitions at a time.

What was found so far is in a ticket, sealed by the service: any process goes on with it, and nobody
can say that a log was verified that was not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import attrs

from counterseal import keys
from counterseal._audit_context import AuditContext, refusals
from counterseal._transaction import UseCase, with_same_ports
from counterseal.audit.decisions import demand_whole_log
from counterseal.audit.rules import Tampering
from counterseal.audit.usecases.chain import AuditChain
from counterseal.audit.usecases.heads import order
from counterseal.errors import MalformedToken, SealBroken, WrongState, WrongToken
from counterseal.models import Administrator, AuditEvent, AuditQuery, Guid
from counterseal.models.guid import ENTROPY_BYTES, PARTITIONS, mint
from counterseal.models.sealing import portal_context
from counterseal.wire.members import format_time, parse_time

STEP_TIME = timedelta(seconds=2)
"""After so long a call begins with no further partition."""

TICKET_LIFE = timedelta(minutes=10)
"""Between two steps."""

VERIFICATION_LIFE = timedelta(hours=6)
"""Between the first step and the last: what was found hours ago says nothing of now."""

TICKET_LIMIT = 4_096
"""Characters."""

SHOWN_SIGNS = 8
"""Signs of a change that a verification names; `counterseal audit verify` prints all."""

EVENTS_OF_ONE = 10
"""Events of one verification that are looked at: it has two."""

BEGUN = "begun"
TAMPERED = "tampered"
"""Reasons of the event `audit.verify`; one that found nothing has none."""


@attrs.frozen(kw_only=True)
class AuditVerification:
    """
    How far a verification of the log has come.

    Attributes:
        guid: The subject of its two events.
        begun_at: When it began: what it has not found may have been changed since.
        partitions: How many of the log's 256 partitions were looked at.
        events: How many events were verified.
        signs: How many signs of a change there are.
        tamperings: The first of them.
        ticket: What the next call goes on with; None once all partitions were looked at.
    """

    guid: Guid
    begun_at: datetime
    partitions: int = 0
    events: int = 0
    signs: int = 0
    tamperings: tuple[Tampering, ...] = ()
    ticket: str | None = attrs.field(default=None, repr=False)


@attrs.frozen
class AuditVerifications(UseCase):
    """
    Verify the log in steps that each take about `STEP_TIME`.

    It is compared with the signed head in the log. Heads and archives that are stored elsewhere
    are for `AuditChain.verify`, as is what a machine remembers, and events that have no place in a
    partition.

    Each verb raises RoleLacking: the administrator is not one of all companies.
    """

    _chain: AuditChain = attrs.field(
        default=with_same_ports(AuditChain), init=False, eq=False, repr=False
    )

    def begin(self, *, by: Administrator) -> str:
        """Record that *by* begins to verify the log, and return the first ticket."""
        context = self._demand(by)
        verification = AuditVerification(
            guid=mint(0, self.ports.entropy.token(ENTROPY_BYTES)), begun_at=self.ports.clock.now()
        )
        self._record(context, BEGUN, verification.guid)
        return self._seal(context, verification)

    def go_on(self, ticket: str, *, by: Administrator) -> AuditVerification:
        """
        Look at some more partitions, at least one; the end of a verification is an event.

        It ends once: any of its tickets is refused as soon as its end is chained. Only a call in
        the second before that can record the end again; it has the same beginning.

        Raises:
            WrongToken: The service has not sealed the ticket for *by*, or too long ago.
            WrongState: The verification has ended; nothing is recorded.
            Unavailable: A port failed; the same ticket goes on.
        """
        context = self._demand(by)
        with refusals(self.ports, context):
            verification = self._open(context, ticket)
        self._demand_unended(verification)
        partition_count = verification.partitions

        def count(number: int) -> None:
            nonlocal partition_count
            partition_count = number

        report = self._chain.verify(
            partitions=self._partitions(verification.partitions),
            with_head=verification.partitions == 0,
            whole_table=False,
            report=count,
        )
        tamperings = sorted({*verification.tamperings, *report.tamperings}, key=order)
        verification = attrs.evolve(
            verification,
            partitions=partition_count,
            events=verification.events + report.chained,
            signs=verification.signs + len(report.tamperings),
            tamperings=tuple(tamperings[:SHOWN_SIGNS]),
        )
        if partition_count < PARTITIONS:
            return attrs.evolve(verification, ticket=self._seal(context, verification))
        reason = TAMPERED if verification.signs else ""
        attributes = (
            ("begun", format_time(verification.begun_at)),
            ("events", str(verification.events)),
            ("signs", str(verification.signs)),
        )
        self._record(context, reason, verification.guid, attributes)
        return verification

    def _demand_unended(self, verification: AuditVerification) -> None:
        query = AuditQuery(subject=verification.guid)
        page = self.ports.audit.search(query, None, EVENTS_OF_ONE)
        events = (chained.event for chained in page.events)
        if any(event is not None and event.reason != BEGUN for event in events):
            raise WrongState("the verification has ended")

    def _partitions(self, first: int) -> Iterator[int]:
        deadline = self.ports.clock.now() + STEP_TIME
        for partition in range(first, PARTITIONS):
            yield partition
            if self.ports.clock.now() >= deadline:
                return

    def _demand(self, by: Administrator) -> AuditContext:
        context = AuditContext(event="audit.verify", actor=by.actor)
        self._transactions.act(context, demand_whole_log, by)
        return context

    def _record(
        self,
        context: AuditContext,
        reason: str,
        verification: Guid,
        attributes: tuple[tuple[str, str], ...] = (),
    ) -> None:
        event = AuditEvent(
            at=self.ports.clock.now(),
            event=context.event,
            actor=context.actor,
            subject=verification,
            reason=reason,
            attributes=attributes,
        )
        self.ports.audit.record(event)

    def _seal(self, context: AuditContext, verification: AuditVerification) -> str:
        document = {
            "by": context.actor,
            "guid": verification.guid,
            "sealedAt": format_time(self.ports.clock.now()),
            "begunAt": format_time(verification.begun_at),
            "partitions": verification.partitions,
            "events": verification.events,
            "signs": verification.signs,
            "tamperings": [attrs.astuple(each) for each in verification.tamperings],
        }
        plain = json.dumps(document).encode()
        return keys.b64url(self.ports.sealer.seal(plain, portal_context("verification")))

    def _open(self, context: AuditContext, ticket: str) -> AuditVerification:
        if len(ticket) > TICKET_LIMIT:
            raise WrongToken
        try:
            plain = self.ports.sealer.open(keys.unb64url(ticket), portal_context("verification"))
        except (SealBroken, MalformedToken):
            raise WrongToken from None
        document: dict[str, Any] = json.loads(plain)
        begun_at, sealed_at = parse_time(document["begunAt"]), parse_time(document["sealedAt"])
        now = self.ports.clock.now()
        is_old = now - sealed_at >= TICKET_LIFE or now - begun_at >= VERIFICATION_LIFE
        if document["by"] != context.actor or is_old:
            raise WrongToken
        return AuditVerification(
            guid=Guid(document["guid"]),
            begun_at=begun_at,
            partitions=document["partitions"],
            events=document["events"],
            signs=document["signs"],
            tamperings=tuple(
                Tampering(partition=partition, position=position, problem=problem)
                for partition, position, problem in document["tamperings"]
            ),
        )
