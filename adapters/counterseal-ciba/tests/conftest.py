"""The service and its clients: see `ciba_world`."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from ciba_world import World


@pytest.fixture
def world():
    return World()


@pytest.fixture
def client(world):
    return world.client()
