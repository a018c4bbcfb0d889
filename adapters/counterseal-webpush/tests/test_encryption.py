"""Encryption: the example of RFC 8291, and decryption by http-ece."""

import os

import http_ece
import pytest
from hypothesis import given
from hypothesis import strategies as st
from push_loopback import Browser, unb64

from counterseal.errors import InvalidField
from counterseal_webpush import Subscription, Unusable
from counterseal_webpush.encryption import PLAIN_LIMIT, SCALAR_BYTES, decrypt, encrypt

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

SENDER = Browser("").private
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
def test_a_key_that_is_not_a_point_is_refused(point):
    subscription = Subscription(endpoint="", point=point, auth=bytes(16))
    with pytest.raises(InvalidField, match=r"value\.keys\.p256dh"):
        encrypt(b"", subscription, salt=bytes(16), scalar=os.urandom(32))


DEVICE_SCALAR = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
"""RFC 8291, appendix A: the private key of the receiver."""

OWN = {"scalar": BROWSER.private.private_numbers().private_value.to_bytes(32), "auth": BROWSER.auth}


def test_the_example_of_rfc_8291_is_decrypted():
    plain = decrypt(unb64(BODY), scalar=unb64(DEVICE_SCALAR), auth=unb64(AUTH))
    assert plain == PLAIN


@given(plain=st.binary(min_size=1, max_size=PLAIN_LIMIT))  # it writes no record for nothing
def test_what_http_ece_encrypts_is_decrypted(plain):
    body = http_ece.encrypt(
        plain, dh=BROWSER.point, private_key=SENDER, auth_secret=BROWSER.auth, version="aes128gcm"
    )
    assert decrypt(body, **OWN) == plain


def test_a_padded_message_is_decrypted():
    body = encrypt(b"x\x00", SUBSCRIPTION, salt=bytes(16), scalar=os.urandom(32), size=100)
    assert decrypt(body, **OWN) == b"x\x00"


def test_a_message_changed_in_any_byte_is_refused():
    body = encrypt(b"Lunch?", SUBSCRIPTION, salt=bytes(16), scalar=bytes([7] * SCALAR_BYTES))
    # The record size is not authenticated: only one that is too small is refused.
    for at in (*range(16), *range(20, len(body))):
        changed = bytearray(body)
        changed[at] ^= 1
        with pytest.raises(Unusable):
            decrypt(bytes(changed), **OWN)
    for length in range(len(body)):
        with pytest.raises(Unusable):
            decrypt(body[:length], **OWN)
    with pytest.raises(Unusable):
        decrypt(body[:16] + (5).to_bytes(4) + body[20:], **OWN)
    with pytest.raises(Unusable):
        decrypt(body, scalar=OWN["scalar"], auth=bytes(16))


def test_a_record_that_is_not_the_last_is_refused(monkeypatch):
    monkeypatch.setattr("counterseal_webpush.encryption._LAST", b"\x01")
    body = encrypt(b"x", SUBSCRIPTION, salt=bytes(16), scalar=os.urandom(32))
    monkeypatch.undo()
    with pytest.raises(Unusable):
        decrypt(body, **OWN)
