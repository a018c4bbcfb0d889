"""A service in memory whose clock only the demo moves, with a tenant, a device, and challenges."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Protocol

import attrs

from counterseal import (
    OPERATOR,
    STANDARD,
    Administration,
    Answers,
    Callbacks,
    Challenges,
    Credentials,
    Enrolments,
    Invitations,
    Policy,
    Ports,
)
from counterseal.device import SoftwareDevice
from counterseal.errors import CallbackForbidden, DeadlinePassed, InvalidField, WrongState
from counterseal.memory import SystemClock, memory_ports
from counterseal.models import (
    Algorithm,
    Binding,
    Challenge,
    Company,
    DeviceCall,
    Question,
    RelyingParty,
)

PIN = "2468"
PIN_COST = 2**10
"""For keys that live for a second; a real device uses a much higher cost."""

HERE = "https://service.example.com"
"""The public URL of a service that nothing is sent to; the demo's devices sign it."""


class MovableClock(Protocol):
    """How the forgeries pass the time that they need."""

    def move_by(self, span: timedelta) -> None:
        """Let *span* pass."""

    def move_to(self, moment: datetime) -> None:
        """Let the time pass until *moment*; a moment in the past changes nothing."""


@attrs.frozen(kw_only=True)
class DemoService:
    """
    A service in memory, with one person's device bound to it.

    Attributes:
        url: The public URL of the service, which devices sign.
        clock: The clock of *ports*, as the forgeries move it.
        party: The origin that asks.
        account_id: The person.
        device: The person's device.
        algorithm: The algorithm of every device's keys.
    """

    ports: Ports
    policy: Policy
    url: str
    clock: MovableClock
    algorithm: Algorithm
    company: Company
    party: RelyingParty
    account_id: str
    device: SoftwareDevice
    binding: Binding

    @property
    def challenges(self) -> Challenges:
        """The use cases of the origin."""
        return Challenges(self.ports, self.policy)

    @property
    def answers(self) -> Answers:
        """The use cases of the device."""
        return Answers(self.ports, self.policy)

    @property
    def callbacks(self) -> Callbacks:
        """The use cases of the worker."""
        return Callbacks(self.ports, self.policy)

    def neighbour(self) -> SoftwareDevice:
        """Return the bound device of another person in the same App Space."""
        account_id = f"somebody-else-{self.ports.entropy.token(4).hex()}"
        return _bound(self.ports, self.policy, self.party, account_id, self.algorithm)[0]

    def foreigner(self) -> SoftwareDevice:
        """Return a device that another company's origin has bound for the same account id."""
        _, party = create_tenant(self.ports, self.policy, "Another Company")
        return _bound(self.ports, self.policy, party, self.account_id, self.algorithm)[0]

    def ask(self, question: Question) -> Exchange:
        """
        Issue *question* as the origin, and fetch it with the device.

        Raises:
            InvalidField: The question is outside the policy; the error names the member.
        """
        try:
            issued = self.challenges.issue(self.party, question)
        except CallbackForbidden:
            raise InvalidField("callback", "not an address that may be called") from None
        requests = f"{self.url}/device/requests"
        waiting = self.answers.pending(self.device.signed_call("GET", requests))
        pending_challenge = next(
            challenge for challenge in waiting if challenge.guid == issued.challenge.guid
        )
        guid = pending_challenge.guid
        fetched_challenge = self.answers.fetch(
            self.device.signed_call("GET", f"{requests}/{guid}"), guid
        )
        return Exchange(service=self, challenge=fetched_challenge, code=issued.code)

    def clear(self, challenge: Challenge) -> None:
        """Cancel a question as the origin, if it is still open."""
        with suppress(DeadlinePassed, WrongState):
            self.challenges.cancel(self.party, challenge.guid)


@attrs.frozen(kw_only=True)
class Exchange:
    """
    One open challenge that the person's device has fetched.

    Attributes:
        code: The matching code that the origin shows; None if there is none.
    """

    service: DemoService
    challenge: Challenge
    code: str | None

    @property
    def document(self) -> dict[str, Any]:
        """The display document as an object."""
        display: dict[str, Any] = json.loads(self.challenge.display)
        return display

    @property
    def approving(self) -> int:
        """The first button that approves."""
        return next(i for i, button in enumerate(self.challenge.buttons) if button.approving)

    @property
    def refusing(self) -> int:
        """The first button that does not."""
        return next(i for i, button in enumerate(self.challenge.buttons) if not button.approving)

    def pin_for(self, button: int) -> str | None:
        """Return the PIN if the button needs the strong key."""
        return PIN if self.challenge.buttons[button].strong else None

    def code_for(self, button: int) -> str | None:
        """Return the code that an honest person types for *button*; None if none is needed."""
        return self.code if self.challenge.buttons[button].approving else None

    def press(self, button: int) -> str:
        """Return the honest answer of the person's own device."""
        return self.service.device.answer(
            self.challenge.display, button, pin=self.pin_for(button), code=self.code_for(button)
        )

    def call(self, token: str, *, device: SoftwareDevice | None = None) -> DeviceCall:
        """Return a call with an answer, proven by the person's device or by *device*."""
        signer = device or self.service.device
        return signer.signed_call("POST", f"{self.service.url}/device/answer", token.encode())


def set_up(question: Question, algorithm: Algorithm) -> DemoService:
    """
    Create the tenant and the device that *question* needs.

    Raises:
        InvalidField: The account id or the callback is invalid; the error names it.
    """
    clock = DemoClock(SystemClock().now())
    ports, policy = memory_ports(clock=clock), STANDARD
    company, party = create_tenant(ports, policy, "Example Company")
    if question.callback is not None:
        party = _expecting(ports, policy, party, question.callback)
    return bind_person(
        ports,
        policy,
        company,
        party,
        question.account_id,
        url=HERE,
        clock=clock,
        algorithm=algorithm,
    )


def bind_person(
    ports: Ports,
    policy: Policy,
    company: Company,
    party: RelyingParty,
    account_id: str,
    *,
    url: str,
    clock: MovableClock,
    algorithm: Algorithm,
) -> DemoService:
    """
    Bind a device of a person to a service that has the tenant.

    Args:
        company: The company of *party*.
        party: The origin that asks.
        account_id: The person.
        url: The public URL of the service.
        clock: The clock of *ports*, as the forgeries move it.
        algorithm: The algorithm of every device's keys.

    Raises:
        InvalidField: The account id is invalid.
        Refused: No device of this account can be bound.
    """
    device, binding = _bound(ports, policy, party, account_id, algorithm)
    return DemoService(
        ports=ports,
        policy=policy,
        url=url,
        clock=clock,
        algorithm=algorithm,
        company=company,
        party=party,
        account_id=account_id,
        device=device,
        binding=binding,
    )


def create_tenant(ports: Ports, policy: Policy, name: str) -> tuple[Company, RelyingParty]:
    """Create a company with an App Space and an origin."""
    administration = Administration(ports, policy, by=OPERATOR)
    company = administration.create_company(name)
    app_space = administration.create_app_space(company.guid, "Example App")
    origin = administration.create_origin(app_space.guid, "Example Shop")
    return company, administration.relying_party(origin.guid)


def _expecting(ports: Ports, policy: Policy, party: RelyingParty, callback: str) -> RelyingParty:
    """Allow callbacks of the origin to the address, and create a secret that signs them."""
    administration = Administration(ports, policy, by=OPERATOR)
    try:
        administration.allow_callback(party.origin.guid, callback)
    except InvalidField as error:
        raise InvalidField("callback", error.problem) from None
    Credentials(ports, policy, by=OPERATOR).issue_webhook_key(party.origin.guid)
    return administration.relying_party(party.origin.guid)


def _bound(
    ports: Ports, policy: Policy, party: RelyingParty, account_id: str, algorithm: Algorithm
) -> tuple[SoftwareDevice, Binding]:
    invitation = Invitations(ports, policy).invite(party, account_id)
    device = SoftwareDevice.make(
        clock=ports.clock, entropy=ports.entropy, pin=PIN, algorithm=algorithm, cost=PIN_COST
    )
    enrolment = device.enrolment(
        invitation.token, invitation.app_space.guid, pin=PIN, name="Demo phone"
    )
    bound = Enrolments(ports, policy).complete(enrolment)
    device.complete_binding(bound)
    return device, bound.binding


class DemoClock:
    """
    A clock that only the demo moves.

    So nothing expires while the demo works, however slow the machine is, and the demo need not
    wait until something is too late.

    Args:
        now: The first time.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        """Return the time of the clock."""
        return self._now

    def move_by(self, span: timedelta) -> None:
        """Move the clock by *span*."""
        self._now += span

    def move_to(self, moment: datetime) -> None:
        """Move the clock to *moment*; a moment in the past changes nothing."""
        self._now = max(self._now, moment)
