"""A killed client or server leaves every acknowledged commit, and no half of one."""

import os
import subprocess
import sys

import pytest

from counterseal_redis import RedisAudit, RedisStore, fsync
from counterseal_testing import FrozenClock
from counterseal_testing.contracts.record_factory import RecordFactory

WRITER = """
import sys
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from counterseal.models import Change
from counterseal_testing import FrozenClock
from counterseal_testing.contracts.record_factory import RecordFactory, event
from counterseal_redis import NONE, Keyspace, RedisStore, fsync

client = Redis(port=int(sys.argv[1]), retry=Retry(NoBackoff(), 0))
durability = fsync() if sys.argv[3] == "fsync" else NONE
store = RedisStore(Keyspace(client, prefix=sys.argv[2], durability=durability), FrozenClock())
factory = RecordFactory()
for number in range(100_000):
    account = factory.account(str(number))
    records = (account, factory.binding(account), factory.challenge(account))
    changes = tuple(Change(None, record) for record in records)
    store.commit(changes, (event(str(number)),), str(number))
    print(number, *(record.guid for record in records), flush=True)
"""
ACKNOWLEDGED = 50
ROUNDS = 2 if "EVERY_SERVER" in os.environ else 1


@pytest.mark.parametrize("_", range(ROUNDS))
def test_a_killed_client_loses_no_acknowledged_commit(redis_8_2, new_keyspace, _):
    keyspace = new_keyspace(redis_8_2)

    acknowledged = write_until(redis_8_2, keyspace.prefix, "none", lambda writer: writer.kill())

    require_all_acknowledged(keyspace, acknowledged)


def test_a_killed_server_loses_no_commit_that_its_disk_has(on_disk, new_keyspace):
    keyspace = new_keyspace(on_disk, durability=fsync())

    acknowledged = write_until(on_disk, keyspace.prefix, "fsync", lambda _: on_disk.kill())
    on_disk.start()

    require_all_acknowledged(keyspace, acknowledged)


def write_until(server, prefix, durability, kill):
    """Return the commits that were acknowledged to a process until it or the server died."""
    arguments = [str(server.port), prefix, durability]
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as writer:
        lines = [writer.stdout.readline() for _ in range(ACKNOWLEDGED)]
        kill(writer)
        lines += writer.stdout.readlines()
    return [line.split() for line in lines if line.endswith("\n")]


def require_all_acknowledged(keyspace, acknowledged):
    store = RedisStore(keyspace, FrozenClock())
    for _, *guids in acknowledged:
        assert None not in store.get(*guids)
    for number in range(len(acknowledged), len(acknowledged) + 3):
        _require_all_or_nothing(store, number)
    reasons = [line.event.reason for line in RedisAudit(keyspace).all_entries()]
    assert reasons == [str(number) for number in range(len(reasons))]
    assert len(acknowledged) <= len(reasons) <= len(acknowledged) + 1


def _require_all_or_nothing(store, number):
    account = store.account(RecordFactory().space, str(number))
    if account is not None:
        assert len(store.bindings(account.guid)) == len(store.pending(account.guid)) == 1
