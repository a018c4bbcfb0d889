"""Receipts and key sets, right and forged."""

import json
from datetime import timedelta

import attrs
from answers import answer_claims_of, answered
from displays import ACTIONS, QUESTIONS, document_of, question_of
from names import (
    ACCOUNT,
    ANSWERED_AT,
    BOUND_AT,
    DEADLINE,
    DEVICES,
    ISSUED_AT,
    ORIGIN,
    OTHER_ACCOUNT,
    SPACE,
)
from signing import (
    KEYS,
    device_key,
    header_of,
    jwks,
    public_jwk,
    sign,
    signature_of,
    signing_input,
    twin,
)

from counterseal import ijson, keys
from counterseal.bindings.documents.enrolment import KEYSET_TYP, keyset_claims
from counterseal.challenges.documents.answer import ANSWER_TYP, DISOWN_TYP
from counterseal.challenges.documents.display import display_text
from counterseal.challenges.documents.receipt import RECEIPT_TYP, receipt_hash, receipt_payload
from counterseal.models import (
    Account,
    ActionTerms,
    Binding,
    BindingState,
    Challenge,
    ChallengeState,
    DeviceKey,
    KeyChange,
    Role,
)
from counterseal.wire.members import parse_time

ARTICLES = {"EdDSA": "an EdDSA", "PS256": "a PS256", "RS256": "an RS256"}


def challenge_of(display_name):
    document = document_of(display_name)
    question = question_of(QUESTIONS["payment" if display_name in ACTIONS else display_name])
    text = display_text(document)
    return Challenge(
        guid=document["challenge"],
        state=ChallengeState.SEEN,
        app_space=SPACE.guid,
        origin=ORIGIN.guid,
        account=ACCOUNT.guid,
        display=text,
        display_hash=keys.digest(text.encode()),
        buttons=question.buttons,
        transaction_id=question.transaction_id,
        issued_at=ISSUED_AT,
        deadline=DEADLINE,
        keep_until=DEADLINE + timedelta(days=30),
        action=terms_of(document),
    )


def terms_of(document):
    """Return the terms of an action, from its display document; None if there is none."""
    if "action" not in document:
        return None
    action = document["action"]
    return ActionTerms(
        type=action["type"],
        document="{}",
        digest=action["digest"],
        valid_until=parse_time(action["validUntil"]),
    )


def binding_of(device):
    device_keys = tuple(device_key(f"{device.lower()}-{role}") for role in ("device", "strong"))
    return Binding(
        guid=DEVICES[device],
        state=BindingState.ACTIVE,
        account=ACCOUNT.guid,
        app_space=SPACE.guid,
        origin=ORIGIN.guid,
        token_hash=b"\0" * 32,
        deadline=BOUND_AT,
        enrolled="recorded",
        keys=device_keys,
        key_changes=tuple(
            KeyChange(at=BOUND_AT, role=key.role, thumbprint=key.key.thumbprint)
            for key in device_keys
        ),
        created_at=BOUND_AT,
        bound_at=BOUND_AT,
    )


def receipt_claims_for(vector, *, service, number=1, previous=""):
    device = vector["header"]["alg"]
    disowned = vector["header"]["typ"] == DISOWN_TYP
    account = Account(
        guid=ACCOUNT.guid,
        app_space=SPACE.guid,
        account_id=ACCOUNT.account_id,
        receipts=number - 1,
        receipt_hash=previous,
        created_at=BOUND_AT,
    )
    payload = receipt_payload(
        challenge_of(vector["display"]),
        issuer=KEYS[service].public,
        account=account,
        binding=binding_of(device),
        signer=device_key(vector["key"]),
        token=vector["token"],
        state=ChallengeState.DISOWNED if disowned else ChallengeState.ANSWERED,
        button=vector["claims"].get("button"),
        at=ANSWERED_AT,
    )
    return json.loads(payload)


def receipt_vectors(answers, disowns):
    approvals = [each for each in answers["valid"] if "approved" in each["about"]]
    refusal = next(each for each in answers["valid"] if each["about"].startswith("ES256, refused"))
    chain = [approvals[0], refusal, disowns["valid"][0]]
    valid, previous = [], ""
    for number_, answer in enumerate(chain, start=1):
        claims = receipt_claims_for(
            answer, service="es256-service", number=number_, previous=previous
        )
        token = sign("es256-service", RECEIPT_TYP, claims)
        previous = receipt_hash(token)
        valid.append(
            {
                "about": f"{number_} of the account's chain",
                "claims": claims,
                "token": token,
                "hash": previous,
            }
        )
    for answer, service in zip(
        approvals[1:4], ("eddsa-service", "es256-service", "es256-service"), strict=True
    ):
        claims = receipt_claims_for(answer, service=service)
        token = sign(service, RECEIPT_TYP, claims)
        valid.append(
            {
                "about": f"of {ARTICLES[answer['header']['alg']]} answer, issued by {service}",
                "claims": claims,
                "token": token,
                "hash": receipt_hash(token),
            }
        )
    for answer in (*with_reasons(answers), *with_reasons(disowns)):
        claims = receipt_claims_for(answer, service="es256-service")
        token = sign("es256-service", RECEIPT_TYP, claims)
        kind = "disown" if answer["header"]["typ"] == DISOWN_TYP else "refusal"
        valid.append(
            {
                "about": f"of a {kind} with the reason {answer['claims']['reason']}",
                "claims": claims,
                "token": token,
                "hash": receipt_hash(token),
            }
        )
    valid.append(
        {
            **valid[0],
            "about": "the same receipt as the first, with the other signature that ECDSA allows:"
            " the hash is the same",
            "token": twin(valid[0]["token"]),
        }
    )
    valid.append(receipt_of_a_named_device_key(answers["valid"][0]))
    of_actions = action_receipts()
    return {
        "about": "Receipts; `trusted` is the service's JWK Set, `code` is the refusal's,"
        " and the refused ones were all signed by their issuer.",
        "trusted": jwks("es256-service", "eddsa-service"),
        "thumbprint": KEYS["es256-service"].public.thumbprint,
        "valid": valid + of_actions,
        "invalid": [
            {"why": why, "token": token, "code": code}
            for why, token, code in (
                *forged_receipts(valid, refusal, answers),
                *forged_factors(valid[0], *of_actions),
            )
        ],
    }


def receipt_of_a_named_device_key(answer):
    """Return the receipt of *answer* if its claims named the device key of the call, too."""
    claims = {**answer["claims"], "deviceKey": KEYS["es256-device"].public.thumbprint}
    token = sign("es256-strong", ANSWER_TYP, claims)
    receipt_claims = {
        **receipt_claims_for(answer, service="es256-service"),
        "answer": token,
    }
    token = sign("es256-service", RECEIPT_TYP, receipt_claims)
    return {
        "about": "of an answer that names its device key",
        "claims": receipt_claims,
        "token": token,
        "hash": receipt_hash(token),
    }


def action_receipts():
    """Return the receipts of an action that was approved, and of one that was not."""
    receipts = []
    for verdict, button, key in (("approved", 0, "strong"), ("refused", 1, "device")):
        claims = answer_claims_of("a tool call", "ES256", button=button)
        answer = answered("a tool call", f"es256-{key}", ANSWER_TYP, claims, verdict)
        receipt_claims = receipt_claims_for(answer, service="es256-service")
        token = sign("es256-service", RECEIPT_TYP, receipt_claims)
        receipts.append(
            {
                "about": f"of an action, {verdict} by the {key} key",
                "claims": receipt_claims,
                "token": token,
                "hash": receipt_hash(token),
            }
        )
    without = {name: claim for name, claim in receipts[0]["claims"].items() if name != "factors"}
    token = sign("es256-service", RECEIPT_TYP, without)
    receipts.append(
        {
            "about": "of an action, approved, from before receipts stated factors",
            "claims": without,
            "token": token,
            "hash": receipt_hash(token),
        }
    )
    return receipts


def forged_factors(question, approved, refused, _):
    """Yield receipts whose factors are others than those that the answer shows."""
    both = approved["claims"]["factors"]
    for why, vector, factors in (
        ("an action's factors without possession", approved, both[1:]),
        ("one factor of two", approved, both[:1]),
        ("factors in another order", approved, both[::-1]),
        ("a factor twice", approved, [*both, both[1]]),
        ("no factors", approved, []),
        ("knowledge, which nothing proves", approved, ["possession", "knowledge"]),
        ("inherence, which nothing proves", approved, ["possession", "inherence"]),
        ("factors in one text", approved, " ".join(both)),
        ("factors of an action that was refused", refused, ["possession"]),
        ("factors of a question that is no action", question, both),
    ):
        claims = {**vector["claims"], "factors": factors}
        yield why, sign("es256-service", RECEIPT_TYP, claims), "receipt_changed"


def with_reasons(tokens):
    """Return the refusals of *tokens* that say why, of two of the words."""
    words = {"pressured", "not_mine"}
    return [each for each in tokens["valid"] if each["claims"].get("reason") in words]


def forged_receipts(valid, refusal, answers):
    good, service = valid[0]["claims"], "es256-service"

    def changed(**claims):
        claims_ = {**good, **claims}
        return sign(
            service,
            RECEIPT_TYP,
            {name: value for name, value in claims_.items() if value is not None},
        )

    def over_document(document):
        text = ijson.canonical(document).decode()
        claims_ = {**answers["valid"][0]["claims"], "display": keys.digest(text.encode())}
        return changed(display=text, answer=sign(strong, ANSWER_TYP, claims_))

    dearer = good["display"].replace("10,00", "1000,00")
    spaced = json.dumps(json.loads(good["display"]), ensure_ascii=False)
    strong = "es256-strong"
    weak = sign("es256-device", ANSWER_TYP, answers["valid"][0]["claims"])
    odd = {**answers["valid"][0]["claims"], "display": keys.digest(spaced.encode())}
    other_device = {**answers["valid"][0]["claims"], "iss": DEVICES["EdDSA"]}
    document = {**json.loads(good["display"]), "warning": "Do not press!"}
    longer = ijson.canonical(document).decode()
    over = {**answers["valid"][0]["claims"], "display": keys.digest(longer.encode())}
    coded = receipt_claims_for(
        next(each for each in answers["valid"] if "with the matching code" in each["about"]),
        service=service,
    )
    lone = {**json.loads(good["display"])}
    lone["buttons"] = lone["buttons"][:1]
    unnamed = {**json.loads(good["display"])}
    unnamed["origin"] = {**unnamed["origin"], "guid": "shop"}
    uncoded = json.loads(keys.unb64url(coded["answer"].split(".")[1]))
    del uncoded["code"]
    reasoned = {**answers["valid"][0]["claims"], "reason": "other"}
    tired = sign("es256-device", ANSWER_TYP, {**refusal["claims"], "reason": "tired"})
    weak_key, strong_key = (
        KEYS[f"es256-{role}"].public.thumbprint for role in ("device", "strong")
    )

    def naming(device_key, **changes):
        """Return the receipt of an answer that names its device key."""
        claims_ = {**answers["valid"][0]["claims"], "deviceKey": device_key}
        return changed(answer=sign(strong, ANSWER_TYP, claims_), **changes)

    issued_by_new = {**good, "issuer": public_jwk("es256-new-service")}
    return [
        ("another amount than was signed", changed(display=dearer), "receipt_changed"),
        ("another answer, approved kept", changed(answer=refusal["token"]), "receipt_changed"),
        (
            "a refusal called an approval",
            sign(service, RECEIPT_TYP, {**valid[1]["claims"], "approved": True}),
            "receipt_changed",
        ),
        ("an answer called a disown", changed(outcome="DISOWNED"), "receipt_changed"),
        ("an outcome that no answer has", changed(outcome="EXPIRED"), "receipt_changed"),
        (
            "the device key for a strong button",
            changed(answer=weak, key=public_jwk("es256-device"), role="device"),
            "receipt_changed",
        ),
        (
            "a weak key called strong",
            changed(answer=weak, key=public_jwk("es256-device")),
            "receipt_changed",
        ),
        (
            "a key that is not in the history",
            changed(history=good["history"][:1]),
            "receipt_changed",
        ),
        (
            "a device key in the answer that is not in the history",
            naming(keys.digest(b"another")),
            "receipt_changed",
        ),
        (
            "a device key in the answer that the history has as the strong key only",
            naming(strong_key),
            "receipt_changed",
        ),
        (
            "a history without the device key that the answer names",
            naming(
                weak_key,
                history=[line for line in good["history"] if line["thumbprint"] != weak_key],
            ),
            "receipt_changed",
        ),
        (
            "another key than the one that signed",
            changed(key=public_jwk("es256-device")),
            "receipt_changed",
        ),
        (
            "another device",
            changed(answer=sign(strong, ANSWER_TYP, other_device)),
            "receipt_changed",
        ),
        ("another account", changed(account=OTHER_ACCOUNT), "receipt_changed"),
        ("accepted at the deadline", changed(at="2026-03-01T12:02:00.000Z"), "receipt_changed"),
        ("accepted before it was asked", changed(at="2026-03-01T11:59:59.999Z"), "receipt_changed"),
        (
            "a line of history with more to it",
            changed(history=[{**line, "by": "x"} for line in good["history"]]),
            "receipt_changed",
        ),
        (
            "a line of history with a time in another spelling",
            changed(history=[{**line, "at": "2026-03-01"} for line in good["history"]]),
            "receipt_changed",
        ),
        ("a time in another spelling", changed(at="2026-03-01T12:00:20Z"), "receipt_changed"),
        (
            "a display document that is not canonical",
            changed(display=spaced, answer=sign(strong, ANSWER_TYP, odd)),
            "receipt_changed",
        ),
        (
            "an approval without the code that was asked for",
            sign(
                service,
                RECEIPT_TYP,
                {**coded, "answer": sign(strong, ANSWER_TYP, uncoded)},
            ),
            "receipt_changed",
        ),
        (
            "a display document with more to it, though it was signed",
            changed(display=longer, answer=sign(strong, ANSWER_TYP, over)),
            "receipt_changed",
        ),
        ("just one button, though it was signed", over_document(lone), "receipt_changed"),
        ("a GUID that is none, though it was signed", over_document(unnamed), "receipt_changed"),
        (
            "an approval with a reason to refuse, though it was signed",
            changed(answer=sign(strong, ANSWER_TYP, reasoned)),
            "receipt_changed",
        ),
        (
            "a reason that is no word of the list, though it was signed",
            sign(service, RECEIPT_TYP, {**valid[1]["claims"], "answer": tired}),
            "receipt_changed",
        ),
        ("number 0", changed(number=0), "receipt_changed"),
        ("the first, with one before it", changed(previous=valid[0]["hash"]), "receipt_changed"),
        ("the second, with none before it", changed(number=2), "receipt_changed"),
        ("another version", changed(version=2), "receipt_changed"),
        ("a missing claim", changed(role=None), "receipt_changed"),
        ("an unknown claim", changed(note="x"), "receipt_changed"),
        (
            "a private member in the issuer's key",
            changed(issuer={**good["issuer"], "d": "AA"}),
            "receipt_changed",
        ),
        ("another kind of token", sign(service, KEYSET_TYP, good), "receipt_changed"),
        (
            "signed by another key than the issuer it names",
            sign("es256-new-service", RECEIPT_TYP, good, kid=service),
            "receipt_changed",
        ),
        (
            "fresh keys throughout",
            sign("es256-new-service", RECEIPT_TYP, issued_by_new),
            "issuer_untrusted",
        ),
        (
            "fresh keys throughout, and an approval called a refusal",
            sign("es256-new-service", RECEIPT_TYP, {**issued_by_new, "approved": False}),
            "issuer_untrusted",
        ),
    ]


def keyset_vectors():
    at = ANSWERED_AT
    fresh = ("es256-new-service", "es256-service", "eddsa-service")
    claims = keyset_claims(tuple(KEYS[name].public for name in fresh), at)
    newest = claims["iat"]
    weak = {"keys": [{**claims["keys"][0], "kty": "RSA"}], "iat": claims["iat"]}
    strange = {**claims, "keys": [{**claims["keys"][0], "ext": True}]}
    namesake = {**claims["keys"][0], "kid": "es256-service"}
    twice = {**claims, "keys": [namesake, *claims["keys"]]}
    signed = signing_input(header_of("es256-service", KEYSET_TYP), claims)
    cases = [
        (
            "by the new key itself",
            sign("es256-new-service", KEYSET_TYP, claims),
            "issuer_untrusted",
        ),
        (
            "by a stranger under a pinned kid",
            f"{signed}.{signature_of('es256-stranger', signed)}",
            "wrong_signature",
        ),
        ("another kind of token", sign("es256-service", RECEIPT_TYP, claims), "wrong_type"),
        (
            "an unknown claim",
            sign("es256-service", KEYSET_TYP, {**claims, "x": 1}),
            "malformed_token",
        ),
        (
            "older than the newest that was taken",
            sign("es256-service", KEYSET_TYP, {**claims, "iat": newest - 1}),
            "stale_proof",
        ),
        ("no keys", sign("es256-service", KEYSET_TYP, {**claims, "keys": []}), "invalid_field"),
        (
            "a key whose kty is not its algorithm's",
            sign("es256-service", KEYSET_TYP, weak),
            "unfit_key",
        ),
        (
            "a key with an unknown member",
            sign("es256-service", KEYSET_TYP, strange),
            "invalid_field",
        ),
        ("a kid twice", sign("es256-service", KEYSET_TYP, twice), "invalid_field"),
    ]
    return {
        "about": "Endorsed key sets; `pinned` is what the device trusts already,"
        " `taken` the `iat` of the newest set that it took, `kids` what it trusts afterwards,"
        " `code` is the refusal's.",
        "pinned": jwks("es256-service", "eddsa-service"),
        "taken": newest,
        "valid": [
            {
                "about": f"endorsed with {KEYS[name].public.algorithm.value}",
                "claims": claims,
                "token": sign(name, KEYSET_TYP, claims),
                "kids": list(fresh),
            }
            for name in ("es256-service", "eddsa-service")
        ],
        "invalid": [{"why": why, "token": token, "code": code} for why, token, code in cases],
    }


def passkey_receipt(vector, key):
    """Return the receipt of an answer by a passkey, beside whose *key* stands the device's."""
    binding = binding_of("ES256")
    strong = DeviceKey(role=Role.STRONG, key=key)
    binding = attrs.evolve(
        binding,
        keys=(binding.keys[0], strong),
        key_changes=(
            binding.key_changes[0],
            KeyChange(at=BOUND_AT, role=Role.STRONG, thumbprint=key.thumbprint),
        ),
    )
    account = Account(
        guid=ACCOUNT.guid,
        app_space=SPACE.guid,
        account_id=ACCOUNT.account_id,
        created_at=BOUND_AT,
    )
    payload = receipt_payload(
        challenge_of(vector["display"]),
        issuer=KEYS["es256-service"].public,
        account=account,
        binding=binding,
        signer=strong,
        token=vector["token"],
        state=ChallengeState.ANSWERED,
        button=vector["claims"]["button"],
        at=ANSWERED_AT,
    )
    token = sign("es256-service", RECEIPT_TYP, payload)
    return {
        "about": f"{key.alg}, {vector['about'].partition(', ')[2]}",
        "claims": json.loads(payload),
        "token": token,
        "hash": receipt_hash(token),
    }
