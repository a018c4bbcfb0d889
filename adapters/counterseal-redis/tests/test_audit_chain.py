"""The audit log's chain: changes made by commands of Redis alone are found where they were made."""

from datetime import timedelta
from types import MappingProxyType

import attrs
import pytest

from counterseal.models import AuditQuery
from counterseal.models.guid import mint
from counterseal_redis import RedisAudit
from counterseal_redis.audit_chains import index_members
from counterseal_testing.contracts.audit_tampering import BASE, QUERIES, AuditTampering
from counterseal_testing.contracts.record_factory import event
from counterseal_testing.contracts.stored_chain import (
    CHANGES,
    PARTITION,
    StoredChain,
    StoredEntry,
)

FORGED = event("forged", actor="forger", app_space=mint(8, bytes(15)))


@attrs.frozen
class Columns:
    """
    What Redis stores of an event beside its hash and body.

    Attributes:
        members: Of the index, without the position at their ends.
        fields: Of the entry of the stream; one that is None is missing.
    """

    members: tuple[bytes, ...]
    fields: dict[bytes, bytes | None] = attrs.field(factory=dict)


def hide(chain, position, random):
    members = list(chain.entries[position].columns.members)
    members.remove(random.choice(members))
    return chain.replace(position, columns=Columns(tuple(members))), position


def add_a_field(chain, position, _):
    members = chain.entries[position].columns.members
    return chain.replace(position, columns=Columns(members, {b"x": b"y"})), position


def remove_a_field(chain, position, _):
    members = chain.entries[position].columns.members
    return chain.replace(position, columns=Columns(members, {b"e": None})), position


class TestRedisAuditTampering(AuditTampering):
    changes = MappingProxyType(
        {**CHANGES, "hide": hide, "add a field": add_a_field, "remove a field": remove_a_field}
    )
    unreadable_bodies = (*AuditTampering.unreadable_bodies, b"\xff", b"")

    @pytest.fixture
    def new_audit(self, redis_8_2, new_keyspace):
        self.port = redis_8_2.port
        return lambda: RedisAudit(new_keyspace(redis_8_2))

    def stored_chain(self, audit):
        redis, head_key, chain_key, index_key = keys_of(audit)
        head, index = redis.hgetall(head_key), redis.zrange(index_key, 0, -1)
        entries = {}
        for number, fields in redis.xrange(chain_key):
            position = int(number.partition(b"-")[0])
            members = [one[:-8] for one in index if one.endswith(position.to_bytes(8))]
            entries[position] = StoredEntry(fields[b"h"], fields[b"e"], Columns(tuple(members)))
        return StoredChain(
            int(head[b"base"]), head[b"base_hash"], int(head[b"position"]), head[b"hash"], entries
        )

    def store_chain(self, audit, chain):
        redis, head_key, chain_key, index_key = keys_of(audit)
        redis.delete(chain_key, index_key)
        for position, entry in sorted(chain.entries.items()):
            fields = {b"h": entry.hash, b"e": entry.body, **entry.columns.fields}
            present = {name: value for name, value in fields.items() if value is not None}
            redis.xadd(chain_key, present, id=f"{position}-0")
            members = [member + position.to_bytes(8) for member in entry.columns.members]
            redis.zadd(index_key, dict.fromkeys(members, 0))
        head = attrs.asdict(chain, filter=lambda field, _: field.name != "entries")
        redis.hset(head_key, mapping=head)

    def record_body(self, audit, body):
        keyspace = audit._keyspace
        keyspace.client.xadd(keyspace.key(9, "a"), {"e": body} if body else {"q": b"{}"})

    def opening(self, audit):
        return (
            "from redis import Redis\nfrom counterseal_redis import Keyspace, RedisAudit\n"
            f"keyspace = Keyspace(Redis(port={self.port}), prefix={audit._keyspace.prefix!r})\n"
            "audit = RedisAudit(keyspace)"
        )

    def test_an_entry_without_a_position_is_misplaced(self, new_audit):
        audit = new_audit()
        self.archived_chain(audit)
        keyspace = audit._keyspace
        keyspace.client.xadd(keyspace.key(9, "ac"), {"h": bytes(32), "e": "{}"}, id="0-1")
        chain_key = keyspace.key(PARTITION, "ac")
        keyspace.client.delete(chain_key)
        keyspace.client.xadd(chain_key, {"h": bytes(32), "e": "{}"}, id=f"{BASE}-0")

        assert audit.misplaced(10) == ((PARTITION, BASE), (9, 0))
        assert audit.misplaced(1) == ((PARTITION, BASE),)

    @pytest.mark.parametrize("limit", [2, 100])
    def test_an_entry_of_the_index_that_is_not_the_events_own_leads_nowhere(self, new_audit, limit):
        audit = new_audit()
        self.archived_chain(audit)
        queries = (*QUERIES, AuditQuery(actor=FORGED.actor), AuditQuery(event=FORGED.event))

        def search(query):
            events, after = [], None
            while (page := audit.search(query, after, limit)).after is not None:
                events += page.events
                after = page.after
            return [*events, *page.events]

        before = list(map(search, queries))
        one = audit.chained(PARTITION, BASE, 1)[0]
        later = attrs.evolve(one.event, at=one.event.at + timedelta(days=1))
        members = index_members(attrs.evolve(one, event=later))
        members += index_members(attrs.evolve(one, event=attrs.evolve(FORGED, at=one.event.at)))
        # No `datetime` is as late as this one.
        members += [member[:17] + b"\xff" * 8 + member[25:] for member in members]
        _, _, _, index_key = keys_of(audit)
        audit._keyspace.client.zadd(index_key, dict.fromkeys(members, 0))

        assert list(map(search, queries)) == before


def keys_of(audit):
    """Return the client, and the keys of head, chain and index of the partition."""
    keyspace = audit._keyspace
    return (keyspace.client, *(keyspace.key(PARTITION, name) for name in ("ah", "ac", "ai")))
