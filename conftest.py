"""What all test runs share: Hypothesis profiles, and Markdown blocks as tests."""

import gc
import os

from hypothesis import HealthCheck, Phase, settings
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser

# Some hundred Pythons start: each would compile everything anew, for minutes on a busy machine.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A slow machine is not a failing property: no deadline, and no check of how long drawing takes.
# The profile is named, so that a CI variable in the environment changes nothing.
settings.register_profile(
    "fast",
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
FAST = settings.get_profile("fast")
settings.register_profile("brief", FAST, max_examples=25)
settings.register_profile("thorough", FAST, max_examples=1_000)
# The same examples for every mutant, and none that another one left behind.
settings.register_profile(
    "mutants",
    FAST,
    derandomize=True,
    max_examples=100,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("fast")

pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["README.md", "docs/**/*.md", "adapters/*/README.md"],
).pytest()


def pytest_collection_finish() -> None:
    """Leave thousands of collected tests out of every garbage collection that follows."""
    gc.collect()
    gc.freeze()
