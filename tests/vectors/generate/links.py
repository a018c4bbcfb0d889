"""Bind links, callbacks and the Basic header."""

import base64

import attrs
from names import (
    ACCOUNT,
    ANSWERED_AT,
    DEADLINE,
    DEVICES,
    ORIGIN,
    PARTITION,
    SIGNED_AT,
    SPACE,
    entropy,
    guid,
)
from receipts import challenge_of
from signing import KEYS, public_jwk

from counterseal import ijson, keys
from counterseal.challenges.documents.messages import processed_document
from counterseal.credentials.documents import write_basic
from counterseal.outbox.documents import secret_text, webhook_headers
from counterseal.wire.link import BindLink, write_link


def link_vectors():
    token = f"{DEVICES['ES256']}.{keys.b64url(entropy('session token ES256', 16))}"
    plain = BindLink(token=token, app_space=SPACE.guid, app_space_name="Bank & Söhne")
    full = BindLink(
        token=token,
        app_space=SPACE.guid,
        app_space_name="Bank & Söhne",
        account=ACCOUNT.guid,
        display_name="user-7 = me?",
    )

    unnamed = attrs.evolve(full, display_name="")
    address = "https://auth.example.com"
    browser = attrs.evolve(full, app=f"{address}/app", service=address)
    elsewhere = attrs.evolve(
        plain, app="https://app.example:8443", service="http://[::1]:8787/auth"
    )
    served = attrs.evolve(plain, service=address)

    def link_of(name):
        return members(attrs.evolve(plain, app_space_name=name))

    def members(link):
        return {
            "token": link.token,
            "appSpaceGuid": link.app_space,
            "appSpaceName": link.app_space_name,
            "privakeyId": link.account,
            "displayName": link.display_name,
            "app": link.app,
            "service": link.service,
        }

    old = f"authwallet://st={token}&appSpaceGuid={SPACE.guid}&appSpaceName="
    ours = f"counterseal://bind?st={token}&appSpaceGuid={SPACE.guid}&appSpaceName=Bank"
    secret = ours.removeprefix("counterseal://bind?")
    return {
        "about": "Bind links: `valid` are written so and read back, `read` are read only,"
        " most of them in the older forms; `code` is the refusal's.",
        "valid": [
            {"about": "required members", "link": write_link(plain), **members(plain)},
            {"about": "all members", "link": write_link(full), **members(full)},
            {"about": "an empty display name", "link": write_link(unnamed), **members(unnamed)},
            {"about": "of the service's app", "link": write_link(browser), **members(browser)},
            {"about": "of another app", "link": write_link(elsewhere), **members(elsewhere)},
            {"about": "with the service alone", "link": write_link(served), **members(served)},
        ],
        "read": [
            {"about": "the older form", "link": f"{old}Bank%20&%20S%C3%B6hne", **members(plain)},
            {
                "about": "the older form, not encoded",
                "link": f"{old}Bank & Söhne",
                **members(plain),
            },
            {
                "about": "the older form, all members",
                "link": f"{old}Bank & Söhne&privakeyId={ACCOUNT.guid}&displayName=user-7 = me?",
                **members(full),
            },
            {"about": "the older form, a percent sign", "link": f"{old}100%", **link_of("100%")},
            {"about": "the older form, no UTF-8", "link": f"{old}%41%FF", **link_of("%41%FF")},
            {
                "about": "the older form, which knows no service",
                "link": f"{old}Bank&service=x",
                **link_of("Bank&service=x"),
            },
            {"about": "the older form, a plus", "link": f"{old}A+B", **link_of("A+B")},
            {"about": "a plus", "link": f"{ours}+B", **link_of("Bank+B")},
            {"about": "encoded in lower case", "link": f"{ours}%c3%b6", **link_of("Bankö")},
            {"about": "not encoded", "link": f"{ours} ö?", **link_of("Bank ö?")},
        ],
        "invalid": [
            {**vector, "code": "invalid_field"}
            for vector in (
                {"why": "another scheme", "link": ours.replace("counterseal://bind", "https://x")},
                {"why": "no query of an address", "link": f"{address}/app/?{secret}"},
                {"why": "no path of an address", "link": f"{address}/app/bind?{secret}"},
                {"why": "a query before the fragment", "link": f"{address}/?st=t#bind?{secret}"},
                {"why": "no slash before the fragment", "link": f"{address}/app#bind?{secret}"},
                {"why": "another fragment", "link": f"{address}/app/#bound?{secret}"},
                {"why": "an app with a user", "link": f"https://a@auth.example/#bind?{secret}"},
                {"why": "an app that is no page", "link": f"javascript:alert(1)/#bind?{secret}"},
                {"why": "a service that is none", "link": f"{ours}&service=javascript%3A1"},
                {"why": "an empty service", "link": f"{ours}&service="},
                {"why": "an app as a member", "link": f"{ours}&app=https%3A%2F%2Fauth.example"},
                {"why": "no token", "link": ours.replace(f"st={token}&", "")},
                {"why": "an empty token", "link": ours.replace(token, "")},
                {"why": "a member twice", "link": f"{ours}&st={token}"},
                {"why": "an unknown member", "link": f"{ours}&pin=1"},
                {"why": "a GUID that is none", "link": ours.replace(SPACE.guid, "bank")},
                {"why": "a percent sign alone", "link": f"{ours}100%"},
                {"why": "a percent sign with one digit", "link": f"{ours}%2"},
                {"why": "octets that are not UTF-8", "link": f"{ours}%FF"},
                {"why": "half of a surrogate pair", "link": f"{ours}%ED%A0%80"},
            )
        ],
    }


def webhook_vectors():
    ended = challenge_of("payment")
    body = ijson.compact(processed_document(ended, now=DEADLINE))
    secrets = [entropy("webhook new", 32), entropy("webhook old", 32)]
    message = guid("callback", PARTITION)
    cases = [
        ("one secret", secrets[:1]),
        ("two while the origin changes them", secrets),
        ("none: not signed", []),
    ]
    signed = f"{message}.{SIGNED_AT}.".encode() + body
    public = keys.unb64url(public_jwk("eddsa-device")["x"])
    signature = KEYS["eddsa-device"].sign(signed)
    return {
        "about": "Callbacks, Standard Webhooks 1.0: the headers of one attempt.",
        "id": message,
        "timestamp": str(SIGNED_AT),
        "body": body.decode(),
        "valid": [
            {
                "about": title,
                "secrets": [secret_text(secret) for secret in secrets_],
                "headers": dict(
                    webhook_headers(secrets_, message=message, at=ANSWERED_AT, body=body)
                ),
            }
            for title, secrets_ in cases
        ],
        "asymmetric": {
            "key": "eddsa-device",
            "public": f"whpk_{base64.b64encode(public).decode()}",
            "signature": f"v1a,{base64.b64encode(signature).decode()}",
        },
    }


def basic_vectors():
    secret = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    return {
        "about": "The Basic header (RFC 7617) of an origin.",
        "guid": ORIGIN.guid,
        "secret": secret,
        "header": write_basic(secret, guid=ORIGIN.guid),
    }
