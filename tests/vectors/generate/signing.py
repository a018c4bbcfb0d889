"""Keys from keys.json, and signatures that stay the same from run to run."""

import json
import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from counterseal import ijson, keys
from counterseal.errors import MalformedToken, WrongSignature
from counterseal.keys.jws import low_s, verify_bytes
from counterseal.keys.private import P256_ORDER
from counterseal.models import Algorithm, DeviceKey, Role

VECTORS = Path(__file__).parents[1]
# Only where a part begins: from each of its letters, a long text would be searched to its end.
JWS = re.compile(r"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


def number(text):
    return int.from_bytes(keys.unb64url(text))


def load(jwk):
    if jwk["kty"] == "EC":
        return ec.derive_private_key(number(jwk["d"]), ec.SECP256R1())
    if jwk["kty"] == "OKP":
        return ed25519.Ed25519PrivateKey.from_private_bytes(keys.unb64url(jwk["d"]))
    public = rsa.RSAPublicNumbers(number(jwk["e"]), number(jwk["n"]))
    names = ("p", "q", "d", "dp", "dq", "qi")
    return rsa.RSAPrivateNumbers(*(number(jwk[name]) for name in names), public).private_key()


PRIVATE = {
    entry["name"]: load(entry["private"])
    for entry in json.loads((VECTORS / "keys.json").read_text(encoding="utf-8"))["keys"]
}
ALGORITHMS = {"es256": "ES256", "eddsa": "EdDSA", "ps256": "PS256", "rs256": "RS256"}
KEYS = {
    name: keys.PrivateKey(
        private, kid=name, algorithm=Algorithm(ALGORITHMS[name.partition("-")[0]])
    )
    for name, private in PRIVATE.items()
}


def signatures_at_hand():
    """Map what was signed to the signatures that the files hold for it."""
    signatures = {}
    for path in VECTORS.glob("*.json"):
        collect(path.read_text(encoding="utf-8"), signatures)
    return signatures


def collect(text, signatures):
    for signed, signature in JWS.findall(text):
        signatures.setdefault(signed, set()).add(signature)
        try:
            inner = keys.unb64url(signed.partition(".")[2]).decode()
        except (MalformedToken, UnicodeDecodeError):
            continue
        collect(inner, signatures)  # receipts hold answers


AT_HAND = signatures_at_hand()


def signature_of(name, signed):
    """Sign with the key *name*, or return the signature that there is; ES256 with a low s."""
    key = KEYS[name]
    for signature in sorted(AT_HAND.get(signed, ())):
        try:
            raw = keys.unb64url(signature)
            verify_bytes(raw, signed.encode(), key.public)
        except (MalformedToken, WrongSignature):
            continue
        return in_low_form(key, raw)
    signature = in_low_form(key, key.sign(signed.encode()))
    AT_HAND.setdefault(signed, set()).add(signature)
    return signature


def in_low_form(key, raw):
    return keys.b64url(low_s(raw) if key.public.algorithm is Algorithm.ES256 else raw)


def twin(token):
    """Return *token* with the other signature that ECDSA allows, (r, n - s)."""
    signed, _, signature = token.rpartition(".")
    raw = keys.unb64url(signature)
    s = P256_ORDER - int.from_bytes(raw[32:])
    return f"{signed}.{keys.b64url(raw[:32] + s.to_bytes(32))}"


def signing_input(header, payload):
    if not isinstance(payload, bytes):
        payload = ijson.compact(payload)
    return f"{keys.b64url(ijson.compact(header))}.{keys.b64url(payload)}"


def header_of(name, typ):
    public = KEYS[name].public
    return {"alg": public.algorithm.value, "kid": public.kid, "typ": typ}


def sign(name, typ, claims, **header):
    signed = signing_input({**header_of(name, typ), **header}, claims)
    return f"{signed}.{signature_of(name, signed)}"


def public_jwk(name):
    (jwk,) = keys.jwks_document([KEYS[name].public])["keys"]
    del jwk["use"]
    return jwk


def jwks(*names):
    return {"keys": [public_jwk(name) for name in names]}


def device_key(name):
    role = Role.STRONG if "strong" in name else Role.DEVICE
    return DeviceKey(role=role, key=KEYS[name].public)
