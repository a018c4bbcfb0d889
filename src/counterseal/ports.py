"""
The ports: what the core needs of its surroundings, as protocols.

Each method's docstring is its contract, as numbered clauses.
The conformance kit and `docs/reference/ports.md` cite the numbers.

For every port:

- ALL-1: a failure is raised as `Unavailable` or a subclass, never as a library's exception.
- ALL-2: methods may be called from many threads at once.
- ALL-3: fields with `repr=False` are never logged.

`Raises:` leaves `Unavailable` out: each method raises it if the adapter got no answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

import attrs

from counterseal import models
from counterseal.actions import STANDARD_ACTIONS, ActionTypes
from counterseal.kinds import RecordKind
from counterseal.models import (
    Account,
    AddressKind,
    AuditEvent,
    AuditPage,
    AuditQuery,
    Binding,
    Callback,
    ChainedEvent,
    ChainHead,
    ChainLink,
    Challenge,
    Change,
    CountKey,
    Delivery,
    DeliveryOutcome,
    GaugeKey,
    Guid,
    Identity,
    IdpSettings,
    Logout,
    LogPlace,
    PasskeyScope,
    PublicKey,
    PushAddress,
    PushMessage,
    PushOutcome,
    Record,
    Reservation,
    SignedHead,
    UnchainedEvents,
)

__all__ = [
    "AttestationVerifier",
    "Audit",
    "CallbackSender",
    "CallbackSlots",
    "Clock",
    "Counters",
    "Due",
    "Entropy",
    "Idempotency",
    "IdentityProvider",
    "Notifier",
    "PartSearch",
    "Ports",
    "ReplayGuard",
    "Sealer",
    "Signer",
    "Store",
    "Wake",
]


Due: TypeAlias = RecordKind
"""What a worker can look for: a kind whose records can be due."""


class Store(Protocol):
    """
    The records, by GUID.

    A store decides nothing: it compares versions and keeps what it is given.
    Time is the core's: a store compares with the times it is asked about, and with no clock.

    "Oldest first" means: a record comes before one that a later commit created with a later
    `created_at` (of a challenge, `issued_at`). Any other order is the store's own.
    """

    def get(self, *guids: Guid) -> tuple[Record | None, ...]:
        """
        Return the records of *guids*, in one trip.

        - STORE-1: one entry for each GUID, in order; None where there is no such record.
        - STORE-2: each entry is what the last applied commit of that record stored,
          equal in every field.
        - STORE-22: what was stored is found, here and by every other method, until its
          `keep_until`, for as long as its `due_at` is not None, and for ever where it has no
          `keep_until`.
          Some time after that, the store may forget it.
        """

    def get_with_account(self, guid: Guid, *other_guids: Guid) -> tuple[Record | None, ...]:
        """
        Return the record of *guid*, the account that it is about, and the records of *other_guids*.

        All of it in one trip: a record and its account lie in one partition.

        - STORE-25: the first entry is the record's, the second its account's, and then one for
          each of *other_guids*, in order; None where there is no such record.
        - STORE-26: a binding, a challenge, a challenge's callback, an approved action, its use, a
          notification, an account event, and a passkey's registration or authentication are about
          their `account`; nothing else is about one.
        """

    def account(self, app_space: Guid, account_id: str) -> Account | None:
        """
        Return the account that the App Space knows by *account_id*.

        - STORE-3: texts are compared exactly, code point by code point,
          and App Spaces do not meet.
        """

    def search(
        self, app_space: Guid, prefix: str, after: str | None, limit: int
    ) -> tuple[Account, ...]:
        """
        Return the accounts of *app_space* whose account id begins with *prefix*, in order.

        - STORE-28: exactly, code point by code point, and by the ids of the last applied commit;
          none of another App Space, and none that has been erased. Every id begins with "".
        - STORE-29: ordered by the bytes of their ids in UTF-8, which is the order of their code
          points; with *after*, only those whose id comes after it, whether or not an account has
          that id.
        - STORE-30: at most *limit*. Called again and again with the id of the last one as *after*,
          until nothing is returned, it returns each account that is there all the while once.
        """

    def bindings(self, account: Guid) -> tuple[Binding, ...]:
        """
        Return all bindings of the account, oldest first.

        - STORE-4: every state is returned.
        """

    def pending(self, account: Guid) -> tuple[Challenge, ...]:
        """
        Return the account's unfinished challenges, oldest first.

        - STORE-5: unfinished by their state, whatever the time is.
        """

    def list(self, parent: Guid | None) -> tuple[Record, ...]:
        """
        Return the tenancy records whose `parent` this is, oldest first.

        - STORE-6: with None, the companies and the administrators of all companies; with an
          administrator, its sessions that have not ended.
        """

    def due(
        self, kind: Due, before: datetime, limit: int, queue: AddressKind | Guid | None = None
    ) -> tuple[Record, ...]:
        """
        Return records of *kind* whose `due_at` is at or before *before*.

        A notification's queue is the kind of its addresses, and a callback's is its origin.
        Workers ask with *queue* as often as without, so a store needs an index for both.

        - STORE-7: at most *limit*, and none that is not due.
        - STORE-8: a record that stays due is returned sooner or later:
          called again and again while those returned are dealt with, none is left out.
        - STORE-27: with *queue*, only records of that queue are returned, and none of them is
          left out however much is due in other queues. A callback that an older release stored
          may be left out until its next commit.
        """

    def dead(self, origin: Guid, limit: int) -> tuple[Callback, ...]:
        """
        Return the callbacks of *origin* that are DEAD, oldest first.

        - STORE-23: dead by their state, whatever the time is, and of this origin only.
        - STORE-24: at most *limit*, fewer only if there are no others, and none is left out for
          one that is younger.
        """

    def gauges(self, app_spaces: frozenset[Guid] | None) -> Mapping[GaugeKey, int]:
        """
        Return the number of records in each gauge now, without reading the records.

        A gauge that is 0 may be left out.

        - STORE-31: a record counts in the gauge that `counterseal.models.record` names for its last
          applied commit, once, and in no other; one that the store has forgotten counts in none.
          A store that forgets by itself may count it until it tidies up.
        - STORE-32: only gauges of *app_spaces*; with None all, those without an App Space too.
        """

    def commit(
        self, changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str
    ) -> None:
        """
        Apply all *changes* and append all *audit* events, or do nothing.

        - STORE-9: (None, new) creates; Conflict if the GUID exists, or if another account has the
          natural key of *new*: an account's `app_space` and `account_id`.
        - STORE-10: (old, new) swaps; Conflict unless what is stored has *old*'s version, or if
          another account has the natural key of *new*.
        - STORE-11: (old, old) guards; Conflict unless what is stored has *old*'s version.
        - STORE-12: after a Conflict or a Misuse nothing has changed and no event is recorded.
        - STORE-13: all new records are in one partition, else PartitionCrossed.
        - STORE-14: a new record's version is 1 more than *old*'s, or 1,
          and its kind and GUID are *old*'s; else WrongRecord.
        - STORE-15: the same *operation* with the same changes again succeeds and does nothing,
          if it was applied less than a minute ago, and less than a thousand commits of the store
          ago; what is older may have been forgotten, and then it is tried afresh.
        - STORE-16: the same *operation* with other changes is OperationReused.
        - STORE-17: commits are linearizable: each takes effect at one moment
          between its call and its return, for all callers alike.
        - STORE-18: events are recorded, in order and once, if and only if the commit is applied.
        - STORE-19: a process that dies leaves all of its commit, or nothing.
        - STORE-20: a reply that was lost is Indeterminate, never a Conflict.
        - STORE-21: without a change, or with a GUID twice, WrongRecord.

        Args:
            changes: At least one; no GUID twice.
            audit: What to record with the changes.
            operation: Random; names this attempt.

        Raises:
            Conflict: A record is not what the decision was made on.
            Indeterminate: The reply was lost; ask again with the same *operation*.
            Unavailable: The store did not answer, and nothing has changed.
            Misuse: The commit cannot be made as it is.
        """


class PartSearch(Protocol):
    """
    What a store may be able to do besides: find accounts by any part of their ids.

    A store that cannot has no method of this name, or None in its place.
    """

    def search_part(
        self, app_space: Guid, part: str, after: Guid | None, limit: int
    ) -> tuple[Account, ...]:
        """
        Return the accounts of *app_space* whose account id contains *part*, oldest first.

        - STORE-33: whatever the case: `counterseal.models.record.fold_case` of the id contains that
          of *part*, code point by code point. By the ids of the last applied commit; none of
          another App Space, and none that has been erased.
        - STORE-34: oldest first; with *after*, the GUID of an account, only those that come after
          it, whatever has become of that account. There are none after a GUID that no account of
          *app_space* has.
        - STORE-35: at most *limit*. Called again and again with the GUID of the last one as
          *after*, until nothing is returned, it returns each account that is there all the while
          once.

        Args:
            app_space: Whose accounts.
            part: At least three characters.
            after: The last account of the page before; None for the first page.
            limit: The most accounts of the page.
        """


class ReplayGuard(Protocol):
    """Remembers what must not be accepted twice."""

    def first_seen(self, key: tuple[str, str, str], until: datetime) -> bool:
        """
        Tell whether *key* is new, and remember it.

        - REPLAY-1: True exactly once for a key until *until*, across threads and processes.
        - REPLAY-2: keys that differ in any part do not meet.

        Args:
            key: The scheme, the signer's GUID, and the id.
            until: From then on it may be forgotten.
        """


class Counters(Protocol):
    """Counts calls before they are made."""

    def add(self, key: tuple[str, str], window: timedelta) -> int:
        """
        Count one more, and return how many there were in the last *window*, this one included.

        - COUNTERS-1: it may count too much, never too little,
          across threads and processes, and if the clock steps back.
        - COUNTERS-2: keys that differ in any part do not meet.
        - COUNTERS-3: after two windows without a call it begins anew, with 1.
        """


class Idempotency(Protocol):
    """Reserves, for an idempotency key, the GUID of what the call will create."""

    def begin(self, reservation: Reservation, now: datetime) -> Reservation:
        """
        Reserve, or return the reservation that is in force.

        - IDEMPOTENCY-1: of concurrent calls with one scope and key, one gets its own back.
        - IDEMPOTENCY-2: a reservation in force with another fingerprint is returned unchanged.
        - IDEMPOTENCY-3: one that is unfinished and whose lease is over is taken over:
          the caller gets its own back, with the GUID of the older one.
        - IDEMPOTENCY-4: from `until` on, a reservation is treated as if there were none.
        - IDEMPOTENCY-6: keys and scopes that differ do not meet.
        """

    def finish(self, reservation: Reservation) -> None:
        """
        Mark the reservation as finished.

        - IDEMPOTENCY-5: afterwards `begin` returns it as finished, until it ends.

        Raises:
            Unavailable: It did not answer; a later call finds the record itself.
        """


class Notifier(Protocol):
    """Sends push messages to devices; nothing depends on their arrival."""

    def kinds(self) -> frozenset[AddressKind]:
        """
        Return the kinds of address that it sends to.

        - NOTIFIER-1: always the same, without asking anybody; no notification is ever queued for
          other kinds.
        """

    def require_sendable(self, address: PushAddress) -> None:
        """
        Refuse an address to which nothing can be sent, as far as its text says so.

        The core asks about addresses of the notifier's kinds only, when a device names them.

        - NOTIFIER-8: it asks nobody, and refuses no address to which `push` may deliver. Whether
          an address may be called, as one in a private network, is decided at the push only.
        - NOTIFIER-9: what it refuses is GONE at the push, and nothing is sent there.

        Args:
            address: Of one of its kinds.

        Raises:
            InvalidField: *address* is malformed; the field is `value` or, where that has members,
                one of them, such as `value.endpoint`. The error does not contain the address.
        """

    def push(
        self, addresses: tuple[PushAddress, ...], message: PushMessage
    ) -> tuple[PushOutcome, ...]:
        """
        Make one attempt to send *message* to each of *addresses*.

        - NOTIFIER-2: it may deliver twice or never, and is asked again without complaint.
        - NOTIFIER-3: it sends what the message holds, and nothing else of what it is about.
        - NOTIFIER-4: one outcome for each address, in order; MISCONFIGURED for an address of a kind
          that it does not send to.
        - NOTIFIER-5: GONE is only an address that will never work again,
          and what is wrong with one address changes nothing for another.
        - NOTIFIER-6: at most one message to each address: it tries nothing again by itself,
          and never waits for as long as a push service asks, which is what `after` is for.
        - NOTIFIER-7: it returns within the message's `timeout`; what it does not know by then
          is LATER.

        Raises:
            NotifierUnavailable: LATER, for all of them.
        """


class IdentityProvider(Protocol):
    """
    An OpenID Connect provider; state, nonce and PKCE are the core's.

    Each call names the *company* of the App Space for which it is made, so that an adapter can
    share what it has, such as threads, fairly between companies.
    """

    def authorization_url(
        self, settings: IdpSettings, *, company: Guid, state: str, nonce: str, verifier: str
    ) -> str:
        """
        Return where to send the user.

        - IDP-1: the address carries *state*, *nonce* and the S256 challenge of *verifier*
          (RFC 7636, 4.2), never the verifier itself.

        Raises:
            IdentityUnavailable: The provider's configuration cannot be read.
        """

    def exchange(
        self,
        settings: IdpSettings,
        *,
        company: Guid,
        code: str,
        nonce: str,
        verifier: str,
        issuer: str | None,
    ) -> Identity:
        """
        Exchange *code* for the user's identity.

        - IDP-2: the ID token is validated as OpenID Connect Core 3.1.3.7 demands, *nonce* included;
          a code serves once, for its own client and *verifier*.
        - IDP-3: *issuer*, the response's `iss` (RFC 9207), is compared where the provider sends it.

        Raises:
            IdentityWithdrawn: The provider refuses the code, or the token does not hold.
            IdentityUnavailable: The provider did not answer.
        """

    def revalidate(self, settings: IdpSettings, identity: Identity, *, company: Guid) -> Identity:
        """
        Ask whether the provider still vouches for the user.

        - IDP-4: the identity that comes back is of the same issuer and subject;
          its grant may be a new one.

        Raises:
            IdentityWithdrawn: It does not.
            IdentityUnavailable: The provider did not answer.
        """

    def read_logout(self, settings: IdpSettings, token: str, *, company: Guid) -> Logout:
        """
        Read a logout token that the provider, or anybody, sent.

        - IDP-5: the token is validated as OpenID Connect Back-Channel Logout 1.0, 2.6, demands,
          but for its `jti`, which the caller remembers.

        Raises:
            IdentityWithdrawn: The token does not hold.
            IdentityUnavailable: The provider's keys cannot be read.
        """

    def revoke_grant(self, settings: IdpSettings, identity: Identity, *, company: Guid) -> None:
        """
        Tell the provider that it will not be asked about the user by this grant again.

        - IDP-6: the grant is revoked where the provider can be told so;
          to say it twice does no harm.

        Raises:
            IdentityUnavailable: The provider did not answer.
        """


class CallbackSender(Protocol):
    """Delivers callbacks."""

    def require_callable(self, url: str) -> None:
        """
        Refuse an address to which nothing will ever be sent, as far as its text says so.

        - SENDER-5: it asks nobody, and refuses exactly what `send` reports as final without a
          status: what is refused here is never sent, and what is not refused may be.

        Raises:
            CallbackUncallable: The sender's configuration does not allow it, with the reason.
        """

    def send(self, delivery: Delivery) -> DeliveryOutcome:
        """
        Make one attempt.

        - SENDER-1: exactly one request at most, and no redirect is followed.
        - SENDER-2: it returns within the delivery's timeout.
        - SENDER-3: no address is reached that the sender's configuration does not allow.
        - SENDER-4: address, headers and body are sent as they are,
          and whatever status comes back is returned.
        - SENDER-6: the outcome's `may_have_arrived` is False only where no byte of the request
          left, as without a connection: what is sent at most once is then sent again.

        Raises:
            SenderUnavailable: The attempt could not be made, for a reason on our side.
        """


class Signer(Protocol):
    """Holds the service's signing keys."""

    def jwks(self) -> tuple[PublicKey, ...]:
        """
        Return the service's public keys.

        - SIGNER-1: the first one signs; the others are still valid, and stay in the list.

        Raises:
            SignerUnavailable: The keys are out of reach.
        """

    def sign(self, kid: str, data: bytes) -> bytes:
        """
        Sign *data* with the key *kid*.

        - SIGNER-2: the signature is as JWS carries it, for the key's algorithm.
        - SIGNER-3: a key that is not in `jwks` signs nothing.

        Raises:
            SignerUnavailable: The key is unknown or out of reach.
        """


class Sealer(Protocol):
    """Encrypts secrets that have to be read again."""

    def seal(self, plain: bytes, context: str) -> bytes:
        """
        Encrypt *plain* for *context*.

        - SEALER-1: two calls with the same arguments give different results.
        - SEALER-3: nothing of *plain* can be read in the result but its length.
        - SEALER-4: neither this nor `open` waits. Both work with keys that are in memory once the
          sealer is made, and use no socket, file, process or thread; only a key file on
          this machine may be looked at, and read again when it has changed.

        Raises:
            SealBroken: The key is out of reach.
        """

    def open(self, sealed: bytes, context: str) -> bytes:
        """
        Decrypt what `seal` returned.

        - SEALER-2: only the same *context*, and bytes that nobody changed, open,
          and what was sealed comes back.

        Raises:
            SealBroken: Anything else.
        """


class AttestationVerifier(Protocol):
    """Verifies registrations of passkeys, and knows models of authenticators."""

    def conveyance(self) -> str:
        """
        Return the attestation that a browser is to be asked for (WebAuthn Level 3, 5.4.7).

        - ATTESTATION-1: `none` or `direct`, always the same, without asking anybody; `direct` if
          `verify` refuses what has no proven model.
        """

    def verify(
        self, response: models.RegistrationResponse, *, scope: PasskeyScope, challenge: bytes
    ) -> models.RegisteredPasskey:
        """
        Verify what `navigator.credentials.create()` returned (WebAuthn Level 3, 7.1).

        - ATTESTATION-2: key, credential id, BE, BS and counter are those of the authenticator data,
          and the passkey is pinned to *scope*.
        - ATTESTATION-3: client data of another type, challenge or origin, or of a frame in a page
          of another origin, is refused, each with its own error.
        - ATTESTATION-4: authenticator data of another relying party id, without UP, or without UV,
          is refused, each with its own error.
        - ATTESTATION-5: the key is of ES256 on P-256, of EdDSA on Ed25519 or of RS256; any other is
          UnfitKey.
        - ATTESTATION-6: a statement that does not hold, or is of an unknown format, is
          AttestationRefused.
        - ATTESTATION-7: `aaguid` is None unless a certificate that a configured or built-in root
          issued has proven it: not with `none`, not by self attestation, not under a root of
          others, not by a certificate of another model, or of the key alone.
        - ATTESTATION-8: where the configuration names the allowed models, a registration without
          one of them, proven, is AttestationRefused.
        - ATTESTATION-9: whatever the bytes are, it raises nothing but the errors named here.
        - ATTESTATION-10: it asks nobody and does not wait: no socket, file, process or thread.

        Args:
            response: As the browser returned it.
            scope: Where the passkey is to be used.
            challenge: What the browser was given.

        Raises:
            MalformedRegistration: *response* cannot be read.
            WrongCeremony, AssertionElsewhere, WrongOrigin, CrossOrigin: Its client data is of
                another type, challenge or origin, or of a frame.
            WrongRpId, UserAbsent, UserUnverified: Its authenticator data is.
            UnfitKey: Its key is of another kind.
            AttestationRefused: Its attestation does not hold, or proves no allowed model.
        """


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """
        Return the time.

        - CLOCK-1: aware, in UTC.
        """


class Entropy(Protocol):
    """The only source of randomness."""

    def token(self, size: int) -> bytes:
        """
        Return *size* random bytes.

        - ENTROPY-1: from a cryptographically secure generator.
        - ENTROPY-2: exactly *size* bytes.
        """


class Audit(Protocol):
    """
    An append-only log of refusals and telemetry; a commit's events travel inside it.

    An event is recorded first, and then a worker appends it to the chain of its partition, which is
    that of its subject. `counterseal.audit.rules` computes the hashes; a log keeps them.
    """

    def record(self, event: AuditEvent) -> None:
        """
        Append *event*.

        - AUDIT-1: what was recorded is never changed, and never lost.
        - AUDIT-2: an event is in the log, whole, when the call returns.
        """

    def unchained(self, limit: int) -> tuple[UnchainedEvents, ...]:
        """
        Return events that are in no chain yet, at most *limit*, with the heads that they follow.

        - AUDIT-3: the events of commits and refusals, whenever they became visible; those of one
          subject in the order in which they were recorded.
        - AUDIT-4: one entry for each partition, with the head as it is in that moment or was
          before; it may leave a partition for the next call, but none for ever.
        """

    def append_chain(self, links: tuple[ChainLink, ...]) -> int:
        """
        Append to the chains of partitions, and return how many of *links* were appended.

        - AUDIT-5: a link is appended if and only if the head is the one that it follows: of two
          that follow one head, one is appended, across threads and processes.
        - AUDIT-6: a link's events, the new head and the counts become visible in one step or, also
          if the process dies, not at all.
        - AUDIT-7: the events of an appended link are not unchained any more.

        Args:
            links: Of different partitions.

        Raises:
            Indeterminate: The reply was lost; some of *links* may have been appended.
        """

    def heads(self) -> tuple[ChainHead, ...]:
        """
        Return the heads of all partitions, 256 of them, in order.

        - AUDIT-8: as the last link left them, and `drop_chained`.
        """

    def chained(self, partition: int, after: int, limit: int) -> tuple[ChainedEvent, ...]:
        """
        Return events of a partition's chain whose position is greater than *after*, in order.

        - AUDIT-9: at most *limit*, and none is left out; hash and bytes are as they are stored,
          whatever somebody has done to them.
        """

    def misplaced(self, limit: int) -> tuple[tuple[int | None, int], ...]:
        """
        Return the partitions and positions of events in the log that no chain reaches.

        - AUDIT-14: those at or below the base of their partition, and those of no partition, at
          most *limit*, as they are in one moment; the partition is None, and the position 0, where
          it is no whole number. `search` leaves them out, and so does `chained` from the base on.
        """

    def drop_chained(self, partition: int, through: int) -> None:
        """
        Drop the events of a partition's chain up to the position *through*, which were archived.

        - AUDIT-10: in one step, the events are gone, and the head's `base` and `base_hash` are
          those of the last one; the chain goes on as before. Where *through* is not greater than
          the base, or there is no such event, nothing changes.
        """

    def search(self, query: AuditQuery, after: LogPlace | None, limit: int) -> AuditPage:
        """
        Return chained events that fit *query*, newest first, from behind the place *after* on.

        - AUDIT-11: at most *limit*; read page by page, no event comes twice, and none that was
          chained before the first page is left out.

        A call looks at a limited number of events, however many are in the log.
        """

    def counts(
        self, app_spaces: frozenset[Guid] | None, since: datetime, until: datetime
    ) -> Mapping[CountKey, int]:
        """
        Return the hourly counts whose hour begins at or after *since* and before *until*.

        - AUDIT-12: the sums of the counts of all appended links; of *app_spaces* only, or with None
          of all App Spaces and of events that are of no App Space.
        """

    def signed_head(self) -> SignedHead | None:
        """Return the signed head that was stored last; None if none was."""

    def replace_signed_head(self, head: SignedHead) -> bool:
        """
        Store a signed head in place of the one whose number is 1 less, and tell whether it is.

        - AUDIT-13: of two with one number, one is stored; the first has the number 1.
        """


class Wake(Protocol):
    """A hint for callers that wait: each then reads the store, which alone is right."""

    def notify(self, guid: Guid) -> None:
        """
        Wake those who wait for *guid*: a request, or the account whose requests a device awaits.

        - WAKE-1: it may be lost; it never blocks.
        """

    def wait(self, guid: Guid, timeout: timedelta) -> None:
        """
        Return when *guid* is notified, or after *timeout*, or for no reason.

        - WAKE-2: after *timeout* at the latest.

        Raises:
            Unavailable: Nothing can be received, and it did not wait: pause before another call.
        """

    async def wait_async(self, guid: Guid, timeout: timedelta) -> None:
        """
        Return as `wait` does, in a coroutine of an asyncio event loop.

        To miss nothing, start it as a task, read the store, and only then await the task.

        - WAKE-3: after *timeout* at the latest.
        - WAKE-4: it blocks no event loop and holds no thread: however many wait, an adapter has the
          same few threads, and waiters of one GUID share one subscription.
        - WAKE-5: after its first step, it is ended by each notification that would end `wait`,
          from any thread.
        - WAKE-6: when it is cancelled it raises CancelledError at once. Other waiters of the GUID
          are woken as before.

        Raises:
            Unavailable: As `wait`.
        """


class CallbackSlots(Protocol):
    """
    The attempts that this process makes to deliver callbacks.

    A callback for which there is a slot when it is stored is stored as claimed by this process,
    which begins the attempt at once: no worker has to look for it and to claim it. If the process
    ends before, any worker finds it when the lease is over.
    """

    def reserve(self, callback: Callback) -> bool:
        """
        Reserve a slot for a callback that is about to be stored; return whether one is free.

        It never blocks, and raises nothing.
        """

    def begin(self, callback: Callback) -> None:
        """
        Begin the attempt in the reserved slot: the callback is stored, and claimed.

        It returns at once, and raises nothing.
        """

    def release(self, callback: Callback) -> None:
        """Give the reserved slot back, since the callback was not stored."""


class NoCallbackSlots:
    """The slots of a process that delivers no callbacks."""

    def reserve(self, _: Callback) -> bool:
        """Return False."""
        return False

    def begin(self, callback: Callback) -> None:
        """Do nothing."""

    def release(self, callback: Callback) -> None:
        """Do nothing."""


@attrs.frozen(kw_only=True)
class Ports:
    """
    The adapters that one service is put together from.

    A plain record: `attrs.evolve(ports, store=…)` puts another adapter in one's place.

    Attributes:
        actions: The types of actions that people are asked about; others are refused.
        callback_slots: The attempts of this process; by default it makes none.
    """

    store: Store
    notifier: Notifier
    identity: IdentityProvider
    attestation: AttestationVerifier
    sender: CallbackSender
    replay: ReplayGuard
    counters: Counters
    idempotency: Idempotency
    wake: Wake
    signer: Signer
    sealer: Sealer
    clock: Clock
    entropy: Entropy
    audit: Audit
    actions: ActionTypes = STANDARD_ACTIONS
    callback_slots: CallbackSlots = attrs.field(factory=NoCallbackSlots)
