"""Strong keys under a PIN, made here with hashlib alone, so that the core is compared with it."""

import hashlib

from names import entropy
from signing import PRIVATE

from counterseal import keys
from counterseal.keys.private import P256_ORDER

CASES = [
    ("ES256", "es256-strong", "1379", 2**15),
    ("ES256, another PIN", "es256-strong", "0000", 16),
    ("ES256, a password", "es256-device", "Zoë \U0001f600", 16),
    ("EdDSA", "eddsa-strong", "1379", 2**15),
    ("EdDSA, a long PIN", "eddsa-device", "31415926535897932384", 16),
]
WRONG = "9731"


def pin_vectors():
    valid = [wrapped(*case) for case in CASES]
    first, fourth = valid[1], valid[4]
    return {
        "about": "Strong keys under a PIN: `valid` are the keys of keys.json; under `other` a wrong"
        " PIN gives another key, and no error.",
        "valid": valid,
        "other": [
            {
                **each,
                "about": f"{each['about']}, and a wrong one",
                "pin": WRONG,
                "secret": opened(each),
            }
            for each in (first, fourth)
        ],
    }


def wrapped(title, name, pin, cost):
    salt = entropy(f"salt {title}", 16)
    secret = secret_of(name)
    mask = stretched(pin, salt, cost)
    algorithm = {"es256": "ES256", "eddsa": "EdDSA"}[name.partition("-")[0]]
    if algorithm == "ES256":
        total = (int.from_bytes(secret) - 1 + int.from_bytes(mask)) % (P256_ORDER - 1)
        shifted = total.to_bytes(32)
    else:
        shifted = bytes(a ^ b for a, b in zip(secret, mask[:32], strict=True))
    return {
        "about": title,
        "key": name,
        "pin": pin,
        "stretched": keys.b64url(mask),
        "wrapped": {
            "kid": name,
            "algorithm": algorithm,
            "wrapping": "shifted",
            "cost": cost,
            "salt": keys.b64url(salt),
            "wrapped": keys.b64url(shifted),
        },
    }


def opened(vector, pin=WRONG):
    key = vector["wrapped"]
    mask = stretched(pin, keys.unb64url(key["salt"]), key["cost"])
    shifted = keys.unb64url(key["wrapped"])
    if key["algorithm"] == "EdDSA":
        return keys.b64url(bytes(a ^ b for a, b in zip(shifted, mask[:32], strict=True)))
    secret = (int.from_bytes(shifted) - int.from_bytes(mask)) % (P256_ORDER - 1) + 1
    return keys.b64url(secret.to_bytes(32))


def stretched(pin, salt, cost):
    limit = 2**27
    return hashlib.scrypt(pin.encode(), salt=salt, n=cost, r=8, p=1, maxmem=limit, dklen=48)


def secret_of(name):
    private = PRIVATE[name]
    if name.startswith("es256"):
        return private.private_numbers().private_value.to_bytes(32)
    return private.private_bytes_raw()
