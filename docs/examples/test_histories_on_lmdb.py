"""Histories of the whole core on a store."""

from tempfile import TemporaryDirectory

import attrs
from hypothesis import HealthCheck, settings
from lmdb_store import LmdbStore

from counterseal.testing import ApprovedActions, NewDevices, Refusals, WholeCore


class OnLmdb:
    def adapters(self, ports):
        self.folder = TemporaryDirectory()
        self.store = LmdbStore(self.folder.name)
        return attrs.evolve(ports, store=self.store)

    def teardown(self):
        super().teardown()
        self.store.env.close()
        self.folder.cleanup()


class WholeCoreOnLmdb(OnLmdb, WholeCore):
    pass


class NewDevicesOnLmdb(OnLmdb, NewDevices):
    pass


class RefusalsOnLmdb(OnLmdb, Refusals):
    pass


class ApprovedActionsOnLmdb(OnLmdb, ApprovedActions):
    pass


MACHINES = (WholeCoreOnLmdb, NewDevicesOnLmdb, RefusalsOnLmdb, ApprovedActionsOnLmdb)
for machine in MACHINES:
    machine.TestCase.settings = settings(
        max_examples=2,
        stateful_step_count=15,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

TestWholeCore, TestNewDevices, TestRefusals, TestApprovedActions = (
    machine.TestCase for machine in MACHINES
)
