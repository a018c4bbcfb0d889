"""Answers and disowns, right and forged."""

import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from displays import document_of
from names import (
    ACCOUNT,
    CONTEXT,
    DEVICES,
    OTHER_ACCOUNT,
    OTHER_SPACE,
    PARTITION,
    SIGNED_AT,
    SPACE,
    entropy,
    guid,
)
from proofs import proof_claims_of
from signing import (
    AT_HAND,
    PRIVATE,
    header_of,
    public_jwk,
    sign,
    signature_of,
    signing_input,
    twin,
)

from counterseal import ijson, keys
from counterseal.bindings.documents.proof import PROOF_TYP
from counterseal.challenges.documents.answer import ANSWER_TYP, DISOWN_TYP
from counterseal.challenges.documents.display import display_text

CODE = "042617"
REASONS = ("declined", "not_mine", "wrong_details", "pressured", "other")


def answer_claims_of(display_name, device, *, button=None, code=None, reason=None):
    document = document_of(display_name)
    claims = {
        "iss": DEVICES[device],
        "sub": ACCOUNT.guid,
        "aud": SPACE.guid,
        "challenge": document["challenge"],
        "display": keys.digest(display_text(document).encode()),
        "iat": SIGNED_AT,
        "jti": keys.b64url(entropy(f"jti {display_name} {device} {button}", 16)),
    }
    if button is not None:
        claims["button"] = button
        claims["title"] = document["buttons"][button]["title"]
    if code is not None:
        claims["code"] = code
    if reason is not None:
        claims["jti"] = keys.b64url(entropy(f"jti {display_name} {button} {reason}", 16))
        claims["reason"] = reason
    return claims


def answered(display_name, key, typ, claims, note):
    return {
        "about": note,
        "display": display_name,
        "key": key,
        "header": header_of(key, typ),
        "claims": claims,
        "token": sign(key, typ, claims),
    }


def answer_vectors():
    valid = []
    for device in DEVICES:
        low = device.lower()
        claims = answer_claims_of("payment", device, button=0)
        valid.append(
            answered("payment", f"{low}-strong", ANSWER_TYP, claims, f"{device}, approved")
        )
        claims = answer_claims_of("payment", device, button=1)
        valid.append(
            answered(
                "payment",
                f"{low}-device",
                ANSWER_TYP,
                claims,
                f"{device}, refused, by the device key",
            )
        )
    claims = answer_claims_of("payment", "ES256", button=1)
    claims["jti"] = keys.b64url(entropy("jti strong refusal", 16))
    valid.append(
        answered(
            "payment",
            "es256-strong",
            ANSWER_TYP,
            claims,
            "refused, by the strong key: it may sign every answer",
        )
    )
    claims = answer_claims_of("payment with a code", "ES256", button=0, code=CODE)
    valid.append(
        answered(
            "payment with a code",
            "es256-strong",
            ANSWER_TYP,
            claims,
            "approved, with the matching code",
        )
    )
    claims = answer_claims_of("payment with a code", "ES256", button=1)
    valid.append(
        answered(
            "payment with a code",
            "es256-device",
            ANSWER_TYP,
            claims,
            "refused: no code is needed",
        )
    )
    claims = answer_claims_of("payment with a code", "ES256", button=1, code="any text")
    claims["jti"] = keys.b64url(entropy("jti needless code", 16))
    valid.append(
        answered(
            "payment with a code",
            "es256-device",
            ANSWER_TYP,
            claims,
            "refused, with a code that nobody asked for: it is ignored",
        )
    )
    claims = {**answer_claims_of("payment", "ES256", button=1), "jti": "\U0001f600" * 64}
    valid.append(
        answered(
            "payment",
            "es256-device",
            ANSWER_TYP,
            claims,
            "refused, with a jti of 64 characters of the astral planes",
        )
    )
    claims = answer_claims_of("payment", "ES256", button=0)
    claims["jti"] = keys.b64url(entropy("jti minus zero", 16))
    minus = ijson.compact(claims).replace(b'"button":0', b'"button":-0')
    valid.append(
        {
            **answered(
                "payment", "es256-strong", ANSWER_TYP, claims, "approved, with the button -0"
            ),
            "token": sign("es256-strong", ANSWER_TYP, minus),
        }
    )
    for reason in REASONS:
        claims = answer_claims_of("payment", "ES256", button=1, reason=reason)
        note = f"refused, with the reason {reason}"
        valid.append(answered("payment", "es256-device", ANSWER_TYP, claims, note))
    valid.append(
        {
            **valid[0],
            "about": "the same answer as the first, with the other signature that ECDSA allows:"
            " a repeat, and no second answer",
            "token": twin(valid[0]["token"]),
        }
    )
    return {
        "about": "Answers to the display documents of display.json; `code` is the refusal's."
        " `matchingCode` is what the service holds where a document asks for one,"
        " `answeredAt` its time, in seconds since the epoch.",
        "context": CONTEXT,
        "matchingCode": CODE,
        "answeredAt": SIGNED_AT,
        "valid": valid,
        "invalid": [
            {"why": why, "display": display_name, "device": device, "token": token, "code": code}
            for why, display_name, device, token, code in forged_answers(valid)
        ],
    }


def forged_answers(valid):
    """Yield why, display document, device, token, and the refusal's code."""
    strong = "es256-strong"
    right = valid[0]["token"]
    header, payload, signature = right.split(".")
    good = valid[0]["claims"]

    def changed(**claims):
        claims_ = {**good, **claims}
        return sign(
            strong,
            ANSWER_TYP,
            {name: value for name, value in claims_.items() if value is not None},
        )

    def headed(**members):
        header = {**header_of(strong, ANSWER_TYP), **members}
        signed = signing_input(
            {name: value for name, value in header.items() if value is not None}, good
        )
        return f"{signed}.{signature_of(strong, signed)}"

    raw = keys.unb64url(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    flipped = keys.b64url(bytes([raw[0] ^ 1]) + raw[1:])
    spare = payload[:-1] + chr(ord(payload[-1]) + 1)
    twice = ijson.compact(good)[:-1] + b',"button":1}'
    loose = signing_input(header_of(strong, ANSWER_TYP), json.dumps(good).encode())
    respelt = f"{loose}.{signature}"
    proof = proof_claims_of("ES256")
    text = ijson.compact(good)
    odd = text.replace(good["jti"].encode(), b"\\uffff")
    late = text.replace(str(good["iat"]).encode(), b"9007199254740992")
    fraction = text.replace(b'"button":0', b'"button":0.0')
    unsigned = f"{headed(alg='none').rpartition('.')[0]}."
    cases = [
        ("algorithm none, no signature", unsigned, "malformed_token"),
        ("algorithm none, some signature", headed(alg="none"), "wrong_algorithm"),
        ("algorithm HS256", headed(alg="HS256"), "wrong_algorithm"),
        ("an algorithm of another key type", headed(alg="RS256"), "wrong_algorithm"),
        ("a header without kid", headed(kid=None), "malformed_token"),
        ("a header that brings its own key", headed(jwk=public_jwk(strong)), "malformed_token"),
        ("a header with crit", headed(crit=["exp"]), "malformed_token"),
        ("an unknown kid", headed(kid="nobody"), "wrong_key"),
        ("the kid of another device", headed(kid="eddsa-strong"), "wrong_key"),
        ("another kind of token", headed(typ=PROOF_TYP), "wrong_type"),
        ("a disown where an answer is due", headed(typ=DISOWN_TYP), "wrong_type"),
        ("typ JWT", headed(typ="JWT"), "wrong_type"),
        ("a proof, with a proof's claims", sign(strong, PROOF_TYP, proof), "wrong_type"),
        ("two parts", f"{header}.{payload}", "malformed_token"),
        ("four parts", f"{right}.{signature}", "malformed_token"),
        ("padding", f"{header}.{payload}.{signature}==", "malformed_token"),
        ("the plain base64 alphabet", right.replace("-", "+").replace("_", "/"), "malformed_token"),
        ("spare bits in base64url", f"{header}.{spare}.{signature}", "malformed_token"),
        ("white space after it", f"{right}\n", "malformed_token"),
        ("a claim twice", sign(strong, ANSWER_TYP, twice), "malformed_token"),
        ("an unknown claim", changed(exp=SIGNED_AT + 60), "malformed_token"),
        ("a missing claim", changed(jti=None), "malformed_token"),
        ("an empty jti", changed(jti=""), "malformed_token"),
        ("a jti of 65 characters", changed(jti="x" * 65), "malformed_token"),
        ("a noncharacter, escaped", sign(strong, ANSWER_TYP, odd), "malformed_token"),
        ("a noncharacter as it is", changed(jti="\uffff"), "malformed_token"),
        ("an integer beyond 2**53 - 1", sign(strong, ANSWER_TYP, late), "malformed_token"),
        ("a code that is a number", changed(code=42617), "malformed_token"),
        ("a button that is text", changed(button="0"), "malformed_token"),
        ("a button that is true", changed(button=True), "malformed_token"),
        ("a button with a fraction", changed(button=0.5), "malformed_token"),
        ("a button written 0.0", sign(strong, ANSWER_TYP, fraction), "malformed_token"),
        ("a negative button", changed(button=-1), "malformed_token"),
        ("a GUID in upper case", changed(sub=ACCOUNT.guid.upper()), "malformed_token"),
        ("another device", changed(iss=DEVICES["EdDSA"]), "wrong_device"),
        ("another account", changed(sub=OTHER_ACCOUNT), "wrong_audience"),
        ("another App Space", changed(aud=OTHER_SPACE), "wrong_audience"),
        ("a challenge that is not there", changed(challenge=guid("none", PARTITION)), "not_found"),
        ("another document", changed(display=keys.digest(b"Pay 1000 EUR")), "display_changed"),
        ("another button, the title kept", changed(button=1), "button_changed"),
        ("another title, the button kept", changed(title="Do not pay"), "button_changed"),
        ("a button that is not there", changed(button=2), "button_changed"),
        ("a strong button by the device key", sign("es256-device", ANSWER_TYP, good), "weak_key"),
        ("one bit of the signature", f"{header}.{payload}.{flipped}", "strong_key_missed"),
        ("a DER signature", f"{header}.{payload}.{keys.b64url(der)}", "strong_key_missed"),
        ("the signature of the same claims in another spelling", respelt, "strong_key_missed"),
        (
            "a stranger's key under the right kid",
            stranger_of(good, ANSWER_TYP),
            "strong_key_missed",
        ),
    ]
    for why, token, code in cases:
        yield why, "payment", "ES256", token, code
    refused = answer_claims_of("payment", "ES256", button=1, reason="other")
    for why, claims, code in (
        ("a reason to approve", {**good, "reason": "other"}, "invalid_field"),
        ("a reason that is no word of the list", {**refused, "reason": "tired"}, "invalid_field"),
        ("a reason in upper case", {**refused, "reason": "OTHER"}, "invalid_field"),
        ("an empty reason", {**refused, "reason": ""}, "invalid_field"),
        ("a reason that is null", {**refused, "reason": None}, "malformed_token"),
        ("a reason that is a list", {**refused, "reason": ["other"]}, "malformed_token"),
    ):
        yield why, "payment", "ES256", sign("es256-device", ANSWER_TYP, claims), code
    coded = answer_claims_of("payment with a code", "ES256", button=0, code=CODE)
    for why, typed, code in (
        ("no code", None, "code_missing"),
        ("a wrong code", "042618", "wrong_code"),
        ("a code with a space", " 042617", "wrong_code"),
        ("a code with a letter", "O42617", "wrong_code"),
        ("a code in other digits than ASCII's", "٠٤٢٦١٧", "wrong_code"),
        ("a code without its first digit", "42617", "wrong_code"),
        ("an empty code", "", "wrong_code"),
    ):
        claims = {name: value for name, value in coded.items() if name != "code"}
        if typed is not None:
            claims["code"] = typed
        yield why, "payment with a code", "ES256", sign(strong, ANSWER_TYP, claims), code
    salted = answer_claims_of("payment", "PS256", button=0)
    signed = signing_input(header_of("ps256-strong", ANSWER_TYP), salted)
    yield "PSS with a salt of 20 bytes", "payment", "PS256", salty(signed), "strong_key_missed"
    claims = answer_claims_of("payment", "RS256", button=0)
    signed = signing_input({**header_of("rs256-strong", ANSWER_TYP), "alg": "PS256"}, claims)
    yield (
        "PS256 with a key that is pinned to RS256",
        "payment",
        "RS256",
        f"{signed}.{signature_of('rs256-strong', signed)}",
        "wrong_algorithm",
    )


def stranger_of(claims, typ):
    """A token with a stranger's signature under the kid of the strong key."""
    signed = signing_input(header_of("es256-strong", typ), claims)
    return f"{signed}.{signature_of('es256-stranger', signed)}"


def salty(signed):
    """A PSS signature with a salt of 20 bytes."""
    key, sha = PRIVATE["ps256-strong"], hashes.SHA256()
    scheme = padding.PSS(mgf=padding.MGF1(sha), salt_length=20)
    for signature in sorted(AT_HAND.get(signed, ())):
        try:
            key.public_key().verify(keys.unb64url(signature), signed.encode(), scheme, sha)
        except InvalidSignature:
            continue
        return f"{signed}.{signature}"
    return f"{signed}.{keys.b64url(key.sign(signed.encode(), scheme, sha))}"


def disown_vectors():
    valid = []
    for device in DEVICES:
        claims = answer_claims_of("payment", device)
        key = f"{device.lower()}-device"
        valid.append(answered("payment", key, DISOWN_TYP, claims, f"{device}, by the device key"))
    claims = answer_claims_of("payment", "ES256")
    claims["jti"] = keys.b64url(entropy("jti strong disown", 16))
    valid.append(answered("payment", "es256-strong", DISOWN_TYP, claims, "by the strong key"))
    for reason in REASONS:
        claims = answer_claims_of("payment", "ES256", reason=reason)
        note = f"with the reason {reason}"
        valid.append(answered("payment", "es256-device", DISOWN_TYP, claims, note))
    good = answer_claims_of("payment", "ES256")
    with_button = answer_claims_of("payment", "ES256", button=1)
    other = {**good, "display": keys.digest(b"something else")}
    away = {**good, "aud": OTHER_SPACE}
    signed = signing_input(header_of("es256-device", DISOWN_TYP), good)
    cases = [
        (
            "an answer where a disown is due",
            sign("es256-device", ANSWER_TYP, with_button),
            "wrong_type",
        ),
        ("a button", sign("es256-device", DISOWN_TYP, with_button), "malformed_token"),
        ("an empty jti", sign("es256-device", DISOWN_TYP, {**good, "jti": ""}), "malformed_token"),
        ("another document", sign("es256-device", DISOWN_TYP, other), "display_changed"),
        ("another App Space", sign("es256-device", DISOWN_TYP, away), "wrong_audience"),
        (
            "a reason that is no word of the list",
            sign("es256-device", DISOWN_TYP, {**good, "reason": "tired"}),
            "invalid_field",
        ),
        (
            "a reason that is a number",
            sign("es256-device", DISOWN_TYP, {**good, "reason": 1}),
            "malformed_token",
        ),
        (
            "a stranger's key",
            f"{signed}.{signature_of('es256-stranger', signed)}",
            "wrong_signature",
        ),
    ]
    return {
        "about": "Disowns of the display documents of display.json; `code` is the refusal's,"
        " `answeredAt` the service's time, in seconds since the epoch.",
        "context": CONTEXT,
        "answeredAt": SIGNED_AT,
        "valid": valid,
        "invalid": [
            {"why": why, "display": "payment", "device": "ES256", "token": token, "code": code}
            for why, token, code in cases
        ],
    }
