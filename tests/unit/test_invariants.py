"""What the core leaves fits together, in every history; and what does not is said."""

import pytest
from attrs import evolve
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from counterseal.errors import PartitionCrossed, WrongRecord
from counterseal.invariants import Violation, violations
from counterseal.models import (
    OPERATOR,
    Account,
    AccountEvent,
    Binding,
    BindingState,
    Callback,
    CallbackState,
    Challenge,
    ChallengeState,
    Change,
    EventLog,
    LoggedEvent,
    Scheme,
)
from counterseal.models.guid import mint, partition_of
from counterseal.models.record import require_possible
from counterseal_testing import FakeService, WholeCore
from counterseal_testing.service import CALLBACK

SHARE = 2
"""The core's own tests play twice as many."""


def problems(records, now):
    """Return what does not fit among *records*, of all partitions."""
    partitions = {partition_of(record.guid) for record in records}
    return [
        violation
        for partition in partitions
        for violation in violations(
            partition, [one for one in records if partition_of(one.guid) == partition], now
        )
    ]


def test_every_history_leaves_what_fits_together():
    class Observed(WholeCore):
        def adapters(self, ports):
            self.ports_used = ports
            return ports

        def teardown(self):
            super().teardown()
            records = list(self.ports_used.store._records.values())
            assert problems(records, self.ports_used.clock.now()) == []

    profile = settings.default
    budget = settings(profile, max_examples=profile.max_examples // SHARE, stateful_step_count=30)
    run_state_machine_as_test(Observed, settings=budget)


@pytest.fixture
def world():
    world = FakeService()
    zoe = world.bind("zoe")
    zoe.answer(world.ask("zoe", "Pay?", callback=CALLBACK).challenge)
    world.ask("zoe", "Still open?")
    world.invitations.invite(world.origin, "zoe")
    return world


@pytest.fixture
def records(world):
    return dict(world.ports.store._records)


def of(records, kind, **what):
    return next(
        one
        for one in records.values()
        if isinstance(one, kind)
        and all(getattr(one, name) == value for name, value in what.items())
    )


def noticed(world, records):
    return {
        (violation.subject, violation.problem)
        for violation in problems(list(records.values()), world.clock.now())
    }


def test_what_fits(world, records):
    assert noticed(world, records) == set()
    # A worker has not yet expired it, and its account counts it as closed.
    world.clock.jump(of(records, Challenge, state=ChallengeState.PENDING).deadline)
    assert noticed(world, records) == set()


def test_an_account_that_is_gone(world, records):
    account = of(records, Account)
    del records[account.guid]

    assert noticed(world, records) == {
        (record.guid, "its account is not there")
        for record in records.values()
        if getattr(record, "account", None) == account.guid
    }


@pytest.fixture
def published(world):
    """The records of a service whose origin is sent events, of which two wait for another."""
    origin = world.origin.origin.guid
    world.credentials.issue(origin, Scheme.BASIC)
    world.administration.edit_origin(origin, events_url=CALLBACK)
    account = world.accounts.get(world.origin, "zoe").guid
    world.accounts.lock(account, by=OPERATOR)
    world.accounts.unlock(account, by=OPERATOR)
    world.account_events.publish_due()
    return dict(world.ports.store._records)


def test_events_that_are_published_fit(world, published):
    assert noticed(world, published) == set()
    world.clock.advance(world.policy.events_retention)
    assert noticed(world, published) == set()


def test_an_event_that_no_account_counts(world, published):
    account = of(published, Account)
    event = of(published, AccountEvent, number=3)
    published[account.guid] = evolve(account, events=2)

    assert noticed(world, published) == {(event.guid, "its account does not count it")}


@pytest.mark.parametrize("name", ["device", "challenge"])
def test_an_event_that_names_a_record_of_another_partition(world, published, name):
    event = of(published, AccountEvent, number=1)
    other = mint((partition_of(event.guid) + 1) % 256, bytes(15))
    published[event.guid] = evolve(event, **{name: other})

    expected = {(event.guid, "it names a record of another partition")}
    assert noticed(world, published) == expected


def test_an_event_of_an_account_of_another_partition(world, published):
    event = of(published, AccountEvent, number=1)
    other = mint((partition_of(event.guid) + 1) % 256, bytes(15))
    published[event.guid] = evolve(event, account=other)

    assert (event.guid, "its account is not there") in noticed(world, published)


def test_an_event_that_is_gone_from_the_log(world, published):
    log, entry = of(published, EventLog), of(published, LoggedEvent, number=2)
    (callback,) = [
        one for one in published.values() if isinstance(one, Callback) and one.event == entry.guid
    ]
    del published[entry.guid]

    assert noticed(world, published) == {
        (log.guid, "its log has a gap"),
        (callback.guid, "the event that it reports is gone"),
    }


def test_an_event_that_the_log_does_not_number(world, published):
    log, entry = of(published, EventLog), of(published, LoggedEvent, number=3)
    published[log.guid] = evolve(log, last=2)

    assert (entry.guid, "its log has no such number") in noticed(world, published)


@pytest.mark.parametrize("wrong", ["gone", "over", "unlinked"])
def test_an_event_that_waits_for_ever(world, published, wrong):
    waiting = next(one for one in published.values() if isinstance(one, Callback) and one.waits_for)
    earlier = published[waiting.waits_for]
    if wrong == "gone":
        del published[earlier.guid]
    elif wrong == "over":
        published[earlier.guid] = evolve(earlier, state=CallbackState.DEAD)
    else:
        published[earlier.guid] = evolve(earlier, successor=None)

    problem = (
        "it waits for a callback that is over" if wrong == "over" else "nothing ends its waiting"
    )
    assert (waiting.guid, problem) in noticed(world, published)


def test_a_parent_that_is_gone(world, records):
    del records[world.app_space.guid]

    assert noticed(world, records) == {(world.origin.origin.guid, "its parent is not there")}


def test_a_callback_that_is_gone(world, records):
    callback = of(records, Callback)
    challenge = records[callback.challenge]
    del records[callback.guid]

    assert noticed(world, records) == {(challenge.guid, "it has ended, and has no callback")}
    world.clock.jump(challenge.keep_until)
    assert noticed(world, records) == set()


def test_a_callback_too_many(world, records):
    callback = of(records, Callback)
    second = evolve(callback, guid=mint(partition_of(callback.guid), bytes(15)))
    records[second.guid] = second

    assert noticed(world, records) == {(callback.challenge, "it has a callback too many")}


def test_a_callback_without_its_challenge(world, records):
    del records[of(records, Challenge, state=ChallengeState.ANSWERED).guid]

    callback = of(records, Callback)
    assert noticed(world, records) == {(callback.guid, "the challenge that it reports is gone")}


def test_an_open_question_that_is_gone(world, records):
    challenge = of(records, Challenge, state=ChallengeState.PENDING)
    del records[challenge.guid]

    assert noticed(world, records) == {
        (challenge.guid, "its account lists it as open, and it is not there")
    }


def test_half_of_an_ending(world, records):
    open_ = of(records, Challenge, state=ChallengeState.PENDING)
    records[open_.guid] = evolve(open_, state=ChallengeState.CANCELLED)

    assert noticed(world, records) == {
        (open_.guid, "it has ended, and its account lists it as open")
    }


def test_half_of_an_asking(world, records):
    account = of(records, Account)
    records[account.guid] = evolve(account, history=evolve(account.history, open=()))

    challenge = of(records, Challenge, state=ChallengeState.PENDING)
    assert noticed(world, records) == {
        (challenge.guid, "it is open, and its account does not list it")
    }
    world.clock.jump(challenge.deadline)
    assert noticed(world, records) == set()


def test_half_of_a_revoking(world, records):
    binding = of(records, Binding, state=BindingState.ACTIVE)
    records[binding.guid] = evolve(binding, state=BindingState.REVOKED)

    contradiction = (binding.guid, "its account lists this device in another state")
    assert noticed(world, records) == {contradiction}
    world.clock.jump(binding.deadline)
    assert noticed(world, records) == {contradiction}


def test_a_passkey_that_its_account_takes_for_a_device(world, records):
    binding = of(records, Binding, state=BindingState.ACTIVE)
    records[binding.guid] = evolve(binding, answers=False)

    assert noticed(world, records) == {
        (binding.guid, "its account is wrong about whether it answers")
    }


def test_a_language_that_the_account_does_not_know(world, records):
    binding = of(records, Binding, state=BindingState.ACTIVE)
    records[binding.guid] = evolve(binding, language="de")

    assert noticed(world, records) == {(binding.guid, "its account is wrong about its language")}


def test_an_invitation_that_is_not_in_the_list(world, records):
    account, binding = of(records, Account), of(records, Binding, state=BindingState.INVITED)
    devices = tuple(each for each in account.devices if each.binding != binding.guid)
    records[account.guid] = evolve(account, devices=devices)

    assert noticed(world, records) == {
        (binding.guid, "its account lists this device in another state")
    }
    world.clock.jump(binding.deadline)
    assert noticed(world, records) == set()


def test_a_receipt_that_is_not_the_last(world, records):
    account = of(records, Account)
    records[account.guid] = evolve(account, receipt_hash="x" * 43)

    assert noticed(world, records) == {
        (account.guid, "its last receipt is not the one that it names")
    }


def test_a_receipt_that_is_not_counted(world, records):
    account = of(records, Account)
    records[account.guid] = evolve(account, receipts=0)

    assert noticed(world, records) == {(account.guid, "it has more receipts than it counts")}


def test_a_record_in_the_wrong_partition(world, records):
    account = of(records, Account)
    moved = evolve(account, guid=elsewhere(account.guid))
    noticed_there = violations(partition_of(moved.guid), [moved], world.clock.now())

    assert Violation(moved.guid, "it is in the wrong partition") in noticed_there


def elsewhere(guid):
    """Return a GUID in the next partition."""
    return f"{(partition_of(guid) + 1) % 256:02x}{guid[2:]}"


def update(record, **changes):
    return Change(record, evolve(record, version=record.version + 1, **changes))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param(lambda _, __: (), WrongRecord, id="nothing"),
        pytest.param(lambda a, _: (update(a), update(a)), WrongRecord, id="twice"),
        pytest.param(lambda a, _: (update(a), Change(a, a)), WrongRecord, id="and guarded"),
        pytest.param(
            lambda a, b: (update(a), Change(None, evolve(b, version=1, guid=elsewhere(b.guid)))),
            PartitionCrossed,
            id="two partitions",
        ),
        pytest.param(lambda a, _: (Change(a, evolve(a)),), WrongRecord, id="same version"),
        pytest.param(
            lambda a, _: (Change(a, evolve(a, version=a.version + 2)),),
            WrongRecord,
            id="a version left out",
        ),
        pytest.param(
            lambda a, _: (Change(None, evolve(a, version=2)),), WrongRecord, id="created at 2"
        ),
        pytest.param(
            lambda a, b: (Change(a, evolve(b, version=a.version + 1, guid=a.guid)),),
            WrongRecord,
            id="another kind",
        ),
        pytest.param(
            lambda a, b: (Change(evolve(a, guid=b.guid), evolve(a, version=a.version + 1)),),
            WrongRecord,
            id="another GUID",
        ),
    ],
)
def test_a_commit_that_no_store_may_apply(records, changes, error):
    with pytest.raises(error):
        require_possible(changes(of(records, Account), of(records, Binding)))


def test_commits_that_a_store_may_apply(records):
    account, binding = of(records, Account), of(records, Binding)

    require_possible((update(account), Change(binding, binding)))
    require_possible((Change(None, evolve(account, version=1)),))
