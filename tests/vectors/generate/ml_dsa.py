"""Keys and tokens of ML-DSA-44, made by dilithium-py, so that the core is compared with it."""

import hashlib
import json

from dilithium_py.ml_dsa import ML_DSA_44
from names import ACCOUNT, DEVICES, SIGNED_AT, SPACE, entropy
from pins import stretched

from counterseal import ijson, keys

ALG = "ML-DSA-44"
TYP = "counterseal-proof+jwt"
NAMES = ("ml-dsa-device", "ml-dsa-strong")
SEEDS = {name: entropy(f"seed of {name}", 32) for name in NAMES}
PAIRS = {name: ML_DSA_44.key_derive(seed) for name, seed in SEEDS.items()}
CLAIMS = {
    "iss": DEVICES["ES256"],
    "sub": ACCOUNT.guid,
    "aud": SPACE.guid,
    "iat": SIGNED_AT,
}


def ml_dsa_vectors():
    own, strong = (public_jwk(name) for name in NAMES)
    pub = own["pub"]
    return {
        "about": "Keys and tokens of ML-DSA-44 (RFC 9964), which a policy has to allow. Signatures"
        " are deterministic here, and random elsewhere; the context is empty.",
        "keys": [entry(name) for name in NAMES],
        "valid": [
            {"about": name, "key": name, "typ": TYP, "claims": CLAIMS, "token": signed(name)}
            for name in NAMES
        ],
        "refused": [
            refused("another key signed", signed(NAMES[1], kid=NAMES[0]), "wrong_signature"),
            refused("with a context", signed(NAMES[0], ctx=b"counterseal"), "wrong_signature"),
            refused("other claims", changed(), "wrong_signature"),
            refused("a byte less", shorter(), "wrong_signature"),
            refused("says that it is ES256", signed(NAMES[0], alg="ES256"), "wrong_algorithm"),
            refused("says ML-DSA-65", signed(NAMES[0], alg="ML-DSA-65"), "wrong_algorithm"),
            refused("names another key", signed(NAMES[1]), "wrong_key"),
        ],
        "unfit": [
            unfit("a byte less", own, "unfit_key", pub=keys.b64url(keys.unb64url(pub)[:-1])),
            unfit("a byte more", own, "unfit_key", pub=keys.b64url(keys.unb64url(pub) + b"\0")),
            unfit("padding", own, "unfit_key", pub=f"{pub}=="),
            unfit("another kty", own, "unfit_key", kty="OKP"),
            unfit("another set of parameters", own, "unfit_key", alg="ML-DSA-65"),
            unfit("a private member", own, "invalid_field", priv=keys.b64url(SEEDS[NAMES[0]])),
            unfit("a curve", own, "invalid_field", crv="Ed25519"),
            unfit("no pub", strong, "invalid_field", pub=None),
        ],
        "pin": [wrapped(NAMES[1], "1379", 16)],
    }


def public_jwk(name):
    return {"alg": ALG, "kid": name, "kty": "AKP", "pub": keys.b64url(PAIRS[name][0])}


def entry(name):
    public = public_jwk(name)
    required = {member: public[member] for member in ("alg", "kty", "pub")}
    text = json.dumps(required, sort_keys=True, separators=(",", ":"))
    return {
        "name": name,
        "private": {**required, "priv": keys.b64url(SEEDS[name])},
        "public": public,
        "thumbprint": keys.b64url(hashlib.sha256(text.encode()).digest()),
    }


def signed(name, *, kid=None, alg=ALG, ctx=b""):
    header = {"alg": alg, "kid": kid or name, "typ": TYP}
    parts = (keys.b64url(ijson.compact(part)) for part in (header, CLAIMS))
    text = ".".join(parts)
    signature = ML_DSA_44.sign(PAIRS[name][1], text.encode(), ctx=ctx, deterministic=True)
    return f"{text}.{keys.b64url(signature)}"


def changed():
    header, _, signature = signed(NAMES[0]).split(".")
    claims = keys.b64url(ijson.compact({**CLAIMS, "iat": SIGNED_AT + 1}))
    return f"{header}.{claims}.{signature}"


def shorter():
    text, _, signature = signed(NAMES[0]).rpartition(".")
    return f"{text}.{keys.b64url(keys.unb64url(signature)[:-1])}"


def refused(why, token, code):
    return {"why": why, "key": NAMES[0], "typ": TYP, "token": token, "code": code}


def unfit(why, jwk, code, **changes):
    members = {name: value for name, value in {**jwk, **changes}.items() if value is not None}
    return {"why": why, "jwk": members, "code": code}


def wrapped(name, pin, cost):
    salt = entropy(f"salt {name}", 16)
    mask = stretched(pin, salt, cost)
    shifted = bytes(a ^ b for a, b in zip(SEEDS[name], mask[:32], strict=True))
    return {
        "about": name,
        "key": name,
        "pin": pin,
        "stretched": keys.b64url(mask),
        "wrapped": {
            "kid": name,
            "algorithm": ALG,
            "wrapping": "shifted",
            "cost": cost,
            "salt": keys.b64url(salt),
            "wrapped": keys.b64url(shifted),
        },
    }
