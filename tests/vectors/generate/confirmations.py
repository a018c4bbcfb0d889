"""Confirmations of new devices, right and forged, and comparison codes."""

from answers import stranger_of
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
from signing import device_key, header_of, sign, signature_of, signing_input, twin

from counterseal import keys
from counterseal.bindings.documents.confirmation import CONFIRM_TYP, comparison_code
from counterseal.bindings.documents.enrolment import thumbprints_of
from counterseal.challenges.documents.answer import ANSWER_TYP

STATUSES = {"add": "ACTIVE", "move": "ACTIVE", "refuse": "REVOKED"}


def thumbprints(device):
    return thumbprints_of(
        (device_key(f"{device.lower()}-device"), device_key(f"{device.lower()}-strong"))
    )


def claims_of(device, new, choice):
    return {
        "iss": DEVICES[device],
        "sub": ACCOUNT.guid,
        "aud": SPACE.guid,
        "binding": DEVICES[new],
        **thumbprints(new),
        "choice": choice,
        "iat": SIGNED_AT,
        "jti": keys.b64url(entropy(f"jti {choice} {device} {new}", 16)),
    }


def confirmed(title, device, new, choice, **claims):
    key, claims = f"{device.lower()}-strong", {**claims_of(device, new, choice), **claims}
    return {
        "about": title,
        "device": device,
        "new": new,
        "key": key,
        "header": header_of(key, CONFIRM_TYP),
        "claims": claims,
        "token": sign(key, CONFIRM_TYP, claims),
        "status": STATUSES[choice],
    }


def confirmation_vectors():
    valid = [
        *(
            confirmed(f"{device}, the new device is added", device, new, "add")
            for device, new in zip(DEVICES, [*DEVICES][1:] + [*DEVICES][:1], strict=True)
        ),
        confirmed("moved to the new device", "ES256", "EdDSA", "move"),
        confirmed("the new device is refused", "ES256", "EdDSA", "refuse"),
        confirmed(
            "added, with the device key that proved the call",
            "ES256",
            "EdDSA",
            "add",
            deviceKey=thumbprints("ES256")["device"][0],
        ),
    ]
    first = valid[0]
    valid.append(
        {
            **first,
            "about": "the first one, with the other signature that ECDSA allows",
            "token": twin(first["token"]),
        }
    )
    return {
        "about": "Confirmations: `device` decides on `new`, which waits until after `decidedAt`"
        " and is `status` then; `code` is the refusal's. Under `codes` the comparison codes of new"
        " devices, under `typed` how an origin's user may spell one.",
        "context": CONTEXT,
        "decidedAt": SIGNED_AT,
        "valid": valid,
        "invalid": [
            {"why": why, "device": "ES256", "new": "EdDSA", "token": token, "code": code}
            for why, token, code in forged_confirmations(first)
        ],
        "codes": [
            coded(title, ACCOUNT.guid, binding, thumbprints_)
            for title, binding, thumbprints_ in code_cases()
        ],
        "typed": typed_codes(),
    }


def forged_confirmations(right):
    """Yield why, token, and the refusal's code."""
    strong, good = "es256-strong", right["claims"]
    header, payload, signature = right["token"].split(".")

    def changed(**claims):
        changed_claims = {**good, **claims}
        present = {name: value for name, value in changed_claims.items() if value is not None}
        return sign(strong, CONFIRM_TYP, present)

    raw = keys.unb64url(signature)
    flipped = keys.b64url(bytes([raw[0] ^ 1]) + raw[1:])
    own = thumbprints("ES256")
    more = sorted([*good["strong"], *own["strong"]])
    signed = signing_input({**header_of(strong, CONFIRM_TYP), "kid": "eddsa-strong"}, good)
    foreign = f"{signed}.{signature_of('eddsa-strong', signed)}"
    return [
        ("another kind of token", sign(strong, ANSWER_TYP, good), "wrong_type"),
        ("two parts", f"{header}.{payload}", "malformed_token"),
        ("another choice", changed(choice="replace"), "malformed_token"),
        ("a choice in capitals", changed(choice="ADD"), "malformed_token"),
        ("no choice", changed(choice=None), "malformed_token"),
        ("an unknown claim", changed(code="XN3VM-CD4Z4"), "malformed_token"),
        ("an empty jti", changed(jti=""), "malformed_token"),
        ("a time as text", changed(iat=str(SIGNED_AT)), "malformed_token"),
        ("thumbprints as a text", changed(strong=good["strong"][0]), "malformed_token"),
        ("a GUID in upper case", changed(sub=ACCOUNT.guid.upper()), "malformed_token"),
        ("of another device", changed(iss=DEVICES["PS256"]), "wrong_device"),
        ("of another account", changed(sub=OTHER_ACCOUNT), "wrong_audience"),
        ("for another App Space", changed(aud=OTHER_SPACE), "wrong_audience"),
        ("a new device that is not there", changed(binding=guid("none", PARTITION)), "not_found"),
        ("the keys of another device", changed(**own), "keys_changed"),
        ("a strong key less", changed(strong=[]), "keys_changed"),
        ("a strong key more", changed(strong=more), "keys_changed"),
        ("a device key as a strong one", changed(strong=good["device"]), "keys_changed"),
        ("another device key of the signer", changed(deviceKey=own["strong"][0]), "wrong_device"),
        ("by the device key", sign("es256-device", CONFIRM_TYP, good), "weak_key"),
        ("by a key of the new device", foreign, "wrong_key"),
        ("one bit of the signature", f"{header}.{payload}.{flipped}", "strong_key_missed"),
        (
            "a stranger's key under the right kid",
            stranger_of(good, CONFIRM_TYP),
            "strong_key_missed",
        ),
    ]


def code_cases():
    """Yield what it is, the new device, and the thumbprints of its keys."""
    for device, binding in DEVICES.items():
        yield f"{device}, a device key and a strong key", binding, thumbprints(device)
    binding, thumbprints_ = DEVICES["ES256"], thumbprints("ES256")
    strong = sorted([*thumbprints_["strong"], *thumbprints("PS256")["strong"]])
    swapped = {"device": thumbprints_["strong"], "strong": thumbprints_["device"]}
    yield "two strong keys", binding, {**thumbprints_, "strong": strong}
    yield "the two keys in each other's role", binding, swapped
    yield "the same keys as another device", DEVICES["EdDSA"], thumbprints_


def coded(title, account, binding, thumbprints_):
    return {
        "about": title,
        "account": account,
        "binding": binding,
        "thumbprints": thumbprints_,
        "code": comparison_code(account, binding, thumbprints_),
    }


def typed_codes():
    return [
        {"about": title, "typed": typed, "code": "0123A-1BCDE"}
        for title, typed in (
            ("as it is shown", "0123A-1BCDE"),
            ("in small letters", "0123a-1bcde"),
            ("without the hyphen", "0123A1BCDE"),
            ("with spaces and hyphens anywhere", " 01-23 A1B-CDE "),
            ("an O for the 0", "o123A-1BCDE"),
            ("an I and an L for the 1", "0I23A-lBCDE"),
        )
    ]
