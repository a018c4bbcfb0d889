"""Secrets: one spelling of base64url, hashes, MACs, comparison, the AEAD."""

import base64
import hashlib
import hmac
import itertools
import os
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from counterseal.errors import MalformedToken, SealBroken, WrongToken
from counterseal.keys import (
    Aead,
    b64url,
    basic_digest,
    constant_time_equal,
    digest,
    mac,
    require_equal,
    token_hash,
    unb64url,
)

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


# base64url


@given(st.binary())
@example(b"\xfb\xff\xfe")
def test_base64url_is_the_standard_librarys_without_padding(data):
    encoded = b64url(data)

    assert encoded == base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert unb64url(encoded) == data


@pytest.mark.parametrize("before", [b"", b"\0", b"\0\0"])
def test_base64url_keeps_the_last_character_whatever_it_is(before):
    for last in range(256):
        data = before + bytes([last])
        assert base64.urlsafe_b64decode(b64url(data) + "==") == data


def test_base64url_takes_nothing_but_the_padding_off():
    assert b64url(b"\0\0\x17") == "AAAX"
    assert b64url(b"\0\0\0\x14") == "AAAAFA"


def test_rfc_7515_appendix_c():
    assert b64url(bytes([3, 236, 255, 224, 193])) == "A-z_4ME"
    assert unb64url("A-z_4ME") == bytes([3, 236, 255, 224, 193])


def accepted(text):
    try:
        return unb64url(text)
    except MalformedToken:
        return None


def test_of_all_short_texts_those_are_read_that_encode_something():
    """Exhaustively: 256 of the texts of two characters, and none of one."""
    characters = ALPHABET + "+/=. \n\0é"
    byte_of = {b64url(bytes([byte])): bytes([byte]) for byte in range(256)}

    assert unb64url("") == b""
    assert all(accepted(one) is None for one in characters)
    for pair in map("".join, itertools.product(characters, repeat=2)):
        assert accepted(pair) == byte_of.get(pair)


def by_hand(text):
    """Read base64url character by character; None unless no bit is left over."""
    if not set(text) <= set(ALPHABET):
        return None
    bits = "".join(f"{ALPHABET.index(character):06b}" for character in text)
    size, over = divmod(len(bits), 8)
    if over == 6 or "1" in bits[len(bits) - over :]:
        return None
    return bytes(int(bits[n * 8 : n * 8 + 8], 2) for n in range(size))


@pytest.mark.parametrize("size", [3, 4, 5])
def test_of_the_texts_of_few_characters_the_right_ones_are_read(size):
    for text in map("".join, itertools.product("AQgE_-=+", repeat=size)):
        assert accepted(text) == by_hand(text)


@pytest.mark.parametrize("before", ["", "A", "AA", "AAA", "AAAA"])
def test_each_last_character_is_read_if_it_leaves_no_bit_over(before):
    for last in ALPHABET:
        assert accepted(before + last) == by_hand(before + last)


@pytest.mark.parametrize("intruder", list("+/=.! \n\0é"))
@pytest.mark.parametrize("text", ["", "AQ", "AAE", "AAAA", "AAAAAQ"])
@pytest.mark.parametrize("times", [1, 2, 3, 4, 8])
def test_no_other_character_is_passed_over(text, intruder, times):
    for position in range(len(text) + 1):
        assert accepted(text[:position] + intruder * times + text[position:]) is None


@given(
    st.text(ALPHABET, max_size=12)
    | st.text(ALPHABET + "+/= \n\t.", max_size=12)
    | st.text(max_size=6)
)
@example("QQ")
@example("QR")  # the same byte, but for four bits that decoding drops
@example("QQ==")
@example("QUJD\n")
@example("QU JD")
@example("+/+/")
@example("A")
@example("\ud800")
def test_what_is_read_is_written_back_the_same(text):
    data = accepted(text)

    assert data == by_hand(text)
    if data is not None:
        assert b64url(data) == text


@given(st.binary(min_size=1), st.data())
def test_every_other_spelling_is_refused(data, draw):
    text = b64url(data)
    position = draw.draw(st.integers(0, len(text)))
    intruder = draw.draw(st.sampled_from("=+/.\n \0é"))

    assert accepted(text[:position] + intruder + text[position:]) is None
    assert accepted(text + "=" * (-len(text) % 4 or 4)) is None


# Hashes and MACs


@given(st.binary())
def test_a_digest_is_sha256(data):
    assert base64.urlsafe_b64decode(digest(data) + "=") == hashlib.sha256(data).digest()


def test_a_digest_is_spelled_like_a_pkce_challenge():
    """RFC 7636, appendix B."""
    verifier = b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    assert digest(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_token_hash_of_abc():
    """FIPS 180-4's example."""
    assert token_hash("abc").hex() == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_a_basic_digest_is_sha512_over_salt_and_secret():
    """FIPS 180-4's example, split between the two."""
    assert basic_digest("c", b"ab").hex() == (
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    )


@given(st.text(st.characters(exclude_categories=["Cs"])), st.binary())
def test_secrets_are_hashed_as_utf8(secret, salt):
    assert token_hash(secret) == hashlib.sha256(secret.encode("utf-8")).digest()
    assert basic_digest(secret, salt) == hashlib.sha512(salt + secret.encode("utf-8")).digest()


@given(st.binary(), st.binary())
def test_a_mac_is_hmac_sha256(key, data):
    assert mac(key, data) == hmac.new(key, data, hashlib.sha256).digest()


@pytest.mark.parametrize(
    ("key", "data", "expected"),
    [
        (
            b"\x0b" * 20,
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            b"\xaa" * 131,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ],
)
def test_rfc_4231(key, data, expected):
    assert mac(key, data).hex() == expected


@given(st.binary() | st.text(max_size=8).map(str.encode), st.binary())
def test_constant_time_equal_is_equality(one, other):
    assert constant_time_equal(one, one)
    assert constant_time_equal(one, other) == (one == other)


def test_text_is_compared_as_utf8():
    assert constant_time_equal("Zoë", "Zoë".encode())
    assert constant_time_equal("Zoë", "Zoë")
    assert not constant_time_equal("Zoë", "Zoe")
    assert not constant_time_equal("abc", "abcd")
    assert not constant_time_equal("", b"a")


def test_require_equal_raises_the_refusal_it_was_given():
    require_equal("secret", b"secret", WrongToken)

    with pytest.raises(WrongToken) as caught:
        require_equal("canary-1", "canary-2", WrongToken)

    assert "canary" not in str(caught.value)


# The AEAD


class CountingEntropy:
    """Counts up, and remembers what it was asked for."""

    def __init__(self):
        self.sizes = []

    def __call__(self, size):
        self.sizes.append(size)
        return len(self.sizes).to_bytes(size)


KEY = bytes(range(32))


@given(st.binary(), st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_sealed_opens(plain, context):
    aead = Aead(KEY, os.urandom)
    sealed = aead.seal(plain, context)

    assert aead.open(sealed, context) == plain
    assert Aead(KEY, os.urandom).open(sealed, context) == plain
    if len(plain) > 4:
        assert plain not in sealed


def test_a_nonce_is_taken_for_each_seal():
    entropy = CountingEntropy()
    aead = Aead(KEY, entropy)
    sealed = [aead.seal(b"same", "same") for _ in range(3)]

    assert entropy.sizes == [12, 12, 12]
    assert [each[:12] for each in sealed] == [n.to_bytes(12) for n in (1, 2, 3)]
    assert len({each[12:] for each in sealed}) == 3
    aead.open(sealed[0], "same")
    assert len(entropy.sizes) == 3


def test_a_sealed_secret_is_nonce_ciphertext_and_tag():
    """McGrew and Viega, "The Galois/Counter Mode of Operation", test case 14."""
    aead = Aead(bytes(32), bytes)

    assert aead.seal(bytes(16), "").hex() == "00" * 12 + (
        "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
    )


@pytest.mark.parametrize("context", ["", "other", "contexT", "context\0"])
def test_another_context_does_not_open(context):
    aead = Aead(KEY, CountingEntropy())
    sealed = aead.seal(b"secret", "context")

    with pytest.raises(SealBroken):
        aead.open(sealed, context)


def test_another_key_does_not_open():
    sealed = Aead(KEY, CountingEntropy()).seal(b"secret", "context")

    with pytest.raises(SealBroken):
        Aead(KEY[::-1], CountingEntropy()).open(sealed, "context")


def test_no_flipped_bit_opens():
    aead = Aead(KEY, CountingEntropy())
    sealed = aead.seal(b"secret", "context")

    for position in range(len(sealed) * 8):
        flipped = bytearray(sealed)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(SealBroken):
            aead.open(bytes(flipped), "context")


def test_no_other_length_opens():
    aead = Aead(KEY, CountingEntropy())
    sealed = aead.seal(b"secret", "context")

    for size in range(len(sealed)):
        with pytest.raises(SealBroken):
            aead.open(sealed[:size], "context")
    with pytest.raises(SealBroken):
        aead.open(sealed + b"\0", "context")


def test_a_broken_seal_tells_nothing_of_why():
    aead = Aead(KEY, CountingEntropy())

    with pytest.raises(SealBroken) as caught:
        aead.open(aead.seal(b"canary", "context"), "canary")

    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("size", [0, 16, 24, 31, 33, 64])
def test_an_aead_takes_a_key_of_256_bits_only(size):
    with pytest.raises(ValueError, match="32 bytes"):
        Aead(bytes(size), CountingEntropy())


def test_an_aead_does_not_show_its_key():
    assert repr(KEY)[2:-1] not in repr(vars(Aead(KEY, CountingEntropy())))
