"""The audit log's chain: changes made by commands of Redis alone are found where they were made."""

import random
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import settings

from counterseal import STANDARD, AuditChain
from counterseal.models.guid import mint
from counterseal.rules.audit_chain import counts_of, event_hash
from counterseal.testing import FakeService
from counterseal.testing.clock import START
from counterseal.testing.contracts.audit_chain import HOUR, events_of_many
from counterseal.testing.contracts.chain_oracle import first_wrong
from counterseal.testing.contracts.record_factory import event
from counterseal_redis import RedisAudit, with_redis

PARTITION, EVENTS = 7, 12
FEW, MANY = 25, 1_000


class Tampering:
    """Somebody who may send commands, and knows how the log is stored."""

    def __init__(self, keyspace, seed):
        self._numbers = random.Random(seed)  # noqa: S311 (a test's)
        self._redis = keyspace.client
        self._head, self._chain, self._index = (
            keyspace.key(PARTITION, name) for name in ("ah", "ac", "ai")
        )
        self._copies = {
            key: self._redis.dump(key) for key in (self._head, self._chain, self._index)
        }

    def restore(self):
        for key, dumped in self._copies.items():
            self._redis.delete(key)
            self._redis.restore(key, 0, dumped)

    def change(self):
        """Change something, and return the first position that is to be reported."""
        position = self._numbers.randrange(1, EVENTS + 1)
        kinds = [name for name in dir(self) if name.startswith("by_")]
        return getattr(self, self._numbers.choice(kinds))(position)

    def rewrite(self, change):
        """Write the stream anew; *change* gets the fields of each entry, in order."""
        entries = [fields for _, fields in self._redis.xrange(self._chain)]
        change(entries)
        self._redis.delete(self._chain)
        for number, fields in enumerate(entries, 1):
            self._redis.xadd(self._chain, fields, id=f"{number}-0")
        return entries

    def by_removing(self, position):
        self._redis.xdel(self._chain, f"{position}-0")
        return position

    def by_another_body(self, position):
        def change(entries):
            body = entries[position - 1][b"e"]
            entries[position - 1][b"e"] = body.replace(b"actor", b"other")

        self.rewrite(change)
        return position

    def by_another_hash(self, position):
        def change(entries):
            entries[position - 1][b"h"] = self._numbers.randbytes(32)

        self.rewrite(change)
        return position

    def by_another_field(self, position):
        self.rewrite(lambda entries: entries[position - 1].update({b"x": b"y"}))
        return position

    def by_changing_places(self, position):
        other = position % EVENTS + 1

        def change(entries):
            first, second = entries[position - 1], entries[other - 1]
            entries[position - 1], entries[other - 1] = second, first

        self.rewrite(change)
        return min(position, other)

    def by_inserting(self, position):
        self.rewrite(lambda entries: entries.insert(position - 1, {b"h": bytes(32), b"e": b"{}"}))
        return position

    def by_adding_at_the_end(self, _):
        self._redis.xadd(self._chain, {"h": bytes(32), "e": "{}"}, id=f"{EVENTS + 1}-0")
        return EVENTS + 1

    def by_cutting(self, position):
        for number in range(position, EVENTS + 1):
            self._redis.xdel(self._chain, f"{number}-0")
        return position

    def by_cutting_with_the_head(self, position):
        entries = [fields for _, fields in self._redis.xrange(self._chain)]
        self.by_cutting(position)
        last = entries[position - 2][b"h"] if position > 1 else bytes(32)
        self._redis.hset(self._head, mapping={"position": position - 1, "hash": last})
        return position

    def by_dropping_as_if_archived(self, position):
        entries = [fields for _, fields in self._redis.xrange(self._chain)]
        self._redis.xtrim(self._chain, minid=f"{position}-1")
        base = {"base": position, "base_hash": entries[position - 1][b"h"]}
        self._redis.hset(self._head, mapping=base)
        return position

    def by_hashing_anew(self, position):
        def change(entries):
            entries[position - 1][b"e"] += b" "
            previous = entries[position - 2][b"h"] if position > 1 else bytes(32)
            for number, fields in enumerate(entries[position - 1 :], position):
                previous = event_hash(PARTITION, number, previous, fields[b"e"])
                fields[b"h"] = previous

        entries = self.rewrite(change)
        self._redis.hset(self._head, "hash", entries[-1][b"h"])
        return EVENTS  # the signed head shows that something before it was changed

    def by_another_head(self, _):
        self._redis.hset(self._head, "hash", self._numbers.randbytes(32))
        return EVENTS

    def by_hiding_from_searches(self, position):
        members = self._redis.zrange(self._index, 0, -1)
        own = [member for member in members if member.endswith(position.to_bytes(8))]
        self._redis.zrem(self._index, self._numbers.choice(own))
        return position


@pytest.fixture
def keyspace(redis_8_2, new_keyspace):
    return new_keyspace(redis_8_2)


@pytest.fixture
def chain(keyspace):
    service = FakeService(adapters=lambda ports: with_redis(ports, keyspace))
    chain = AuditChain(service.ports, service.policy)
    for number in range(EVENTS):
        one = event(f"{number}", subject=mint(PARTITION, bytes(15)), actor=f"actor {number}")
        service.ports.audit.record(one)
    while chain.chain():
        pass
    assert chain.sign()
    yield chain
    service.ports.wake.close()


def positions_in(report):
    return [one.position for one in report.tamperings if one.partition == PARTITION]


@pytest.mark.timeout(900)  # if `thorough`
def test_random_changes_by_commands_are_found_where_they_were_made(chain, keyspace):
    assert chain.verify().tamperings == ()
    tampering = Tampering(keyspace, seed=17)
    for _ in range(MANY if settings().max_examples >= MANY else FEW):
        expected = tampering.change()
        positions = positions_in(chain.verify())
        assert positions
        assert min(positions) == expected
        tampering.restore()
    assert chain.verify().tamperings == ()


@pytest.mark.parametrize(
    "name", [name for name in dir(Tampering) if name.startswith("by_")], ids=lambda name: name[3:]
)
def test_each_kind_of_change_is_found(chain, keyspace, name):
    expected = getattr(Tampering(keyspace, seed=1), name)(4)
    assert min(positions_in(chain.verify())) == expected


WORKER = """
import sys
from redis import Redis
from counterseal.rules.audit_chain import extend
from counterseal_redis import Keyspace, RedisAudit

audit = RedisAudit(Keyspace(Redis(port=int(sys.argv[1])), prefix=sys.argv[2]))
while batches := audit.unchained(3):
    audit.append_chain(tuple(map(extend, batches)))
    print("chained", flush=True)
print("done", flush=True)
"""


def test_workers_that_are_killed_leave_no_gap_and_count_once(keyspace, redis_8_2):
    audit, events = RedisAudit(keyspace), events_of_many() * 3
    for one in events:
        audit.record(one)
    command = [sys.executable, "-c", WORKER, str(redis_8_2.port), keyspace.prefix]
    for steps in (1, 4):
        workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        for worker in workers:
            for _ in range(steps):
                worker.stdout.readline()
            worker.kill()
        for worker in workers:
            worker.communicate()
    service = FakeService(adapters=lambda ports: with_redis(ports, keyspace))
    chain = AuditChain(service.ports, STANDARD)
    while chain.chain():
        pass
    service.ports.wake.close()

    stored = []
    for head in audit.heads():
        chained = audit.chained(head.partition, 0, 1_000)
        assert not first_wrong(
            head.partition, [(one.position, one.hash, one.body) for one in chained]
        )
        assert len(chained) == head.position
        stored += [one.event for one in chained]
    own = [one for one in stored if one.reason.startswith("word")]
    assert Counter(map(repr, own)) == Counter(map(repr, events))
    counts = audit.counts(None, START - HOUR, START + 99 * HOUR)
    expected = counts_of(events)
    assert {key: count for key, count in counts.items() if key in expected} == expected
