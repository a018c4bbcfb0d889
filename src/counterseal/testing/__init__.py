"""
The public names of the test kit, which the extra `counterseal[testing]` installs.

The package counterseal-testing has the code and its documentation; the core imports neither.
"""

try:
    from counterseal_testing import *  # noqa: F403 (its __all__ is the list)
    from counterseal_testing import __all__ as __all__
except ModuleNotFoundError as error:
    if error.name != "counterseal_testing":
        raise
    raise ImportError(
        'counterseal.testing needs the test kit: pip install "counterseal[testing]"',
        name="counterseal_testing",
    ) from error
