"""A device of your own: your key store, your way to verify the person, your transport."""

import io
from wsgiref.util import setup_testing_defaults

import counterseal as cs
from counterseal import keys
from counterseal.bindings.documents.device import (
    AccountStatus,
    AnswerReply,
    Bond,
    OpenRequests,
    ShownRequest,
)
from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.device import SoftwareDevice, Unlocking, device_document, read_device
from counterseal.errors import InvalidField, WrongPin
from counterseal.keys import SigningKey
from counterseal.memory import memory_ports
from counterseal.models import Algorithm, Role
from counterseal_http.devices import DeviceCalls, ServiceCall, ServiceReply
from counterseal_web import Service, Settings
from counterseal_web.wsgi import WsgiApplication

URL = "https://auth.example.com"
ports, policy = memory_ports(), cs.STANDARD
admin = cs.Administration(ports, policy, by=cs.OPERATOR)
space = admin.create_app_space(admin.create_company("Example").guid, "Bank")
shop = admin.relying_party(admin.create_origin(space.guid, "Web shop").guid)
web = WsgiApplication(Service(ports, policy, Settings(public_url=URL)))


# Where the keys are


class Chip:
    """A key store from which no private key can be read: here a dict, with you a TPM."""

    def __init__(self) -> None:
        self._keys: dict[str, Handle] = {}

    def generate(self, _role: Role, algorithm: Algorithm, *, kid: str) -> SigningKey:
        """Make a key."""
        self._keys[kid] = Handle(keys.generate(algorithm, kid=kid))
        return self._keys[kid]

    def load(self, _role: Role, *, kid: str) -> SigningKey:
        """Return a key of an earlier process."""
        if kid not in self._keys:
            raise InvalidField("kid", "not in the chip")
        return self._keys[kid]

    def delete(self, *, kid: str) -> None:
        """Delete a key that signs nothing any more."""
        self._keys.pop(kid, None)


class Handle:
    """Signs by a key of the chip: `public` and `sign` are all that a device needs."""

    def __init__(self, key: SigningKey) -> None:
        self.public = key.public
        self.sign = key.sign


# How the person is verified


class Fingerprint:
    """A sensor that is asked before each signature of the strong key."""

    def __init__(self) -> None:
        self.matches = True

    def protect(self, key: SigningKey, _pin: str) -> SigningKey:
        """Return *key*, which is new, as the device keeps it."""
        return key  # it stays in the chip

    def unlock(self, key: SigningKey, request: Unlocking) -> SigningKey:
        """Return *key* if the sensor knows the person."""
        if request.display is None:
            prompt = f"Use your finger to {request.purpose.value}."
        else:
            prompt = f"Use your finger for: {request.display['content']['text']}"
        print("sensor:", prompt)
        if not self.matches:
            raise WrongPin  # whatever is raised here, nothing is signed
        return key


# How calls reach the service


class InProcess:
    """A transport without a network; yours may be a proxy, a relay or another HTTP library."""

    def send(self, call: ServiceCall) -> ServiceReply:
        """Make *call* once."""
        path, _, query = call.url.removeprefix(URL).partition("?")
        environ = {
            "REQUEST_METHOD": call.method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(call.body)),
            "wsgi.input": io.BytesIO(call.body),
        }
        for name, value in call.headers.items():
            variable = name.upper().replace("-", "_")
            environ[variable if variable == "CONTENT_TYPE" else f"HTTP_{variable}"] = value
        setup_testing_defaults(environ)
        head = []
        body = b"".join(web(environ, lambda status, headers: head.append((status, headers))))
        ((status, headers),) = head
        return ServiceReply(status=int(status[:3]), headers=tuple(headers), body=body)

    def close(self) -> None:
        """Nothing is open."""


# Bind it

chip, finger = Chip(), Fingerprint()
device = SoftwareDevice.make(
    clock=ports.clock, entropy=ports.entropy, pin="", key_store=chip, verification=finger
)
calls = DeviceCalls(URL, InProcess())
token = cs.Invitations(ports, policy).invite(shop, "user-42").token
enrolment = device.enrolment(token, space.guid, pin="", name="Terminal 7")
device.bond = calls.plain("/device/bind", enrolment_document(enrolment), Bond)
print("bound:", calls.signed_request(device, "GET", "/device/status", AccountStatus).name)

# Store it, and load it again

document = device_document(device)  # names the keys by their `kid`, and has none
device = read_device(
    document, clock=ports.clock, entropy=ports.entropy, key_store=chip, verification=finger
)

# Show a question, and answer it

question = cs.read_question({"accountId": "user-42", "content": "Pay 10 EUR to Zoë?"})
cs.Challenges(ports, policy).issue(shop, question)
(request,) = calls.signed_request(device, "GET", "/device/requests", OpenRequests).requests
path = f"/device/requests/{request.guid}"
display = calls.signed_request(device, "GET", path, ShownRequest).display
print("shown:", device.read_display(display)["content"]["text"])
answer = device.answer(display, 0, pin="")
reply = calls.signed_request(device, "POST", "/device/answer", AnswerReply, answer)
print("receipt:", "approved" if device.check(reply.receipt or "").approved else "declined")
