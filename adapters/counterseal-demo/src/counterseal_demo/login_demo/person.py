"""A person: a browser that logs in at the provider, and an app that binds a device."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import attrs

from counterseal.bindings.documents.device import (
    AnswerReply,
    Bond,
    LoggedIn,
    LoginRedirect,
    LoginStart,
    ShownRequest,
)
from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.device import SoftwareDevice
from counterseal.models import Algorithm
from counterseal.wire.members import write_record
from counterseal_demo.login_demo.world import APP_RETURN, PIN_COST, World
from counterseal_http.devices import DeviceCalls

PIN = "2468"


@attrs.frozen(kw_only=True)
class Begun:
    """
    A log-in that the app has begun.

    Attributes:
        url: The URL of the provider's page.
        secret: The secret of the app.
    """

    url: str
    secret: str

    @property
    def authorization_parameters(self) -> dict[str, str]:
        """The parameters for the provider in the URL."""
        return _query(self.url)


@attrs.frozen(kw_only=True)
class Person:
    """
    A user of the provider.

    Attributes:
        subject: The name of the user at the provider.
    """

    world: World
    subject: str
    device: SoftwareDevice

    @staticmethod
    def of(world: World, subject: str, algorithm: Algorithm) -> Person:
        """Return the person *subject* with a new device, which is not bound."""
        device = SoftwareDevice.make(
            clock=world.ports.clock,
            entropy=world.ports.entropy,
            pin=PIN,
            algorithm=algorithm,
            cost=PIN_COST,
        )
        return Person(world=world, subject=subject, device=device)

    def begin(self, address: str = APP_RETURN) -> Begun:
        """
        Begin a log-in in the app.

        Raises:
            ServiceRefused: The service refused the call.
        """
        start = LoginStart(app_space=self.world.app_space.guid, redirect_uri=address)
        calls: DeviceCalls = self.world.calls
        redirect = calls.plain("/device/login/redirect", write_record(start), LoginRedirect)
        return Begun(url=redirect.url, secret=redirect.secret)

    def log_in(self, begun: Begun) -> dict[str, str]:
        """Log in at the provider, and return the response that the service relays to the app."""
        world = self.world
        back = world.provider.log_in(begun.url, self.subject, world.come_back)
        reply = world.client.request("GET", back)
        return _query(reply.headers["location"])

    def finish(self, response: dict[str, str], secret: str) -> str:
        """
        Finish the log-in in the app; return the session token.

        Raises:
            ServiceRefused: The service refused the call.
        """
        calls: DeviceCalls = self.world.calls
        document = response | {"secret": secret}
        return calls.plain("/device/login/authenticate", document, LoggedIn).token

    def bind(self, token: str) -> None:
        """
        Bind the device with *token*.

        Raises:
            ServiceRefused: The service refused the call.
        """
        space = self.world.app_space.guid
        enrolment = self.device.enrolment(token, space, pin=PIN, name="Demo phone")
        calls: DeviceCalls = self.world.calls
        self.device.bond = calls.plain("/device/bind", enrolment_document(enrolment), Bond)

    def enter(self) -> None:
        """
        Log in from the beginning to the bind.

        Raises:
            ServiceRefused: The service refused the call.
        """
        begun = self.begin()
        self.bind(self.finish(self.log_in(begun), begun.secret))

    def read(self, challenge: str) -> str:
        """
        Return the display document of a challenge.

        Raises:
            ServiceRefused: The service refused the call.
        """
        calls: DeviceCalls = self.world.calls
        path = f"/device/requests/{challenge}"
        return calls.signed_request(self.device, "GET", path, ShownRequest).display

    def approve(self, challenge: str) -> AnswerReply:
        """
        Read a challenge and press its first button.

        Raises:
            ServiceRefused: The service refused the call.
        """
        token = self.device.answer(self.read(challenge), 0, pin=PIN)
        calls: DeviceCalls = self.world.calls
        return calls.signed_request(self.device, "POST", "/device/answer", AnswerReply, token)


def _query(address: str) -> dict[str, str]:
    return {name: text for name, (text,) in parse_qs(urlsplit(address).query).items()}
