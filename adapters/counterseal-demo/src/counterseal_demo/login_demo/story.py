"""The steps of the demo: log-in, question, callback, later changes at the provider, attacks."""

from __future__ import annotations

import json
from typing import Any

import attrs

from counterseal import Callbacks, Receipt
from counterseal.errors import NotFound
from counterseal.models import Account, Algorithm
from counterseal_demo.login_demo.attacks import ATTACKS, Attempt, People, attempt
from counterseal_demo.login_demo.person import Begun, Person
from counterseal_demo.login_demo.world import World
from counterseal_http.devices import ServiceRefused

QUESTION: dict[str, Any] = {
    "content": {
        "title": "Pay for your order?",
        "keys": [
            {"key": "Amount", "value": "10.00 EUR"},
            {"key": "To", "value": "Example Shop, order 1001"},
        ],
    },
    "buttons": [
        {"title": "Pay", "strongAuth": True, "approving": True},
        {"title": "Do not pay", "strongAuth": False},
    ],
}


@attrs.frozen(kw_only=True)
class Suspension:
    """
    A period in which the provider refused the person.

    Attributes:
        word: The public code that the device got.
        devices: The state of the device, as the shop saw it.
        approved: Whether the device answered after a new log-in.
    """

    word: str
    devices: tuple[str, ...]
    approved: bool


@attrs.frozen(kw_only=True)
class Story:
    """
    The results of all steps.

    Attributes:
        begun: The log-in, as the app began it.
        response: The response that the app got.
        account: The stored account.
        display: The question to the person.
        receipt: The receipt, verified with the keys that the device pinned.
        token: The receipt's text.
        provider_requests: How often the provider was asked about the person, from the bind to the
            answer.
        callback: The callback to the shop, and whether its signature was valid.
        rotated: Whether a log-in succeeded after the provider had changed its keys.
        disabled: The person was disabled at the provider.
        logged_out: The person logged out there.
    """

    world: World
    person: Person
    begun: Begun
    response: dict[str, str]
    account: Account
    display: dict[str, Any]
    receipt: Receipt
    token: str
    provider_requests: int
    callback: tuple[bool, dict[str, Any]]
    rotated: bool
    disabled: Suspension
    logged_out: Suspension
    attempts: tuple[Attempt, ...]

    @property
    def faults(self) -> list[str]:
        """The failures, one line each."""
        faults = [attempt.fault for attempt in self.attempts if attempt.fault]
        if not self.rotated:
            faults.append("no log-in after the provider changed its keys")
        for name, time in (("disabled", self.disabled), ("logged out", self.logged_out)):
            if "SUSPENDED by idp" not in time.devices or "ACTIVE" in time.devices or not time.word:
                faults.append(f"{name}: not suspended")
            if not time.approved:
                faults.append(f"{name}: no answer after a new log-in")
        return faults


def play(world: World, algorithm: Algorithm) -> Story:
    """
    Run all steps.

    Raises:
        ServiceRefused: An honest step was refused.
        ServiceUnreachable: The service did not reply.
        Unavailable: The provider is broken.
    """
    zoe = Person.of(world, "zoe", algorithm)
    begun = zoe.begin()
    response = zoe.log_in(begun)
    zoe.bind(zoe.finish(response, begun.secret))
    account = _account(world, zoe)
    before = world.provider.requests("/token")
    challenge = _state_of(world, account)
    display = json.loads(zoe.read(challenge))
    reply = zoe.approve(challenge)
    provider_requests = world.provider.requests("/token") - before
    _deliver(world)
    return Story(
        world=world,
        person=zoe,
        begun=begun,
        response=response,
        account=account,
        display=display,
        receipt=zoe.device.check(reply.receipt or ""),
        token=reply.receipt or "",
        provider_requests=provider_requests,
        callback=world.receiver.received[-1],
        rotated=_rotated(world, algorithm),
        disabled=_disabled(world, zoe, account),
        logged_out=_logged_out(world, zoe, account),
        attempts=_attempts(world, zoe, algorithm),
    )


def _account(world: World, person: Person) -> Account:
    bond = person.device.bond
    (record,) = world.ports.store.get(bond.account) if bond is not None else (None,)
    if not isinstance(record, Account):
        raise NotFound
    return record


def _state_of(world: World, account: Account) -> str:
    question = QUESTION | {"accountId": account.account_id, "callback": world.receiver.url}
    return str(world.ask("POST", "/request/add", question)["guid"])


def _deliver(world: World) -> None:
    callbacks = Callbacks(world.ports, world.policy)
    for guid in callbacks.due():
        callbacks.attempt(guid)


def _rotated(world: World, algorithm: Algorithm) -> bool:
    world.provider.control(jwks=None)
    adam = Person.of(world, "adam", algorithm)
    adam.enter()
    return adam.device.bond is not None


def _disabled(world: World, person: Person, account: Account) -> Suspension:
    challenge = _state_of(world, account)
    world.provider.control(disable=person.subject)
    word = _refused(person, challenge)
    devices = _devices(world, account)
    world.provider.control(enable=person.subject)
    return _back(person, challenge, word, devices)


def _logged_out(world: World, person: Person, account: Account) -> Suspension:
    challenge = _state_of(world, account)
    world.log_out(world.provider.logout_token("counterseal", person.subject, "a session"))
    return _back(person, challenge, _refused(person, challenge), _devices(world, account))


def _refused(person: Person, challenge: str) -> str:
    try:
        person.approve(challenge)
    except ServiceRefused as refusal:
        return refusal.word
    return ""


def _devices(world: World, account: Account) -> tuple[str, ...]:
    response = world.ask("GET", f"/device/getAll?accountId={account.account_id}")
    return tuple(
        f"{one['status']} by {one['suspendedBy']}" if one.get("suspendedBy") else one["status"]
        for one in response
    )


def _back(person: Person, challenge: str, word: str, devices: tuple[str, ...]) -> Suspension:
    begun = person.begin()
    person.finish(person.log_in(begun), begun.secret)
    approved = person.approve(challenge).approved
    return Suspension(word=word, devices=devices, approved=approved)


def _attempts(world: World, person: Person, algorithm: Algorithm) -> tuple[Attempt, ...]:
    people = People(person=person, attacker=Person.of(world, "adam", algorithm))
    return tuple(attempt(attack, people) for attack in ATTACKS)
