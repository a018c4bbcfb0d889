"""A process that is killed leaves every commit that it had acknowledged, and no half of one."""

import subprocess
import sys

from hypothesis import settings

from counterseal_sql import SqlAudit, SqlStore
from counterseal_testing import FrozenClock
from counterseal_testing.contracts.record_factory import RecordFactory

WRITER = """
import sys
from counterseal.models import Change
from counterseal_testing import FrozenClock
from counterseal_testing.contracts.record_factory import RecordFactory, event
from counterseal_sql import SqlStore, connect

store, factory = SqlStore(connect(sys.argv[1]), FrozenClock()), RecordFactory()
for number in range(100_000):
    account = factory.account(str(number))
    records = (account, factory.binding(account), factory.challenge(account))
    changes = tuple(Change(None, record) for record in records)
    store.commit(changes, (event(str(number)),), str(number))
    print(number, *(record.guid for record in records), flush=True)
"""
ACKNOWLEDGED = 50
MANY = 1_000
"""Examples of a profile in which processes are killed three times."""


def test_nothing_acknowledged_is_lost(server, opened):
    for _ in range(3 if settings().max_examples >= MANY else 1):
        database = opened(server.emptied())
        url = database.engine.url.render_as_string(hide_password=False)
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True
        ) as writer:
            lines = [writer.stdout.readline() for _ in range(ACKNOWLEDGED)]
            writer.kill()
            lines += writer.stdout.readlines()
        replies = [line.split() for line in lines if line.endswith("\n")]

        store = SqlStore(database, FrozenClock())
        for _, *guids in replies:
            assert None not in store.get(*guids)
        for number in range(len(replies), len(replies) + 3):
            _whole_or_nothing(store, number)
        reasons = [one.event.reason for one in SqlAudit(database).read()]
        assert reasons == [str(number) for number in range(len(reasons))]
        assert len(replies) <= len(reasons) <= len(replies) + 1


def _whole_or_nothing(store, number):
    account = store.account(RecordFactory().space, str(number))
    if account is not None:
        assert len(store.bindings(account.guid)) == len(store.pending(account.guid)) == 1
