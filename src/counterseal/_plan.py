"""
Decisions: what a use case reads, and the pure function that decides on it.

A transaction makes the first reading, calls the function, and commits its `Decision`:

- a `Reading` names one trip to the store, which is one call of a port that may wait for the
  network, and may parse what comes back;
- the function gets that, and `Tools`; it is a coroutine if it awaits a further `Reading`, or a
  `Signing` where the service has to sign what it decided on;
- a `Decision` says what is to be stored and recorded, and what the use case returns.

A decision has no effects. It may run several times for one call, each time on what was read anew.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterable
from datetime import datetime
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeAlias, TypeVar

import attrs

from counterseal.accounts.rules import provider_of
from counterseal.errors import AccountUnknown, NotFound, Refused
from counterseal.models import (
    Account,
    AppSpace,
    Binding,
    Callback,
    Challenge,
    Guid,
    Origin,
    PublicKey,
    Record,
    TraceContext,
)
from counterseal.narrowing import policy_within
from counterseal.policy import Policy

RecordT = TypeVar("RecordT")
Value = TypeVar("Value")
R = TypeVar("R")
P = ParamSpec("P")

Records: TypeAlias = tuple[Record | None, ...]
"""The records that were read, in the order of the query: None where there is no such record."""


@attrs.define
class Tools:
    """
    What a decision may use besides its arguments; nothing in it waits.

    Attributes:
        now: The time of this decision, read after its first trip.
        entropy: Returns the given number of random bytes.
        seal: Encrypts bytes for a context.
        open: Decrypts what `seal` returned for the same context; raises SealBroken.
        trace: The request for which it is decided; None if nobody makes traces.
    """

    now: datetime
    entropy: Callable[[int], bytes]
    seal: Callable[[bytes, str], bytes]
    open: Callable[[bytes, str], bytes]
    policy: Policy
    trace: TraceContext | None = None

    def within(self, app_space: AppSpace, origin: Origin | None = None) -> Tools:
        """Return these tools with the policy that applies in *app_space*, and to *origin*."""
        policy = policy_within(self.policy, app_space, origin)
        return self if policy is self.policy else attrs.evolve(self, policy=policy)


@attrs.define
class AuditEntry:
    """
    One line of the audit log; the transaction adds the time.

    Attributes:
        subject: The record that the event is about; None if there is none yet.
        event: `noun.verb`; empty for the event of the use case.
        reason: The code of the refusal or of the outcome; empty on success.
        actor: Who did it; empty for the actor of the use case.
    """

    subject: Guid | None
    event: str = ""
    reason: str = ""
    actor: str = ""
    attributes: tuple[tuple[str, str], ...] = ()


@attrs.define(kw_only=True)
class Decision(Generic[R]):
    """
    The result of a decision, and everything to store, to record and to do.

    Attributes:
        writes: The records to store: new ones, and revisions of records that were read.
        guards: Records that were read and that the decision relies on without changing them: if
            one of them has changed, nothing is stored, and it is decided again.
        refusal: The error to raise in place of returning, after the commit, if there is one.
        unrecorded: Whether a refusal without writes and audit entries is left out of the audit log:
            of a race only that a worker expects to lose to another.
        wakes: The GUIDs whose waiting callers are woken after the commit, if there is one.
    """

    result: R
    writes: tuple[Record, ...] = ()
    guards: tuple[Record, ...] = ()
    audit: tuple[AuditEntry, ...] = ()
    refusal: Refused | None = None
    unrecorded: bool = False
    wakes: tuple[Guid, ...] = ()


@attrs.define(kw_only=True)
class Signing:
    """
    A compact JWS that the service signs, before the decision is complete.

    Attributes:
        payload: Returns the payload, given the service's public key.
        issuer: The service's public key that signs; None for the one that signs receipts.
    """

    typ: str
    payload: Callable[[PublicKey], bytes]
    issuer: PublicKey | None = None

    def __await__(self) -> Generator[Signing, str, str]:
        """Return the token's text."""
        return (yield self)


@attrs.define
class Reading(Generic[Value]):
    """
    One trip to the store, as data: a verb of the store, and its arguments.

    Attributes:
        parse: Turns the records into the decision's argument; None passes them unchanged.
    """

    query: str
    arguments: tuple[Any, ...]
    parse: Callable[[Any, Tools], Value] | None = None

    def __await__(self) -> Generator[Reading[Any], tuple[Any, Tools], Value]:
        """Return what is read; the transaction makes the trip."""
        # A parser refuses within the decision, whose frames a traceback then has.
        stored, tools = yield self
        return stored if self.parse is None else self.parse(stored, tools)


DecisionCoroutine: TypeAlias = Coroutine["Reading[Any] | Signing", Any, "Decision[R]"]
"""A decision that reads further, or has something signed, by `await`; a transaction drives it."""


class Queries(Protocol):
    """
    The reading half of `counterseal.ports.Store`, which says what each verb returns.

    `search_part` is `counterseal.ports.PartSearch`'s, which a store may lack.
    """

    def get(self, *guids: Guid) -> Records: ...

    def get_with_account(self, guid: Guid, *other_guids: Guid) -> Records: ...

    def account(self, app_space: Guid, account_id: str) -> Account | None: ...

    def search(
        self, app_space: Guid, prefix: str, after: str | None, limit: int
    ) -> tuple[Account, ...]: ...

    def search_part(
        self, app_space: Guid, part: str, after: Guid | None, limit: int
    ) -> tuple[Account, ...]: ...

    def bindings(self, account: Guid) -> tuple[Binding, ...]: ...

    def pending(self, account: Guid) -> tuple[Challenge, ...]: ...

    def list(self, parent: Guid | None) -> Records: ...

    def dead(self, origin: Guid, limit: int) -> tuple[Callback, ...]: ...


def read(
    query: Callable[Concatenate[Queries, P], Value], /, *arguments: P.args, **_: P.kwargs
) -> Reading[Value]:
    """Return the reading that calls *query* of the store with *arguments*."""
    return Reading(query.__name__, arguments)


def return_record(stored: Records, _: Tools, kind: type[RecordT]) -> Decision[RecordT]:
    """Decide to return the record that was read, which has to be of *kind*."""
    return Decision(result=require(stored[0], kind))


def store(record: Record, result: R, *, guards: tuple[Record, ...] = ()) -> Decision[R]:
    """Decide to store *record*, to record that in the audit log, and to return *result*."""
    audit = (AuditEntry(record.guid),)
    return Decision(result=result, writes=(record,), guards=guards, audit=audit)


def require(record: Record | None, kind: type[RecordT]) -> RecordT:
    """Return *record*, which has to be of *kind*, or raise NotFound."""
    if not isinstance(record, kind):
        raise NotFound
    return record


def nothing() -> Reading[Records]:
    """Read nothing, without a trip, for decisions that need only their arguments."""
    return Reading("", ())


def records(*guids: Guid) -> Reading[Records]:
    """Read the records of *guids*; without any, there is no trip."""
    return read(Queries.get, *guids) if guids else nothing()


def record_with_account(guid: Guid, *other_guids: Guid) -> Reading[Records]:
    """Read the record of *guid*, the account that it is about, and the records of *other_guids*."""
    return read(Queries.get_with_account, guid, *other_guids)


def account_of(app_space: Guid, account_id: str) -> Reading[Account | None]:
    """Read the account that the App Space knows by *account_id*."""
    return read(Queries.account, app_space, account_id)


def accounts_from(
    app_space: Guid, prefix: str, after: str | None, limit: int
) -> Reading[tuple[Account, ...]]:
    """Read the App Space's accounts whose id begins with *prefix*, from *after* on, in order."""
    return read(Queries.search, app_space, prefix, after, limit)


def accounts_with(
    app_space: Guid, part: str, after: Guid | None, limit: int
) -> Reading[tuple[Account, ...]]:
    """Read the App Space's accounts whose id contains *part*, behind *after*, oldest first."""
    return read(Queries.search_part, app_space, part, after, limit)


def bindings_of(account: Guid) -> Reading[tuple[Binding, ...]]:
    """Read all bindings of the account, oldest first."""
    return read(Queries.bindings, account)


def pending_of(account: Guid) -> Reading[tuple[Challenge, ...]]:
    """Read the account's unfinished challenges, oldest first."""
    return read(Queries.pending, account)


def tenancy_records_of(parent: Guid | None) -> Reading[Records]:
    """Read the tenancy records under *parent*, or those that have none, oldest first."""
    return read(Queries.list, parent)


def dead_callbacks_of(origin: Guid, limit: int) -> Reading[tuple[Callback, ...]]:
    """Read the dead callbacks of the origin, oldest first, *limit* at most."""
    return read(Queries.dead, origin, limit)


def find_record(stored: Iterable[Record | None], guid: Guid) -> Record | None:
    """Return the record of *guid* among those that were read; None if it is not there."""
    return next((record for record in stored if record is not None and record.guid == guid), None)


def records_beside(stored: Iterable[Record | None], *guids: Guid) -> Reading[Records]:
    """Read the records of *guids* that are not among *stored*; the decision gets all of *guids*."""
    read_records = tuple(stored)
    missing = tuple(guid for guid in guids if find_record(read_records, guid) is None)
    return Reading(
        "get" if missing else "",
        missing,
        lambda more, _: tuple(find_record((*read_records, *more), guid) for guid in guids),
    )


def require_account(record: Record | None) -> Account:
    """Return *record* as an account that has not been erased."""
    account = require(record, Account)
    if account.erased_at is not None:
        raise NotFound
    return account


def demand_readable(challenge: Challenge, account: Record | None) -> None:
    """Refuse to return a challenge that is still stored although its account was erased."""
    if challenge.outcome is not None and require(account, Account).erased_at is not None:
        raise NotFound


def require_provider(record: Record | None) -> AppSpace:
    """Return *record* as an App Space that has an Identity Provider."""
    app_space = require(record, AppSpace)
    provider_of(app_space)
    return app_space


def require_known(account: Account | None) -> Account:
    """Return the account that an origin named."""
    if account is None:
        raise AccountUnknown
    return account
