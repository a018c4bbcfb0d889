"""A Store in LMDB: bodies by GUID, and sorted entries that lead to them; one writer at a time."""

from contextlib import contextmanager
from itertools import groupby, islice

import lmdb

from counterseal import errors, models
from counterseal.models.record import index_of, queue_name, require_possible
from counterseal_records import (
    digest,
    fingerprint,
    microseconds,
    natural_key,
    read,
    search_key,
    search_range,
    write_bytes,
)

SIZE = 2**30  # bytes of the file at most; it grows as it is written
SORTED_BYTES = 400  # of an account's search key; LMDB takes keys of 511
LAST = b"\xff"  # follows every time and every text


def time_key(moment):
    return (microseconds(moment) + 2**63).to_bytes(8, "big")  # sorted as times are


def key(*parts):
    return b"|".join(part if isinstance(part, bytes) else (part or "").encode() for part in parts)


def search_entry(app_space, account_id):
    sorted_key = search_key(app_space, account_id)
    rest = digest(account_id) if len(sorted_key) > SORTED_BYTES else b""
    return b"search|" + sorted_key[:SORTED_BYTES] + rest


def entries_of(record):
    """Yield the keys by which a record is found besides its GUID."""
    index, guid = index_of(record), record.guid.encode()
    if index.search_key is not None:
        yield search_entry(*index.search_key)
    if index.listed:
        is_challenge = isinstance(record, models.Challenge)
        age = time_key(record.issued_at if is_challenge else record.created_at)
        yield key(index.listing.value, index.owner, age + guid)
    if record.due_at is not None:
        for queue in {"", queue_name(index.queue) if index.queue else ""}:
            yield key("due", type(record).__name__, queue, time_key(record.due_at) + guid)


class LmdbStore:
    def __init__(self, folder):
        self.folder = folder
        self.env = lmdb.open(str(folder), map_size=SIZE, max_dbs=6)
        tables = (b"bodies", b"accounts", b"index", b"counts", b"operations", b"events")
        opened = map(self.env.open_db, tables)
        self.bodies, self.accounts, self.index, self.counts, self.operations, self.events = opened

    def get(self, *guids):
        with self._transaction() as transaction:
            return tuple(self._load(transaction, guid.encode()) for guid in guids)

    def get_with_account(self, guid, *others):
        with self._transaction() as transaction:
            record = self._load(transaction, guid.encode())
            account = record and index_of(record).account
            guids = [guid.encode() if guid else b"-" for guid in (account, *others)]
            return (record, *(self._load(transaction, guid) for guid in guids))

    def account(self, app_space, account_id):
        with self._transaction() as transaction:
            guid = transaction.get(natural_key(app_space, account_id), db=self.accounts)
            return guid and self._load(transaction, guid)

    def search(self, app_space, prefix, after, limit):
        def sorted_key(account):
            return search_key(account.app_space, account.account_id)

        def sorted_part(account):
            return sorted_key(account)[:SORTED_BYTES]

        begin, end = search_range(app_space, prefix, after)
        first = b"search|" + begin[:SORTED_BYTES]
        last = b"search|" + (end if len(end) <= SORTED_BYTES else end[:SORTED_BYTES] + LAST)
        with self._transaction() as transaction:
            accounts = self._range(transaction, first, last)
            groups = (sorted(group, key=sorted_key) for _, group in groupby(accounts, sorted_part))
            fitting = (one for group in groups for one in group if begin <= sorted_key(one) < end)
            return tuple(islice(fitting, limit))

    def bindings(self, account):
        return self._first(key("bindings", account, b""))

    def pending(self, account):
        return self._first(key("pending", account, b""))

    def list(self, parent):
        return self._first(key("list", parent, b""))

    def dead(self, origin, limit):
        return self._first(key("dead", origin, b""), limit)

    def due(self, kind, before, limit, queue=None):
        begin = key("due", kind.record_class.__name__, queue and queue_name(queue), b"")
        return self._first(begin, limit, begin + time_key(before) + LAST)

    def gauges(self, app_spaces):
        with self._transaction() as transaction:
            counts = {
                models.GaugeKey(models.Gauge(name), space or None, origin or None): int(count)
                for gauge, count in transaction.cursor(db=self.counts)
                for name, space, origin in [gauge.decode().split("|")]
            }
        return {
            gauge: count
            for gauge, count in counts.items()
            if count and (app_spaces is None or gauge.app_space in app_spaces)
        }

    def commit(self, changes, audit, operation):
        require_possible(changes)  # STORE-13, STORE-14 and STORE-21
        bodies = [None if one.new is one.old else write_bytes(one.new) for one in changes]
        name = digest(operation)
        commit = fingerprint(changes, bodies, name)
        with self._transaction(write=True) as transaction:  # STORE-17: one writer at a time
            applied = transaction.get(name, db=self.operations)
            if applied is not None and applied != commit:
                raise errors.OperationReused  # STORE-16
            if applied is not None:
                return  # STORE-15
            for change, body in zip(changes, bodies, strict=True):
                stored = self._load(transaction, change.new.guid.encode())
                self._compare(stored, change)
                if body is not None:
                    self._write(transaction, stored, change.new, body)
            for number, event in enumerate(audit, transaction.stat(self.events)["entries"]):
                transaction.put(number.to_bytes(8, "big"), write_bytes(event), db=self.events)
            transaction.put(name, commit, db=self.operations)

    def recorded(self):  # STORE-18
        with self._transaction() as transaction:
            return [read(body) for _, body in transaction.cursor(db=self.events)]

    def _compare(self, stored, change):
        if (stored and stored.version) != (change.old and change.old.version):
            raise errors.Conflict  # STORE-9 to STORE-11, and STORE-12: LMDB takes all of it back

    def _write(self, transaction, stored, new, body):
        if stored is not None:
            self._remove_entries(transaction, stored)
        transaction.put(new.guid.encode(), body, db=self.bodies)
        for entry in entries_of(new):
            transaction.put(entry, new.guid.encode(), db=self.index)
        self._count(transaction, index_of(new).gauge, 1)
        self._write_account(transaction, new)

    def _write_account(self, transaction, new):
        if isinstance(new, models.Account):
            account = natural_key(new.app_space, new.account_id)
            if not transaction.put(account, new.guid.encode(), db=self.accounts, overwrite=False):
                raise errors.Conflict  # STORE-9 and STORE-10: another one has the natural key

    def _remove_entries(self, transaction, stored):
        for entry in entries_of(stored):
            transaction.delete(entry, db=self.index)
        if isinstance(stored, models.Account):
            transaction.delete(natural_key(stored.app_space, stored.account_id), db=self.accounts)
        self._count(transaction, index_of(stored).gauge, -1)

    def _count(self, transaction, gauge, change):
        if gauge is not None:
            count = int(transaction.get(key(*gauge), b"0", db=self.counts)) + change
            transaction.put(key(*gauge), str(count).encode(), db=self.counts)

    def _load(self, transaction, guid):
        body = transaction.get(guid, db=self.bodies)
        return None if body is None else read(body)

    def _first(self, begin, limit=None, end=None):
        with self._transaction() as transaction:
            return tuple(islice(self._range(transaction, begin, end or begin + LAST), limit))

    def _range(self, transaction, begin, end):
        cursor = transaction.cursor(db=self.index)
        if cursor.set_range(begin):
            for entry, guid in cursor:
                if entry >= end:
                    return
                yield self._load(transaction, guid)

    @contextmanager
    def _transaction(self, *, write=False):
        try:
            with self.env.begin(write=write) as transaction:  # STORE-19: all of it, or nothing
                yield transaction
        except lmdb.Error as error:
            raise errors.StoreUnavailable from error  # ALL-1
