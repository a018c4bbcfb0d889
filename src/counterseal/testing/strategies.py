"""Strategies for Hypothesis: see counterseal_testing.strategies."""

from counterseal_testing.strategies import *  # noqa: F403 (its __all__ is the list)
