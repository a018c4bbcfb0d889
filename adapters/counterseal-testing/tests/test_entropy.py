import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal_testing import ScriptedEntropy


@given(st.integers(0, 2**32), st.lists(st.integers(0, 100), max_size=5))
def test_follows_from_its_seed(seed, sizes):
    first, second = ScriptedEntropy(seed), ScriptedEntropy(seed)

    assert [first.token(size) for size in sizes] == [second.token(size) for size in sizes]


@given(st.integers(0, 100))
def test_is_as_long_as_it_has_to_be(size):
    assert len(ScriptedEntropy().token(size)) == size


def test_never_gives_the_same_twice():
    entropy = ScriptedEntropy()

    assert len({entropy.token(16) for _ in range(1000)}) == 1000
    assert entropy.token(64)[:32] != entropy.token(64)[32:]


def test_differs_from_seed_to_seed():
    assert ScriptedEntropy(1).token(16) != ScriptedEntropy(2).token(16)


def test_plays_a_script_first():
    entropy, other = ScriptedEntropy(), ScriptedEntropy()
    entropy.play(b"ab", b"cd")

    assert [entropy.token(2), entropy.token(2)] == [b"ab", b"cd"]
    assert entropy.token(2) == other.token(2)


def test_knows_a_script_that_does_not_fit():
    entropy = ScriptedEntropy()
    entropy.play(b"abc")

    with pytest.raises(ValueError, match="3 bytes and 2"):
        entropy.token(2)
