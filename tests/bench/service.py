"""What is measured: a service on the memory adapters, and devices that answer."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import attrs

import counterseal as cs
from counterseal.device import SoftwareDevice
from counterseal.errors import Refused
from counterseal.keys import SigningKey
from counterseal.memory import memory_ports
from counterseal.models import (
    Action,
    Algorithm,
    Binding,
    Challenge,
    DeviceCall,
    Question,
    RelyingParty,
)

PIN = "1379"
URI = "https://auth.example.com/device/answer"
PASSKEY_ORIGIN = "https://auth.example.com"
"""As `counterseal_testing.authenticator`, which needs pytest, has it."""
CHEAP = 2
"""The PIN's scrypt belongs to the device and is not measured."""

BUSY = cs.Policy(
    origin_rate=10_000_000,
    invite_rate=10_000_000,
    challenge_life=timedelta(minutes=10),
    passkey_origin=PASSKEY_ORIGIN,
)
"""Of a service that is asked as often as it can be, on a machine that may be slow."""

QUESTION: dict[str, Any] = {
    "content": {
        "title": "Transfer",
        "keys": [
            {"key": "Amount", "value": "10,00 EUR"},
            {"key": "Payee", "value": "Zoë Example, account ending 4711"},
            {"key": "Reference", "value": "Invoice 2041, thank you for your order"},
        ],
    },
    "transactionId": "pay-2041",
    "additionalInfo": {"template": True},
    "buttons": [
        {"title": "Pay", "strongAuth": True, "style": '{"color": "green"}'},
        {"title": "Do not pay", "strongAuth": False, "style": '{"color": "red"}'},
    ],
}


TRANSFER = Action(
    type="payment",
    resource="Account ending 4711",
    arguments={
        "transaction_id": "pay-2041",
        "payee": {"name": "Zoë Example", "id": "DE00 0000 0001"},
        "currency": "EUR",
        "amount": "10.00",
        "execution_date": "2027-01-04",
    },
    agent="Payments agent",
    run="run-7",
    purpose="Invoice 2041, thank you for your order",
)
"""As many words as in the question above."""


@attrs.frozen
class Service:
    """One service, one origin, and one device whose keys are bound to account after account."""

    ports: cs.Ports
    policy: cs.Policy
    party: RelyingParty
    device: SoftwareDevice
    _numbers: Callable[[], int] = attrs.field(factory=lambda: itertools.count().__next__)

    @classmethod
    def of(
        cls,
        algorithm: Algorithm,
        ports: cs.Ports | None = None,
        passkey: SigningKey | None = None,
    ) -> Service:
        """
        Create a service for devices of *algorithm*; the service signs with ES256.

        With *passkey*, it is the device's strong key.
        """
        ports, policy = ports or memory_ports(), BUSY
        admin = cs.Administration(ports, policy, by=cs.OPERATOR)
        space = admin.create_app_space(admin.create_company("Example").guid, "Bank")
        party = admin.relying_party(admin.create_origin(space.guid, "Web shop").guid)
        device = SoftwareDevice.make(
            clock=ports.clock,
            entropy=ports.entropy,
            pin=PIN,
            algorithm=algorithm,
            cost=CHEAP,
            passkey=passkey,
        )
        return cls(ports, policy, party, device)

    def account(self) -> tuple[cs.Bound, cs.Issued | None, str]:
        """Bind the device to a new account."""
        account_id = f"user-{self._numbers()}"
        invited = cs.Invitations(self.ports, self.policy).invite(self.party, account_id)
        enrolment = self.device.enrolment(invited.token, self.party.app_space.guid, pin=PIN)
        bound = cs.Enrolments(self.ports, self.policy).complete(enrolment)
        self.device.complete_binding(bound)
        return bound, None, account_id

    def issuing(self, count: int) -> list[Callable[[], object]]:
        """Return operations that each issue one challenge to an account of its own."""
        challenges = cs.Challenges(self.ports, self.policy)
        return [
            partial(challenges.issue, self.party, cs.read_question(QUESTION, account_id=account_id))
            for _, _, account_id in (self.account() for _ in range(count))
        ]

    def ask(self) -> tuple[Binding, Challenge]:
        """Bind the device to a new account, and ask that."""
        bound, _, account_id = self.account()
        question = cs.read_question(QUESTION, account_id=account_id)
        issued = cs.Challenges(self.ports, self.policy).issue(self.party, question)
        return bound.binding, issued.challenge

    def call(self, challenge: Challenge, *, pin: str | None = PIN) -> DeviceCall:
        """Return the device's answer to *challenge*, with its proof."""
        answer = self.device.answer(challenge.display, 0, pin=pin)
        return self.device.signed_call("POST", URI, answer.encode())

    def answering(self, count: int) -> list[Callable[[], object]]:
        """Return operations that each answer one challenge."""
        answers = cs.Answers(self.ports, self.policy)
        return [partial(answers.answer, self.call(self.ask()[1])) for _ in range(count)]

    def approve(self, action: Action = TRANSFER) -> Challenge:
        """Bind the device to a new account, ask that about *action*, and approve it."""
        _, _, account_id = self.account()
        question = Question(account_id=account_id, content=action)
        issued = cs.Challenges(self.ports, self.policy).issue(self.party, question)
        cs.Answers(self.ports, self.policy).answer(self.call(issued.challenge))
        return issued.challenge

    def consuming(self, count: int) -> list[Callable[[], object]]:
        """Return operations that each use one approved action."""
        actions = cs.Actions(self.ports, self.policy)
        return [
            partial(actions.consume, self.party, self.approve().guid, TRANSFER.arguments)
            for _ in range(count)
        ]

    def refusing(self, count: int) -> list[Callable[[], object]]:
        """Return operations that each refuse an answer whose signature is wrong."""
        answers = cs.Answers(self.ports, self.policy)

        def refused(call: DeviceCall) -> None:
            try:
                answers.answer(call)
            except Refused:
                return
            raise AssertionError

        operations: list[Callable[[], object]] = []
        for _ in range(count):
            challenge = self.ask()[1]
            head, _, _ = self.device.answer(challenge.display, 0, pin=PIN).rpartition(".")
            other = self.device.answer(challenge.display, 0, pin=PIN).rpartition(".")[2]
            call = self.device.signed_call("POST", URI, f"{head}.{other}".encode())
            operations.append(partial(refused, call))
        return operations

    def fill(self, count: int) -> None:
        """Store *count* pending challenges more, five to an account."""
        challenges = cs.Challenges(self.ports, self.policy)
        for index in range(count):
            if index % 5 == 0:
                _, _, account_id = self.account()
            challenges.issue(self.party, cs.read_question(QUESTION, account_id=account_id))
