"""Binds and rotations, right and forged, and keys that are unfit."""

from names import CONTEXT, DEVICES, OTHER_SPACE, PARTITION, SPACE, guid, luck
from signing import device_key, public_jwk, sign, signature_of

from counterseal import keys
from counterseal.wire.enrolment import (
    BIND_TYP,
    ENDORSE_TYP,
    ROTATE_TYP,
    bind_claims,
    rotation_claims,
)


def offer(name, typ, claims, *, role=None, endorsed_by=None):
    held = device_key(name)
    made = {
        "role": role or held.role.value,
        "jwk": public_jwk(name),
        "proof": sign(name, typ, claims),
    }
    if endorsed_by:
        made["endorsement"] = sign(endorsed_by, ENDORSE_TYP, claims)
    return made


def bind_vectors():
    valid, tokens = [], {}
    for device, binding in DEVICES.items():
        secret = keys.b64url(luck(f"session token {device}", 16))
        tokens[device] = token = f"{binding}.{secret}"
        names = [f"{device.lower()}-device", f"{device.lower()}-strong"]
        claims = bind_claims(token, SPACE.guid, [device_key(name) for name in names])
        body = {
            "token": token,
            "keys": [offer(name, BIND_TYP, claims) for name in names],
            "name": "A phone",
        }
        if device == "ES256":
            body["addresses"] = [{"kind": "webpush", "value": "https://push.example.com/a"}]
        valid.append({"about": device, "claims": claims, "body": body})

    token, names = tokens["ES256"], ["es256-device", "es256-strong"]
    good = valid[0]["claims"]

    def body(*offers, **members):
        return {"token": token, "keys": list(offers), **members}

    def offers(claims, typ=BIND_TYP):
        return [offer(name, typ, claims) for name in names]

    elsewhere = {**good, "aud": OTHER_SPACE}
    alone = bind_claims(token, SPACE.guid, [device_key("es256-device")])
    unsorted = {**good, "strong": [], "device": good["device"] + good["strong"]}
    wrong = f"{DEVICES['ES256']}.{keys.b64url(luck('another secret', 16))}"
    lent = {
        **offer("es256-strong", BIND_TYP, good),
        "proof": offer("es256-device", BIND_TYP, good)["proof"],
    }
    forged = dict(offer("es256-strong", BIND_TYP, good))
    signed = forged["proof"].rpartition(".")[0]
    forged["proof"] = f"{signed}.{signature_of('es256-stranger', signed)}"
    private = dict(offers(good)[0])
    private["jwk"] = {**private["jwk"], "d": "AA"}
    cases = [
        ("a wrong secret", {**body(*offers(good)), "token": wrong}, "wrong_token"),
        (
            "no such invitation",
            {**body(*offers(good)), "token": f"{guid('none', PARTITION)}.x"},
            "wrong_token",
        ),
        ("proofs for another App Space", body(*offers(elsewhere)), "not_possessed"),
        ("proofs that leave a key out", body(*offers(alone)), "not_possessed"),
        ("thumbprints under the wrong role", body(*offers(unsorted)), "not_possessed"),
        ("proofs of another kind", body(*offers(good, ROTATE_TYP)), "not_possessed"),
        ("another key's proof", body(offers(good)[0], lent), "not_possessed"),
        ("a stranger's signature", body(offers(good)[0], forged), "not_possessed"),
        ("no strong key", body(offers(good)[0]), "keys_incomplete"),
        (
            "one key for both roles",
            body(offers(good)[0], {**offers(good)[0], "role": "strong"}),
            "keys_incomplete",
        ),
        ("no keys", body(), "keys_incomplete"),
        ("an unknown member", body(*offers(good), pin="1234"), "invalid_field"),
        ("an unknown role", body({**offers(good)[0], "role": "admin"}), "invalid_field"),
        ("a private key", body(private, offers(good)[1]), "invalid_field"),
    ]
    return {
        "about": "Finishing a bind; every `proof` says the same `claims`, `code` is the refusal's.",
        "context": CONTEXT,
        "typ": BIND_TYP,
        "valid": valid,
        "invalid": [{"why": why, "body": body, "code": code} for why, body, code in cases],
    }


def rotation_vectors():
    device = DEVICES["ES256"]

    def rotated(*roles, by=None, claims=None, typ=ROTATE_TYP):
        names = [f"es256-new-{role}" for role in roles]
        said = claims or rotation_claims(device, SPACE.guid, [device_key(name) for name in names])
        return said, {
            "keys": [
                offer(name, typ, said, endorsed_by=(by or {}).get(role, f"es256-{role}"))
                for name, role in zip(names, roles, strict=True)
            ]
        }

    valid = []
    for about, roles in (
        ("both roles", ("device", "strong")),
        ("the strong key", ("strong",)),
        ("the device key", ("device",)),
    ):
        claims, body = rotated(*roles)
        valid.append({"about": about, "claims": claims, "body": body})
    good = valid[0]["claims"]
    _, bare = rotated("device", "strong")
    for held in bare["keys"]:
        del held["endorsement"]
    _, swapped = rotated("strong", by={"strong": "es256-device"})
    _, outside = rotated("strong", by={"strong": "es256-stranger"})
    _, missed = rotated("strong")
    signed = missed["keys"][0]["endorsement"].rpartition(".")[0]
    missed["keys"][0]["endorsement"] = f"{signed}.{signature_of('es256-stranger', signed)}"
    _, itself = rotated("strong", by={"strong": "es256-new-strong"})
    _, other = rotated("device", "strong", claims={**good, "iss": DEVICES["EdDSA"]})
    _, bound = rotated("device", "strong", typ=BIND_TYP)
    _, named = rotated("strong")
    cases = [
        ("no endorsements", bare, "not_endorsed"),
        ("endorsed by the old key of the other role", swapped, "not_endorsed"),
        ("endorsed by a stranger", outside, "not_endorsed"),
        ("endorsed by itself", itself, "not_endorsed"),
        ("endorsed in the strong key's name with a wrong PIN", missed, "strong_key_missed"),
        ("made for another device", other, "not_possessed"),
        ("proofs of a bind", bound, "not_possessed"),
        ("no keys", {"keys": []}, "keys_incomplete"),
        ("more than keys", {**named, "name": "A phone"}, "invalid_field"),
    ]
    return {
        "about": "Rotating the ES256 device's keys; every `proof` and `endorsement` says the same"
        " `claims`, `code` is the refusal's.",
        "context": CONTEXT,
        "typ": {"proof": ROTATE_TYP, "endorsement": ENDORSE_TYP},
        "valid": valid,
        "invalid": [{"why": why, "body": body, "code": code} for why, body, code in cases],
    }


def unfit_key_vectors():
    p256, okp = public_jwk("es256-device"), public_jwk("eddsa-device")
    rsa_ = public_jwk("rs256-device")
    zero = keys.b64url(b"\0" * 32)
    one = keys.b64url(b"\1" + b"\0" * 31)
    small = keys.b64url((2**1023 + 1).to_bytes(128))
    huge = keys.b64url((2**8192 + 1).to_bytes(1025))
    cases = [
        ("RSA of 1024 bits", {**rsa_, "n": small}),
        ("RSA of 8193 bits", {**rsa_, "n": huge}),
        ("RSA with e = 3", {**rsa_, "e": "Aw"}),
        ("an RSA number with a leading zero", {**rsa_, "e": "AAEAAQ"}),
        ("a P-256 point that is not on the curve", {**p256, "y": p256["x"]}),
        ("a P-256 coordinate of 31 bytes", {**p256, "x": keys.b64url(b"\1" * 31)}),
        ("the curve P-384", {**p256, "crv": "P-384"}),
        ("an Ed25519 key of small order", {**okp, "x": one}),
        ("another Ed25519 key of small order", {**okp, "x": zero}),
        ("an Ed25519 key past the prime", {**okp, "x": keys.b64url(b"\xff" * 32)}),
        ("the algorithm of another key type", {**okp, "alg": "ES256"}),
        ("an algorithm that is none of ours", {**p256, "alg": "ES384"}),
        ("a key for encryption", {**p256, "use": "enc"}),
        ("a key for key agreement", {**p256, "key_ops": ["deriveKey"]}),
    ]
    malformed = [
        ("a private member", {**p256, "d": zero}),
        ("an unknown member", {**p256, "x5u": "https://example.com"}),
        ("no kid", {name: value for name, value in p256.items() if name != "kid"}),
        ("an empty kid", {**p256, "kid": ""}),
        ("a coordinate that is no text", {**p256, "x": 1}),
    ]
    return {
        "about": "Public keys that are refused when they come in; `code` is the refusal's.",
        "invalid": [
            *({"why": why, "jwk": jwk, "code": "unfit_key"} for why, jwk in cases),
            *({"why": why, "jwk": jwk, "code": "invalid_field"} for why, jwk in malformed),
        ],
    }
