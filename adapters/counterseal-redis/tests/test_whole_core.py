"""The core plays its histories on this adapter, on one server and on a cluster."""

import pytest
from attrs import evolve
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from counterseal_redis import with_redis
from counterseal_testing import WholeCore
from counterseal_testing.histories import Actions

SHARE = 5
"""The core's own tests play ten times as many of the whole core."""

machines = pytest.mark.parametrize("machine", [WholeCore, Actions])


@machines
def test_histories(machine, redis_8_2, new_keyspace):
    play(machine, redis_8_2, new_keyspace, SHARE)


@machines
def test_histories_on_a_cluster(machine, cluster, new_keyspace):
    play(machine, cluster, new_keyspace, 2 * SHARE)


def play(machine, server, new_keyspace, share):
    class OnRedis(machine):
        def adapters(self, ports):
            # `Wake` has tests of its own, and threads for each instance.
            return evolve(with_redis(ports, new_keyspace(server)), wake=ports.wake)

    profile = settings.default
    budget = settings(profile, max_examples=profile.max_examples // share, stateful_step_count=30)
    run_state_machine_as_test(OnRedis, settings=budget)
