"""What the tests of the kit share: `broken_adapters`, and a profile with few examples."""

import sys
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def brief():
    """Play few histories: the adapters' own tests play all of them."""
    profile = settings.get_current_profile_name()
    settings.load_profile("brief")
    yield
    settings.load_profile(profile)
