"""Observers of the core: commits, audit events, callbacks, and secrets that must not leave."""

from __future__ import annotations

import base64
import enum
import functools
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import attrs

from counterseal.errors import Conflict
from counterseal.models import (
    AuditEvent,
    Change,
    Guid,
    Record,
)
from counterseal.observed_store import ObservedStore
from counterseal.ports import Audit, Store
from counterseal_testing.histories.ledger import Ledger, Plain
from counterseal_testing.histories.publishing_oracle import require_in_turn
from counterseal_testing.sender import Attempt


class RecordingStore(ObservedStore):
    """
    Stands between the faults and the real store, so that no fault hides a commit.

    Args:
        store: The real one.

    Attributes:
        records: Each record as its last applied commit stored it.
        applied: What to call with each commit once it is applied.
        lost: What to call when one loses its race.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._operations: set[str] = set()
        self.records: dict[Guid, Record] = {}
        self.applied: Callable[[tuple[Change, ...], tuple[AuditEvent, ...]], None] = _nobody
        self.lost: Callable[[], None] = _nobody

    def commit(
        self, changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str
    ) -> None:
        """
        Let the real store commit, and tell.

        Raises:
            Conflict: As the real store says.
            Unavailable: The same.
        """
        try:
            self._store.commit(changes, audit, operation)
        except Conflict:
            self.lost()
            raise
        if operation in self._operations:
            return
        self._operations.add(operation)
        moved = tuple(change for change in changes if change.new is not change.old)
        for change in moved:
            self.records[change.new.guid] = change.new
        self.applied(moved, audit)


class RecordingAudit:
    """
    Stands before the real audit log.

    Args:
        audit: The real one.
        recorded: What to call with each event.
    """

    def __init__(self, audit: Audit, recorded: Callable[[AuditEvent], None]) -> None:
        self._audit = audit
        self._recorded = recorded

    def __getattr__(self, name: str) -> Any:
        """Return a verb of the real log."""
        return getattr(self._audit, name)

    def record(self, event: AuditEvent) -> None:
        """Let the real log record *event*, and tell."""
        self._audit.record(event)
        self._recorded(event)


def plain(record: Any) -> Plain:
    """Return *record* in the oracle's words: dictionaries, and enums as their values."""
    return {name: _plain(getattr(record, name)) for name in _names(record.__class__)}


@functools.cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(kind)) if attrs.has(kind) else ()


def _plain(value: Any) -> Any:
    # Like `attrs.asdict`, whose questions about each value take a tenth of a history's time.
    if isinstance(value, enum.Enum):
        return value.value
    if value is None or isinstance(value, (str, int, bytes, datetime)):
        return value
    if isinstance(value, (tuple, list, frozenset, set)):
        return type(value)(_plain(one) for one in value)
    if isinstance(value, dict):
        return {_plain(key): _plain(one) for key, one in value.items()}
    return plain(value) if _names(value.__class__) else value


def _nobody(*_: object) -> None:
    pass


class CallbackReceivers:
    """
    Everybody who receives callbacks.

    Args:
        secrets: The webhook secret of each origin, as its receiver configures it.
    """

    def __init__(self, secrets: dict[str, str]) -> None:
        self._secrets = secrets
        self._count = 0

    def receive(self, ledger: Ledger, attempts: Sequence[Attempt]) -> None:
        """
        Take what was attempted since, and write it down.

        Raises:
            AssertionError: It is not true, not signed, or to somebody else.
        """
        for attempt in attempts[self._count :]:
            if attempt.message in ledger.events:
                self._receive_event(ledger, attempt)
                continue
            delivery = ledger.callbacks[attempt.message]
            assert not delivery.event, "an event has another id than its callback"
            delivery.statuses.append(None if attempt.outcome is None else attempt.outcome.status)
            entry = ledger.challenges[delivery.challenge]
            assert entry.ending is not None, "an outcome was delivered that there was not"
            body, url = json.loads(attempt.delivery.body), attempt.delivery.url
            assert url == entry.callback, "delivered elsewhere"
            outcome = (body["guid"], body["state"], body["buttonSelected"])
            button = entry.ending["outcome"]["button"]
            assert outcome == (delivery.challenge, entry.ending["state"], button), "a false outcome"
            self._require_signature(attempt, entry.origin)
        self._count = len(attempts)

    def _receive_event(self, ledger: Ledger, attempt: Attempt) -> None:
        url, event = attempt.delivery.url, ledger.events[attempt.message]
        origin = next(guid for guid, (_, own) in ledger.subscribers.items() if own == url)
        (delivery,) = [
            one
            for one in ledger.callbacks.values()
            if (one.event, one.origin) == (attempt.message, origin)
        ]
        require_in_turn(ledger, delivery)
        delivery.statuses.append(None if attempt.outcome is None else attempt.outcome.status)
        body, person = json.loads(attempt.delivery.body), ledger.accounts[event.account]
        assert body["guid"] == attempt.message, "an event has another id than its callback"
        members = (body["type"], body["sequence"], body["privakeyId"], body["appSpaceGuid"])
        assert members == (event.kind, event.sequence, event.account, person.space), "a false event"
        subject = tuple(map(body.get, ("deviceGuid", "requestGuid", "accountId")))
        account_id = None if person.erased else person.account_id
        assert subject == (event.device, event.challenge, account_id), "a false event"
        self._require_signature(attempt, origin)

    def _require_signature(self, attempt: Attempt, origin: str) -> None:
        # Standard Webhooks 1.0, by the letter.
        headers = dict(attempt.delivery.headers)
        secret = base64.b64decode(self._secrets[origin].removeprefix("whsec_"))
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
        mac = hmac.digest(secret, signed + attempt.delivery.body, hashlib.sha256)
        expected = f"v1,{base64.b64encode(mac).decode()}"
        assert expected in headers["webhook-signature"].split(" "), "an unsigned callback"


CANARY = "canary"
"""Part of every secret that a test may choose; found in a text, it tells on the core."""


class LeakDetector:
    """
    Every secret of a history.

    Attributes:
        codes: Matching codes; six digits alone may be part of something else.
    """

    def __init__(self) -> None:
        self._secrets = [CANARY]
        self.codes: set[str] = set()

    def add(self, *secrets: str) -> None:
        """Look for *secrets*, too, from now on."""
        self._secrets.extend(secrets)

    def require_absent(self, *texts: str) -> None:
        """
        Look for every secret in *texts*.

        Raises:
            AssertionError: One is there.
        """
        for text in texts:
            for secret in self._secrets:
                assert secret not in text, "a secret in a text"
            for code in self.codes:
                # Six digits are also the microseconds of a time.
                alone = code in text and re.search(
                    rf"(?<![\w-]){code}(?![\w-])", re.sub(r"datetime\.datetime\([^)]*\)", "", text)
                )
                assert not alone, "a matching code in a text"
