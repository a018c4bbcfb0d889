import pytest
from json_store import JsonStore, unpack

from counterseal.testing import StoreContract


class TestJsonStore(StoreContract):
    survives_a_crash = True

    @pytest.fixture
    def new_store(self, tmp_path_factory):
        return lambda: JsonStore(tmp_path_factory.mktemp("store"))

    @pytest.fixture
    def broken_store(self, tmp_path):
        return lambda: JsonStore(tmp_path / "no such folder")

    def recorded(self, store):
        partitions = store.partitions().values()
        return [unpack(event) for partition in partitions for event in partition["events"]]

    def reopened(self, store):
        return JsonStore(store.folder)
