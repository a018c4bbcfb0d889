"""What histories are run with: an oracle whose cryptography is PyJWT's, and time enough."""

import jwt
import pytest
from hypothesis import settings

from counterseal_testing.histories import ApprovedActions, NewDevices, Refusals, WholeCore


def verified(token, jwk):
    options = dict.fromkeys(["verify_aud", "verify_iat", "verify_exp", "verify_sub"], False)
    return jwt.decode(token, jwt.PyJWK(jwk), algorithms=[jwk["alg"]], options=options)


class Verified(WholeCore):
    verify = staticmethod(verified)


class VerifiedDevices(NewDevices):
    verify = staticmethod(verified)


class VerifiedRefusals(Refusals):
    verify = staticmethod(verified)


class VerifiedActions(ApprovedActions):
    verify = staticmethod(verified)


@pytest.fixture
def action_history():
    return VerifiedActions


@pytest.fixture
def history():
    return Verified


@pytest.fixture
def device_history():
    return VerifiedDevices


@pytest.fixture
def refusal_history():
    return VerifiedRefusals


@pytest.fixture
def budget():
    """As many histories as `fast` has examples; in a longer profile twice as many, longer ones."""
    profile = settings.default
    if profile.max_examples <= settings.get_profile("fast").max_examples:
        return settings(profile, stateful_step_count=50)
    return settings(profile, max_examples=2 * profile.max_examples, stateful_step_count=100)
