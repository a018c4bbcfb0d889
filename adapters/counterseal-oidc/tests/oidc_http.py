"""A service over HTTP, and its clients: administrators, apps, browsers and shops."""

import json
from urllib.parse import parse_qs, urlencode

import attrs

from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.credentials.documents import write_basic, write_cx1
from counterseal.device import Bond
from counterseal.keys import trusted_keys
from counterseal.models import Scheme
from counterseal_testing import FakeService
from counterseal_testing.identity import APP_RETURN

BASE = "https://service.example"
CALLBACK = "https://shop.example/done"


@attrs.define
class HttpService:
    """A service, and the calls of its clients over HTTP."""

    world: FakeService
    app: object
    calls: int = 0

    @property
    def client(self):
        return self.app.test_client()

    def administer(self, admin, method, path, document):
        body = json.dumps(document, separators=(",", ":")).encode()
        self.calls += 1
        header = write_cx1(
            admin.secret,
            method=method,
            uri=BASE + path,
            milliseconds=int(self.world.clock.now().timestamp() * 1000) + self.calls,
            guid=admin.guid,
            body=body,
        )
        reply = self.client.open(
            path,
            method=method,
            data=body,
            content_type="application/json",
            headers={"Authorization": header},
        )
        assert reply.status_code < 300, reply.json
        return reply.json

    def reason(self):
        """Return the reason of the newest audit event."""
        return self.world.ports.audit.events[-1].reason

    def shop(self, space):
        """Create an origin while the service runs."""
        (app_space,) = self.world.ports.store.get(space)
        origin = self.world.new_origin(app_space, "Shop").origin
        self.world.administration.allow_callback(origin.guid, CALLBACK)
        secret = self.world.credentials.issue(origin.guid, Scheme.BASIC).secret
        self.world.credentials.issue_webhook_key(origin.guid)
        return Shop(self.client, {"Authorization": write_basic(secret, guid=origin.guid)})

    def begin(self, space):
        body = {"appSpaceGuid": space, "redirectUri": APP_RETURN}
        return self.client.post("/device/login/redirect", json=body).json

    def come_back(self, back):
        query = urlencode({"state": back.state, "code": back.code, "iss": back.issuer})
        reply = self.client.get(f"/device/login/return?{query}")
        url, _, query = reply.headers["Location"].partition("?")
        assert (reply.status_code, url) == (303, APP_RETURN)
        return {name: value for name, (value,) in parse_qs(query).items()}

    def finish(self, parameters, secret):
        return self.client.post("/device/login/authenticate", json=parameters | {"secret": secret})

    def log_out(self, space, token):
        return self.client.post(f"/device/login/logout/{space}", data={"logout_token": token})

    def bind(self, space, provider, subject="zoe"):
        return self.complete(space, provider, subject, self.begin(space))

    def complete(self, space, provider, subject, begun):
        """Bind a phone by a log-in that has begun."""
        back = provider.log_in(begun["url"], subject)
        finished = self.finish(self.come_back(back), begun["secret"])
        assert finished.status_code == 200, finished.json
        phone = self.world.phone()
        token = finished.json["sessionToken"]
        enrolment = phone.device.enrolment(token, space, pin=phone.pin)
        bound = self.client.post("/device/bind", json=enrolment_document(enrolment)).json
        phone.device.bond = Bond(
            device=bound["device"],
            account=bound["account"],
            app_space=bound["appSpace"],
            service_keys=trusted_keys(bound["serviceKeys"]),
        )
        return phone

    def send(self, phone, method, path, body=b""):
        call = phone.call(path, body, method=method)
        return self.client.open(
            path,
            method=method,
            data=body or None,
            content_type="application/jose" if body else None,
            headers={"Counterseal-Proof": call.proof},
        )

    def answer(self, phone, guid):
        request = self.send(phone, "GET", f"/device/requests/{guid}")
        if request.status_code != 200:
            return request
        token = phone.device.answer(request.json["display"], 0, pin=phone.pin)
        return self.send(phone, "POST", "/device/answer", token.encode())


@attrs.define
class Shop:
    """An origin over HTTP."""

    client: object
    headers: dict

    def ask(self, account_id="zoe"):
        body = {"accountId": account_id, "content": "Pay 10 EUR to Adam?", "callback": CALLBACK}
        reply = self.client.post("/request/add", json=body, headers=self.headers)
        assert reply.status_code == 201, reply.json
        return reply.json["guid"]

    def devices(self, account_id="zoe"):
        path = f"/device/getAll?accountId={account_id}"
        return self.client.get(path, headers=self.headers).json
