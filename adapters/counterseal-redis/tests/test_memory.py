"""The memory of a server that one open challenge takes, with its index entries."""

import attrs
import pytest

from counterseal.models import Change
from counterseal_records import write
from counterseal_redis import Keyspace, RedisStore
from counterseal_testing import FakeService, FrozenClock
from counterseal_testing.contracts.record_factory import RecordFactory

MANY = 3_000
BOUND, OLDER_BOUND = 1.6, 1.65
"""Redis 6.2 allocates more for entries of large hashes and sorted sets than later ones."""


@pytest.mark.parametrize("spread", [True, False])
def test_a_challenge_takes_little_more_than_its_json(single, opened, spread):
    world = FakeService()
    world.bind("zoe")
    (challenge,) = world.ports.store.get(world.ask("zoe", "Pay 10 EUR to Adam?").challenge.guid)
    client, factory = opened(single), RecordFactory()
    store = RedisStore(Keyspace(client, prefix="cs"), FrozenClock())
    accounts = [factory.account(str(number)) for number in range(MANY)]
    # One partition has as many of them as each of the 256 would have of 768,000.
    partitions = [None if spread else 7] * MANY
    changes = [
        Change(
            None,
            attrs.evolve(
                challenge,
                guid=factory.beside(account) if partition is None else factory.guid(partition),
                account=account.guid,
            ),
        )
        for account, partition in zip(accounts, partitions, strict=True)
    ]
    older = client.info("server")["redis_version"].startswith("6.")
    before = client.info("memory")["used_memory"]

    for number, change in enumerate(changes):
        store.commit((change,), (), str(number))

    used = client.info("memory")["used_memory"] - before
    plain = sum(len(write(change.new)) for change in changes)
    client.flushall()
    assert used < (OLDER_BOUND if older else BOUND) * plain, f"{used / plain:.2f} times its JSON"
