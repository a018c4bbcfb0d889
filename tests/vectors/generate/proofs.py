"""Device proofs, right and forged."""

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
from signing import header_of, sign, signature_of

from counterseal import keys
from counterseal.bindings.documents.proof import PROOF_TYP
from counterseal.challenges.documents.answer import ANSWER_TYP

ADDRESS = "https://auth.example.com/device/answer?lang=en"


def proof_claims_of(device, *, method="POST", uri=ADDRESS, body=b"", at=SIGNED_AT):
    return {
        "iss": DEVICES[device],
        "sub": ACCOUNT.guid,
        "aud": SPACE.guid,
        "htm": method,
        "htu": uri,
        "body": keys.digest(body),
        "iat": at,
        "jti": keys.b64url(entropy(f"proof {device} {method} {len(body)}", 16)),
    }


def proof_vectors():
    body = "Zoë"
    valid = []
    for device in DEVICES:
        for method, text in (("POST", body), ("GET", "")):
            key = f"{device.lower()}-device"
            claims = proof_claims_of(device, method=method, body=text.encode())
            valid.append(
                {
                    "about": f"{device}, {method}",
                    "key": key,
                    "method": method,
                    "uri": ADDRESS,
                    "body": text,
                    "receivedAt": SIGNED_AT,
                    "header": header_of(key, PROOF_TYP),
                    "claims": claims,
                    "token": sign(key, PROOF_TYP, claims),
                }
            )
    good, token = valid[0]["claims"], valid[0]["token"]
    for seconds, title in ((300, "five minutes late"), (-60, "a minute early")):
        valid.append({**valid[0], "about": title, "receivedAt": SIGNED_AT + seconds})
    claims = {**good, "jti": "\U0001f600" * 64}
    valid.append(
        {
            **valid[0],
            "about": "a jti of 64 characters of the astral planes",
            "claims": claims,
            "token": sign("es256-device", PROOF_TYP, claims),
        }
    )

    def changed(**claims):
        return sign("es256-device", PROOF_TYP, {**good, **claims})

    answer = {
        **{name: good[name] for name in ("iss", "sub", "aud", "iat", "jti")},
        "challenge": guid("challenge", PARTITION),
        "display": keys.digest(b""),
        "button": 0,
        "title": "Pay",
    }
    request = {"method": "POST", "uri": ADDRESS, "body": body, "receivedAt": SIGNED_AT}
    host = ADDRESS.replace("auth", "other")
    signed = token.rpartition(".")[0]
    forged = f"{signed}.{signature_of('es256-stranger', signed)}"
    cases = [
        ("another method", {**request, "method": "PUT"}, token, "wrong_request"),
        ("another host", {**request, "uri": host}, token, "wrong_request"),
        ("another query", {**request, "uri": f"{ADDRESS}&x=1"}, token, "wrong_request"),
        ("another body", {**request, "body": "Zoe"}, token, "wrong_request"),
        (
            "over five minutes late",
            {**request, "receivedAt": SIGNED_AT + 301},
            token,
            "stale_proof",
        ),
        ("over a minute early", {**request, "receivedAt": SIGNED_AT - 61}, token, "stale_proof"),
        (
            "a millisecond over five minutes late",
            {**request, "receivedAt": SIGNED_AT + 300.001},
            token,
            "stale_proof",
        ),
        (
            "a millisecond over a minute early",
            {**request, "receivedAt": SIGNED_AT - 60.001},
            token,
            "stale_proof",
        ),
        ("by the strong key", request, sign("es256-strong", PROOF_TYP, good), "wrong_key"),
        ("by a stranger", request, forged, "wrong_signature"),
        ("another kind of token", request, sign("es256-device", ANSWER_TYP, good), "wrong_type"),
        (
            "an answer, with an answer's claims",
            request,
            sign("es256-device", ANSWER_TYP, answer),
            "malformed_token",
        ),
        ("another account", request, changed(sub=OTHER_ACCOUNT), "wrong_device"),
        ("another App Space", request, changed(aud=OTHER_SPACE), "wrong_device"),
        ("an unknown device", request, changed(iss=guid("none", PARTITION)), "wrong_device"),
        ("an empty jti", request, changed(jti=""), "malformed_token"),
        ("a jti of 65 characters", request, changed(jti="x" * 65), "malformed_token"),
        ("an unknown claim", request, changed(nonce="x"), "malformed_token"),
    ]
    return {
        "about": "Device proofs; bodies are UTF-8, `receivedAt` is in seconds since the epoch,"
        " `code` is the refusal's.",
        "context": CONTEXT,
        "valid": valid,
        "invalid": [
            {"why": why, **asked_with, "token": token, "code": code}
            for why, asked_with, token, code in cases
        ],
    }
