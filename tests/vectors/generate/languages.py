"""Languages: how a device names its own, and in which one an action is displayed."""

from datetime import timedelta

from binds import offer
from names import (
    ACCOUNT,
    CONTEXT,
    DEADLINE,
    DEVICES,
    ISSUED_AT,
    ORIGIN,
    PARTITION,
    SPACE,
    entropy,
    guid,
)
from signing import device_key

from counterseal import STANDARD, keys
from counterseal.actions import STANDARD_ACTIONS
from counterseal.bindings.documents.enrolment import BIND_TYP, bind_claims
from counterseal.challenges.documents.display import display_document, display_text
from counterseal.challenges.documents.question import read_question
from counterseal.challenges.rules.asked_actions import AskedAction
from counterseal.models import BindingState, Device
from counterseal.wire.members import format_time

DEVICE = "EdDSA"
TAGS = {
    "a language": "de",
    "a language and a region": "de-AT",
    "a language of three letters": "gsw",
    "a language that the service does not have": "pt-BR",
    "a tag of several parts": "zh-Hant-TW",
    "35 characters": "de-aaaaaaaa-bbbbbbbb-cccccccc-ddddd",
}
INVALID = {
    "an empty language": "",
    "a language that is null": None,
    "a language that is a list": ["de"],
    "a language in upper case": "DE",
    "a language of four letters": "germ",
    "a locale": "de_AT",
    "a hyphen at the end": "de-",
    "a part of nine characters": "de-aaaaaaaaa",
    "a space": "de AT",
    "36 characters": "de-aaaaaaaa-bbbbbbbb-cccccccc-dddddd",
}
ACTION = {"type": "login", "resource": "Shop", "arguments": {}}
FIRST, SECOND, THIRD = DEVICES["ES256"], DEVICES["EdDSA"], DEVICES["PS256"]
DISPLAYS = {
    "no device has named a language": ({}, [None, None], None),
    "the language of the only device": ({}, ["de"], None),
    "a region for which there are no texts": ({}, ["de-AT"], None),
    "a language for which there are no texts": ({}, ["pt-BR"], None),
    "the device that was seen last": ({}, ["de", "en"], None),
    "the device that was seen last and has a language": ({}, ["de", None], None),
    "the only device that is asked": ({}, ["de", "en"], FIRST),
    "the only device that is asked has no language": ({}, [None, "de"], FIRST),
    "the origin names the language": ({"language": "en"}, ["de"], None),
    "the origin names another than that of the device that is asked": (
        {"language": "en"},
        ["de", "en"],
        FIRST,
    ),
    "three devices": ({}, ["en", None, "de-CH"], None),
}
"""What the origin adds, the languages of the devices as they were seen, and the one asked."""


def bind_with(language):
    secret = keys.b64url(entropy(f"session token {DEVICE}", 16))
    token = f"{DEVICES[DEVICE]}.{secret}"
    names = [f"{DEVICE.lower()}-device", f"{DEVICE.lower()}-strong"]
    claims = bind_claims(token, SPACE.guid, [device_key(name) for name in names])
    offers = [offer(name, BIND_TYP, claims) for name in names]
    return claims, {"token": token, "keys": offers, "name": "A phone", "language": language}


def device_of(binding, index, language):
    return Device(
        binding=binding,
        state=BindingState.ACTIVE,
        deadline=DEADLINE,
        language=language or "",
        last_seen_at=ISSUED_AT - timedelta(hours=9 - index),
    )


def displayed(title):
    more, languages, chosen = DISPLAYS[title]
    bindings = (FIRST, SECOND, THIRD)[: len(languages)]
    devices = tuple(
        device_of(binding, index, language)
        for index, (binding, language) in enumerate(zip(bindings, languages, strict=True))
    )
    body = {"action": {**ACTION, **more}}
    if chosen is not None:
        body["deviceGuid"] = chosen
    question = read_question(body, account_id=ACCOUNT.account_id)
    asked_action = AskedAction(
        question=question,
        action=question.content,
        types=STANDARD_ACTIONS,
        client=ORIGIN.guid,
        now=ISSUED_AT,
        life=DEADLINE - ISSUED_AT,
        policy=STANDARD,
    )
    language = asked_action.choose_language(devices)
    document = display_document(
        question,
        challenge=guid(f"challenge {title}", PARTITION),
        app_space=SPACE,
        origin=ORIGIN,
        account=ACCOUNT,
        code_asked=False,
        issued_at=ISSUED_AT,
        deadline=DEADLINE,
        action=asked_action.display(language),
    )
    text = display_text(document)
    return {
        "about": title,
        "question": body,
        "devices": [
            {
                "device": device.binding,
                "language": device.language or None,
                "lastSeenAt": format_time(device.last_seen_at),
            }
            for device in devices
        ],
        "language": language,
        "document": document,
        "canonical": text,
        "hash": keys.digest(text.encode()),
    }


def language_vectors():
    binds = []
    for title, tag in TAGS.items():
        claims, body = bind_with(tag)
        binds.append({"about": title, "device": DEVICE, "claims": claims, "body": body})
    return {
        "about": "Languages: bodies that bind a device (`binds`) and that change one (`updates`),"
        " what neither takes as `language` (`invalid`), and actions as they are displayed to the"
        " person of some active devices by a service with texts in English and German"
        " (`displays`).",
        "context": CONTEXT,
        "typ": BIND_TYP,
        "issuedAt": format_time(ISSUED_AT),
        "expiresAt": format_time(DEADLINE),
        "binds": binds,
        "updates": [{"about": title, "body": {"language": tag}} for title, tag in TAGS.items()],
        "invalid": [
            {"why": title, "language": tag, "code": "invalid_field"}
            for title, tag in INVALID.items()
        ],
        "displays": [displayed(title) for title in DISPLAYS],
    }
