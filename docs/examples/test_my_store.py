import pytest

from counterseal.memory import MemoryAudit, MemoryStore
from counterseal.testing import StoreContract


class TestMyStore(StoreContract):
    @pytest.fixture
    def new_store(self):
        return lambda: MemoryStore(MemoryAudit())
