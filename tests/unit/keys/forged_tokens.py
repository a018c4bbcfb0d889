"""
Tokens of any header, payload and signature, and joserfc as the second opinion on each.

joserfc reads what we read and more.
What it takes and we refuse has to stand in STRICTNESS below;
what it refuses we never take.
"""

import base64
import hashlib
import hmac
import json
import re
import warnings

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, utils
from hypothesis import strategies as st
from joserfc import jws as joserfc
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from counterseal.errors import (
    MalformedToken,
    Refused,
    WrongKey,
    WrongType,
)
from counterseal.keys import generate, ml_dsa, read, verify
from counterseal.models import Algorithm

TYP = "counterseal-test+jwt"
KID = "kid-1"
LIMIT = 6000  # joserfc 1.4 takes payloads of 8000 characters
CLAIMS = {"iat": 1764000000, "button": {"index": 0, "title": "Zoë"}}
# FIPS 186-5: the order of P-256. RFC 8032, 5.1: the order of Ed25519's base point.
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
JOSE_ALGORITHMS = [each for each in Algorithm if each is not Algorithm.ML_DSA_44]
"""What joserfc and PyJWT know."""
SUPPORTED = [each for each in Algorithm if each in JOSE_ALGORITHMS or ml_dsa.SUPPORTED]
"""What this installation can sign with."""
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def b64(data):
    data = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def header_of(signer, **changes):
    """Write a header; a member changed to `...` is left out."""
    members = {"alg": signer.public.algorithm.value, "typ": TYP, "kid": KID} | changes
    return json.dumps({n: v for n, v in members.items() if v is not ...})


def forge(signer, *, header=None, payload=None, make=None):
    """Write a token of any header and payload, with a signature that *make* makes."""
    header = header_of(signer) if header is None else header
    payload = json.dumps(CLAIMS) if payload is None else payload
    signed = f"{b64(header)}.{b64(payload)}"
    signature = (make or plain)(signer, signed.encode())
    return f"{signed}.{b64(signature)}"


def ours(token, signer):
    """Return the payload, or the code of the refusal."""
    try:
        return verify(read(token, limit=LIMIT), signer.public, expected_typ=TYP)
    except Refused as refusal:
        return refusal.code


def theirs(token, signer):
    """Return joserfc's payload as bytes, or None; key and algorithm are the same."""
    jwk = json.loads(signer.public.jwk)
    key = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}[jwk["kty"]].import_key(jwk)
    pinned = [signer.public.algorithm.value]
    try:
        with warnings.catch_warnings():
            # It warns of the name `EdDSA`, which RFC 9864 deprecates.
            warnings.simplefilter("ignore", SecurityWarning)
            token_ = joserfc.deserialize_compact(token, key, algorithms=pinned)
    except Exception:  # noqa: BLE001 - it has no one root for what it raises
        return None
    return bytes(token_.payload)


# Ways to sign


def plain(signer, signed):
    return signer.sign(signed)


def loaded(signer):
    return serialization.load_der_private_key(signer.pkcs8(), None)


def der(signer, signed):
    raw = signer.sign(signed)
    r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
    return utils.encode_dss_signature(r, s)


def another_key(signer, signed):
    algorithm = signer.public.algorithm
    if algorithm in (Algorithm.PS256, Algorithm.RS256):
        return signer.sign(signed + b".")  # making RSA keys takes too long
    return generate(algorithm, kid=KID).sign(signed)


def mac_with_the_public_key(signer, signed):
    public = loaded(signer).public_key()
    secret = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hmac.digest(secret, signed, "sha256")


def the_other_padding(signer, signed):
    key, sha256 = loaded(signer), hashes.SHA256()
    if not hasattr(key, "decrypt"):  # not RSA
        return signer.sign(signed)
    if signer.public.algorithm is Algorithm.PS256:
        return key.sign(signed, padding.PKCS1v15(), sha256)
    pss = padding.PSS(mgf=padding.MGF1(sha256), salt_length=32)
    return key.sign(signed, pss, sha256)


def flipped(signer, signed):
    signature = bytearray(signer.sign(signed))
    signature[len(signed) % len(signature)] ^= 1
    return bytes(signature)


def hashed_first(signer, signed):
    return signer.sign(hashlib.sha256(signed).digest())


SIGNATURES = {
    "plain": plain,
    "another key": another_key,
    "flipped": flipped,
    "MAC with the public key": mac_with_the_public_key,
    "the other padding": the_other_padding,
    "hashed first": hashed_first,
    "one byte less": lambda signer, signed: signer.sign(signed)[:-1],
    "one byte more": lambda signer, signed: signer.sign(signed) + b"\0",
    "a zero in front": lambda signer, signed: b"\0" + signer.sign(signed),
    "twice": lambda signer, signed: signer.sign(signed) * 2,
    "zeros": lambda signer, signed: bytes(len(signer.sign(signed))),
    "none": lambda signer, signed: b"",
}


# What joserfc takes and we refuse, and with which code


def pairs_of(raw):
    """Parse leniently; objects come as lists of pairs, which are marked as tuples."""
    return json.loads(raw, object_pairs_hook=lambda pairs: tuple(map(tuple, pairs)))


def has_twins(parsed):
    if isinstance(parsed, tuple):
        names = [name for name, _ in parsed]
        members = [member for _, member in parsed]
        return len(set(names)) < len(names) or any(map(has_twins, members))
    return isinstance(parsed, list) and any(map(has_twins, parsed))


def is_strict(raw):
    """Whether *raw* is UTF-8, not nested without end, and all its values are JSON's."""
    try:
        value = json.loads(raw.decode("utf-8"))
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return False
    return True


def is_portable(value):
    """Whether every reader holds *value* the same (RFC 7493, 2.1 and 2.2)."""
    if isinstance(value, str):
        return not any(
            ord(each) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(each) <= 0xFDEF for each in value
        )
    if isinstance(value, dict):
        return all(is_portable(name) and is_portable(each) for name, each in value.items())
    if isinstance(value, list):
        return all(map(is_portable, value))
    if isinstance(value, float) and (not value.is_integer() or abs(value) >= 1e21):
        return True
    return value is None or abs(value) < 2**53


def levels(raw):
    """Count the deepest nesting by brackets, texts taken out."""
    depth = deepest = 0
    for character in re.sub(r'"(\\.|[^"\\])*"', "", raw.decode()):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(character, 0)
        deepest = max(deepest, depth)
    return deepest


def members(raw):
    parsed = json.loads(raw)
    return parsed if isinstance(parsed, dict) else {}


STRICTNESS = {
    "padding": (
        MalformedToken,
        lambda token, header, payload: "=" in token,
    ),
    "longer than the limit": (
        MalformedToken,
        lambda token, header, payload: len(token) > LIMIT,
    ),
    "a header of other members than alg, typ and kid": (
        MalformedToken,
        lambda token, header, payload: set(members(header)) != {"alg", "typ", "kid"},
    ),
    "a header member twice": (
        MalformedToken,
        lambda token, header, payload: has_twins(pairs_of(header)),
    ),
    "a header that is not strict JSON": (
        MalformedToken,
        lambda token, header, payload: not is_strict(header),
    ),
    "another typ": (
        WrongType,
        lambda token, header, payload: members(header).get("typ", TYP) != TYP,
    ),
    "another kid": (
        WrongKey,
        lambda token, header, payload: members(header).get("kid", KID) != KID,
    ),
    "a payload that is not strict JSON": (
        MalformedToken,
        lambda token, header, payload: not is_strict(payload),
    ),
    "a payload of more than 32 levels": (
        MalformedToken,
        lambda token, header, payload: is_strict(payload) and levels(payload) > 32,
    ),
    "a payload that not every reader holds": (
        MalformedToken,
        lambda token, header, payload: (
            is_strict(payload) and levels(payload) <= 32 and not is_portable(json.loads(payload))
        ),
    ),
    "a payload that is no object": (
        MalformedToken,
        lambda token, header, payload: (
            is_strict(payload) and not isinstance(json.loads(payload), dict)
        ),
    ),
    "a payload member twice": (
        MalformedToken,
        lambda token, header, payload: (
            is_strict(payload) and levels(payload) <= 32 and has_twins(pairs_of(payload))
        ),
    ),
}


def reasons_against(token):
    """List the reasons why we refuse a token that joserfc has taken."""
    header, payload, _ = token.split(".")
    raw = unb64(header), unb64(payload)
    return [name for name, (_, holds) in STRICTNESS.items() if holds(token, *raw)]


def verdict_of(token, signer):
    """Hold our verdict against joserfc's; return both."""
    mine, other = ours(token, signer), theirs(token, signer)
    if other is None:
        assert isinstance(mine, str), "joserfc refuses what we take"
    elif isinstance(mine, dict):
        assert json.loads(other) == mine
        assert reasons_against(token) == []
    else:
        codes = {STRICTNESS[name][0].code for name in reasons_against(token)}
        assert mine in codes, "joserfc takes what we refuse, for no reason on the list"
    return mine, other


MEMBERS = {
    "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwI"},
    "jku": "https://evil.example/jwks",
    "x5u": "https://evil.example/cert",
    "x5c": ["MIIB"],
    "x5t": "AAAA",
    "cty": "json",
    "crit": ["b64"],
    "b64": False,
    "iss": "evil",
    "": "",
    "Alg": "none",
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(width=16) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
