"""A service whose ports are traced, and a backend in memory."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from traced_world import Backend, World


@pytest.fixture
def backend():
    return Backend()


@pytest.fixture
def world(backend):
    return World(backend)
