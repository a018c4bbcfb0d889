"""A search reads one index, and as few keys of it as a trip can bear."""

import pytest

from counterseal.models import AuditQuery
from counterseal_records import IndexKey, IndexKind, Run, search
from counterseal_testing.contracts.record_factory import RecordFactory


def keys_read(query):
    trips = []

    def fetch(keys, _after, _count):
        trips.append(tuple(keys))
        return [Run([], complete=True)]

    search(query, None, 10, fetch)
    (keys,) = trips
    return keys


@pytest.mark.parametrize(
    ("event", "other"),
    [
        (None, IndexKey(IndexKind.TIME)),
        ("challenge.issue", IndexKey(IndexKind.EVENT, "challenge.issue")),
        ("challenge.", IndexKey(IndexKind.NOUN, "challenge")),
    ],
)
def test_of_many_app_spaces_it_reads_another_index_than_that_of_each(event, other):
    factory = RecordFactory(seed=1)
    guids = [factory.guid(number) for number in range(9)]

    few = keys_read(AuditQuery(app_spaces=frozenset(guids[:8]), event=event))
    many = keys_read(AuditQuery(app_spaces=frozenset(guids), event=event))

    assert few == tuple(IndexKey(IndexKind.APP_SPACE, guid) for guid in sorted(guids[:8]))
    assert many == (other,)
