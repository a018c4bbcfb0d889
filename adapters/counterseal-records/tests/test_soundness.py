"""What the core leaves fits together, in every history; and what does not is said."""

import pytest
from attrs import evolve
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from counterseal.models import Account, Binding, BindingState, Callback, Challenge, ChallengeState
from counterseal.models.guid import partition_of
from counterseal.testing import WholeCore, World
from counterseal.testing.world import CALLBACK
from counterseal_records import unsound

SHARE = 2
"""The core's own tests play twice as many."""


def problems(records, now):
    """Return what does not fit among *records*, of all partitions."""
    partitions = {partition_of(record.guid) for record in records}
    return [
        flaw
        for partition in partitions
        for flaw in unsound(
            partition, [one for one in records if partition_of(one.guid) == partition], now
        )
    ]


def test_every_history_leaves_what_fits_together():
    class Looked(WholeCore):
        def adapters(self, ports):
            self.looked = ports
            return ports

        def teardown(self):
            super().teardown()
            records = list(self.looked.store._records.values())
            assert problems(records, self.looked.clock.now()) == []

    profile = settings.default
    budget = settings(profile, max_examples=profile.max_examples // SHARE, stateful_step_count=30)
    run_state_machine_as_test(Looked, settings=budget)


@pytest.fixture
def world():
    world = World()
    zoe = world.bind("zoe")
    zoe.answer(world.ask("zoe", "Pay?", callback=CALLBACK).challenge)
    world.ask("zoe", "Still open?")
    return world


@pytest.fixture
def held(world):
    return dict(world.ports.store._records)


def of(held, kind, **what):
    return next(
        one
        for one in held.values()
        if isinstance(one, kind)
        and all(getattr(one, name) == value for name, value in what.items())
    )


def said(world, held):
    return {flaw.problem for flaw in problems(list(held.values()), world.clock.now())}


def test_what_fits(world, held):
    assert said(world, held) == set()


def test_an_account_that_is_gone(world, held):
    del held[of(held, Account).guid]

    assert said(world, held) == {"its account is not there"}


def test_a_parent_that_is_gone(world, held):
    del held[world.app_space.guid]

    assert said(world, held) == {"its parent is not there"}


def test_a_callback_that_is_gone(world, held):
    del held[of(held, Callback).guid]

    assert said(world, held) == {"it has ended, and has no callback"}


def test_what_is_to_be_told_is_gone(world, held):
    del held[of(held, Challenge, state=ChallengeState.ANSWERED).guid]

    assert said(world, held) == {"what it is to tell is gone"}


def test_an_open_question_that_is_gone(world, held):
    del held[of(held, Challenge, state=ChallengeState.PENDING).guid]

    assert said(world, held) == {"its account says that it is open, and it is not there"}


def test_half_of_an_ending(world, held):
    open_ = of(held, Challenge, state=ChallengeState.PENDING)
    held[open_.guid] = evolve(open_, state=ChallengeState.CANCELLED)

    assert said(world, held) == {"it has ended, and its account says that it is open"}


def test_half_of_an_asking(world, held):
    account = of(held, Account)
    held[account.guid] = evolve(account, history=evolve(account.history, open=()))

    assert said(world, held) == {"it is open, and its account does not say so"}


def test_half_of_a_revoking(world, held):
    binding = of(held, Binding)
    held[binding.guid] = evolve(binding, state=BindingState.REVOKED)

    assert said(world, held) == {"its account says otherwise of this device"}


def test_a_receipt_that_is_not_the_last(world, held):
    account = of(held, Account)
    held[account.guid] = evolve(account, receipt_hash="x" * 43)

    assert said(world, held) == {"its last receipt is not the one that it says"}


def test_a_receipt_that_is_not_counted(world, held):
    account = of(held, Account)
    held[account.guid] = evolve(account, receipts=0)

    assert said(world, held) == {"it has more receipts than it says"}


def test_a_record_in_the_wrong_partition(world, held):
    account = of(held, Account)
    moved = f"{(partition_of(account.guid) + 1) % 256:02x}{account.guid[2:]}"

    assert "it is in the wrong partition" in {
        flaw.problem
        for flaw in unsound(partition_of(moved), [evolve(account, guid=moved)], world.clock.now())
    }
