"""Encryption: the example of RFC 8291, and decryption by http-ece."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from push_loopback import Browser, unb64

from counterseal_webpush import Subscription, Unusable
from counterseal_webpush.encryption import PLAIN_LIMIT, encrypt

# RFC 8291, 5 and appendix A.
PLAIN = b"When I grow up, I want to be a watermelon"
POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SCALAR = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
    "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
    "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)

BROWSER = Browser("https://push.example/1")
SUBSCRIPTION = Subscription(endpoint=BROWSER.endpoint, point=BROWSER.point, auth=BROWSER.auth)


def test_the_example_of_rfc_8291():
    subscription = Subscription(endpoint="", point=unb64(POINT), auth=unb64(AUTH))
    body = encrypt(PLAIN, subscription, salt=unb64(SALT), scalar=unb64(SCALAR))
    assert body == unb64(BODY)


@given(plain=st.binary(max_size=PLAIN_LIMIT), size=st.integers(0, PLAIN_LIMIT))
def test_e9_http_ece_decrypts_every_message(plain, size):
    assert PLAIN_LIMIT == 3993, "RFC 8291, 4: what fits into one record of 4096 bytes"
    body = encrypt(plain, SUBSCRIPTION, salt=os.urandom(16), scalar=os.urandom(32), size=size)
    assert BROWSER.decrypt(body) == plain
    assert len(body) == 86 + max(len(plain), size) + 1 + 16 <= 4096


@pytest.mark.parametrize("length", [0, 1, PLAIN_LIMIT - 1, PLAIN_LIMIT])
def test_the_shortest_and_the_longest_message(length):
    body = encrypt(b"x" * length, SUBSCRIPTION, salt=os.urandom(16), scalar=os.urandom(32))
    assert BROWSER.decrypt(body) == b"x" * length


def test_a_message_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="too long"):
        encrypt(b"x" * (PLAIN_LIMIT + 1), SUBSCRIPTION, salt=bytes(16), scalar=os.urandom(32))


@pytest.mark.parametrize("point", [b"\x04" + b"\x01" * 64, b"\x02" + b"\x01" * 32, bytes(65), b""])
def test_a_key_that_is_not_a_point_is_unusable(point):
    subscription = Subscription(endpoint="", point=point, auth=bytes(16))
    with pytest.raises(Unusable):
        encrypt(b"", subscription, salt=bytes(16), scalar=os.urandom(32))
