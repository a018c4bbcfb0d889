"""Let the tests here import the examples beside them; play few histories of their stores."""

import sys
from pathlib import Path

import pytest
from hypothesis import settings

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "agents")]


@pytest.fixture(autouse=True)
def brief():
    """Play few histories: a store of the examples writes files, and ours play all of them."""
    profile = settings.get_current_profile_name()
    if profile == "fast":
        settings.load_profile("brief")
    yield
    settings.load_profile(profile)
