"""
What the tests of interoperation share: a running `counterseal serve`, its clients and phones.

The service is a process of its own, on SQLite, with everything set that the tests need. Requests
of the tests reach it over HTTP only; administrators use the command line.
"""

import base64
import json
from contextlib import contextmanager

import attrs
from program import PIN, Service, eventually, stop

from counterseal.bindings.documents.device import AnswerReply, Bond, ShownRequest
from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.device import SoftwareDevice
from counterseal.memory import SystemClock, SystemEntropy
from counterseal_http.devices import DeviceCalls


@attrs.frozen(kw_only=True)
class Origin:
    """
    An origin that was created at the command line.

    Attributes:
        guid: Its GUID, which is the `client_id` of a CIBA client.
        secret: Its Basic secret, which is the `client_secret`.
    """

    guid: str
    secret: str

    @property
    def authorization(self):
        """The header of its calls."""
        pair = f"{self.guid}:{self.secret}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


class RunningService(Service):
    """
    A running `counterseal serve`.

    Attributes:
        url: Its address, which is the issuer of CIBA.
        app_space: The GUID of its one App Space.
        origin: Its first origin.
    """

    def __init__(self, folder, callback, **settings):
        super().__init__(folder, callback)
        self.app_space = self.output["appSpaceGuid"]
        self.origin = self._origin(self.output)
        self.serve(**{f"COUNTERSEAL_{name}": text for name, text in settings.items()})

    def admin(self, *arguments):
        """Run a command of `counterseal admin`; return the object that it prints."""
        return json.loads(
            self.command("admin", *arguments, "--data", self.folder / "data", **PRIVATE)
        )

    def new_origin(self, name, *options):
        """Create an origin with a Basic secret; *options* are more of the command."""
        command = ("origin", self.app_space, name, "--auth", "basic", *options)
        return self._origin(self.admin(*command))

    def new_agent(self, name):
        """Create an origin that only asks: with its secret, nobody can bind a device."""
        return self.new_origin(name, "--role", "asking")

    def new_client(self, name, *, notification_endpoint=None, jwks=None, options=()):
        """
        Create an origin and make it a CIBA client.

        Args:
            name: Of the origin; the person sees it.
            notification_endpoint: Where it is pinged; None for a client that polls.
            jwks: Its public keys, a JWK Set.
            options: More of the command.
        """
        origin = self.new_origin(name)
        options = [*options, "--mode", "poll"]
        if notification_endpoint is not None:
            self.admin("allow", origin.guid, notification_endpoint)
            options = [*options, "--mode", "ping", "--notification-endpoint", notification_endpoint]
        if jwks is not None:
            file = self.folder / f"{origin.guid}.json"
            file.write_text(json.dumps(jwks), "utf-8")
            options += ["--jwks", file]
        self.admin("ciba", origin.guid, *options)
        return origin

    def invite(self, account_id):
        """Return the invitation of a device, as the API replies."""
        status, invitation = self.call("PUT", "/account/bind", {"accountId": account_id})
        assert status in {200, 201}, invitation
        return invitation

    def phone(self, account_id):
        """Return a device that was bound to *account_id*."""
        return Phone(self.url, self.invite(account_id))

    @staticmethod
    def await_callback(receiver):
        """Return the headers and the body of the next callback or ping."""
        eventually(lambda: receiver.received)
        return receiver.received.pop(0)

    @staticmethod
    def _origin(output):
        return Origin(guid=output["requestOriginGuid"], secret=output["key"])


PRIVATE = {"COUNTERSEAL_ALLOW_PRIVATE_CALLBACKS": "1"}
"""For commands that name an address of this machine."""


@contextmanager
def running_service(folder, callback, **settings):
    """Run a new service, whose settings are given in capitals; stop it at the end."""
    service = RunningService(folder, callback, **settings)
    try:
        yield service
    finally:
        stop(*(process for process in service.processes if process.poll() is None))


class Phone:
    """
    A person's bound software device, and the person; it calls the service over HTTP.

    Args:
        url: The service's.
        invitation: What the API replied.
    """

    def __init__(self, url, invitation):
        self._calls = DeviceCalls(url)
        self.device = SoftwareDevice.make(
            clock=SystemClock(), entropy=SystemEntropy(), pin=PIN, cost=2
        )
        enrolment = self.device.enrolment(
            invitation["sessionToken"], invitation["appSpaceGuid"], pin=PIN
        )
        document = enrolment_document(enrolment)
        self.device.bond = self._calls.plain("/device/bind", document, Bond)

    def await_request(self):
        """Return the GUID of the one open request, once there is one."""
        listed = eventually(lambda: self._calls.await_list(self.device, 20).open.requests)
        (request,) = listed
        return request.guid

    def display(self, guid):
        """Return the document that the person is shown of a request."""
        return self.device.read_display(self._load_display(guid))

    def approve(self, guid=None):
        """Answer a request, or else the one that is open, by the button that approves."""
        return self._answer(guid, approves=True)

    def decline(self, guid=None):
        """Answer a request, or else the one that is open, by the button that does not approve."""
        return self._answer(guid, approves=False)

    def disown(self, guid=None):
        """Say of a request, or else of the one that is open, that the person began nothing."""
        display = self._load_display(guid or self.await_request())
        return self._send("disown", self.device.disown(display, pin=PIN))

    def close(self):
        self._calls.close()

    def _answer(self, guid, *, approves):
        display = self._load_display(guid or self.await_request())
        buttons = self.device.read_display(display)["buttons"]
        button = [each["approves"] for each in buttons].index(approves)
        return self._send("answer", self.device.answer(display, button, pin=PIN))

    def _send(self, verb, token):
        path = f"/device/{verb}"
        return self._calls.signed_request(self.device, "POST", path, AnswerReply, token)

    def _load_display(self, guid):
        path = f"/device/requests/{guid}"
        return self._calls.signed_request(self.device, "GET", path, ShownRequest).display
