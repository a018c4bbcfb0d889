"""A Store in a directory of JSON files: one a partition, replaced whole, one writer at a time."""

import fcntl
import json
from collections import Counter
from contextlib import contextmanager
from datetime import datetime
from enum import Enum

import attrs

from counterseal import errors, models
from counterseal.models.record import index_of, require_possible

TENANCY = (models.Company, models.AppSpace, models.Origin, models.Admin, models.Session)


def pack(value):  # what JSON has no word for becomes [its kind, what it holds]
    kind = type(value).__name__
    if attrs.has(type(value)):
        return [kind, {name: pack(getattr(value, name)) for name in attrs.fields_dict(type(value))}]
    if isinstance(value, tuple):
        return [kind, [pack(item) for item in value]]
    if isinstance(value, Enum | datetime):
        return [kind, value.value if isinstance(value, Enum) else value.isoformat()]
    return [kind, value.hex()] if isinstance(value, bytes) else value


def unpack(value):  # no name means anything but these three, and those of the models
    kind, content = value if isinstance(value, list) else ("", value)
    if isinstance(content, dict):
        return getattr(models, kind)(**{name: unpack(item) for name, item in content.items()})
    plain = {"": lambda it: it, "bytes": bytes.fromhex, "datetime": datetime.fromisoformat}
    plain["tuple"] = lambda items: tuple(map(unpack, items))
    return (plain.get(kind) or getattr(models, kind))(content)


class JsonStore:
    def __init__(self, folder):
        self.folder = folder

    def get(self, *guids):
        records = {one.guid: one for one in self._all(object, lambda it: it.guid in guids, "guid")}
        return tuple(map(records.get, guids))

    def get_with_account(self, guid, *others):
        record, *rest = self.get(guid, *others)
        account = None if record is None else index_of(record).account
        return (record, *self.get(account), *rest)

    def account(self, *name):
        known = self._all(models.Account, lambda it: (it.app_space, it.account_id) == name)
        return known[0] if known else None

    def search(self, app_space, prefix, after, limit):
        def fits(it):
            return (
                it.app_space == app_space and it.account_id.startswith(prefix) and not it.erased_at
            )

        known = self._all(models.Account, fits, "account_id")
        return tuple(one for one in known if after is None or one.account_id > after)[:limit]

    def bindings(self, account):
        return self._all(models.Binding, lambda it: it.account == account)

    def pending(self, account):
        asked = self._all(models.Challenge, lambda it: it.account == account, "issued_at")
        return tuple(one for one in asked if one.state in models.UNFINISHED)

    def list(self, parent):
        ended = set(models.SessionState) - models.LIVING_SESSIONS
        return self._all(
            TENANCY, lambda it: it.parent == parent and getattr(it, "state", None) not in ended
        )

    def due(self, kind, before, limit, queue=None):
        found = self._all(kind.record_class, lambda it: it.due_at and it.due_at <= before, "due_at")
        return tuple(one for one in found if queue in (None, index_of(one).queue))[:limit]

    def dead(self, origin, limit):
        gone = (origin, models.CallbackState.DEAD)
        return self._all(models.Callback, lambda it: (it.origin, it.state) == gone)[:limit]

    def gauges(self, app_spaces):
        def fits(it):
            return it and (app_spaces is None or it.app_space in app_spaces)

        keys = (index_of(one).gauge for one in self._all(object, bool, "guid"))
        return Counter(filter(fits, keys))

    def commit(self, changes, audit, operation):
        require_possible(changes)  # STORE-13, STORE-14 and STORE-21
        number, asked = models.guid.partition_of(changes[0].new.guid), pack(changes)
        with self._writing(number) as partition:  # STORE-17: who writes here, writes alone
            if partition["operations"].get(operation, asked) != asked:
                raise errors.OperationReused  # STORE-16
            if operation in partition["operations"]:
                return  # STORE-15
            accounts = [one.new for one in changes if type(one.new) is models.Account]
            names = {(one.app_space, one.account_id): one.guid for one in accounts}
            owners = {one.guid: names[name] for name in names if (one := self.account(*name))}
            if len(names) < len(accounts) or any(owner != new for owner, new in owners.items()):
                raise errors.Conflict  # STORE-9 and STORE-10: the natural key
            for old, new in ((change.old, change.new) for change in changes):
                stored = unpack(partition["records"].get(new.guid))
                if (stored and stored.version) != (old and old.version):
                    raise errors.Conflict  # STORE-9 to STORE-11, and STORE-12: nothing is written
                partition["records"][new.guid] = pack(stored if new is old else new)
            partition["events"] += map(pack, audit)  # STORE-18
            partition["operations"][operation] = asked

    def _all(self, kind, wanted, by="created_at"):
        partitions = self.partitions().values()
        records = (unpack(one) for partition in partitions for one in partition["records"].values())
        found = [one for one in records if isinstance(one, kind) and wanted(one)]
        return tuple(sorted(found, key=lambda one: getattr(one, by)))

    def partitions(self):
        try:
            files = [file for file in self.folder.iterdir() if file.suffix == ".json"]
            return {int(file.stem): json.loads(file.read_text()) for file in files}
        except OSError as error:
            raise errors.StoreUnavailable from error  # ALL-1

    @contextmanager
    def _writing(self, number):
        empty = {"records": {}, "events": [], "operations": {}}
        try:
            with (self.folder / f"{number}.lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # free when it is closed, or the process dead
                yield (partition := self.partitions().get(number, empty))
                (new := self.folder / f"{number}.new").write_text(json.dumps(partition))
                new.replace(self.folder / f"{number}.json")  # STORE-19: all of it, or nothing
        except OSError as error:
            raise errors.StoreUnavailable from error
