"""
Passkeys: binds, answers and disowns, right and forged.

`chromium.json` has what Chromium's virtual authenticator made, as `record_passkeys.py` recorded it.
The forgeries are by the same keys, whose private halves the virtual authenticator gives.
"""

import json

from answers import answer_claims_of
from cryptography.hazmat.primitives.serialization import load_der_private_key
from names import CONTEXT, DEVICES, SIGNED_AT, SPACE, entropy
from receipts import passkey_receipt
from signing import VECTORS, device_key, public_jwk, sign, signing_input

from counterseal import keys
from counterseal.bindings.documents.enrolment import BIND_TYP, bind_claims
from counterseal.challenges.documents.answer import ANSWER_TYP, DISOWN_TYP
from counterseal.keys.passkeys import AssertionParts
from counterseal.models import PASSKEY_ALGORITHMS, Algorithm, DeviceKey, PasskeyScope, Role
from counterseal_testing.authenticator import DEVICE_BOUND, SYNCED, FakePasskey

RECORDED = VECTORS / "chromium.json"
SCOPE = PasskeyScope(
    rp_id="auth.example.com",
    origins=("https://auth.example.com", "https://shop.auth.example.com"),
)
DEVICE = "ES256"
"""Whose device key stands beside each passkey."""
NAMES = {algorithm: alg.lower() for algorithm, alg in PASSKEY_ALGORITHMS.items()}
TOKEN = f"{DEVICES[DEVICE]}.{keys.b64url(entropy('session token passkey', 16))}"

EVIL = "https://auth.example.com.evil.example"
CODES = {
    "of the creation of a passkey": ({"client": {"type": "webauthn.create"}}, "wrong_ceremony"),
    "over another challenge": (
        {"client": {"challenge": keys.digest(b"another challenge")}},
        "assertion_elsewhere",
    ),
    "on another web origin": ({"origin": EVIL}, "wrong_origin"),
    "on the same host by another port": ({"origin": f"{SCOPE.origins[0]}:8443"}, "wrong_origin"),
    "in a frame of another origin": ({"client": {"crossOrigin": True}}, "cross_origin"),
    "in a frame, of which only topOrigin tells": ({"client": {"topOrigin": EVIL}}, "cross_origin"),
    "crossOrigin is a text": ({"client": {"crossOrigin": "false"}}, "cross_origin"),
    "of another relying party": ({"rp_id": "example.com"}, "wrong_rp_id"),
    "nobody was present": ({"flags": SYNCED & ~0x01}, "user_absent"),
    "nobody was verified": ({"flags": SYNCED & ~0x04}, "user_unverified"),
    "not to be copied any more": ({"flags": DEVICE_BOUND}, "backup_changed"),
    "copied, but not to be copied": ({"flags": SYNCED & ~0x08}, "malformed_assertion"),
    "with attested data": ({"flags": SYNCED | 0x40}, "malformed_assertion"),
    "with extensions": ({"flags": SYNCED | 0x80}, "malformed_assertion"),
    "with a token binding": (
        {"client": {"tokenBinding": {"status": "supported"}}},
        "malformed_assertion",
    ),
}
"""What is wrong of an assertion whose signature holds, and the code of its refusal."""

SPELLINGS = {
    "with white space": lambda text: text.replace(b":", b": ", 1),
    "with its members in another order": lambda text: (
        b"{" + b",".join(reversed(text[1:-1].split(b","))) + b"}"
    ),
    "with one member more": lambda text: text[:-1] + b',"userHandle":"AA"}',
    "without its signature": lambda text: text[: text.rindex(b",")] + b"}",
    "with padding": lambda text: text.replace(b'","signature"', b'=","signature"'),
}

REFUSED_OF_CHROMIUM = ("user_unverified", "wrong_origin", "cross_origin", "backup_changed")
"""What was recorded to be refused, named by its code."""


def recorded():
    return json.loads(RECORDED.read_text(encoding="utf-8"))


def passkey_of(entry):
    """Return the passkey of an entry of `chromium.json`, to forge with."""
    passkey = FakePasskey(
        kid=entry["name"],
        algorithm=Algorithm(entry["algorithm"]),
        rp_id=SCOPE.rp_id,
        origin=SCOPE.origins[0],
    )
    passkey.private = load_der_private_key(keys.unb64url(entry["privateKey"]), None)
    return passkey


def public_of(entry):
    """Return the key of an entry of `chromium.json` as the service has bound it."""
    key = passkey_of(entry).public
    pinned = {
        "rp_id_hash": keys.digest(SCOPE.rp_id.encode()),
        "origins": SCOPE.origins,
        "backup_eligible": entry["backupEligible"],
        "credential_id": entry["created"]["id"],
    }
    return keys.public_key(
        jwk_of(key), algorithms=frozenset(Algorithm), passkey=type(key.passkey)(**pinned)
    )


def jwk_of(key):
    return {**json.loads(key.jwk), "kid": key.kid, "alg": key.alg}


def claims_by_passkey(typ, button, *, display="payment"):
    claims = answer_claims_of(display, DEVICE, button=None if typ == DISOWN_TYP else button)
    return claims | {
        "jti": keys.b64url(entropy(f"jti passkey {typ} {button}", 16)),
        "deviceKey": device_key("es256-device").key.thumbprint,
    }


def bind_claims_of(key):
    offered = [device_key("es256-device"), DeviceKey(role=Role.STRONG, key=key)]
    return bind_claims(TOKEN, SPACE.guid, offered)


def to_sign(entry):
    """Yield what each passkey signs: what it is about, the header and the claims."""
    key = public_of(entry)
    for topic, typ, claims in (
        ("bind", BIND_TYP, bind_claims_of(key)),
        ("approved", ANSWER_TYP, claims_by_passkey(ANSWER_TYP, 0)),
        ("refused", ANSWER_TYP, claims_by_passkey(ANSWER_TYP, 1)),
        ("disowned", DISOWN_TYP, claims_by_passkey(DISOWN_TYP, None)),
    ):
        yield topic, {"alg": key.alg, "kid": key.kid, "typ": typ}, claims


def token_of(signed, parts):
    return f"{signed}.{keys.b64url(keys.write_assertion(parts))}"


def parts_of(response):
    members = ("authenticatorData", "clientDataJSON", "signature")
    return AssertionParts(*(keys.unb64url(response[member]) for member in members))


def answer_vector(title, entry, header, claims, parts):
    flags = parts.flags
    return {
        "about": title,
        "display": "payment",
        "key": entry["name"],
        "header": header,
        "claims": claims,
        "token": token_of(signing_input(header, claims), parts),
        "assertion": {
            "origin": json.loads(parts.client_data)["origin"],
            "userVerified": bool(flags & 0x04),
            "backupEligible": bool(flags & 0x08),
            "backedUp": bool(flags & 0x10),
            "signCount": int.from_bytes(parts.authenticator_data[33:]),
        },
    }


def forgeries(entry):
    """Yield why, the token and the code of everything that is refused of an answer."""
    _, header, claims = next(each for each in to_sign(entry) if each[0] == "approved")
    signed = signing_input(header, claims)
    challenge = keys.challenge_of(signed.encode())
    for why, (changes, code) in CODES.items():
        passkey = passkey_of(entry)
        for name, value in changes.items():
            setattr(passkey, name, value)
        yield why, token_of(signed, passkey.get(challenge)), code
    honest = passkey_of(entry).get(challenge)
    for why, spoil in SPELLINGS.items():
        text = spoil(keys.write_assertion(honest))
        yield f"spelled {why}", f"{signed}.{keys.b64url(text)}", "malformed_assertion"
    other = passkey_of(entry).get(keys.challenge_of(b"other.words"))
    swapped = AssertionParts(honest.authenticator_data, honest.client_data, other.signature)
    yield "with the signature of another assertion", token_of(signed, swapped), "strong_key_missed"
    bare = passkey_of(entry).private.sign(signed.encode())
    yield (
        "with a signature of header and claims",
        f"{signed}.{keys.b64url(bare)}",
        ("malformed_assertion"),
    )
    plain = signing_input(header | {"alg": entry["algorithm"]}, claims)
    parts = passkey_of(entry).get(keys.challenge_of(plain.encode()))
    yield "as if it were an ordinary key", token_of(plain, parts), "wrong_algorithm"
    for why, changed, code in (
        ("alone, without the device key", {"deviceKey": None}, "weak_key"),
        ("with another device key", {"deviceKey": keys.digest(b"another")}, "wrong_device"),
    ):
        present = {name: value for name, value in (claims | changed).items() if value is not None}
        alone = signing_input(header, present)
        yield why, token_of(alone, passkey_of(entry).get(keys.challenge_of(alone.encode()))), code


def action_receipt(entry):
    """Return the receipt of an action that the passkey of *entry* approved."""
    display = "a tool call"
    claims = claims_by_passkey(ANSWER_TYP, 0, display=display)
    header = {"alg": public_of(entry).alg, "kid": entry["name"], "typ": ANSWER_TYP}
    signed = signing_input(header, claims)
    parts = passkey_of(entry).get(keys.challenge_of(signed.encode()))
    vector = answer_vector("WA, approved an action", entry, header, claims, parts)
    return passkey_receipt(vector | {"display": display}, public_of(entry))


def passkey_vectors():
    record = recorded()
    entries = {entry["name"]: entry for entry in record["passkeys"]}
    binds, valid, receipts = [], [], []
    for entry in entries.values():
        by_topic = {
            each["about"]: each for each in record["assertions"] if each["key"] == entry["name"]
        }
        for topic, header, claims in to_sign(entry):
            parts = parts_of(by_topic[topic]["response"])
            if topic != "bind":
                valid.append(
                    answer_vector(f"{header['alg']}, {topic}", entry, header, claims, parts)
                )
                continue
            proof = token_of(signing_input(header, claims), parts)
            strong = {
                "role": "strong",
                "jwk": jwk_of(public_of(entry)),
                "proof": proof,
                "credentialId": entry["created"]["id"],
            }
            device = {
                "role": "device",
                "jwk": public_jwk("es256-device"),
                "proof": sign("es256-device", BIND_TYP, claims),
            }
            body = {"token": TOKEN, "keys": [device, strong]}
            binds.append({"about": header["alg"], "claims": claims, "body": body})
        receipts.append(passkey_receipt(valid[-3], public_of(entry)))
    (edwards,) = (each for each in entries.values() if each["algorithm"] == "EdDSA")
    return {
        "context": CONTEXT,
        "scope": {"rpId": SCOPE.rp_id, "origins": list(SCOPE.origins)},
        "answeredAt": SIGNED_AT,
        "keys": [
            {
                "name": entry["name"],
                "public": jwk_of(public_of(entry)),
                "thumbprint": public_of(entry).thumbprint,
                "credentialId": entry["created"]["id"],
                "backupEligible": entry["backupEligible"],
            }
            for entry in entries.values()
        ],
        "binds": binds,
        "valid": valid,
        "invalid": [
            {"why": why, "key": edwards["name"], "token": token, "code": code}
            for why, token, code in forgeries(edwards)
        ]
        + [
            {
                "why": f"as Chromium made it: {each['about']}",
                "key": each["key"],
                "token": token_of(each["signed"], parts_of(each["response"])),
                "code": each["about"],
            }
            for each in record["assertions"]
            if each["about"] in REFUSED_OF_CHROMIUM
        ],
        "receipts": [*receipts, action_receipt(edwards)],
    }
