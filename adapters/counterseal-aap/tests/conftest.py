"""The service and its clients: see `aap_world`."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from aap_world import World


@pytest.fixture
def world():
    return World()


@pytest.fixture
def agent(world):
    return world.agent()
