import pytest
from lmdb_store import LmdbStore

from counterseal.testing import StoreContract


class TestLmdbStore(StoreContract):
    survives_a_crash = True

    @pytest.fixture
    def new_store(self, tmp_path_factory):
        return lambda: LmdbStore(tmp_path_factory.mktemp("store"))

    @pytest.fixture
    def broken_store(self, tmp_path):
        def closed():
            store = LmdbStore(tmp_path)
            store.env.close()
            return store

        return closed

    def reopened(self, store):
        store.env.close()  # a process opens an environment once
        return LmdbStore(store.folder)
