"""The conformance tests of the ports: each public name of counterseal_testing.contracts."""

from counterseal_testing.contracts import *  # noqa: F403 (its __all__ is the list)
