"""Use receipts, right and forged: each claim missing, of another value, and changed unsigned."""

import json
from datetime import timedelta

from answers import answer_claims_of, answered
from names import ACCOUNT, ANSWERED_AT, DEVICES, ORIGIN, PARTITION, SPACE, guid
from receipts import challenge_of, receipt_claims_for
from signing import KEYS, jwks, public_jwk, sign, signing_input, twin

from counterseal import keys
from counterseal.approvals.documents import USE_LIMIT, USE_TYP, use_payload
from counterseal.challenges.documents.answer import ANSWER_TYP
from counterseal.challenges.documents.receipt import RECEIPT_TYP, receipt_hash
from counterseal.models import ActionState, ApprovedAction

USED_AT = ANSWERED_AT + timedelta(seconds=5)

SERVICE = "es256-service"

CHANGES = {
    "version": 2,
    "issuer": public_jwk("eddsa-service"),
    "challenge": "ddeee434-3c6b-8e01-b8b3-d75a0a312394",
    "account": "ddeee434-3c6b-8e01-b8b3-d75a0a312394",
    "origin": "ddeee434-3c6b-8e01-b8b3-d75a0a312394",
    "device": "ddeee434-3c6b-8e01-b8b3-d75a0a312394",
    "type": "payment",
    "action": "tUSnaG0RhmgKnY8k_1QrANiuYNpN0mE6OPYpKoM3zDc",
    "arguments": "not presented",
    "approval": "tUSnaG0RhmgKnY8k_1QrANiuYNpN0mE6OPYpKoM3zDc",
    "validUntil": "2026-03-01T13:00:00.000Z",
    "at": "2026-03-01T12:00:26.000Z",
}
"""Another value of each claim, that its signature does not cover."""

OTHER_TYPES = {dict: "x", int: "1", str: 1}


def claims_for(service, *, presented=True):
    """Return the claims about the use of the tool call that a person approved."""
    answer_claims = answer_claims_of("a tool call", "ES256", button=0)
    answer = answered("a tool call", "es256-strong", ANSWER_TYP, answer_claims, "approved")
    approval = sign(SERVICE, RECEIPT_TYP, receipt_claims_for(answer, service=SERVICE))
    challenge = challenge_of("a tool call")
    action = ApprovedAction(
        guid=guid("approved action", PARTITION),
        challenge=challenge.guid,
        state=ActionState.APPROVED,
        account=ACCOUNT.guid,
        app_space=SPACE.guid,
        origin=ORIGIN.guid,
        device=DEVICES["ES256"],
        terms=challenge.action,
        created_at=ANSWERED_AT,
        keep_until=challenge.keep_until,
    )
    payload = use_payload(
        action,
        issuer=KEYS[service].public,
        presented=presented,
        approval=receipt_hash(approval),
        at=USED_AT,
    )
    return json.loads(payload)


def valid_vectors():
    vectors = []
    for title, service, presented in (
        ("the arguments were presented, and matched", SERVICE, True),
        ("no arguments were presented", SERVICE, False),
        ("issued by eddsa-service", "eddsa-service", True),
    ):
        claims = claims_for(service, presented=presented)
        vectors.append({"about": title, "claims": claims, "token": sign(service, USE_TYP, claims)})
    vectors.append(
        {
            **vectors[0],
            "about": "the same as the first, with the other signature that ECDSA allows",
            "token": twin(vectors[0]["token"]),
        }
    )
    return vectors


def forged_vectors(good, token):
    header, _, signature = token.split(".")

    def signed(claims, typ=USE_TYP, service=SERVICE, **members):
        return sign(service, typ, claims, **members)

    for name, value in CHANGES.items():
        signed_input = signing_input(json.loads(keys.unb64url(header)), {**good, name: value})
        yield f"{name}: another value, that was not signed", f"{signed_input}.{signature}"
    for name in good:
        without = {other: value for other, value in good.items() if other != name}
        yield f"{name}: missing", signed(without)
    for name, value in good.items():
        yield f"{name}: another type", signed({**good, name: OTHER_TYPES[type(value)]})
    for name in ("challenge", "account", "origin", "device"):
        yield f"{name}: no GUID", signed({**good, name: "shop"})
    for why, changes in (
        ("version: another", {"version": 2}),
        ("version: true", {"version": True}),
        ("arguments: a word that is not in use", {"arguments": "differed"}),
        ("at: the end of the approval", {"at": good["validUntil"]}),
        ("at: in another spelling", {"at": "2026-03-01T12:00:25Z"}),
        ("at: no time", {"at": "2026-02-30T12:00:25.250Z"}),
        ("validUntil: in another spelling", {"validUntil": "2026-03-01T12:12:00Z"}),
        ("validUntil: before the use", {"validUntil": "2026-03-01T12:00:00.000Z"}),
        ("a claim that there is not", {"note": "x"}),
        ("a private member in the issuer's key", {"issuer": {**good["issuer"], "d": "AA"}}),
        ("an issuer without a key", {"issuer": {}}),
        ("more characters than are read", {"type": "x" * USE_LIMIT}),
    ):
        yield why, signed({**good, **changes})
    yield "another kind of token", signed(good, RECEIPT_TYP)
    yield (
        "signed by another key than the issuer that it names",
        signed(good, service="es256-new-service", kid=SERVICE),
    )
    yield "two parts", token.rpartition(".")[0]
    yield "no token", "used"


def use_receipt_vectors():
    valid = valid_vectors()
    good, token = valid[0]["claims"], valid[0]["token"]
    fresh = {**good, "issuer": public_jwk("es256-new-service")}
    by_fresh_keys = (
        ("a fresh key", fresh, "issuer_untrusted"),
        (
            "a fresh key, and a time after the end",
            {**fresh, "at": "2027-01-01T00:00:00.000Z"},
            "issuer_untrusted",
        ),
        ("a fresh key, and no GUID", {**fresh, "challenge": "shop"}, "issuer_untrusted"),
        ("a fresh key, and an unknown claim", {**fresh, "note": "x"}, "receipt_changed"),
    )
    return {
        "about": "Receipts of the use of an approved action; `trusted` is the service's JWK Set,"
        " and `code` is the refusal's.",
        "trusted": jwks(SERVICE, "eddsa-service"),
        "thumbprint": KEYS[SERVICE].public.thumbprint,
        "valid": valid,
        "invalid": [
            *(
                {"why": why, "token": forged, "code": "receipt_changed"}
                for why, forged in forged_vectors(good, token)
            ),
            *(
                {
                    "why": why,
                    "token": sign("es256-new-service", USE_TYP, claims),
                    "code": code,
                }
                for why, claims, code in by_fresh_keys
            ),
        ],
    }
