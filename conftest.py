"""What all test runs share: Hypothesis profiles, and Markdown blocks as tests."""

from hypothesis import HealthCheck, Phase, settings
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser

# No deadline: a slow machine is not a failing property.
# The profile is named, so that a CI variable in the environment changes nothing.
settings.register_profile("fast", deadline=None)
settings.register_profile("brief", deadline=None, max_examples=25)
settings.register_profile(
    "thorough",
    deadline=None,
    max_examples=1_000,
    suppress_health_check=[HealthCheck.too_slow],
)
# The same examples for every mutant, and none that another one left behind.
settings.register_profile(
    "mutants",
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("fast")

pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["README.md", "docs/**/*.md", "adapters/*/README.md"],
).pytest()
