"""A key under a PIN: any PIN gives some key, and only the service can tell which is right."""

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from counterseal.device import pin
from counterseal.device.pin import (
    SCRYPT_N,
    SCRYPT_N_LIMIT,
    WrappedKey,
    Wrapping,
    unwrap,
    wrap,
)
from counterseal.errors import InvalidField, WrongPin
from counterseal.keys import generate, ml_dsa, private_key
from counterseal.keys.private import P256_ORDER
from counterseal.models import Algorithm
from counterseal_testing.entropy import ScriptedEntropy

PIN = "2468"
COST = 2**4
SHIFTED = [Algorithm.ES256, Algorithm.EDDSA]
if ml_dsa.SUPPORTED:
    SHIFTED.append(Algorithm.ML_DSA_44)


@pytest.fixture
def entropy():
    return ScriptedEntropy()


def wrapped(entropy, algorithm, pin=PIN):
    key = generate(algorithm, kid="strong")
    return key, wrap(key, pin, entropy, cost=COST)


@pytest.mark.parametrize("algorithm", SHIFTED)
def test_the_right_pin_gives_the_key_back(entropy, algorithm):
    key, wrapped_key = wrapped(entropy, algorithm)
    again = unwrap(wrapped_key, PIN, entropy)
    assert again.public == key.public
    assert again.scalar() == key.scalar()
    assert (wrapped_key.kid, wrapped_key.algorithm, wrapped_key.wrapping, wrapped_key.cost) == (
        "strong",
        algorithm,
        Wrapping.SHIFTED,
        COST,
    )


@pytest.mark.parametrize("algorithm", SHIFTED)
def test_every_pin_gives_a_key_and_no_two_the_same(entropy, algorithm):
    key, wrapped_key = wrapped(entropy, algorithm)
    pins = [f"{number:04}" for number in range(2_300, 2_600)]
    thumbprints = {unwrap(wrapped_key, pin, entropy).public.thumbprint for pin in pins}
    assert len(thumbprints) == len(pins)
    assert key.public.thumbprint in thumbprints
    keyed = {pin: unwrap(wrapped_key, pin, entropy).public for pin in ("", "0", "2468 ", "٢٤٦٨")}
    assert key.public not in keyed.values()


@given(
    secret=st.integers(1, P256_ORDER - 1),
    pin=st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
@example(1, PIN)
@example(P256_ORDER - 1, PIN)
@settings(max_examples=50)
def test_every_p256_key_survives_every_pin(secret, pin):
    entropy = ScriptedEntropy(secret)
    key = private_key(secret.to_bytes(32), kid="strong", algorithm=Algorithm.ES256)
    wrapped_key = wrap(key, pin, entropy, cost=COST)
    assert len(wrapped_key.wrapped) == 32
    assert unwrap(wrapped_key, pin, entropy).scalar() == key.scalar()


@pytest.mark.parametrize("algorithm", SHIFTED)
@given(anything=st.binary(min_size=32, max_size=32))
@example(bytes(32))
@example(b"\xff" * 32)
@settings(max_examples=50)
def test_whatever_lies_in_the_file_looks_like_a_wrapped_key(algorithm, anything):
    """There is no check value, not even one by being out of range."""
    wrapped_key = WrappedKey(
        kid="strong",
        algorithm=algorithm,
        wrapping=Wrapping.SHIFTED,
        cost=COST,
        salt=bytes(16),
        wrapped=anything,
    )
    assert unwrap(wrapped_key, PIN, ScriptedEntropy()).public.algorithm is algorithm


@pytest.mark.parametrize("algorithm", SHIFTED)
def test_one_key_under_one_pin_looks_different_each_time(entropy, algorithm):
    key = generate(algorithm, kid="strong")
    one, other = (wrap(key, PIN, entropy, cost=COST) for _ in range(2))
    assert one.salt != other.salt
    assert one.wrapped != other.wrapped
    assert len(one.salt) == 16


@pytest.mark.parametrize("algorithm", SHIFTED)
def test_nothing_public_of_the_key_lies_in_what_is_stored(entropy, algorithm):
    key, wrapped_key = wrapped(entropy, algorithm)
    text = repr(attrs.asdict(wrapped_key))
    assert key.public.thumbprint not in text
    assert key.scalar() not in (wrapped_key.wrapped, wrapped_key.salt)
    assert {field.name for field in attrs.fields(WrappedKey)} == {
        "kid",
        "algorithm",
        "wrapping",
        "cost",
        "salt",
        "wrapped",
    }


def test_the_salt_and_the_cost_count(entropy):
    key, wrapped_key = wrapped(entropy, Algorithm.ES256)
    for other in (
        attrs.evolve(wrapped_key, salt=bytes(16)),
        attrs.evolve(wrapped_key, cost=COST * 2),
    ):
        assert unwrap(other, PIN, entropy).public != key.public


def test_an_rsa_key_is_sealed_and_a_wrong_pin_is_noticed(entropy, rsa_keys):
    _, key = rsa_keys
    wrapped_key = wrap(key, PIN, entropy, cost=COST)
    assert wrapped_key.wrapping is Wrapping.SEALED
    assert unwrap(wrapped_key, PIN, entropy).public == key.public
    for wrong in ("2467", "", "2468 "):
        with pytest.raises(WrongPin):
            unwrap(wrapped_key, wrong, entropy)
    changed = attrs.evolve(
        wrapped_key, wrapped=wrapped_key.wrapped[:-1] + bytes([wrapped_key.wrapped[-1] ^ 1])
    )
    for other in (changed, attrs.evolve(wrapped_key, kid="another")):
        with pytest.raises(WrongPin):
            unwrap(other, PIN, entropy)


def test_only_a_seal_that_was_checked_says_that_the_key_is_ours(entropy, rsa_keys, monkeypatch):
    """The file may say "sealed" of a key that nothing has authenticated."""
    authenticated = []

    def note(*args, **options):
        authenticated.append(options["authenticated"])
        return private_key(*args, **options)

    monkeypatch.setattr(pin.keys, "private_key", note)
    _, sealed_key = rsa_keys
    rsa = wrap(sealed_key, PIN, entropy, cost=COST)
    shifted = [wrapped(entropy, algorithm)[1] for algorithm in SHIFTED]
    for wrapping in Wrapping:
        for wrapped_key in (rsa, *shifted):
            unwrap(attrs.evolve(wrapped_key, wrapping=wrapping), PIN, entropy)

    assert authenticated == [True, *(False for _ in SHIFTED)] * len(Wrapping)


@pytest.mark.parametrize("cost", [0, 1, 3, 100, -16, SCRYPT_N_LIMIT * 2, True, 16.0, "16", None])
def test_a_cost_is_a_power_of_two_within_the_memory(entropy, cost):
    _, wrapped_key = wrapped(entropy, Algorithm.EDDSA)
    with pytest.raises(InvalidField):
        attrs.evolve(wrapped_key, cost=cost)


def test_the_cost_of_a_real_device_is_one_that_hurts():
    """OWASP Password Storage, scrypt: N of 2**15 at least with r = 8 and p = 3, or 2**17."""
    assert SCRYPT_N == 2**15
    assert SCRYPT_N <= SCRYPT_N_LIMIT


def test_s34_a_wrapped_key_shows_nothing(entropy):
    _, wrapped_key = wrapped(entropy, Algorithm.ES256)
    text = repr(wrapped_key)
    assert repr(wrapped_key.salt) not in text
    assert repr(wrapped_key.wrapped) not in text
