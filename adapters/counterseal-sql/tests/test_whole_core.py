"""The core plays its histories on this adapter, on both databases."""

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from counterseal_sql import with_sql
from counterseal_testing import WholeCore
from counterseal_testing.histories import Actions

SHARE = 5
"""The core's own tests play ten times as many of the whole core."""


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("machine", [WholeCore, Actions])
def test_histories(machine, server, opened):
    class OnSql(machine):
        def adapters(self, ports):
            return with_sql(ports, opened(server.emptied()))

    profile = settings.default
    budget = settings(profile, max_examples=profile.max_examples // SHARE, stateful_step_count=30)
    run_state_machine_as_test(OnSql, settings=budget)
