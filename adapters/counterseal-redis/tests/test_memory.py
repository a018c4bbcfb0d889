"""What one challenge that waits takes of a server's memory, with all that leads to it."""

import attrs
import pytest

from counterseal.models import Change
from counterseal.testing import FakeService, FrozenClock
from counterseal.testing.contracts.record_factory import RecordFactory
from counterseal_records import write
from counterseal_redis import Keyspace, RedisStore

MANY = 3_000
BOUND = 1.6


@pytest.mark.parametrize("server", ["redis_6_2", "redis_8_2", "valkey_9_1"], indirect=True)
@pytest.mark.parametrize("spread", [True, False])
def test_a_challenge_takes_little_more_than_its_json(server, opened, spread):
    world = FakeService()
    world.bind("zoe")
    (asked,) = world.ports.store.get(world.ask("zoe", "Pay 10 EUR to Adam?").challenge.guid)
    client, made = opened(server), RecordFactory()
    store = RedisStore(Keyspace(client, prefix="cs"), FrozenClock())
    accounts = [made.account(str(number)) for number in range(MANY)]
    # In one partition there are as many of them as in each of 256 that hold 768,000.
    partitions = [None if spread else 7] * MANY
    changes = [
        Change(
            None,
            attrs.evolve(
                asked,
                guid=made.beside(account) if partition is None else made.guid(partition),
                account=account.guid,
            ),
        )
        for account, partition in zip(accounts, partitions, strict=True)
    ]
    before = client.info("memory")["used_memory"]

    for number, change in enumerate(changes):
        store.commit((change,), (), str(number))

    taken = client.info("memory")["used_memory"] - before
    plain = sum(len(write(change.new)) for change in changes)
    client.flushall()
    assert taken < BOUND * plain, f"{taken / plain:.2f} times its JSON"
