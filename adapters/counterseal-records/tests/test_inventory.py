"""A check reads what is suspicious again, says how far it is, and orders what it found."""

import itertools

from counterseal.invariants import Violation
from counterseal_records import PartitionContents, check, merge_results
from counterseal_testing import FrozenClock

WRONG = "it is wrong"


class FakeInventory:
    """
    A store whose partitions have violations.

    Args:
        subjects: The subjects of the violations of a partition, reading after reading.
    """

    def __init__(self, subjects):
        self.readings = []
        self._subjects = {number: iter(readings) for number, readings in subjects.items()}

    def read_partitions(self, partitions):
        for partition in partitions:
            self.readings.append(partition)
            subjects = next(self._subjects[partition], ()) if partition in self._subjects else ()
            yield PartitionContents((), tuple(Violation(subject, WRONG) for subject in subjects))


def checked(inventory, *partitions):
    reports = []
    result = check(
        inventory,
        FrozenClock(),
        lambda done, planned: reports.append((done, planned)),
        *([partitions] if partitions else []),
    )
    return [violation.subject for violation in result.violations], reports


def test_what_three_readings_find_is_a_violation():
    inventory = FakeInventory({3: itertools.repeat("ba"), 200: ["c", "", "c"], 201: ["d", "d"]})

    subjects, reports = checked(inventory)

    assert subjects == ["a", "b"]
    assert inventory.readings == [*range(256), 3, 200, 201, 3, 201]
    assert reports[:256] == [(done, 256) for done in range(1, 257)]
    assert reports[256:] == [(257, 259), (258, 259), (259, 259), (260, 261), (261, 261)]


def test_a_store_without_violations_is_read_once():
    inventory = FakeInventory({})

    assert checked(inventory)[0] == []
    assert inventory.readings == list(range(256))


def test_some_partitions_are_read_alone():
    inventory = FakeInventory({8: itertools.repeat("x")})

    assert checked(inventory, 8, 7)[0] == ["x"]
    assert inventory.readings == [8, 7, 8, 8]


def test_parts_give_the_result_of_the_whole_in_any_order():
    subjects = {number: [letter] * 3 for number, letter in enumerate("qwerty")}
    parts = [
        check(FakeInventory(subjects), FrozenClock(), max, part)
        for part in (range(3, 256), range(3))
    ]

    complete = check(FakeInventory(subjects), FrozenClock(), max)
    assert merge_results(parts) == merge_results(reversed(parts)) == complete
    assert [violation.subject for violation in complete.violations] == sorted("qwerty")
