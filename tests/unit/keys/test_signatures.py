"""Bare signatures: every wrong shape is refused, and those in the RFCs hold."""

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from forged_tokens import ED25519_ORDER, KID, LIMIT, P256_ORDER, TYP, der, loaded, unb64
from hypothesis import given
from hypothesis import strategies as st

from counterseal.errors import (
    MalformedToken,
    WrongSignature,
)
from counterseal.keys import public_key, read, sign_bytes
from counterseal.keys.jws import verify_bytes
from counterseal.models import Algorithm


def holds(signature, data, key):
    try:
        verify_bytes(signature, data, key)
    except WrongSignature:
        return False
    return True


def test_es256_signatures_in_every_wrong_shape(signers):
    signer = signers[Algorithm.ES256]
    signature = signer.sign(b"data")
    r, s = signature[:32], signature[32:]
    n = P256_ORDER.to_bytes(32)
    zero, one, most = bytes(32), (1).to_bytes(32), b"\xff" * 32
    below = (P256_ORDER - 1).to_bytes(32)

    assert holds(signature, b"data", signer.public)
    for wrong in [
        b"",
        der(signer, b"data"),
        signature[:63],
        signature + b"\0",
        b"\0" + signature,
        s + r,
        *(r + other for other in (zero, one, n, below, most)),
        *(other + s for other in (zero, one, n, below, most)),
        *(x + y for x in (zero, one, n) for y in (zero, one, n)),
    ]:
        assert not holds(wrong, b"data", signer.public)
    assert not holds(signature, b"dat", signer.public)


def test_an_es256_signature_has_64_bytes_even_if_its_numbers_are_small(signers):
    """A zero less before a number, or one more, does not change the number."""
    signer = signers[Algorithm.ES256]
    signatures = ((data, signer.sign(data)) for data in (b"%d" % n for n in range(10_000)))
    data, signature = next(pair for pair in signatures if pair[1][32] == 0)
    r, s = signature[:32], signature[32:]

    assert holds(r + s, data, signer.public)
    assert not holds(r + s[1:], data, signer.public)
    assert not holds(r + b"\0" + s, data, signer.public)


def test_an_es256_signature_has_a_twin(signers):
    """Why no replay key is made of signature text: (r, n - s) holds as well."""
    signer = signers[Algorithm.ES256]
    signature = signer.sign(b"data")
    twin = (P256_ORDER - int.from_bytes(signature[32:])).to_bytes(32)

    assert holds(signature[:32] + twin, b"data", signer.public)


@given(data=st.binary(max_size=64))
def test_es256_tokens_are_written_with_the_lower_twin_whatever_signs(signers, data):
    signer = signers[Algorithm.ES256]

    def either(high):
        def sign_as(signed):
            raw = signer.sign(signed)
            s = int.from_bytes(raw[32:])
            if (s > P256_ORDER // 2) is not high:
                s = P256_ORDER - s
            return raw[:32] + s.to_bytes(32)

        return sign_as

    for high in (True, False):
        token = sign_bytes(either(high), signer.public, typ=TYP, payload=data)
        signed, _, signature = token.rpartition(".")
        assert int.from_bytes(unb64(signature)[32:]) <= P256_ORDER // 2
        assert holds(unb64(signature), signed.encode(), signer.public)


def test_eddsa_signatures_in_every_wrong_shape(signers):
    signer = signers[Algorithm.EDDSA]
    signature = signer.sign(b"data")
    s = int.from_bytes(signature[32:], "little")

    assert holds(signature, b"data", signer.public)
    for wrong in [
        b"",
        signature[:63],
        signature + b"\0",
        signature[32:] + signature[:32],
        bytes(64),
        (1).to_bytes(32, "little") + bytes(32),
        *(
            signature[:32] + (s + times * ED25519_ORDER).to_bytes(32, "little")
            for times in (1, 2, 7)  # the same number again, RFC 8032, 5.1.7
        ),
    ]:
        assert not holds(wrong, b"data", signer.public)


@pytest.mark.parametrize("salt", [0, 20, 31, 33, 64, 222])
def test_a_pss_salt_has_32_bytes(signers, salt):
    signer = signers[Algorithm.PS256]
    sha256 = hashes.SHA256()
    pss = padding.PSS(mgf=padding.MGF1(sha256), salt_length=salt)

    assert not holds(loaded(signer).sign(b"data", pss, sha256), b"data", signer.public)


def test_pss_has_sha256_throughout(signers):
    signer = signers[Algorithm.PS256]
    sha1, sha256, sha512 = hashes.SHA1(), hashes.SHA256(), hashes.SHA512()  # noqa: S303

    for inner, outer in [(sha1, sha256), (sha512, sha256), (sha256, sha512)]:
        pss = padding.PSS(mgf=padding.MGF1(inner), salt_length=32)
        signature = loaded(signer).sign(b"data", pss, outer)
        assert not holds(signature, b"data", signer.public)


def test_pkcs_1_blocks_in_every_wrong_shape(signers):
    """RFC 8017, 8.2.2: the block is compared, not parsed."""
    signer = signers[Algorithm.RS256]
    numbers = loaded(signer).private_numbers()
    digest = hashlib.sha256(b"data").digest()
    info = bytes.fromhex("3031300d060960864801650304020105000420") + digest

    def raised(block):
        assert len(block) == 256
        return pow(int.from_bytes(block), numbers.d, numbers.public_numbers.n).to_bytes(256)

    def block(content, kind=b"\0\1", fill=b"\xff", rest=b""):
        size = 256 - 2 - 1 - len(content) - len(rest)
        return kind + fill * size + b"\0" + content + rest

    assert holds(raised(block(info)), b"data", signer.public)
    for wrong in [
        block(info, kind=b"\0\2"),
        block(info, kind=b"\0\0"),
        block(info, fill=b"\xfe"),
        block(digest),
        block(bytes.fromhex("302f300b0609608648016503040201") + b"\4\x20" + digest),
        block(bytes.fromhex("308131300d060960864801650304020105000420") + digest),
        block(bytes.fromhex("3021300906052b0e03021a05000414") + digest[:20]),
        block(info, rest=b"\0"),
        b"\0\1" + b"\xff" * 8 + b"\0" + info + bytes(256 - 11 - len(info)),
        block(info[:-1] + bytes([info[-1] ^ 1])),
    ]:
        assert not holds(raised(wrong), b"data", signer.public)
    signature = raised(block(info))
    n = numbers.public_numbers.n
    for wrong in [
        b"",
        signature[1:],
        signature + b"\0",
        b"\0" + signature,
        (int.from_bytes(signature) + n).to_bytes(257),
        bytes(256),
        (1).to_bytes(256),
        n.to_bytes(256),
        (n - 1).to_bytes(256),
    ]:
        assert not holds(wrong, b"data", signer.public)


RFC_PAYLOAD = (
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog"
    "Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)


@pytest.mark.parametrize(
    ("jwk", "signed", "signature"),
    [
        pytest.param(
            {
                "alg": "RS256",
                "kty": "RSA",
                "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Va"
                "w-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r"
                "2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7"
                "WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK"
                "-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
                "e": "AQAB",
            },
            "eyJhbGciOiJSUzI1NiJ9" + RFC_PAYLOAD,
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0"
            "Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnb"
            "yTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi1"
            "2jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs"
            "98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
            id="RFC 7515, A.2",
        ),
        pytest.param(
            {
                "alg": "ES256",
                "kty": "EC",
                "crv": "P-256",
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            },
            "eyJhbGciOiJFUzI1NiJ9" + RFC_PAYLOAD,
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJq"
            "PP3-Kg6NU1Q",
            id="RFC 7515, A.3",
        ),
        pytest.param(
            {
                "alg": "EdDSA",
                "kty": "OKP",
                "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            },
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVv"
            "pAr_MuM0KAg",
            id="RFC 8037, A.4",
        ),
    ],
)
def test_the_signatures_in_the_rfcs(jwk, signed, signature):
    """Their headers have no typ and kid, so that only the signature can be tried."""
    key = public_key(jwk | {"kid": KID}, algorithms=frozenset(Algorithm))
    data, raw = signed.encode(), unb64(signature)

    assert holds(raw, data, key)
    assert not holds(raw, data[:-1], key)
    with pytest.raises(MalformedToken):
        read(f"{signed}.{signature}", limit=LIMIT)
