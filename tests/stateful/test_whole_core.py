"""The whole core under histories, with a judge whose cryptography is PyJWT's."""

import time

import jwt
import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from counterseal.testing import WholeCore
from counterseal.testing.histories.stage import Stage

QUICK = 100
"""Examples of the profile `fast`."""


def verified(token, jwk):
    options = dict.fromkeys(["verify_aud", "verify_iat", "verify_exp", "verify_sub"], False)
    return jwt.decode(token, jwt.PyJWK(jwk), algorithms=[jwk["alg"]], options=options)


class Judged(WholeCore):
    verify = staticmethod(verified)


def long_enough():
    """Twice the profile's examples; in a longer profile, longer histories, too."""
    profile = settings.default
    steps = 50 if profile.max_examples <= QUICK else 100
    return settings(profile, max_examples=2 * profile.max_examples, stateful_step_count=steps)


@pytest.mark.timeout(7200)
def test_the_whole_core(request):
    begin, before = time.perf_counter(), Stage.steps
    run_state_machine_as_test(Judged, settings=long_enough())

    steps, seconds = Stage.steps - before, time.perf_counter() - begin
    request.node.user_properties.append(("steps a second", round(steps / seconds)))
    print(f"\n{steps} steps, {steps / seconds:.0f} a second")  # noqa: T201 (`nox -s thorough` tells it)
