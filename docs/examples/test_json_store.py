import pytest
from json_store import JsonStore

from counterseal.testing import StoreContract


class TestJsonStore(StoreContract):
    survives_a_crash = True

    @pytest.fixture
    def new_store(self, tmp_path_factory):
        return lambda: JsonStore(tmp_path_factory.mktemp("store"))

    @pytest.fixture
    def broken_store(self, tmp_path):
        return lambda: JsonStore(tmp_path / "no such folder")

    def reopened(self, store):
        return JsonStore(store.folder)
