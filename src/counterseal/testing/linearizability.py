"""The search for an order of concurrent calls: see counterseal_testing.linearizability."""

from counterseal_testing.linearizability import *  # noqa: F403 (its __all__ is the list)
