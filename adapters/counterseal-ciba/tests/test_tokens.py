"""What an ID token claims of how a person was authenticated."""

import pytest

from counterseal.models import Factor
from counterseal_ciba.tokens import context_of, methods_of

UNPROVEN = {"pin", "fpt", "face", "hwk", "swk"}


@pytest.mark.parametrize(
    ("factors", "context", "methods"),
    [
        ((Factor.POSSESSION,), "urn:counterseal:acr:device", ["pop"]),
        (
            (Factor.POSSESSION, Factor.KNOWLEDGE_OR_INHERENCE),
            "urn:counterseal:acr:strong",
            ["pop", "user", "mfa"],
        ),
    ],
)
def test_only_what_is_shown_is_claimed(factors, context, methods):
    assert context_of(factors) == context
    assert methods_of(factors) == methods
    assert not UNPROVEN & set(methods)
