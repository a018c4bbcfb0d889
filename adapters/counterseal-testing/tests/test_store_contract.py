"""Stores that break a clause each, caught by the checks of `StoreContract`."""

import collections
import fnmatch
import itertools
import logging
import operator
import unicodedata
from datetime import timedelta
from functools import partial

import attrs
import pytest
from broken_adapters import BrokenAdapters, slow
from hypothesis import Phase, Verbosity, seed, settings
from hypothesis.errors import Flaky, FlakyFailure
from hypothesis.stateful import run_state_machine_as_test

from counterseal.errors import (
    Conflict,
    Indeterminate,
    OperationReused,
    PartitionCrossed,
    StoreUnavailable,
    WrongRecord,
)
from counterseal.memory import MemoryAudit, MemoryStore
from counterseal.models import LIVING, Account, CallbackState, Challenge, Company, Gauge, Session
from counterseal.models.guid import partition_of
from counterseal.models.record import index_of
from counterseal.ports import Due
from counterseal_testing import START, contracts
from counterseal_testing.contracts.store_history import StoreHistory


class Store(contracts.StoreContract):
    can_forget = True
    finds_parts = True

    def forget(self, store, before):
        store.forget(before)


def stores(kind):
    return lambda: kind(MemoryAudit())


STORE = Store()
BROKEN = BrokenAdapters(STORE, MemoryStore, stores)
breaks = BROKEN.breaks


# Stores that find the wrong thing


@breaks("STORE-1")
class ReturnsInItsOwnOrder(MemoryStore):
    def get(self, *guids):
        return super().get(*sorted(guids))


@breaks("STORE-1")
class LeavesOutWhatIsNotThere(MemoryStore):
    def get(self, *guids):
        return tuple(record for record in super().get(*guids) if record is not None)


@breaks("STORE-2")
class CutsTimesToSeconds(MemoryStore):
    def _keep(self, record):
        at = getattr(record, "created_at", None)
        super()._keep(
            record if at is None else attrs.evolve(record, created_at=at.replace(microsecond=0))
        )


@breaks("STORE-2")
class ReadsFromAnOldCopy(MemoryStore):
    def __init__(self, audit):
        super().__init__(audit)
        self._cache = {}

    def get(self, *guids):
        records = super().get(*guids)
        return tuple(record and self._cache.setdefault(record.guid, record) for record in records)


@breaks("STORE-3")
class KnowsNoCase(MemoryStore):
    def account(self, app_space, account_id):
        for (space, name), guid in self._accounts.items():
            if space == app_space and name.casefold() == account_id.casefold():
                return self._records[guid]
        return None


@breaks("STORE-3")
class KnowsOneAppSpace(MemoryStore):
    def account(self, app_space, account_id):
        for (_, name), guid in self._accounts.items():
            if name == account_id:
                return self._records[guid]
        return None


@breaks("STORE-3")
class KnowsAnOldId(MemoryStore):
    def __init__(self, *args):
        super().__init__(*args)
        self._ever = {}

    def account(self, app_space, account_id):
        guid = self._ever.get((app_space, account_id))
        return None if guid is None else self._records[guid]

    def _keep(self, record):
        if isinstance(record, Account):
            self._ever[record.app_space, record.account_id] = record.guid
        super()._keep(record)


@breaks("STORE-4")
class HidesWhatHasEnded(MemoryStore):
    def bindings(self, account):
        return tuple(one for one in super().bindings(account) if one.state in LIVING)


@breaks("STORE-4")
class ReturnsTheNewestFirst(MemoryStore):
    def bindings(self, account):
        return tuple(reversed(super().bindings(account)))


@breaks("STORE-5")
class ExpiresByItself(MemoryStore):
    def pending(self, account):
        return tuple(one for one in super().pending(account) if one.deadline > START)


@breaks("STORE-6")
class ForgetsTheAdministrators(MemoryStore):
    def list(self, parent):
        return tuple(
            one for one in super().list(parent) if parent is not None or isinstance(one, Company)
        )


@breaks("STORE-6")
class ListsSessionsThatHaveEnded(MemoryStore):
    def __init__(self, audit):
        super().__init__(audit)
        self.sessions = {}

    def _keep(self, record):
        super()._keep(record)
        if isinstance(record, Session):
            self.sessions[record.guid] = record

    def list(self, parent):
        sessions = (one for one in self.sessions.values() if one.admin == parent)
        return tuple(sessions) or super().list(parent)


@breaks("STORE-7")
class KnowsNoLimit(MemoryStore):
    def due(self, kind, before, limit, queue=None):
        return super().due(kind, before, limit + 100, queue)


@breaks("STORE-7")
class IsAnInstantLate(MemoryStore):
    def due(self, kind, before, limit, queue=None):
        return super().due(kind, before - timedelta(microseconds=1), limit, queue)


@breaks("STORE-8")
class NeverWalksTheUpperHalf(MemoryStore):
    def due(self, kind, before, limit, queue=None):
        records = super().due(kind, before, 10_000, queue)
        return tuple(one for one in records if partition_of(one.guid) < 128)[:limit]


@breaks("STORE-8")
class NeverReturnsWhatItReturnedBefore(MemoryStore):
    def __init__(self, audit):
        super().__init__(audit)
        self._start = 0

    def due(self, kind, before, limit, queue=None):
        # As a cursor that nobody resets.
        records = super().due(kind, before, 10_000, queue)[self._start : self._start + limit]
        self._start += len(records)
        return records


@breaks("STORE-27")
class KnowsNoQueues(MemoryStore):
    def due(self, kind, before, limit, queue=None):
        return super().due(kind, before, limit)


@breaks("STORE-27")
class KnowsNoLimitOfAQueue(MemoryStore):
    def due(self, kind, before, limit, queue=None):
        return super().due(kind, before, limit + 100 * (queue is not None), queue)


@breaks("STORE-27")
class QueuesHideEachOther(MemoryStore):
    def due(self, kind, before, limit, queue=None):
        # As a filter on what was read of all queues.
        records = super().due(kind, before, limit + 20)
        return tuple(record for record in records if queue in {None, index_of(record).queue})[
            :limit
        ]


@breaks("STORE-27")
class IndexesAQueueOnce(MemoryStore):
    def due(self, kind, before, limit, queue=None):
        records = super().due(kind, before, limit, queue)
        if queue is None:
            return records
        self._queues = getattr(self, "_queues", {})
        return self._queues.setdefault(queue, records)


@breaks("STORE-27")
class KnowsNoQueuesOfOrigins(MemoryStore):
    def due(self, kind, before, limit, queue=None):
        return super().due(kind, before, limit, None if kind is Due.CALLBACK else queue)


@breaks("STORE-25")
class MixesUpTheOthers(MemoryStore):
    def get_with_account(self, guid, *others):
        record, account, *rest = super().get_with_account(guid, *others)
        return (record, account, *reversed(rest))


@breaks("STORE-25")
class LeavesOutTheOthersThatAreNotThere(MemoryStore):
    def get_with_account(self, guid, *others):
        record, account, *rest = super().get_with_account(guid, *others)
        return (record, account, *(one for one in rest if one is not None))


@breaks("STORE-25")
class RemembersWhoseItWas(MemoryStore):
    def get_with_account(self, guid, *others):
        self._whose = getattr(self, "_whose", {})
        record, account, *rest = super().get_with_account(guid, *others)
        return (record, self._whose.setdefault(guid, account), *rest)


@breaks("STORE-26")
class KnowsNobody(MemoryStore):
    def get_with_account(self, guid, *others):
        record, _, *rest = super().get_with_account(guid, *others)
        return (record, None, *rest)


@breaks("STORE-26")
class TakesAnyNeighbour(MemoryStore):
    def get_with_account(self, guid, *others):
        record, account, *rest = super().get_with_account(guid, *others)
        anybody = next((one for one in self._records.values() if type(one) is Account), None)
        return (record, anybody if account is None and record else account, *rest)


@breaks("STORE-23")
class FindsTheDeadOfAllOrigins(MemoryStore):
    def dead(self, origin, limit):
        records = [one for origin in self._dead for one in super(type(self), self).dead(origin, 99)]
        return tuple(records[:limit])


@breaks("STORE-23")
class KeepsTheRedeliveredAmongTheDead(MemoryStore):
    def _unbury(self, record):
        pass


@breaks("STORE-23")
class FindsTheDeadWhoseTimeHasCome(MemoryStore):
    def dead(self, origin, limit):
        return tuple(one for one in super().dead(origin, limit) if one.next_at <= START)


@breaks("STORE-24")
class KnowsNoLimitOfTheDead(MemoryStore):
    def dead(self, origin, limit):
        return super().dead(origin, limit + 100)


@breaks("STORE-24")
class FindsTheDeadInTheOrderOfTheirDeath(MemoryStore):
    def _keep(self, record):
        super()._keep(record)
        for dead in self._dead.values():
            dead.sort(key=lambda one: self._records[one[1]].guid == record.guid)

    def _unbury(self, record):
        if getattr(record, "state", None) is CallbackState.DEAD:
            self._dead[record.origin].remove((record.created_at, record.guid))


@breaks("STORE-24")
class LimitsBeforeItSorts(MemoryStore):
    def dead(self, origin, limit):
        return super().dead(origin, 100)[-limit:]


@breaks("STORE-28")
class SearchesWithoutCase(MemoryStore):
    def search(self, app_space, prefix, after, limit):
        accounts = super().search(app_space, "", after, 999)
        folded = (one for one in accounts if one.account_id.lower().startswith(prefix.lower()))
        return tuple(folded)[:limit]


@breaks("STORE-28")
class TakesAPrefixForAPattern(MemoryStore):
    def search(self, app_space, prefix, after, limit):
        accounts = super().search(app_space, "", after, 999)
        fits = partial(fnmatch.fnmatchcase, pat=f"{prefix.replace('%', '*').replace('_', '?')}*")
        return tuple(one for one in accounts if fits(one.account_id))[:limit]


@breaks("STORE-28")
class FindsTheMiddleOfAnId(MemoryStore):
    def search(self, app_space, prefix, after, limit):
        accounts = super().search(app_space, "", after, 999)
        return tuple(one for one in accounts if prefix in one.account_id)[:limit]


@breaks("STORE-28")
class SearchesInAllAppSpaces(MemoryStore):
    def search(self, app_space, prefix, after, limit):
        accounts = (super(type(self), self).search(one, prefix, after, limit) for one in self._ids)
        return tuple(itertools.chain.from_iterable(accounts))[:limit]


class SearchesExistingIds(MemoryStore):
    """A store in which entries of a search may lead to no account."""

    def search(self, app_space, prefix, after, limit):
        existing = {account_id for _, account_id in self._accounts}
        ids = [one for one in self._ids.get(app_space, []) if one in existing]
        self._ids[app_space] = ids
        return super().search(app_space, prefix, after, limit)


@breaks("STORE-28")
class FindsTheErased(SearchesExistingIds):
    def _sort_id(self, guid, search_key):
        if search_key is not None:
            super()._sort_id(guid, search_key)


@breaks("STORE-28")
class FindsAnAccountByItsFirstId(SearchesExistingIds):
    def _sort_id(self, guid, search_key):
        if guid not in self._search_keys or search_key is None:
            super()._sort_id(guid, search_key)


@breaks("STORE-29")
class OrdersByUtf16(MemoryStore):
    def search(self, app_space, prefix, after, limit):
        accounts = super().search(app_space, prefix, after, 999)
        key = operator.attrgetter("account_id")
        return tuple(sorted(accounts, key=lambda one: key(one).encode("utf-16-be")))[:limit]


@breaks("STORE-29")
class BeginsWithAfter(MemoryStore):
    def search(self, app_space, prefix, after, limit):
        if after is not None and (app_space, after) in self._accounts:
            first = self.account(app_space, after)
            return (first, *super().search(app_space, prefix, after, limit))[:limit]
        return super().search(app_space, prefix, after, limit)


@breaks("STORE-29")
class NeedsTheAccountOfAfter(MemoryStore):
    def search(self, app_space, prefix, after, limit):
        existing = after is None or (app_space, after) in self._accounts
        return super().search(app_space, prefix, after if existing else None, limit)


@breaks("STORE-30")
class KnowsNoLimitOfASearch(MemoryStore):
    def search(self, app_space, prefix, after, limit):
        return super().search(app_space, prefix, after, limit + 100)


@breaks("STORE-30")
class ReadsAFewOfEachPartition(MemoryStore):
    def search(self, app_space, prefix, after, limit):
        counts = collections.Counter()
        accounts = []
        for one in super().search(app_space, prefix, after, 999):
            counts[partition_of(one.guid)] += 1
            if counts[partition_of(one.guid)] <= limit // 32 + 2:
                accounts.append(one)
        return tuple(accounts)[:limit]


@breaks("STORE-30")
class CountsPages(MemoryStore):
    def search(self, app_space, prefix, after, limit):
        self._page = getattr(self, "_page", 0) + 1 if after is not None else 0
        accounts = super().search(app_space, prefix, None, 999)
        return accounts[self._page * limit :][:limit]


@breaks("STORE-33")
class FindsAPartWithItsCaseOnly(MemoryStore):
    def search_part(self, app_space, part, after, limit):
        accounts = super().search_part(app_space, part, after, 999)
        return tuple(one for one in accounts if part in one.account_id)[:limit]


@breaks("STORE-33")
class FoldsInLowerCase(MemoryStore):
    def search_part(self, app_space, part, after, limit):
        accounts = super().search_part(app_space, part, after, 999)
        return tuple(one for one in accounts if part.lower() in one.account_id.lower())[:limit]


@breaks("STORE-33")
class FoldsInAscii(MemoryStore):
    def search_part(self, app_space, part, after, limit):
        def fold(text):
            return text.encode("utf-8", "surrogatepass").lower()

        accounts = super().search_part(app_space, part, after, 999)
        return tuple(one for one in accounts if fold(part) in fold(one.account_id))[:limit]


@breaks("STORE-33")
class NormalizesIds(MemoryStore):
    def search_part(self, app_space, part, after, limit):
        def fold(text):
            return unicodedata.normalize("NFKD", text).casefold()

        accounts = (one for one in self._records.values() if isinstance(one, Account))
        mine = (one for one in accounts if one.app_space == app_space and not one.erased_at)
        return tuple(one for one in mine if fold(part) in fold(one.account_id))[:limit]


@breaks("STORE-33")
class ComparesThreeCharactersAtATime(MemoryStore):
    def search_part(self, app_space, part, after, limit):
        folded = part.casefold()
        keys = {folded[index : index + 3] for index in range(len(folded) - 2)}
        accounts = super().search_part(app_space, min(keys), None, 999)
        return tuple(
            one for one in accounts if all(key in one.account_id.casefold() for key in keys)
        )


@breaks("STORE-33")
class TakesAPartForAPattern(MemoryStore):
    def search_part(self, app_space, part, after, limit):
        pattern = part.casefold().replace("%", "*").replace("_", "?")
        accounts = super().search_part(app_space, "", after, 999)
        fits = partial(fnmatch.fnmatchcase, pat=f"*{pattern}*")
        return tuple(one for one in accounts if fits(one.account_id.casefold()))[:limit]


@breaks("STORE-33")
class FindsTheBeginningOnly(MemoryStore):
    def search_part(self, app_space, part, after, limit):
        accounts = super().search_part(app_space, part, after, 999)
        folded = part.casefold()
        return tuple(one for one in accounts if one.account_id.casefold().startswith(folded))[
            :limit
        ]


@breaks("STORE-33")
class EndsIdsAtZero(MemoryStore):
    def search_part(self, app_space, part, after, limit):
        accounts = super().search_part(app_space, part, after, 999)
        folded = part.casefold()
        ids = ((one, one.account_id.casefold().partition("\0")[0]) for one in accounts)
        return tuple(one for one, account_id in ids if folded in account_id)[:limit]


@breaks("STORE-33")
class FindsPartsInAllAppSpaces(MemoryStore):
    def search_part(self, app_space, part, after, limit):
        accounts = (
            super(type(self), self).search_part(one, part, after, limit) for one in self._ids
        )
        return tuple(itertools.chain.from_iterable(accounts))[:limit]


class RemembersParts(MemoryStore):
    """A store with an index of its own, from which nothing is taken."""

    def __init__(self, audit):
        super().__init__(audit)
        self._parts = collections.defaultdict(set)

    def search_part(self, app_space, part, after, limit):
        accounts = [
            record
            for guid, record in self._records.items()
            if any(
                space == app_space and part.casefold() in one for space, one in self._parts[guid]
            )
        ]
        ages = sorted(accounts, key=operator.attrgetter("created_at"))
        begin = None if after is None else self._records[after].created_at
        return tuple(one for one in ages if begin is None or one.created_at > begin)[:limit]


@breaks("STORE-33")
class FindsTheErasedByAPart(RemembersParts):
    def _sort_id(self, guid, search_key):
        super()._sort_id(guid, search_key)
        if search_key is not None:
            self._parts[guid] = {(search_key[0], search_key[1].casefold())}


@breaks("STORE-33")
class FindsAnOldPart(RemembersParts):
    def _sort_id(self, guid, search_key):
        super()._sort_id(guid, search_key)
        if search_key is None:
            self._parts[guid].clear()
        else:
            self._parts[guid].add((search_key[0], search_key[1].casefold()))


@breaks("STORE-34")
class OrdersPartsByIds(MemoryStore):
    def search_part(self, app_space, part, after, limit):
        accounts = super().search_part(app_space, part, after, 999)
        return tuple(sorted(accounts, key=operator.attrgetter("account_id")))[:limit]


@breaks("STORE-34")
class OrdersPartsByTheirLastCommit(RemembersParts):
    def _keep(self, record):
        self._records.pop(record.guid, None)
        super()._keep(record)

    def search_part(self, app_space, part, after, limit):
        accounts = [
            one
            for one in self._records.values()
            if one.guid in self._search_keys and part.casefold() in one.account_id.casefold()
        ]
        guids = [one.guid for one in accounts]
        begin = guids.index(after) + 1 if after in guids else 0
        return tuple(accounts[begin:][:limit])


@breaks("STORE-34")
class NeedsThePartOfAfter(MemoryStore):
    def search_part(self, app_space, part, after, limit):
        accounts = super().search_part(app_space, part, None, 999)
        guids = [one.guid for one in accounts]
        begin = guids.index(after) + 1 if after in guids else 0
        return accounts[begin:][:limit]


@breaks("STORE-34")
class GoesOnAfterAnyRecord(MemoryStore):
    def search_part(self, app_space, part, after, limit):
        accounts = super().search_part(app_space, part, None, 999)
        if after is None:
            return accounts[:limit]
        guids = list(self._records)
        later = guids[guids.index(after) + 1 :] if after in guids else ()
        return tuple(one for one in accounts if one.guid in later)[:limit]


@breaks("STORE-34")
class BeginsWithTheAccountOfAfter(MemoryStore):
    def search_part(self, app_space, part, after, limit):
        accounts = super().search_part(app_space, part, None, 999)
        guids = [one.guid for one in accounts]
        if after in guids:
            return accounts[guids.index(after) :][:limit]
        return super().search_part(app_space, part, after, limit)


@breaks("STORE-35")
class KnowsNoLimitOfAPart(MemoryStore):
    def search_part(self, app_space, part, after, limit):
        return super().search_part(app_space, part, after, limit + 100)


@breaks("STORE-35")
class ComparesAfterTheLimit(MemoryStore):
    def search_part(self, app_space, part, after, limit):
        accounts = super().search_part(app_space, part[:3], after, limit)
        return tuple(one for one in accounts if part.casefold() in one.account_id.casefold())


@breaks("STORE-35")
class CountsPagesOfAPart(MemoryStore):
    def search_part(self, app_space, part, after, limit):
        self._page = getattr(self, "_page", 0) + 1 if after is not None else 0
        accounts = super().search_part(app_space, part, None, 999)
        return accounts[self._page * limit :][:limit]


@breaks("STORE-31")
class CountsWhatIsCreatedOnly(MemoryStore):
    def _count(self, guid, gauge_key):
        if guid not in self._gauge_keys:
            super()._count(guid, gauge_key)


@breaks("STORE-31")
class CountsTheSameAgain(MemoryStore):
    def _count(self, guid, gauge_key):
        self._gauge_keys.pop(guid, None)
        super()._count(guid, gauge_key)


@breaks("STORE-31")
class CountsLockedAccounts(MemoryStore):
    def _keep(self, record):
        super()._keep(record)
        if isinstance(record, Account) and record.locked_at:
            self._count(record.guid, index_of(attrs.evolve(record, locked_at=None)).gauge)


@breaks("STORE-31")
class CountsTheDeadAsQueued(MemoryStore):
    def _count(self, guid, gauge_key):
        if gauge_key is not None and gauge_key.gauge is Gauge.DEAD_CALLBACKS:
            gauge_key = gauge_key._replace(gauge=Gauge.QUEUED_CALLBACKS)
        super()._count(guid, gauge_key)


@breaks("STORE-31")
class CountsTheForgotten(MemoryStore):
    def forget(self, before):
        keys, counts = dict(self._gauge_keys), dict(self._gauges)
        super().forget(before)
        self._gauge_keys = keys
        self._gauges.update(counts)


@breaks("STORE-31")
class CountsWhatIsRefused(MemoryStore):
    def _compare(self, change):
        if change.old is not None:
            self._count(change.new.guid, index_of(change.new).gauge)
        super()._compare(change)


@breaks("STORE-32")
class CountsAllAppSpaces(MemoryStore):
    def gauges(self, app_spaces):
        return super().gauges(None)


@breaks("STORE-32")
class CountsNothingWithoutAnAppSpace(MemoryStore):
    def gauges(self, app_spaces):
        return {key: one for key, one in super().gauges(app_spaces).items() if key.app_space}


@breaks("STORE-32")
class TakesNoAppSpaceForAll(MemoryStore):
    def gauges(self, app_spaces):
        return super().gauges(app_spaces or None)


# Stores that commit the wrong thing


class InSteps(MemoryStore):
    """The reference store in steps, so that a broken store can leave one out."""

    def commit(self, changes, audit, operation):
        self.refuse_unfit(changes)
        self.require_one_partition(changes)
        self.require_next_versions(changes)
        with self._lock:
            if self.is_applied(changes, operation):
                return
            self.compare(changes)
            self.write(changes)
            self.record(audit)
            self._operations[operation] = changes

    def refuse_unfit(self, changes):
        if not changes or len({change.new.guid for change in changes}) != len(changes):
            raise WrongRecord

    def require_one_partition(self, changes):
        if len({partition_of(change.new.guid) for change in changes}) > 1:
            raise PartitionCrossed

    def require_next_versions(self, changes):
        self.require_versions(changes)
        self.require_same_record(changes)

    def require_versions(self, changes):
        for change in changes:
            due = 1 if change.old is None else change.old.version + 1
            if change.new is not change.old and change.new.version != due:
                raise WrongRecord

    def require_same_record(self, changes):
        for old, new in ((change.old, change.new) for change in changes):
            if old is not None and (type(old) is not type(new) or old.guid != new.guid):
                raise WrongRecord

    def is_applied(self, changes, operation):
        first_changes = self._operations.get(operation)
        if first_changes is not None and first_changes != changes:
            raise OperationReused
        return first_changes is not None

    def compare(self, changes):
        for change in changes:
            self._compare(change)
        self.require_different_keys([one.new for one in changes if type(one.new) is Account])

    def require_different_keys(self, accounts):
        if len({(one.app_space, one.account_id) for one in accounts}) < len(accounts):
            raise Conflict

    def write(self, changes):
        for change in changes:
            if change.new is not change.old:
                self._keep(change.new)

    def record(self, audit):
        for event in audit:
            self._audit.record(event)


breaks_a_step = partial(breaks, sound=InSteps)


@breaks_a_step("STORE-9")
class CreatesOverWhatIsThere(InSteps):
    def _compare(self, change):
        if change.old is not None:
            super()._compare(change)


@breaks_a_step("STORE-9")
class KnowsNoNaturalKey(InSteps):
    def _compare(self, change):
        if change.old is not None or change.new.guid in self._records:
            super()._compare(change)


@breaks_a_step("STORE-10")
class IgnoresOld(InSteps):
    def _compare(self, change):
        if change.old is None or change.new is change.old:
            super()._compare(change)


@breaks_a_step("STORE-10")
class ComparesStatesOnly(InSteps):
    def _compare(self, change):
        stored = self._records.get(change.new.guid)
        if change.old is None or stored is None:
            super()._compare(change)
        elif getattr(stored, "state", None) != getattr(change.old, "state", None):
            raise Conflict


@breaks_a_step("STORE-10")
class RenamesAnAccountOverAnother(InSteps):
    def _compare(self, change):
        stored = self._records.get(change.new.guid)
        if change.old is None or stored is None or stored.version != change.old.version:
            super()._compare(change)


@breaks_a_step("STORE-10")
class RenamesTwoAccountsAlike(InSteps):
    def require_different_keys(self, accounts):
        super().require_different_keys([one for one in accounts if one.version == 1])


@breaks_a_step("STORE-10")
class WritesWhatIsNotThere(InSteps):
    def _compare(self, change):
        if change.old is None or change.new.guid in self._records:
            super()._compare(change)


@breaks_a_step("STORE-11")
class IgnoresGuards(InSteps):
    def compare(self, changes):
        super().compare([change for change in changes if change.new is not change.old])


@breaks_a_step("STORE-12")
class AppliesHalf(InSteps):
    def compare(self, changes):
        pass

    def write(self, changes):
        for change in changes:
            self._compare(change)
            super().write([change])


@breaks_a_step("STORE-12")
class SwallowsTheOperation(InSteps):
    def compare(self, changes):
        try:
            super().compare(changes)
        except Conflict:
            self.record(["refused"])
            raise


@breaks_a_step("STORE-13")
class CrossesPartitions(InSteps):
    def require_one_partition(self, changes):
        pass


@breaks_a_step("STORE-14")
class JumpsVersions(InSteps):
    def require_versions(self, changes):
        pass


@breaks_a_step("STORE-14")
class ChangesKinds(InSteps):
    def require_same_record(self, changes):
        pass


@breaks_a_step("STORE-15")
class ForgetsOperations(InSteps):
    def is_applied(self, changes, operation):
        return False


@breaks_a_step("STORE-15")
class RemembersTheLastFewOperations(InSteps):
    def write(self, changes):
        super().write(changes)
        while len(self._operations) > 64:
            self._operations.popitem(last=False)


@breaks_a_step("STORE-15")
class RemembersWhatItRefused(InSteps):
    def compare(self, changes):
        try:
            super().compare(changes)
        except Conflict:
            self._refused.add(self._running)
            raise

    def is_applied(self, changes, operation):
        self._refused = getattr(self, "_refused", set())
        self._running = operation
        return operation in self._refused or super().is_applied(changes, operation)


@breaks_a_step("STORE-16")
class AcceptsOtherChanges(InSteps):
    def is_applied(self, changes, operation):
        return operation in self._operations


@breaks_a_step("STORE-16")
class ComparesNoOutcome(InSteps):
    def is_applied(self, changes, operation):
        first_changes = self._operations.get(operation, ())
        return without_outcomes(first_changes) == without_outcomes(changes) or super().is_applied(
            changes, operation
        )


def without_outcomes(changes):
    return [
        (change.old, attrs.evolve(change.new, outcome=None))
        if isinstance(change.new, Challenge)
        else (change.old, change.new)
        for change in changes
    ]


@breaks_a_step("STORE-17")
class ReadsThenWrites(InSteps):
    """It compares, then writes; another caller may write in between."""

    def commit(self, changes, audit, operation):
        self.require_next_versions(changes)
        if self.is_applied(changes, operation):
            return
        self.compare(changes)
        slow()
        with self._lock:
            self.write(changes)
            self.record(audit)
            self._operations[operation] = changes


@breaks_a_step("STORE-17")
class GuardsOutsideTheLock(InSteps):
    def commit(self, changes, audit, operation):
        self.compare(changes)
        slow()
        super().commit(
            tuple(change for change in changes if change.new is not change.old) or changes,
            audit,
            operation,
        )


@breaks_a_step("STORE-18")
class LosesTheEvents(InSteps):
    def record(self, audit):
        pass


@breaks_a_step("STORE-18")
class TellsWhatItRefuses(InSteps):
    def commit(self, changes, audit, operation):
        self.record(audit)
        super().commit(changes, (), operation)


@breaks_a_step("STORE-18")
class TellsBackwards(InSteps):
    def record(self, audit):
        super().record(reversed(audit))


@breaks_a_step("STORE-21")
class TakesAnything(InSteps):
    def refuse_unfit(self, changes):
        pass


@breaks("STORE-22")
class ForgetsAtTheDeadline(MemoryStore):
    def forget(self, before):
        for record in list(self._records.values()):
            if record.keep_until is not None and getattr(record, "deadline", before) < before:
                del self._records[record.guid]


@breaks("STORE-22")
class ForgetsWhatIsDue(MemoryStore):
    def forget(self, before):
        for record in list(self._records.values()):
            if record.keep_until is not None and record.keep_until < before:
                del self._records[record.guid]


# Stores whose process ends, or whose connection is lost


class Disk:
    """What is on the disk: what was appended is there after the process ended."""

    def __init__(self):
        self.entries = ()


class Durable(contracts.StoreContract):
    survives_a_crash = True

    def reopened(self, store):
        return type(store)(MemoryAudit(), store.disk)


class Logged:
    """A store over a log of commits."""

    def __init__(self, audit, disk=None):
        self.disk = disk or Disk()
        self.store = MemoryStore(audit)
        for entry in self.disk.entries:
            self.store.commit(*entry)

    def __getattr__(self, verb):
        return getattr(self.store, verb)

    def commit(self, changes, audit, operation):
        self.store.commit(changes, audit, operation)
        self.write(changes, audit, operation)

    def write(self, changes, audit, operation):
        if (changes, audit, operation) not in self.disk.entries:
            self.disk.entries += ((changes, audit, operation),)


@breaks("STORE-19", contract=Durable(), sound=Logged)
class WritesRecordByRecord(Logged):
    def write(self, changes, audit, operation):
        if any(operation == entry[2] for entry in self.disk.entries):
            return
        for change in changes[:-1]:
            self.disk.entries += (((change,), (), f"{operation} {change.new.guid}"),)
        self.disk.entries += ((changes[-1:], audit, operation),)


@breaks("STORE-19", contract=Durable(), sound=Logged)
class WritesTheEventsAfterwards(Logged):
    def write(self, changes, audit, operation):
        index = len(self.disk.entries)
        if any(operation == entry[2] for entry in self.disk.entries):
            return
        self.disk.entries += ((changes, (), operation),)
        self.disk.entries = (*self.disk.entries[:index], (changes, audit, operation))


class CanLoseReplies(contracts.StoreContract):
    can_lose_replies = True

    def lose_reply(self, store, *, applied):
        store.cut = "after" if applied else "before"


class Remote(MemoryStore):
    """A store whose connection can be cut at a commit."""

    cut = ""
    error = Indeterminate

    def commit(self, changes, audit, operation):
        cut, self.cut = self.cut, ""
        if cut == "before":
            raise StoreUnavailable
        super().commit(changes, audit, operation)
        if cut:
            raise self.error


@breaks("STORE-20", contract=CanLoseReplies(), sound=Remote)
class ReportsALostReplyAsConflict(Remote):
    error = Conflict


@breaks("STORE-20", contract=CanLoseReplies(), sound=Remote)
class SaysThatNothingHappened(Remote):
    error = StoreUnavailable


# Stores that break what holds for every port


@breaks("ALL-2")
class SharesOneCursor(MemoryStore):
    """Two reads at once share one place for what they are about."""

    def get(self, *guids):
        self._guids = guids
        slow()
        return super().get(*self._guids)


@breaks("ALL-3")
class LogsWhole(MemoryStore):
    def commit(self, changes, audit, operation):
        super().commit(changes, audit, operation)
        logging.getLogger("store").debug("stored %s", attrs.asdict(changes[0].new))


BROKEN.add_unavailable()


def test_a_store_that_reads_first_is_not_linearizable():
    with pytest.raises(AssertionError, match="cannot have changed like that"):
        STORE.test_store_17_is_linearizable(stores(ReadsThenWrites))


@pytest.mark.parametrize("kind", [ReadsThenWrites, GuardsOutsideTheLock])
def test_what_is_compared_outside_the_lock_is_found_without_a_race(kind):
    report = contracts.run_checks(STORE, stores(kind), clause="STORE-17", short=True)

    message = str(report.failed_clauses["STORE-17"])
    assert "came while the first was at test_store_contract.py:" in message
    assert "both were applied" in message


@pytest.mark.one_python
@pytest.mark.parametrize(
    "kind",
    [
        ReadsFromAnOldCopy,
        NeverReturnsWhatItReturnedBefore,
        KeepsTheRedeliveredAmongTheDead,
        CreatesOverWhatIsThere,
        KnowsNoNaturalKey,
        IgnoresOld,
        RenamesAnAccountOverAnother,
        ComparesStatesOnly,
        IgnoresGuards,
        AppliesHalf,
        ForgetsOperations,
        RemembersWhatItRefused,
        AcceptsOtherChanges,
        LosesTheEvents,
        TellsWhatItRefuses,
    ],
    ids=lambda kind: kind.__name__,
)
def test_a_broken_store_is_caught_by_histories(kind):
    assert any(histories_fail(kind) for _ in range(3))


SEEDS = {KeepsTheRedeliveredAmongTheDead: 34}
"""With which seed one of the first histories shows what is broken; others need none."""


def histories_fail(kind):
    """Return whether a violation was found; where callers race, it may not be found again."""
    history = partial(StoreHistory, stores(kind), STORE.recorded)
    try:
        run_state_machine_as_test(
            seed(SEEDS[kind])(history) if kind in SEEDS else history,
            settings=settings(
                deadline=None,
                max_examples=1000,
                stateful_step_count=30,
                phases=[Phase.generate],
                database=None,
                derandomize=True,
                verbosity=Verbosity.quiet,
                report_multiple_bugs=False,
            ),
        )
    except AssertionError:
        return True
    except FlakyFailure as flaky:
        return flaky.subgroup(AssertionError) is not None
    except Flaky:
        return False
    return False


@pytest.mark.parametrize("adapter", BROKEN.all, ids=str)
def test_a_broken_store_is_caught(adapter):
    adapter.require_caught()


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("adapter", BROKEN.sound_ones(), ids=lambda one: one.sound_id)
def test_a_sound_store_passes(adapter):
    adapter.require_sound_passes()


def test_every_clause_of_a_store_has_a_broken_one():
    BROKEN.require_every_clause("STORE", "ALL-1", "ALL-2", "ALL-3")
