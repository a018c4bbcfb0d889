"""The signer signs and the sealer seals."""

import pytest

from counterseal import keys
from counterseal.errors import SealBroken, SignerUnavailable
from counterseal.keys.jws import verify_bytes
from counterseal.memory import MemorySealer, MemorySigner, SystemEntropy
from counterseal.models import Algorithm

ENTROPY = SystemEntropy()


@pytest.fixture
def signer():
    return MemorySigner(Algorithm.EDDSA, ENTROPY)


@pytest.fixture
def sealer():
    return MemorySealer(ENTROPY.token(32), ENTROPY)


def test_signer_1_the_first_key_signs_and_older_ones_stay_valid(signer):
    (first,) = signer.jwks()
    signer.rotate()
    newest, oldest = signer.jwks()
    assert oldest == first
    assert newest.kid != first.kid
    for key in (newest, oldest):
        verify_bytes(signer.sign(key.kid, b"data"), b"data", key)


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.EDDSA])
def test_signer_2_the_signature_is_as_jws_carries_it(algorithm):
    signer = MemorySigner(algorithm, ENTROPY)
    (key,) = signer.jwks()
    token = keys.sign_with(lambda data: signer.sign(key.kid, data), key, typ="t", claims={"a": 1})
    assert keys.verify(keys.read(token, limit=999), key, expected_typ="t") == {"a": 1}


def test_the_signer_has_no_other_keys(signer):
    with pytest.raises(SignerUnavailable):
        signer.sign("unknown", b"data")


def test_sealer_1_two_seals_of_one_secret_differ(sealer):
    assert sealer.seal(b"secret", "here") != sealer.seal(b"secret", "here")


def test_sealer_2_only_the_same_context_and_unchanged_bytes_open(sealer):
    sealed = sealer.seal(b"secret", "here")
    assert sealer.open(sealed, "here") == b"secret"
    with pytest.raises(SealBroken):
        sealer.open(sealed, "there")
    for index in range(len(sealed)):
        changed = sealed[:index] + bytes([sealed[index] ^ 1]) + sealed[index + 1 :]
        with pytest.raises(SealBroken):
            sealer.open(changed, "here")
    with pytest.raises(SealBroken):
        MemorySealer(ENTROPY.token(32), ENTROPY).open(sealed, "here")
