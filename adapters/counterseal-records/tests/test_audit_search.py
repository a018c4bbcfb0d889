"""A search reads one index, and as few keys of it as a trip can bear."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from counterseal.models import AuditQuery, LogPlace
from counterseal_records import IndexKey, IndexKind, Run, search
from counterseal_testing import START
from counterseal_testing.contracts.record_factory import RecordFactory, event


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


def test_a_quiet_app_space_hides_no_event_of_a_busy_one():
    """No entry of one key is looked at before all newer ones of the other are read."""
    busy, quiet = (RecordFactory(seed=1).guid(number) for number in range(2))

    def entry(second, app_space):
        at = START + timedelta(seconds=second)
        recorded = event("sought" if second == 4 else "", at=at, app_space=app_space)
        return LogPlace(at, 0, second), SimpleNamespace(event=recorded)

    stored = {
        busy: [entry(second, busy) for second in (9, 8, 7, 6, 4)],
        quiet: [entry(second, quiet) for second in (5, 3, 2, 1)],
    }

    def fetch(keys, after, count):
        runs = []
        for key in keys:
            older = [one for one in stored[key.text] if after is None or one[0] < after]
            runs.append(Run(older[:count], complete=len(older) < count))
        return runs

    page = search(AuditQuery(app_spaces=frozenset(stored), reason="sought"), None, 1, fetch)

    assert [chained.event.app_space for chained in page.events] == [busy]
