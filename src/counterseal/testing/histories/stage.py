"""The stage: the world of a history, and how each use case is played, watched and judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar

import attrs
from hypothesis import note
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition

from counterseal import keys
from counterseal._decisions.logins import Redirect
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
from counterseal.ports import Ports
from counterseal.testing.faults import Crash, Faults, faulty_ports
from counterseal.testing.histories import cast
from counterseal.testing.histories.endings import settled
from counterseal.testing.histories.judge import judge
from counterseal.testing.histories.ledger import Act, Commit, Ledger, Plain, Verify
from counterseal.testing.histories.receivers import Receivers
from counterseal.testing.histories.secrecy import Secrecy
from counterseal.testing.histories.troubles import Trouble
from counterseal.testing.histories.witness import AuditWitness, Witness, plain
from counterseal.testing.identity import Return
from counterseal.testing.phone import Phone
from counterseal.testing.world import World
from counterseal.wire.receipt import verify_receipt

T = TypeVar("T")

DAY = timedelta(days=1)

UNRECORDED = {"status", "ring"}
"""Verbs that only look, or come late among workers: refused, they leave no line in the log."""


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
    What became of an act.

    Attributes:
        value: What the use case returned; None if it raised.
        error: What it raised.
        quiet: Whether nothing came between: then the outcome can be foretold.
    """

    act: Act
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


class Stage(RuleBasedStateMachine):
    """
    A world with a judge.

    Attributes:
        steps: How many acts were played in this process, over all histories.
    """

    verify: ClassVar[Verify] = staticmethod(core_verify)
    steps: ClassVar[int] = 0

    def adapters(self, ports: Ports) -> Ports:
        """Return the ports to play on; override it to put other adapters in the fakes' place."""
        return ports

    def raise_curtain(self, *, seed: int, supersede: bool) -> None:
        """Build the world: App Spaces, origins, and phones that are bound to begin with."""
        self.faults = Faults()
        self.acts: list[Act] = []
        self.sound = True
        self.lines: list[AuditEvent] = []
        self.keys_used: dict[tuple[str, str], tuple[str, Question]] = {}
        self.returns: list[tuple[Return, Redirect]] = []
        self.spent: list[tuple[str, str]] = []
        self.captured: list[Captured] = []
        self.secrecy = Secrecy()
        self.world = World(
            seed=seed, policy=cast.policy(supersede=supersede), adapters=self._between
        )
        world = self.world
        spaces = {
            cast.TOWN: world.app_space,
            cast.CLUB: world.new_app_space("The club", idp=world.idp.settings()),
        }
        self.origins: dict[str, RelyingParty] = {}
        for name, space in cast.ORIGINS.items():
            self.origins[name] = self._origin(spaces[space], name)
        self.spaces: dict[str, Guid] = {name: space.guid for name, space in spaces.items()}
        webhook_secrets = {
            party.origin.guid: world.credentials.issue_webhook_key(party.origin.guid)
            for party in self.origins.values()
        }
        self.secrecy.keep(*(text.removeprefix("whsec_") for text in webhook_secrets.values()))
        self.receivers = Receivers({str(guid): text for guid, text in webhook_secrets.items()})
        self.origins = {name: world.renewed(party) for name, party in self.origins.items()}
        self.phones: dict[str, Phone] = {name: cast.phone(world, name) for name in cast.PHONES}
        for name in cast.PHONES:
            self.secrecy.keep(*cast.secrets(name))
        self.ledger = Ledger(
            limits=cast.limits(world.policy),
            verify=type(self).verify,
            service_keys=self.published(),
        )
        self.accounts: dict[str, str] = {}
        self.witness.records.clear()
        self.witness.applied = self._applied
        self.witness.lost = self._lost

    def play(
        self,
        verb: str,
        call: Callable[[], T],
        *,
        trouble: Trouble | None = None,
        attacker: bool = False,
        **facts: Any,
    ) -> Result[T]:
        """
        Let somebody call a use case, and look at everything that leaves it.

        Args:
            verb: What the judge calls it.
            call: The call.
            trouble: What goes wrong, or comes between.
            attacker: Whether nothing of anybody else's may change.
            facts: What the judge has to know.
        """
        Stage.steps += 1
        self.sound = False
        moments = len(self.world.clock.moments)
        act = Act(verb=verb, facts=facts, since=moments - 1, attacker=attacker)
        happened, lines = self.faults.happened, len(self.lines)
        self.acts.append(act)
        if trouble is not None:
            trouble.arm(self.faults, lambda name: self.rival(name, act))
        value, error = None, None
        try:
            value = call()
        except (Refused, Unavailable, Crash) as raised:
            error = raised
        finally:
            self.faults.clear()
            self.acts.pop()
        harmless = trouble is not None and trouble.harmless
        result = Result(act, value, error, harmless or self.faults.happened == happened)
        note(f"  {verb} {facts.get('how', '')} -> {result.code or type(error or value).__name__}")
        self.secrecy.holds(
            repr(value), str(error), repr(error), repr(getattr(error, "__dict__", ""))
        )
        if result.quiet:
            assert not isinstance(error, Crash | Unavailable), f"{verb}: {error!r} for no reason"
            if result.code and verb not in UNRECORDED:
                reasons = [event.reason for event in self.lines[lines:]]
                assert result.code in reasons, f"a refusal of {verb} left no line"
        return result

    def rival(self, name: str, act: Act) -> None:
        """Play *name* while *act* is at work; the whole core knows how."""
        raise NotImplementedError

    def published(self) -> list[Plain]:
        """Return the service's public keys, as anybody can fetch them."""
        jwks = keys.jwks_document(self.world.ports.signer.jwks())
        return [dict(jwk) for jwk in jwks["keys"]]

    def at(self) -> datetime:
        """Return the time."""
        return self.world.clock.now()

    def latest(self) -> datetime:
        """Return the latest time that the clock ever showed."""
        return max(self.world.clock.moments)

    def curtain(self) -> bool:
        """Tell whether the world is built."""
        return hasattr(self, "ledger")

    @precondition(curtain)
    @invariant()
    def nothing_changes_outside_commits(self) -> None:
        """Demand that what is stored is what the last applied commit stored."""
        stored = self.witness.get(*self.witness.records)
        for record, known in zip(stored, self.witness.records.values(), strict=True):
            assert record == known, "a record changed without a commit"
        self.sound = True

    def teardown(self) -> None:
        """Let everything that is due happen, and demand that nothing was lost."""
        if not self.curtain() or not self.sound:
            # What went wrong already is the news.
            return
        self.faults.clear()
        self.world.sender.otherwise = 204
        self.world.clock.jump(self.latest() + DAY)
        self.play("sweep", self.world.sweep)
        for guid in self.world.callbacks.due(limit=1000):
            self._attempt(guid)
        for noted in self.world.notifications.due(limit=1000):
            self._ring(noted.guid)
        settled(self.ledger)
        self._receipts_chain()

    def _attempt(self, guid: Guid) -> None:
        self.play("attempt", lambda: self.world.callbacks.attempt(guid), callback=guid)

    def _ring(self, guid: Guid) -> None:
        self.play("ring", lambda: self.world.notifications.attempt(guid), notification=guid)

    def _between(self, ports: Ports) -> Ports:
        ports = self.adapters(ports)
        self.signer = ports.signer
        self.witness = Witness(ports.store)
        audit = AuditWitness(ports.audit, self._recorded)
        return faulty_ports(attrs.evolve(ports, store=self.witness, audit=audit), self.faults)

    def _origin(self, space: Any, name: str) -> RelyingParty:
        codes = cast.CODES[name]
        party = self.world.new_origin(space, name, codes=codes)
        self.world.administration.allow_callback(party.origin.guid, cast.CALLBACK)
        return party

    def _applied(self, changes: tuple[Change, ...], audit: tuple[AuditEvent, ...]) -> None:
        self.lines += audit
        self.secrecy.holds(*map(repr, audit), *(repr(change.new) for change in changes))
        self.receivers.hear(self.ledger, self.world.sender.attempts)
        commit = Commit(
            act=self.acts[-1],
            changes=[
                (
                    type(change.new).__name__,
                    None if change.old is None else plain(change.old),
                    plain(change.new),
                )
                for change in changes
            ],
            audit=[plain(event) for event in audit],
            moments=self.world.clock.moments[self.acts[-1].since :],
            latest=self.latest(),
        )
        judge(self.ledger, commit)
        for waiting in self.acts[:-1]:
            waiting.others += 1

    def _lost(self) -> None:
        act = self.acts[-1]
        assert act.others, f"{act.verb} lost a race that nobody ran"
        # The decision is made again, from now.
        act.others, act.since = 0, len(self.world.clock.moments) - 1

    def _receipts_chain(self) -> None:
        trusted = keys.trusted_keys({"keys": self.ledger.service_keys})
        heads = dict.fromkeys(self.ledger.people, "")
        endings = [asked.ending for asked in self.ledger.asked.values() if asked.ending is not None]
        signed = [ending["outcome"] for ending in endings if ending["outcome"]["receipt"]]
        receipts = [verify_receipt(outcome["receipt"], trusted=trusted) for outcome in signed]
        for receipt in sorted(receipts, key=lambda receipt: receipt.number):
            account = receipt.answer.account
            assert receipt.previous == heads[account], "a chain of receipts is broken"
            heads[account] = receipt.hash
        for guid, person in self.ledger.people.items():
            assert person.erased or heads[guid] == person.receipt_hash, "a receipt is missing"

    def _recorded(self, event: AuditEvent) -> None:
        self.lines.append(event)
        self.secrecy.holds(repr(event))
