"""Binds and rotations, right and forged, and keys that are unfit."""

from names import ACCOUNT, CONTEXT, DEVICES, OTHER_SPACE, PARTITION, SPACE, entropy, guid
from signing import KEYS, device_key, number, public_jwk, sign, signature_of

from counterseal import keys
from counterseal.bindings.documents.enrolment import (
    BIND_TYP,
    ENDORSE_TYP,
    ROTATE_TYP,
    bind_claims,
    rotation_claims,
)
from counterseal.models import DeviceKey, Role

MANY = (
    "es256-device",
    "es256-strong",
    "es256-new-strong",
    "es256-second-strong",
    "es256-third-strong",
)
"""As many keys as a device may have; byte by byte the strong ones sort 3, 1, 4, 2."""


def offer(name, typ, claims, *, role=None, endorsed_by=None):
    device_key_ = device_key(name)
    proof = {
        "role": role or device_key_.role.value,
        "jwk": public_jwk(name),
        "proof": sign(name, typ, claims),
    }
    if endorsed_by:
        proof["endorsement"] = sign(endorsed_by, ENDORSE_TYP, claims)
    return proof


def bind_vectors():
    valid, tokens = [], {}
    for device, binding in DEVICES.items():
        secret = keys.b64url(entropy(f"session token {device}", 16))
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
        valid.append({"about": device, "device": device, "claims": claims, "body": body})
    replaced = DEVICES["EdDSA"]
    names = ("es256-device", "es256-strong")
    replacing = bind_claims(
        tokens["ES256"], SPACE.guid, [device_key(name) for name in names], replaces=replaced
    )
    valid.append(
        {
            "about": "in place of another device",
            "device": "ES256",
            "claims": replacing,
            "body": {
                "token": tokens["ES256"],
                "keys": [offer(name, BIND_TYP, replacing) for name in names],
                "name": "A new phone",
                "replaces": replaced,
            },
        }
    )
    claims = bind_claims(tokens["ES256"], SPACE.guid, [device_key(name) for name in MANY])
    valid.append(
        {
            "about": "four strong keys, whose thumbprints most locales sort in another order",
            "device": "ES256",
            "claims": claims,
            "body": {
                "token": tokens["ES256"],
                "keys": [offer(name, BIND_TYP, claims) for name in MANY],
                "name": "ü" * 128,
                "addresses": [{"kind": "apns", "value": "x" * 2048}] * 5,
            },
        }
    )

    token, names = tokens["ES256"], ["es256-device", "es256-strong"]
    good = valid[0]["claims"]

    def body(*offers, **members):
        return {"token": token, "keys": list(offers), **members}

    def offers(claims, typ=BIND_TYP):
        return [offer(name, typ, claims) for name in names]

    elsewhere = {**good, "aud": OTHER_SPACE}
    alone = bind_claims(token, SPACE.guid, [device_key("es256-device")])
    unsorted = {**good, "strong": [], "device": good["device"] + good["strong"]}
    wrong = f"{DEVICES['ES256']}.{keys.b64url(entropy('another secret', 16))}"
    borrowed = {
        **offer("es256-strong", BIND_TYP, good),
        "proof": offer("es256-device", BIND_TYP, good)["proof"],
    }
    forged = dict(offer("es256-strong", BIND_TYP, good))
    signed = forged["proof"].rpartition(".")[0]
    forged["proof"] = f"{signed}.{signature_of('es256-stranger', signed)}"
    many = [offer(name, BIND_TYP, good) for name in MANY]
    namesake = offer("es256-strong", BIND_TYP, good)
    namesake["jwk"] = {**namesake["jwk"], "kid": "es256-device"}
    at = {"kind": "relay", "value": "there"}
    private = dict(offers(good)[0])
    private["jwk"] = {**private["jwk"], "d": "AA"}

    def replaces(claim, member):
        return body(*offers({**good, "replaces": claim}), replaces=member)

    another, absent = DEVICES["PS256"], guid("none", PARTITION)
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
        ("another key's proof", body(offers(good)[0], borrowed), "not_possessed"),
        ("a stranger's signature", body(offers(good)[0], forged), "not_possessed"),
        ("no strong key", body(offers(good)[0]), "keys_incomplete"),
        (
            "one key for both roles",
            body(offers(good)[0], {**offers(good)[0], "role": "strong"}),
            "keys_incomplete",
        ),
        ("no keys", body(), "keys_incomplete"),
        (
            "five strong keys",
            body(*many, {**many[1], "jwk": public_jwk("es256-stranger")}),
            "keys_incomplete",
        ),
        ("two keys of one kid", body(offers(good)[0], namesake), "keys_incomplete"),
        ("an unknown member", body(*offers(good), pin="1234"), "invalid_field"),
        ("an empty name", body(*offers(good), name=""), "invalid_field"),
        ("a name that is null", body(*offers(good), name=None), "invalid_field"),
        ("a name of 257 bytes", body(*offers(good), name="ü" * 128 + "x"), "invalid_field"),
        ("addresses that are null", body(*offers(good), addresses=None), "invalid_field"),
        ("six addresses", body(*offers(good), addresses=[at] * 6), "invalid_field"),
        (
            "an address of 2049 bytes",
            body(*offers(good), addresses=[{**at, "value": "x" * 2049}]),
            "invalid_field",
        ),
        (
            "an address of an unknown kind",
            body(*offers(good), addresses=[{**at, "kind": "fax"}]),
            "invalid_field",
        ),
        ("an unknown role", body({**offers(good)[0], "role": "admin"}), "invalid_field"),
        ("a private key", body(private, offers(good)[1]), "invalid_field"),
        (
            "another device replaced than the proofs say",
            replaces(replaced, another),
            "not_possessed",
        ),
        (
            "a device replaced of which the proofs say nothing",
            body(*offers(good), replaces=replaced),
            "not_possessed",
        ),
        (
            "no device replaced, and the proofs say one",
            body(*offers(replacing)),
            "not_possessed",
        ),
        ("replaces, of no device that is there", replaces(absent, absent), "not_found"),
        (
            "replaces, of the new device itself",
            replaces(DEVICES["ES256"], DEVICES["ES256"]),
            "not_found",
        ),
        ("replaces, of the account", replaces(ACCOUNT.guid, ACCOUNT.guid), "not_found"),
        ("replaces that is null", replaces(None, None), "invalid_field"),
        ("replaces in upper case", replaces(replaced.upper(), replaced.upper()), "invalid_field"),
        ("replaces that is a list", replaces([replaced], [replaced]), "invalid_field"),
    ]
    return {
        "about": "Finishing a bind, after a log-in; every `proof` says the same `claims`, `code` is"
        " the refusal's. The account has the device `replaced` already.",
        "context": CONTEXT,
        "typ": BIND_TYP,
        "replaced": replaced,
        "valid": valid,
        "invalid": [{"why": why, "body": body, "code": code} for why, body, code in cases],
    }


def rotation_vectors():
    device = DEVICES["ES256"]
    strong = "es256-strong"

    def rotated(*roles, by=None, claims=None, typ=ROTATE_TYP):
        names = [f"es256-new-{role}" for role in roles]
        payload = claims or rotation_claims(
            device, SPACE.guid, [device_key(name) for name in names]
        )
        return payload, {
            "keys": [
                offer(name, typ, payload, endorsed_by=(by or {}).get(role, f"es256-{role}"))
                for name, role in zip(names, roles, strict=True)
            ]
        }

    def renamed(name, kid, endorser):
        """Offer the key *name* under the kid of another."""
        claims = rotation_claims(device, SPACE.guid, [device_key(name)])
        offered = offer(name, ROTATE_TYP, claims, endorsed_by=endorser)
        return {
            **offered,
            "jwk": {**offered["jwk"], "kid": kid},
            "proof": sign(name, ROTATE_TYP, claims, kid=kid),
        }

    valid = []
    for title, roles in (
        ("both roles", ("device", "strong")),
        ("the strong key", ("strong",)),
        ("the device key", ("device",)),
    ):
        claims, body = rotated(*roles)
        valid.append({"about": title, "claims": claims, "body": body})
    claims = rotation_claims(device, SPACE.guid, [device_key(name) for name in MANY[2:]])
    several = [offer(name, ROTATE_TYP, claims, endorsed_by=strong) for name in MANY[2:]]
    valid.append(
        {
            "about": "three strong keys for one, whose thumbprints most locales sort otherwise",
            "claims": claims,
            "body": {"keys": several},
        }
    )
    good = valid[0]["claims"]
    _, bare = rotated("device", "strong")
    for entry in bare["keys"]:
        del entry["endorsement"]
    _, swapped = rotated("strong", by={"strong": "es256-device"})
    _, outside = rotated("strong", by={"strong": "es256-stranger"})
    _, missed = rotated("strong")
    signed = missed["keys"][0]["endorsement"].rpartition(".")[0]
    missed["keys"][0]["endorsement"] = f"{signed}.{signature_of('es256-stranger', signed)}"
    _, itself = rotated("strong", by={"strong": "es256-new-strong"})
    _, other = rotated("device", "strong", claims={**good, "iss": DEVICES["EdDSA"]})
    _, bound = rotated("device", "strong", typ=BIND_TYP)
    _, names_ = rotated("strong")
    reused = {"keys": [renamed("es256-new-strong", strong, strong)]}
    crossed = {"keys": [renamed("es256-new-strong", "es256-device", strong)]}
    five = [f"es256-{name}" for name in ("new-strong", "second-strong", "third-strong")]
    five = [*five, "es256-stranger", "es256-new-device"]
    entry = [DeviceKey(role=Role.STRONG, key=KEYS[name].public) for name in five]
    claims = rotation_claims(device, SPACE.guid, entry)
    too_many = {
        "keys": [offer(n, ROTATE_TYP, claims, role="strong", endorsed_by=strong) for n in five]
    }
    cases = [
        ("no endorsements", bare, "not_endorsed"),
        ("endorsed by the old key of the other role", swapped, "not_endorsed"),
        ("endorsed by a stranger", outside, "not_endorsed"),
        ("endorsed by itself", itself, "not_endorsed"),
        ("endorsed in the strong key's name with a wrong PIN", missed, "strong_key_missed"),
        ("made for another device", other, "not_possessed"),
        ("proofs of a bind", bound, "not_possessed"),
        ("no keys", {"keys": []}, "keys_incomplete"),
        ("five strong keys", too_many, "keys_incomplete"),
        ("the kid of the key that is replaced", reused, "keys_incomplete"),
        ("the kid of the key that stays", crossed, "keys_incomplete"),
        ("more than keys", {**names_, "name": "A phone"}, "invalid_field"),
    ]
    return {
        "about": "Rotating the ES256 device's keys; every `proof` and `endorsement` says the same"
        " `claims`, `code` is the refusal's.",
        "context": CONTEXT,
        "typ": {"proof": ROTATE_TYP, "endorsement": ENDORSE_TYP},
        "valid": valid,
        "invalid": [{"why": why, "body": body, "code": code} for why, body, code in cases],
    }


ORDER_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
"""An Ed25519 point whose eightfold is the identity and whose fourfold is not."""


def without(jwk, member):
    return {name: value for name, value in jwk.items() if name != member}


def unfit_key_vectors():
    p256, okp = public_jwk("es256-device"), public_jwk("eddsa-device")
    rsa_ = public_jwk("rs256-device")
    operations = ["sign", "verify"]
    even = keys.b64url((number(rsa_["n"]) - 1).to_bytes(256))
    zero = keys.b64url(b"\0" * 32)
    one = keys.b64url(b"\1" + b"\0" * 31)
    eighth = keys.b64url(bytes.fromhex(ORDER_8))
    two = keys.b64url(b"\2" + b"\0" * 31)
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
        ("an Ed25519 key of order 8", {**okp, "x": eighth}),
        ("an Ed25519 key that is no point: y = 2", {**okp, "x": two}),
        ("an Ed25519 key past the prime", {**okp, "x": keys.b64url(b"\xff" * 32)}),
        ("the algorithm of another key type", {**okp, "alg": "ES256"}),
        ("an algorithm that is none of ours", {**p256, "alg": "ES384"}),
        ("a key for encryption", {**p256, "use": "enc"}),
        ("a key for key agreement", {**p256, "key_ops": ["deriveKey"]}),
        ("key_ops that is a text", {**p256, "key_ops": "verify"}),
        ("a use that is null", {**p256, "use": None}),
        ("no alg", without(p256, "alg")),
        ("no kty", without(p256, "kty")),
        ("another kty than the algorithm's", {**p256, "kty": "RSA"}),
        ("another kty, and a private member", {**p256, "kty": "RSA", "d": zero}),
        ("an RSA modulus that is even", {**rsa_, "n": even}),
    ]
    odd = [
        ("use and key_ops, for more than verifying", {**p256, "use": "sig", "key_ops": operations}),
        ("a kid of 128 characters, with spaces", {**p256, "kid": f" a kid {'~' * 120} "}),
    ]
    malformed = [
        ("a private member", {**p256, "d": zero}),
        ("an unknown member", {**p256, "x5u": "https://example.com"}),
        ("ext, which WebCrypto adds", {**p256, "ext": True}),
        ("no kid", without(p256, "kid")),
        ("a kid of 129 characters", {**p256, "kid": "k" * 129}),
        ("a kid with a line break", {**p256, "kid": "k\n"}),
        ("no y", without(p256, "y")),
        ("another curve, and an unknown member", {**p256, "crv": "P-384", "ext": True}),
        ("an empty kid", {**p256, "kid": ""}),
        ("a coordinate that is no text", {**p256, "x": 1}),
    ]
    return {
        "about": "Public keys that are refused when they come in; `code` is the refusal's."
        " Those under `valid` look odd and are not refused.",
        "valid": [
            {"about": title, "jwk": jwk, "thumbprint": KEYS["es256-device"].public.thumbprint}
            for title, jwk in odd
        ],
        "invalid": [
            *({"why": why, "jwk": jwk, "code": "unfit_key"} for why, jwk in cases),
            *({"why": why, "jwk": jwk, "code": "invalid_field"} for why, jwk in malformed),
        ],
    }
