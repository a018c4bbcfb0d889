"""The core plays its histories on this adapter, on one server and on a cluster."""

import pytest
from attrs import evolve

from counterseal_redis import with_redis
from counterseal_testing.contracts.core_on_store import SHARE, CoreOnStore


class TestCoreOnRedis(CoreOnStore):
    @pytest.fixture
    def chosen_server(self, redis_8_2):
        return redis_8_2

    @pytest.fixture
    def new_adapters(self, chosen_server, new_keyspace):
        def adapters():
            keyspace = new_keyspace(chosen_server)
            # `Wake` has tests of its own, and threads for each instance.
            return lambda ports: evolve(with_redis(ports, keyspace), wake=ports.wake)

        return adapters


class TestCoreOnCluster(TestCoreOnRedis):
    share = 2 * SHARE

    @pytest.fixture
    def chosen_server(self, cluster):
        return cluster
