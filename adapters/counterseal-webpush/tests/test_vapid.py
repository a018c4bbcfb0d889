"""VAPID: tokens that PyJWT verifies, cached for hours, one for each push service."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from push_loopback import b64, unb64

from counterseal.errors import InvalidField
from counterseal_webpush import Unauthorized, Vapid, verify_authorization

KEY = b64(bytes(range(32)))
CONTACT = "mailto:operator@push.example"
NOW = datetime(2040, 1, 1, tzinfo=UTC)


def parts(header):
    scheme, token, key = header.replace(",", " ").split()
    assert scheme == "vapid"
    return token.removeprefix("t="), key.removeprefix("k=")


def test_pyjwt_verifies_a_token():
    vapid = Vapid(KEY, CONTACT)
    token, key = parts(vapid.authorization("https://push.example", NOW))

    assert key == vapid.public
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(key))
    assert (
        public
        == ec.derive_private_key(int.from_bytes(bytes(range(32))), ec.SECP256R1()).public_key()
    )
    claims = jwt.decode(token, public, algorithms=["ES256"], audience="https://push.example")
    assert claims == {
        "aud": "https://push.example",
        "exp": int((NOW + timedelta(hours=12)).timestamp()),
        "sub": CONTACT,
    }
    assert jwt.get_unverified_header(token) == {"typ": "JWT", "alg": "ES256"}


def test_one_token_is_used_for_hours_and_for_one_push_service():
    vapid = Vapid(KEY, CONTACT)
    first = vapid.authorization("https://a.example", NOW)
    assert vapid.authorization("https://a.example", NOW + timedelta(hours=11)) == first
    assert vapid.authorization("https://b.example", NOW) != first
    assert vapid.authorization("https://a.example", NOW + timedelta(hours=11.1)) != first


def test_the_tokens_of_the_last_push_services_are_cached(monkeypatch):
    monkeypatch.setattr("counterseal_webpush.vapid.CAPACITY", 2)
    vapid = Vapid(KEY, CONTACT)
    first = [vapid.authorization(f"https://{name}.example", NOW) for name in "abc"]
    repeated = [vapid.authorization(f"https://{name}.example", NOW) for name in "cba"]
    assert repeated[0] == first[2]
    assert repeated[1] == first[1]
    assert repeated[2] != first[0]  # ES256 signatures are random


@pytest.mark.parametrize(
    ("key", "contact", "field"),
    [
        ("", CONTACT, "key"),
        (b64(bytes(31)), CONTACT, "key"),
        (b64(bytes(32)), CONTACT, "key"),
        (b64(b"\xff" * 32), CONTACT, "key"),
        (b64(b"\x01" * 33), CONTACT, "key"),
        ("canary of no base64 !", CONTACT, "key"),
        (KEY, "operator@push.example", "contact"),
        (KEY, "http://push.example", "contact"),
        (KEY, "mailto:a@b\r\nx: y", "contact"),
    ],
)
def test_a_malformed_key_or_contact_is_refused(key, contact, field):
    with pytest.raises(InvalidField) as error:
        Vapid(key, contact)
    assert error.value.field == field
    assert "canary" not in str(error.value)


def test_its_repr_has_the_public_key_only():
    vapid = Vapid(KEY, CONTACT)
    assert KEY not in repr(vapid)
    assert vapid.public in repr(vapid)


PUSH = "https://push.example"


def test_an_own_header_is_verified():
    vapid = Vapid(KEY, CONTACT)
    header = vapid.authorization(PUSH, NOW)
    verify_authorization(header, public=vapid.public, origin=PUSH, now=NOW)


def jwt_header(**changes):
    private = ec.derive_private_key(int.from_bytes(bytes(range(32))), ec.SECP256R1())
    claims = {"aud": PUSH, "exp": int(NOW.timestamp()) + 60, "sub": CONTACT} | changes
    return f"vapid t={jwt.encode(claims, private, 'ES256')}, k={Vapid(KEY, CONTACT).public}"


def test_a_header_that_pyjwt_signs_is_verified():
    public = Vapid(KEY, CONTACT).public
    verify_authorization(jwt_header(), public=public, origin=PUSH, now=NOW)


def other_headers():
    """Return headers by what is wrong; each signature is another in each process."""
    other = Vapid(b64(bytes(range(1, 33))), CONTACT)
    header = jwt_header()
    token, key = parts(header)
    unsigned = jwt.encode({"aud": PUSH, "exp": int(NOW.timestamp()) + 60}, None, "none")
    return {
        "empty": "",
        "another scheme": "Bearer x",
        "no key": f"vapid t={token}",
        "another key": other.authorization(PUSH, NOW),
        "the key of another": f"vapid t={parts(other.authorization(PUSH, NOW))[0]}, k={key}",
        "unsigned": f"vapid t={unsigned}AAAA, k={key}",
        "no header": f"vapid t=WzFd.{token.partition('.')[2]}, k={key}",
        "another signature": f"vapid t={token[:-4]}AAAA, k={key}",
        "another audience": jwt_header(aud="https://other.example"),
        "over": jwt_header(exp=int(NOW.timestamp())),
        "too long": jwt_header(exp=int(NOW.timestamp()) + 86_401),
        "no time": jwt_header(exp="x"),
    }


@pytest.mark.parametrize("header", other_headers().values(), ids=other_headers())
def test_another_header_is_refused(header):
    public = Vapid(KEY, CONTACT).public
    with pytest.raises(Unauthorized):
        verify_authorization(header, public=public, origin=PUSH, now=NOW)
