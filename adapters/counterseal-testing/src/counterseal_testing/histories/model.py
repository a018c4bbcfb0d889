"""The model of a history: a service, and how each use case is called, observed and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar, cast

import attrs
from hypothesis import note
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition

from counterseal import Redirect, keys
from counterseal.challenges.documents.receipt import verify_receipt
from counterseal.errors import CountersealError, Refused, Unavailable
from counterseal.models import (
    Algorithm,
    AuditEvent,
    Change,
    DeviceCall,
    Guid,
    Question,
    RelyingParty,
)
from counterseal.ports import Audit, Ports
from counterseal_testing.faults import Crash, Faults, faulty_ports
from counterseal_testing.histories import actors
from counterseal_testing.histories.ceremony_oracle import require_none_open
from counterseal_testing.histories.ending_oracle import require_all_ended
from counterseal_testing.histories.ledger import Commit, Ledger, Operation, Plain, Verify
from counterseal_testing.histories.observers import (
    CallbackReceivers,
    LeakDetector,
    RecordingAudit,
    RecordingStore,
    plain,
)
from counterseal_testing.histories.oracle import check_commit
from counterseal_testing.histories.planned_faults import PlannedFault
from counterseal_testing.identity import Return
from counterseal_testing.phone import Phone
from counterseal_testing.service import FakeService

T = TypeVar("T")

DAY = timedelta(days=1)

UNRECORDED = {"attempt", "push", "status"}
"""Verbs that only read, or lose the claim to another worker: the log has no line of a refusal."""


def core_verify(token: str, jwk: Mapping[str, str]) -> Mapping[str, Any]:
    """
    Verify a token with the core's own cryptography, where no other is at hand.

    Raises:
        Refused: The signature does not hold.
    """
    jws = keys.read(token, limit=1_000_000)
    key = keys.public_key(jwk, algorithms=frozenset(Algorithm))
    return keys.verify(jws, key, expected_typ=jws.header.typ)


@attrs.define
class Result(Generic[T]):
    """
    What became of an operation.

    Attributes:
        value: What the use case returned; None if it raised.
        error: What it raised.
        quiet: Whether nothing came between: then the outcome can be foretold.
    """

    operation: Operation
    value: T | None
    error: BaseException | None
    quiet: bool

    @property
    def code(self) -> str:
        """The code of the error; empty if there was none."""
        return self.error.code if isinstance(self.error, CountersealError) else ""

    @property
    def done(self) -> bool:
        """Whether the use case returned."""
        return self.error is None


@attrs.frozen
class Captured:
    """A device's call that was read on its way, and that has had its effect, or none."""

    verb: str
    call: DeviceCall = attrs.field(repr=False)
    at: datetime
    facts: Plain = attrs.field(repr=False)


class HistoryModel(RuleBasedStateMachine):
    """
    A service with an oracle.

    Attributes:
        steps: How many operations were run in this process, over all histories.
        passkeys: The phones whose strong keys are passkeys.
        open_limit: How many questions a person may have open.
    """

    passkeys: ClassVar[frozenset[str]] = frozenset()
    verify: ClassVar[Verify] = staticmethod(core_verify)
    steps: ClassVar[int] = 0
    open_limit: ClassVar[int] = 2

    def adapters(self, ports: Ports) -> Ports:
        """Return the service's ports; override it to put other adapters in the fakes' place."""
        return ports

    def build_service(self, *, seed: int, supersede: bool) -> None:
        """Build the service: App Spaces, origins, and phones that are bound to begin with."""
        self.faults = Faults()
        self.operations: list[Operation] = []
        self.is_intact = True
        self.audit_events: list[AuditEvent] = []
        self.keys_used: dict[tuple[str, str], tuple[str, Question]] = {}
        self.returns: list[tuple[Return, Redirect]] = []
        self.spent: list[tuple[str, str]] = []
        self.captured: list[Captured] = []
        self.ceremonies: list[Any] = []
        self.leaks = LeakDetector()
        self.service = FakeService(
            seed=seed,
            policy=actors.policy(supersede=supersede, pending=type(self).open_limit),
            adapters=self._between,
        )
        service = self.service
        spaces = {
            actors.SIMPLE: service.app_space,
            actors.WITH_PROVIDER: service.new_app_space("The club", idp=service.idp.settings()),
        }
        self.origins: dict[str, RelyingParty] = {}
        for name, space in actors.ORIGINS.items():
            self.origins[name] = self._origin(spaces[space], name)
        self.spaces: dict[str, Guid] = {name: space.guid for name, space in spaces.items()}
        webhook_secrets = {
            party.origin.guid: service.credentials.issue_webhook_key(party.origin.guid)
            for party in self.origins.values()
        }
        self.leaks.add(*(text.removeprefix("whsec_") for text in webhook_secrets.values()))
        self.receivers = CallbackReceivers(
            {str(guid): text for guid, text in webhook_secrets.items()}
        )
        self.origins = {
            name: with_domain(service.renewed(party)) for name, party in self.origins.items()
        }
        self.phones: dict[str, Phone] = {
            name: actors.phone(service, name, with_passkey=name in type(self).passkeys)
            for name in actors.PHONES
        }
        for name in actors.PHONES:
            self.leaks.add(*actors.secrets(name))
        self.ledger = Ledger(
            limits=actors.limits(service.policy),
            verify=type(self).verify,
            service_keys=self.published(),
        )
        self.accounts: dict[str, str] = {}
        self.recorder.records.clear()
        self.recorder.applied = self._applied
        self.recorder.lost = self._lost

    def run_operation(
        self,
        verb: str,
        call: Callable[[], T],
        *,
        fault: PlannedFault | None = None,
        attacker: bool = False,
        **facts: Any,
    ) -> Result[T]:
        """
        Call a use case, and check everything that leaves it.

        Args:
            verb: The oracle's name of it.
            call: The call.
            fault: What goes wrong, or comes between.
            attacker: Whether nothing of anybody else's may change.
            facts: What the oracle has to know.
        """
        HistoryModel.steps += 1
        self.is_intact = False
        moments = len(self.service.clock.moments)
        operation = Operation(verb=verb, facts=facts, since=moments - 1, attacker=attacker)
        happened, audit_events = self.faults.happened, len(self.audit_events)
        self.operations.append(operation)
        if fault is not None:
            fault.arm(self.faults, lambda name: self.concurrent_call(name, operation))
        value, error = None, None
        try:
            value = call()
        except (Refused, Unavailable, Crash) as raised:
            error = raised
        finally:
            self.faults.clear()
            self.operations.pop()
        harmless = fault is not None and fault.harmless
        result = Result(operation, value, error, harmless or self.faults.happened == happened)
        note(f"  {verb} {facts.get('how', '')} -> {result.code or type(error or value).__name__}")
        self.leaks.require_absent(
            repr(value), str(error), repr(error), repr(getattr(error, "__dict__", ""))
        )
        if result.quiet:
            assert not isinstance(error, Crash | Unavailable), f"{verb}: {error!r} for no reason"
            if result.code and verb not in UNRECORDED:
                reasons = [event.reason for event in self.audit_events[audit_events:]]
                assert result.code in reasons, f"a refusal of {verb} left no line"
        return result

    def concurrent_call(self, name: str, operation: Operation) -> None:
        """Make the call *name* while *operation* runs; the whole core knows how."""
        raise NotImplementedError

    def published(self) -> list[Plain]:
        """Return the service's public keys, as anybody can fetch them."""
        jwks = keys.jwks_document(self.service.ports.signer.jwks())
        return [dict(jwk) for jwk in jwks["keys"]]

    def at(self) -> datetime:
        """Return the time."""
        return self.service.clock.now()

    def latest(self) -> datetime:
        """Return the latest time that the clock ever showed."""
        return max(self.service.clock.moments)

    def is_built(self) -> bool:
        """Tell whether the service is built."""
        return hasattr(self, "ledger")

    @precondition(is_built)
    @invariant()
    def nothing_changes_outside_commits(self) -> None:
        """Demand that what is stored is what the last applied commit stored."""
        stored = self.recorder.get(*self.recorder.records)
        for record, expected in zip(stored, self.recorder.records.values(), strict=True):
            assert record == expected, "a record changed without a commit"
        self.is_intact = True

    def teardown(self) -> None:
        """Let everything that is due happen, and demand that nothing was lost."""
        if not self.is_built() or not self.is_intact:
            # What went wrong before is what matters.
            return
        self.faults.clear()
        self.service.sender.otherwise = 204
        self.service.clock.jump(self.latest() + DAY)
        self.run_operation("sweep", self.service.sweep)
        self.publish_all()
        while due := self.service.callbacks.due(limit=1000):
            # An account's next event is due once the one before it is delivered.
            for guid in due:
                self._attempt(guid)
        for notice in self.service.notifications.due(limit=1000):
            self._push(notice.guid)
        require_all_ended(self.ledger)
        require_none_open(self.ledger)
        self._receipts_chain()

    def publish_all(self) -> None:
        """Publish what is still to be published; where no origin gets events, nothing."""

    def _attempt(self, guid: Guid) -> None:
        self.run_operation("attempt", lambda: self.service.callbacks.attempt(guid), callback=guid)

    def _push(self, guid: Guid) -> None:
        self.run_operation(
            "push", lambda: self.service.notifications.attempt(guid), notification=guid
        )

    def _between(self, ports: Ports) -> Ports:
        ports = self.adapters(ports)
        self.signer = ports.signer
        self.recorder = RecordingStore(ports.store)
        audit = cast("Audit", RecordingAudit(ports.audit, self._recorded))
        return faulty_ports(attrs.evolve(ports, store=self.recorder, audit=audit), self.faults)

    def _origin(self, space: Any, name: str) -> RelyingParty:
        codes = actors.CODES[name]
        party = self.service.new_origin(space, name, codes=codes)
        self.service.administration.allow_callback(party.origin.guid, actors.CALLBACK)
        return party

    def _applied(self, changes: tuple[Change, ...], audit: tuple[AuditEvent, ...]) -> None:
        self.audit_events += audit
        self.leaks.require_absent(*map(repr, audit), *(repr(change.new) for change in changes))
        self.receivers.receive(self.ledger, self.service.sender.attempts)
        commit = Commit(
            operation=self.operations[-1],
            changes=[
                (
                    type(change.new).__name__,
                    None if change.old is None else plain(change.old),
                    plain(change.new),
                )
                for change in changes
            ],
            audit=[plain(event) for event in audit],
            moments=self.service.clock.moments[self.operations[-1].since :],
            latest=self.latest(),
        )
        check_commit(self.ledger, commit)
        for waiting in self.operations[:-1]:
            waiting.others += 1

    def _lost(self) -> None:
        operation = self.operations[-1]
        assert operation.others, f"{operation.verb} lost a race that nobody ran"
        # The decision is made again, from now.
        operation.others, operation.since = 0, len(self.service.clock.moments) - 1

    def _receipts_chain(self) -> None:
        trusted = keys.trusted_keys({"keys": self.ledger.service_keys})
        heads = dict.fromkeys(self.ledger.accounts, "")
        endings = [
            entry.ending for entry in self.ledger.challenges.values() if entry.ending is not None
        ]
        signed = [ending["outcome"] for ending in endings if ending["outcome"]["receipt"]]
        receipts = [verify_receipt(outcome["receipt"], trusted=trusted) for outcome in signed]
        for receipt in sorted(receipts, key=lambda receipt: receipt.number):
            account = receipt.answer.account
            assert receipt.previous == heads[account], "a chain of receipts is broken"
            heads[account] = receipt.hash
        for guid, person in self.ledger.accounts.items():
            assert person.erased or heads[guid] == person.receipt_hash, "a receipt is missing"

    def _recorded(self, event: AuditEvent) -> None:
        self.audit_events.append(event)
        self.leaks.require_absent(repr(event))


def with_domain(party: RelyingParty) -> RelyingParty:
    """Return *party* with the domain on whose pages its passkeys are used."""
    return attrs.evolve(party, origin=attrs.evolve(party.origin, domains=(actors.DOMAIN,)))
