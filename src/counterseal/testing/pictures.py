"""Pictures for tests: see counterseal_testing.pictures."""

from counterseal_testing.pictures import *  # noqa: F403 (its __all__ is the list)
