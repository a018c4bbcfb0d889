"""The audit log's chain: changes made by commands of Redis alone are found where they were made."""

import random
import subprocess
import sys
from collections import Counter
from datetime import timedelta

import attrs
import pytest
from hypothesis import settings

from counterseal import STANDARD, AuditChain
from counterseal.audit.rules import counts_of, event_hash
from counterseal.models import AuditQuery, ChainedEvent
from counterseal.models.guid import mint
from counterseal_records import write
from counterseal_redis import RedisAudit, with_redis
from counterseal_redis.audit_chains import index_members
from counterseal_testing import FakeService
from counterseal_testing.clock import START
from counterseal_testing.contracts.audit_chain import HOUR, events_of_many
from counterseal_testing.contracts.chain_oracle import first_wrong
from counterseal_testing.contracts.record_factory import event

PARTITION, SUBJECT = 7, mint(7, bytes(15))
BASE, EVENTS = 3, 12
LAST = BASE + EVENTS
FEW, MANY = 10, 1_000
FORGED = event("forged", subject=SUBJECT, actor="forger", app_space=mint(9, bytes(15)))


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
        position = self._numbers.randrange(BASE + 1, LAST + 1)
        kinds = [name for name in dir(self) if name.startswith("by_")]
        return getattr(self, self._numbers.choice(kinds))(position)

    def rewrite(self, change, first=BASE + 1):
        """Write the stream anew; *change* gets the fields of each entry, in order."""
        entries = [fields for _, fields in self._redis.xrange(self._chain)]
        change(entries)
        self._redis.delete(self._chain)
        for number, fields in enumerate(entries, first):
            self._redis.xadd(self._chain, fields, id=f"{number}-0")
        return entries

    def hash_before(self, position, entries):
        if position == BASE + 1:
            return self._redis.hget(self._head, "base_hash")
        return entries[position - BASE - 2][b"h"]

    def by_removing(self, position):
        self._redis.xdel(self._chain, f"{position}-0")
        return position

    def by_another_body(self, position):
        def change(entries):
            fields = entries[position - BASE - 1]
            fields[b"e"] = fields[b"e"].replace(b"actor", b"other")

        self.rewrite(change)
        return position

    def by_another_hash(self, position):
        def change(entries):
            entries[position - BASE - 1][b"h"] = self._numbers.randbytes(32)

        self.rewrite(change)
        return position

    def by_another_field(self, position):
        self.rewrite(lambda entries: entries[position - BASE - 1].update({b"x": b"y"}))
        return position

    def by_removing_a_field(self, position):
        self.rewrite(lambda entries: entries[position - BASE - 1].pop(b"e"))
        return position

    def by_changing_places(self, position):
        other = LAST if position == BASE + 1 else position - 1
        first, second = position - BASE - 1, other - BASE - 1

        def change(entries):
            entries[first], entries[second] = entries[second], entries[first]

        self.rewrite(change)
        return min(position, other)

    def by_inserting(self, position):
        fields = {b"h": bytes(32), b"e": b"{}"}
        self.rewrite(lambda entries: entries.insert(position - BASE - 1, fields))
        return position

    def by_inserting_below_the_base(self, _):
        fields = {b"h": bytes(32), b"e": write(FORGED).encode()}
        self.rewrite(lambda entries: entries.insert(0, fields), first=BASE)
        chained = ChainedEvent(
            partition=PARTITION, position=BASE, hash=bytes(32), body=fields[b"e"], event=FORGED
        )
        self._redis.zadd(self._index, dict.fromkeys(index_members(chained), 0))
        return BASE

    def by_adding_at_the_end(self, _):
        self._redis.xadd(self._chain, {"h": bytes(32), "e": "{}"}, id=f"{LAST + 1}-0")
        return LAST + 1

    def by_cutting(self, position):
        for number in range(position, LAST + 1):
            self._redis.xdel(self._chain, f"{number}-0")
        return position

    def by_cutting_with_the_head(self, position):
        entries = [fields for _, fields in self._redis.xrange(self._chain)]
        self.by_cutting(position)
        head = {"position": position - 1, "hash": self.hash_before(position, entries)}
        self._redis.hset(self._head, mapping=head)
        return position

    def by_dropping_as_if_archived(self, position):
        entries = [fields for _, fields in self._redis.xrange(self._chain)]
        self._redis.xtrim(self._chain, minid=f"{position}-1", approximate=False)
        base = {"base": position, "base_hash": entries[position - BASE - 1][b"h"]}
        self._redis.hset(self._head, mapping=base)
        return position

    def by_hashing_anew(self, position):
        def change(entries):
            entries[position - BASE - 1][b"e"] += b" "
            previous = self.hash_before(position, entries)
            for number, fields in enumerate(entries[position - BASE - 1 :], position):
                previous = event_hash(PARTITION, number, previous, fields[b"e"])
                fields[b"h"] = previous

        entries = self.rewrite(change)
        self._redis.hset(self._head, "hash", entries[-1][b"h"])
        return LAST  # the signed head shows that something before it was changed

    def by_another_head(self, _):
        self._redis.hset(self._head, "hash", self._numbers.randbytes(32))
        return LAST

    def by_hiding_from_searches(self, position):
        members = self._redis.zrange(self._index, 0, -1)
        own = [member for member in members if member.endswith(position.to_bytes(8))]
        self._redis.zrem(self._index, self._numbers.choice(own))
        return position


@pytest.fixture
def keyspace(redis_8_2, new_keyspace):
    return new_keyspace(redis_8_2)


def chain_all(chain):
    while chain.chain():
        pass
    assert chain.sign()


def record(chain, numbers):
    for number in numbers:
        one = event(f"{number}", subject=SUBJECT, actor=f"actor {number}")
        chain.ports.audit.record(one)
    chain_all(chain)


@pytest.fixture
def chain(keyspace):
    """A log whose first events were archived."""
    service = FakeService(adapters=lambda ports: with_redis(ports, keyspace))
    chain = AuditChain(service.ports, service.policy)
    record(chain, range(BASE))
    assert chain.archive(lambda page: None, drop=True) >= BASE
    record(chain, range(BASE, LAST))
    assert chain.ports.audit.heads()[PARTITION].base == BASE
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
    expected = getattr(Tampering(keyspace, seed=1), name)(BASE + 4)
    assert min(positions_in(chain.verify())) == expected


QUERIES = {
    "subject": AuditQuery(subject=SUBJECT),
    "actor": AuditQuery(actor=FORGED.actor),
    "app space": AuditQuery(app_spaces=frozenset({FORGED.app_space, mint(8, bytes(15))})),
    "event": AuditQuery(event=FORGED.event),
    "everything": AuditQuery(),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_search_leaves_out_what_stands_below_the_base(chain, keyspace, query):
    before = chain.ports.audit.search(query, None, 100)
    Tampering(keyspace, seed=1).by_inserting_below_the_base(None)

    assert chain.ports.audit.search(query, None, 100) == before


@pytest.mark.parametrize("fields", [{"e": b"rubbish"}, {"e": b"\xff"}, {"q": b"{}"}])
def test_an_event_that_cannot_be_read_stops_no_other_and_is_found(chain, keyspace, fields):
    keyspace.client.xadd(keyspace.key(9, "a"), fields)
    counts = chain.ports.audit.counts(None, START - HOUR, START + HOUR)
    assert chain.verify().unchained == 1
    before = chain.ports.audit.heads()[9].position

    record(chain, [LAST])

    (unread,) = chain.ports.audit.chained(9, before, 10)
    assert (unread.body, unread.event) == (fields.get("e", b""), None)
    assert [(one.partition, one.position) for one in chain.verify().tamperings] == [(9, before + 1)]
    assert chain.ports.audit.heads()[PARTITION].position == LAST + 1
    later_counts = chain.ports.audit.counts(None, START - HOUR, START + HOUR)
    assert sum(later_counts.values()) == sum(counts.values()) + 1


def test_what_stands_below_the_base_is_misplaced(chain, keyspace):
    assert chain.ports.audit.misplaced(10) == ()
    Tampering(keyspace, seed=1).by_inserting_below_the_base(None)
    keyspace.client.xadd(keyspace.key(9, "ac"), {"h": bytes(32), "e": "{}"}, id="0-1")

    assert chain.ports.audit.misplaced(10) == ((PARTITION, BASE), (9, 0))
    assert chain.ports.audit.misplaced(1) == ((PARTITION, BASE),)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
@pytest.mark.parametrize("limit", [2, 100])
def test_an_entry_of_the_index_that_is_not_the_events_own_leads_nowhere(
    chain, keyspace, query, limit
):
    def search():
        events, after = [], None
        while (page := chain.ports.audit.search(query, after, limit)).after is not None:
            events += page.events
            after = page.after
        return [*events, *page.events]

    before = search()
    one = chain.ports.audit.chained(PARTITION, BASE, 1)[0]
    later = attrs.evolve(one.event, at=one.event.at + timedelta(days=1))
    members = index_members(attrs.evolve(one, event=later))
    members += index_members(attrs.evolve(one, event=attrs.evolve(FORGED, at=one.event.at)))
    # No `datetime` is as late as this one.
    members += [member[:17] + b"\xff" * 8 + member[25:] for member in members]
    keyspace.client.zadd(keyspace.key(PARTITION, "ai"), dict.fromkeys(members, 0))

    assert search() == before


WORKER = """
import sys
from redis import Redis
from counterseal.audit.rules import extend
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
    chain_all(chain)
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
