"""The whole core plays its histories on this adapter, on one server and on a cluster."""

from attrs import evolve
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from counterseal.testing import WholeCore
from counterseal_redis import with_redis

SHARE = 5
"""The core's own tests play ten times as many."""


def test_the_whole_core(redis_8_2, new_keyspace):
    play(redis_8_2, new_keyspace, SHARE)


def test_the_whole_core_on_a_cluster(cluster, new_keyspace):
    play(cluster, new_keyspace, 2 * SHARE)


def play(server, new_keyspace, share):
    class OnRedis(WholeCore):
        def adapters(self, ports):
            # `Wake` has tests of its own, and threads for each instance.
            return evolve(with_redis(ports, new_keyspace(server)), wake=ports.wake)

    profile = settings.default
    budget = settings(profile, max_examples=profile.max_examples // share, stateful_step_count=30)
    run_state_machine_as_test(OnRedis, settings=budget)
