"""What the tests of the wire share: demanding a refusal, and keys that are cheap to make."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from counterseal.errors import InvalidField, Refused
from counterseal.keys import PrivateKey, generate, ml_dsa, private_key
from counterseal.models import Algorithm


@pytest.fixture(scope="session")
def refusing() -> Callable[..., AbstractContextManager[None]]:
    """Demand one refusal, by its stable code and, of a field, by the field's name."""

    @contextmanager
    def refusing(code: str, field: str | None = None) -> Iterator[None]:
        with pytest.raises(Refused) as caught:
            yield
        assert caught.value.code == code
        if field is not None:
            assert isinstance(caught.value, InvalidField)
            assert caught.value.field == field

    return refusing


@pytest.fixture(scope="session")
def ed25519() -> Callable[[str], PrivateKey]:
    """Make the Ed25519 key of one name: always the same, and another for every name."""

    def key(kid: str) -> PrivateKey:
        seed = kid.encode().ljust(32, b".")
        return private_key(seed, kid=kid, algorithm=Algorithm.EDDSA)

    return key


@pytest.fixture(scope="session")
def every_kind(ed25519) -> dict[Algorithm, PrivateKey]:
    """One key of each algorithm; RSA keys are dear, and made once."""
    tokens = {
        algorithm: generate(algorithm, kid=algorithm.value)
        for algorithm in (Algorithm.ES256, Algorithm.PS256, Algorithm.RS256)
    }
    if ml_dsa.SUPPORTED:
        tokens[Algorithm.ML_DSA_44] = generate(Algorithm.ML_DSA_44, kid="ML-DSA-44")
    return tokens | {Algorithm.EDDSA: ed25519("EdDSA")}


@pytest.fixture(params=Algorithm, ids=lambda algorithm: algorithm.value)
def algorithm(request) -> Algorithm:
    """Every algorithm that this installation has."""
    if request.param is Algorithm.ML_DSA_44 and not ml_dsa.SUPPORTED:
        pytest.skip("no ml-dsa: cryptography has none")
    return request.param
