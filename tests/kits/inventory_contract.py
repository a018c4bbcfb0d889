"""What the inventory of every store finds there, and copies into another one."""

import itertools
from collections import Counter

import pytest
from attrs import evolve

from counterseal import AuditChain
from counterseal.errors import Indeterminate
from counterseal.invariants import Violation
from counterseal.memory import SystemEntropy
from counterseal.models import AddressKind, PushAddress
from counterseal.models.guid import PARTITIONS, partition_of
from counterseal_records import (
    RecordUnreadable,
    SameStore,
    SourceUnsound,
    TargetDiffers,
    check,
    copy_store,
)
from counterseal_testing import FakeService, FrozenClock
from counterseal_testing.service import CALLBACK

USERS = ("zoe", "adam", "eve")
HERE = PushAddress(kind=AddressKind.RELAY, value="here")
RECORDS = 4 + 3 * (2 + 4 + 3 + 5 + 1) + 2
"""
Of the service: tenancy, users, the event of each bind, and who is invited.

The fifth notification is of the cancelled question.
"""


class Breaking:
    """An inventory that is gone after a page."""

    def __init__(self, inventory):
        self._inventory = inventory
        self._good = 1

    def __getattr__(self, name):
        return getattr(self._inventory, name)

    def load(self, records, operation):
        if not self._good:
            raise Indeterminate
        self._good -= 1
        self._inventory.load(records, operation)


class InventoryContract:
    """
    What the inventory of every store keeps; a *medium* is a database, or a key space.

    The author gives the fixture `new_medium`, a factory of empty ones, and the methods that raise.
    """

    @pytest.fixture
    def medium(self, new_medium):
        return new_medium()

    @pytest.fixture
    def service(self, medium):
        """A service with records of every kind, of two companies; some have ended or are dead."""

        def adapters(ports):
            store_ports = self.ports(ports, medium)
            return evolve(store_ports, wake=ports.wake, entropy=SystemEntropy())

        service = FakeService(adapters=adapters)
        service.administration.create_company("Another Ltd")
        service.invitations.invite(service.origin, "nobody yet")
        for user in USERS:
            phone = service.bind(user, addresses=(HERE,))
            first, second, third = (service.ask(user, "Pay?", callback=CALLBACK) for _ in range(3))
            phone.answer(phone.fetch(first.challenge.guid))
            phone.answer(second.challenge, 1)
            service.challenges.cancel(service.origin, third.challenge.guid)
            service.ask(user, "Still open?")
        service.sender.script(410, 204, 410)
        service.deliver()
        return service

    def ports(self, ports, medium):
        raise NotImplementedError

    def store(self, medium):
        raise NotImplementedError

    def audit(self, medium):
        raise NotImplementedError

    def inventory(self, medium):
        raise NotImplementedError

    def delete(self, medium, guid):
        """Delete a record past the adapter."""
        raise NotImplementedError

    def spoil(self, medium, guid):
        """Make a record unreadable past the adapter."""
        raise NotImplementedError

    def damage(self, medium, guid):
        """Change past the adapter what finds a pending challenge."""
        raise NotImplementedError

    def at_another_address(self, medium):
        raise NotImplementedError

    def contents(self, medium, service):
        """Return the results of every verb."""
        store = self.store(medium)
        accounts = [store.account(service.app_space.guid, user) for user in USERS]
        return (
            store.list(None),
            store.list(service.company.guid),
            store.dead(service.origin.origin.guid, 10),
            store.search(service.app_space.guid, "", None, 10),
            store.gauges(None),
            accounts,
            [store.bindings(account.guid) for account in accounts],
            [store.pending(account.guid) for account in accounts],
            [event for page in self.inventory(medium).events() for event in page],
        )

    def checked(self, medium):
        result = check(self.inventory(medium), FrozenClock(), max)
        return result.records, list(result.violations)

    def copy(self, source, target):
        name = SystemEntropy()
        return copy_store(self.inventory(source), target, lambda: name.token(16).hex())

    def an_open_challenge(self, service):
        account = service.ports.store.account(service.app_space.guid, USERS[0])
        return service.ports.store.pending(account.guid)[0]

    def test_the_records_of_the_core_have_no_violation(self, medium, service):
        assert self.checked(medium) == (RECORDS, [])

    def test_some_partitions_are_read_as_with_all_others(self, medium, service):
        inventory = self.inventory(medium)
        contents = list(inventory.read_partitions(range(PARTITIONS)))
        account = service.ports.store.account(service.app_space.guid, USERS[0])

        for part in ([partition_of(account.guid)], [255, 0], range(9, 250), range(128), []):
            assert list(inventory.read_partitions(part)) == [contents[number] for number in part]

    def test_missing_and_unreadable_records_are_reported(self, medium, service):
        store = service.ports.store
        callback, *_ = store.dead(service.origin.origin.guid, 1)
        binding, *_ = (one.guid for one in store.bindings(callback.account))
        challenge, *_ = (one.guid for one in store.pending(callback.account))
        accounts = [store.account(service.app_space.guid, user).guid for user in USERS]
        spoiled = next(guid for guid in accounts if guid != callback.account)
        for guid in (binding, challenge, callback.guid):
            self.delete(medium, guid)
        self.spoil(medium, spoiled)

        _, flaws = self.checked(medium)

        assert Violation(binding, "its account lists this device in another state") in flaws
        assert Violation(challenge, "its account lists it as open, and it is not there") in flaws
        problems = {flaw.problem for flaw in flaws}
        assert {"its account is not there", "it has ended, and has no callback"} <= problems
        of_spoiled = [flaw.problem for flaw in flaws if flaw.subject == spoiled]
        assert any(problem.startswith("it cannot be read") for problem in of_spoiled)
        with pytest.raises(RecordUnreadable):
            store.get(spoiled)

    def test_a_copy_is_the_same_in_every_list(self, medium, service, new_medium):
        other = new_medium()

        *_, last = self.copy(medium, self.inventory(other))

        assert self.contents(other, service) == self.contents(medium, service)
        assert self.checked(other) == self.checked(medium) == (last.records, [])
        *_, events = self.contents(medium, service)
        assert last.events == len(events)
        # Later events come last.
        self.audit(other).record(evolve(events[0], reason="later"))
        *_, copied_events = self.contents(other, service)
        assert [event.reason for event in copied_events[len(events) :]] == ["later"]

    def test_a_copy_that_fails_can_be_repeated(self, medium, service, new_medium):
        other = new_medium()
        broken = 0
        while True:
            try:
                list(self.copy(medium, Breaking(self.inventory(other))))
            except Indeterminate:
                broken += 1
            else:
                break

        assert broken > 3  # users may be in one partition, which is copied at once
        assert self.contents(other, service) == self.contents(medium, service)
        list(self.copy(medium, self.inventory(other)))
        assert self.contents(other, service) == self.contents(medium, service)

    def test_a_record_that_differs_is_never_overwritten(self, medium, service, new_medium):
        other = new_medium()
        list(self.copy(medium, self.inventory(other)))
        service.challenges.cancel(service.origin, self.an_open_challenge(service).guid)
        before = self.contents(other, service)

        with pytest.raises(TargetDiffers):
            list(self.copy(medium, self.inventory(other)))
        assert self.contents(other, service) == before

    def test_a_store_with_a_violation_is_not_copied(self, medium, service, new_medium):
        self.damage(medium, self.an_open_challenge(service).guid)

        with pytest.raises(SourceUnsound):
            list(self.copy(medium, self.inventory(new_medium())))

    def test_a_store_is_not_copied_into_itself(self, medium, service):
        assert AuditChain(service.ports, service.policy).chain(10) == 10
        before = self.contents(medium, service)
        itself = self.inventory(self.at_another_address(medium))

        with pytest.raises(SameStore):
            # It would append the log to the log, without end.
            list(itertools.islice(self.copy(medium, itself), 1_000))
        assert self.contents(medium, service) == before

    def test_the_log_has_what_is_chained_and_what_is_not(self, medium, service):
        inventory = self.inventory(medium)
        before = [event for page in inventory.events() for event in page]
        chain = AuditChain(service.ports, service.policy)
        assert chain.chain(10) == 10
        service.ask("zoe", "One more?")

        events = [event for page in inventory.events() for event in page]

        added = Counter(map(repr, events)) - Counter(map(repr, before))
        assert len(events) == len(before) + 1
        assert [event.event for event in events if repr(event) in added] == ["challenge.issue"]
