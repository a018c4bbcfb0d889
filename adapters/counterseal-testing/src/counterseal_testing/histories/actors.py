"""The actors of a history: people, phones and origins, with keys that are made once."""

from __future__ import annotations

import copy
from datetime import timedelta
from functools import cache
from typing import Any

import attrs

from counterseal import keys
from counterseal.device import SoftwareDevice
from counterseal.device.pin import WrappedKey, wrap
from counterseal.device.ports import Unlocking
from counterseal.keys import SigningKey
from counterseal.keys.passkeys import USER_VERIFIED
from counterseal.models import (
    Action,
    AddressKind,
    Algorithm,
    Button,
    Codes,
    Content,
    HtmlContent,
    Pair,
    PairsContent,
    PublicKey,
    PushAddress,
    Question,
    Reaction,
    RequestContext,
    TextContent,
)
from counterseal.policy import Policy
from counterseal_testing.authenticator import ORIGIN as PASSKEY_ORIGIN
from counterseal_testing.authenticator import RP_ID, FakePasskey
from counterseal_testing.entropy import ScriptedEntropy
from counterseal_testing.histories.ledger import Limits, Plain
from counterseal_testing.histories.observers import CANARY
from counterseal_testing.phone import Phone
from counterseal_testing.service import SCRYPT_COST, FakeService

PIN = f"{CANARY}-2580"
WRONG_PIN = f"{CANARY}-0000"
ADDRESS = "https://shop.example/done"
CALLBACK = f"{ADDRESS}?{CANARY}=1"
CONTEXT = RequestContext(ip_address="192.0.2.7", place=f"{CANARY} Street")
"""What an origin says of where an act comes from."""


@attrs.frozen
class Actor:
    """One person: an account of an App Space."""

    space: str
    account_id: str
    attacker: bool = False


@attrs.frozen
class PhoneSetup:
    """One phone."""

    owner: str
    algorithm: Algorithm
    bound: bool = True
    """Whether it is bound when a history begins."""


SIMPLE, WITH_PROVIDER = "town", "club"
"""An App Space whose origins say who their users are, and one with an Identity Provider."""

PEOPLE = {
    "zoe": Actor(SIMPLE, "zoe"),
    "adam": Actor(SIMPLE, "adam"),
    "lena": Actor(WITH_PROVIDER, "lena"),
    "mallory": Actor(SIMPLE, "mallory", attacker=True),
    "mallory at the club": Actor(WITH_PROVIDER, "mallory", attacker=True),
}

PHONES = {
    "phone": PhoneSetup("zoe", Algorithm.ES256),
    "tablet": PhoneSetup("zoe", Algorithm.EDDSA),
    "laptop": PhoneSetup("adam", Algorithm.PS256, bound=False),
    "watch": PhoneSetup("lena", Algorithm.EDDSA),
    "stick": PhoneSetup("lena", Algorithm.ES256, bound=False),
    "burner": PhoneSetup("mallory", Algorithm.ES256),
    "badge": PhoneSetup("mallory at the club", Algorithm.EDDSA),
}

LANGUAGES = {"phone": "de-AT", "tablet": "en", "watch": "de", "burner": "pt-BR"}
"""What phones say of their languages; the others say nothing."""

BROWSERS = {"browser": "zoe", "kiosk": "adam", "console": "mallory"}
"""Browsers, each with one passkey, and the people who use them."""

DOMAIN = "shop.example"
"""Where they use it; on the allow-list of each origin that says who its users are."""

ORIGINS = {"shop": SIMPLE, "post": SIMPLE, "door": WITH_PROVIDER}

CODES = {"shop": Codes.TYPED, "post": Codes.ECHOED, "door": Codes.TYPED}
"""Who makes people type codes, and who only echoes the flag."""

ASKABLE = (
    ("shop", "zoe"),
    ("shop", "zoe"),
    ("post", "zoe"),
    ("shop", "adam"),
    ("door", "lena"),
    ("shop", "mallory"),
    ("door", "mallory at the club"),
    ("door", "zoe"),
)
"""Origin and person; the last pair does not share an App Space."""

CONTENTS: tuple[Content, ...] = (
    TextContent(text=f"{CANARY}: pay 10 EUR to Zoë?"),
    HtmlContent(html=f"<html><b>{CANARY}</b></html>"),
    PairsContent(title=f"{CANARY}: order", pairs=(Pair(key="to", value="Adam"),)),
)

REASONS = ("declined", "not_mine", "wrong_details", "pressured", "other")
"""Why a person may refuse."""

YES, NO = Button(title="Yes", strong=True, approving=True), Button(title="No", strong=False)
BUTTONS = (
    (YES, NO),
    (Button(title="Go", strong=False, approving=True), Button(title="Stop", strong=False)),
    (NO, Button(title="Later", strong=True), YES),
)


def events_url(origin: str) -> str:
    """Return where the origin of this name gets events."""
    return f"https://{origin}.example/events?{CANARY}=1"


def policy(*, supersede: bool, pending: int = 2) -> Policy:
    """Return a policy whose every limit is within reach of a short history."""
    return Policy(
        challenge_life=timedelta(seconds=60),
        challenge_life_limit=timedelta(seconds=120),
        action_life=timedelta(seconds=60),
        action_life_limit=timedelta(seconds=120),
        action_validity=timedelta(seconds=45),
        action_reminder=timedelta(seconds=45),
        session_token_life=timedelta(seconds=60),
        confirmation_life=timedelta(seconds=60),
        login_life=timedelta(seconds=60),
        ceremony_life=timedelta(seconds=60),
        proof_past=timedelta(seconds=120),
        passkey_origin=PASSKEY_ORIGIN,
        revalidation_life=timedelta(seconds=90),
        idempotency_life=timedelta(hours=1),
        idempotency_lease=timedelta(seconds=10),
        strike_limit=3,
        code_limit=2,
        code_limit_account=4,
        pending_limit=pending,
        supersede=supersede,
        ask_window=timedelta(seconds=60),
        ask_limit_origin=6,
        ask_limit=9,
        ask_limit_unapproved=20,
        cooldown_after=3,
        cooldown=timedelta(seconds=10),
        cooldown_limit=timedelta(seconds=40),
        on_declined=frozenset(),
        on_not_mine=frozenset({Reaction.ALERT, Reaction.DEMAND_CODES}),
        on_wrong_details=frozenset({Reaction.ALERT, Reaction.CANCEL_PENDING}),
        on_pressured=frozenset({Reaction.LOCK_ACCOUNT, Reaction.CANCEL_PENDING}),
        on_other=frozenset(),
        codes_demanded=timedelta(seconds=90),
        bindings_limit=4,
        comparison_limit=2,
        device_invite_rate=100,
        callback_delays=(timedelta(seconds=5), timedelta(seconds=30)),
        callback_timeout=timedelta(seconds=5),
        callback_lease=timedelta(seconds=20),
        commit_attempts=4,
    )


def limits(allowed: Policy) -> Limits:
    """Return the numbers of *allowed* that the oracle knows."""
    return Limits(
        strikes=allowed.strike_limit,
        codes=allowed.code_limit,
        codes_account=allowed.code_limit_account,
        pending=allowed.pending_limit,
        asks=allowed.ask_limit,
        asks_origin=allowed.ask_limit_origin,
        ask_window=allowed.ask_window.total_seconds(),
        bindings=allowed.bindings_limit,
        attempts=len(allowed.callback_delays) + 1,
        confirmed_life=allowed.revalidation_life.total_seconds(),
        refusals=allowed.cooldown_after,
        cooldown=allowed.cooldown.total_seconds(),
        cooldown_limit=allowed.cooldown_limit.total_seconds(),
        life=allowed.challenge_life.total_seconds(),
        life_limit=allowed.challenge_life_limit.total_seconds(),
        reminder=allowed.action_reminder.total_seconds(),
        codes_demanded=allowed.codes_demanded.total_seconds(),
        reactions={
            word: frozenset(reaction.value for reaction in getattr(allowed, f"on_{word}"))
            for word in REASONS
        },
        comparisons=allowed.comparison_limit,
        confirmation_life=allowed.confirmation_life.total_seconds(),
        passkey_origin=allowed.passkey_origin,
    )


@attrs.frozen
class PasskeyVerification:
    """How a phone verifies its person by a passkey, for which a wrong PIN is another person's."""

    def protect(self, key: SigningKey, _pin: str, /) -> SigningKey:
        """Return the key as it is."""
        return key

    def unlock(self, key: WrappedKey | SigningKey, request: Unlocking, /) -> SigningKey:
        """Return the passkey, or one that another person's authenticator has under its name."""
        assert not isinstance(key, WrappedKey)
        return ForeignKey(key.public) if request.pin == WRONG_PIN else key


@attrs.frozen
class ForeignKey:
    """A passkey of another account, which signs under the name of *public*."""

    public: PublicKey

    def sign(self, data: bytes) -> bytes:
        """Return the third part of a token."""
        return foreign_passkey().sign(data)


def phone(service: FakeService, name: str, *, with_passkey: bool = False) -> Phone:
    """Return the phone *name* as it left the factory; its strong key may be a passkey."""
    device_key, strong_key = _keys(name)
    device = SoftwareDevice(
        clock=service.clock,
        entropy=service.entropy,
        device_key=device_key,
        strong_key=(
            phone_passkey(f"passkey-{name}")
            if with_passkey
            else wrap(strong_key, PIN, service.entropy, cost=SCRYPT_COST)
        ),
        verification=PasskeyVerification() if with_passkey else None,
    )
    return Phone(
        answers=service.answers,
        devices=service.devices,
        confirmations=service.confirmations,
        device=device,
        pin=PIN,
    )


@cache
def passkey(browser: str) -> FakePasskey:
    """Return the passkey of a browser."""
    return FakePasskey(kid=browser, rp_id=DOMAIN, origin=f"https://{DOMAIN}")


def phone_passkey(kid: str) -> FakePasskey:
    """Return a new passkey of a phone."""
    return FakePasskey(kid=kid, rp_id=RP_ID, origin=PASSKEY_ORIGIN)


@cache
def foreign_passkey() -> FakePasskey:
    """Return the passkey of another account, for the same relying party."""
    return phone_passkey("foreign")


def browser(passkey: FakePasskey, way: str) -> FakePasskey:
    """Return what a browser does with *passkey* in a wrong *way*, with the same private key."""
    changed = copy.copy(passkey)
    if way == "another origin":
        changed.origin = f"https://evil.{passkey.rp_id}"
    elif way == "unverified":
        changed.flags &= ~USER_VERIFIED
    return changed


def address(name: str) -> tuple[PushAddress, ...]:
    """Return the push addresses of the phone *name*."""
    return (PushAddress(kind=AddressKind.RELAY, value=f"{CANARY}-{name}"),)


def secrets(name: str) -> list[str]:
    """Return the private halves of a phone's keys, as text could leak them."""
    secrets = []
    for key in _keys(name):
        rsa = key.public.algorithm is Algorithm.PS256
        raw = key.pkcs8()[-32:] if rsa else key.scalar()
        secrets += [keys.b64url(raw), raw.hex(), repr(raw)]
    return secrets


def question_facts(question: Question, *, codes_typed: bool) -> Plain:
    """Return what the oracle has to know of a question; *codes_typed* is how its origin works."""
    content: dict[str, Any] | None
    action = None
    if isinstance(question.content, TextContent):
        content = {"text": question.content.text}
    elif isinstance(question.content, HtmlContent):
        content = {"html": question.content.html}
    elif isinstance(question.content, Action):
        # The type's renderer decides what is displayed.
        content = None
        action = {
            "type": question.content.type,
            "resource": question.content.resource,
            "arguments": dict(question.content.arguments),
        }
    else:
        pairs = [{"key": pair.key, "value": pair.value} for pair in question.content.pairs]
        content = {"title": question.content.title, "keys": pairs}
    context, life = question.context, question.duration
    return {
        "content": content,
        "action": action,
        "buttons": [
            (button.title, button.strong, button.style, button.approving)
            for button in question.buttons
        ],
        "additional_info": question.additional_info,
        "transaction_id": question.transaction_id,
        "code": question.show_code and codes_typed,
        "callback": question.callback,
        "typed": codes_typed,
        "device": question.device,
        "context": None
        if context is None
        else {"ipAddress": context.ip_address, "place": context.place},
        "life": None if life is None else life.total_seconds(),
    }


@cache
def _keys(name: str) -> tuple[keys.PrivateKey, keys.PrivateKey]:
    entropy = ScriptedEntropy(sum(name.encode()))
    algorithm = PHONES[name].algorithm
    first, second = (
        keys.generate(algorithm, kid=keys.b64url(entropy.token(16))) for _ in ("device", "strong")
    )
    return first, second
