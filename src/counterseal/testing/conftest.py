"""What `pytest --pyargs counterseal.testing` says: what the kit is, and how to use it."""

from __future__ import annotations

import pytest

EXAMPLE = """\
import pytest
from counterseal.memory import MemoryAudit, MemoryStore
from counterseal.testing import StoreContract

class TestMyStore(StoreContract):
    @pytest.fixture
    def new_store(self):
        return lambda: MemoryStore(MemoryAudit())
"""
"""A whole test file; the author puts the adapter in the place of the memory store."""

EXPLANATION = f"""\
counterseal.testing holds no tests to be run as they are: it is the conformance kit,
and tests the adapters that you give it. Write a file test_my_store.py:

{EXAMPLE}
and run `pytest -rs test_my_store.py`: each test names the clause of the port that it shows,
and each skip prints the clause that it does not. There is a contract for every port:
see `python -m pydoc counterseal.testing.contracts`.
"""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Explain at the end, where it is read."""
    terminalreporter.section("counterseal.testing")
    terminalreporter.write(EXPLANATION)
