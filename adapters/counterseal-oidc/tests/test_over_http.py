"""The flow of the product over HTTP, at real providers that administrators set while it serves."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode, urlsplit

import attrs
import pytest
from flask import Flask
from oidc_loopback import rsa
from oidc_real import REDIRECT, running

from counterseal.device.software import Bond
from counterseal.keys import trusted_keys
from counterseal.models import Scheme
from counterseal.testing import World
from counterseal.testing.identity import APP_RETURN
from counterseal.wire.cx1 import write_basic, write_cx1
from counterseal.wire.enrolment import enrolment_document
from counterseal_flask import Settings, create_blueprints
from counterseal_http import Guard
from counterseal_oidc import OidcIdentityProvider

BASE = "https://service.example"
CALLBACK = "https://shop.example/done"


@attrs.define
class Served:
    """A service, and everybody who calls it over HTTP."""

    world: World
    client: object
    said: int = 0

    def administer(self, admin, method, path, document):
        body = json.dumps(document, separators=(",", ":")).encode()
        self.said += 1
        header = write_cx1(
            admin.secret,
            method=method,
            uri=BASE + path,
            milliseconds=int(self.world.clock.now().timestamp() * 1000) + self.said,
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

    def begin(self, space):
        body = {"appSpaceGuid": space, "redirectUri": APP_RETURN}
        return self.client.post("/device/login/redirect", json=body).json

    def come_back(self, back):
        query = urlencode({"state": back.state, "code": back.code, "iss": back.issuer})
        reply = self.client.get(f"/device/login/return?{query}")
        address, _, told = reply.headers["Location"].partition("?")
        assert (reply.status_code, address) == (303, APP_RETURN)
        return {name: value for name, (value,) in parse_qs(told).items()}

    def finish(self, told, secret):
        return self.client.post("/device/login/authenticate", json=told | {"secret": secret})

    def bind(self, space, provider):
        begun = self.begin(space)
        finished = self.finish(self.come_back(provider.log_in(begun["url"])), begun["secret"])
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

    def proven(self, phone, method, path, body=b""):
        call = phone.call(path, body, method=method)
        return self.client.open(
            path,
            method=method,
            data=body or None,
            content_type="application/jwt" if body else None,
            headers={"Counterseal-Proof": call.proof},
        )

    def answer(self, phone, guid):
        shown = self.proven(phone, "GET", f"/device/requests/{guid}")
        if shown.status_code != 200:
            return shown
        token = phone.device.answer(shown.json["display"], 0, pin=phone.pin)
        return self.proven(phone, "POST", "/device/answer", token.encode())


@attrs.define
class Shop:
    """An origin over HTTP."""

    client: object
    headers: dict

    def ask(self):
        body = {"accountId": "zoe", "content": "Pay 10 EUR to Adam?", "callback": CALLBACK}
        reply = self.client.post("/request/add", json=body, headers=self.headers)
        assert reply.status_code == 201, reply.json
        return reply.json["guid"]

    def devices(self):
        return self.client.get("/device/getAll?accountId=zoe", headers=self.headers).json


@pytest.fixture
def served(request):
    """Return a service at the machine's time."""

    def adapters(ports):
        ports.clock.jump(datetime.now(UTC))
        guard = Guard(allow_http=True, allow_private=True, ports=None)
        made = OidcIdentityProvider(ports.sealer, ports.clock, ports.entropy, guard=guard)
        request.addfinalizer(made.close)
        return attrs.evolve(ports, identity=made)

    world = World(adapters=adapters)
    app = Flask("auth")
    settings = Settings(public_url=BASE, administration=True)
    for blueprint in create_blueprints(world.ports, world.policy, settings):
        app.register_blueprint(blueprint)
    return Served(world, app.test_client())


@pytest.fixture
def new_space(served, client_secret):
    """Return a factory of App Spaces, made over the admin API while the service serves."""
    admin = served.world.credentials.create_admin("An admin")

    def make(provider):
        idp = {
            "issuer": provider.url,
            "clientId": "client_secret_basic",
            "clientAuth": "client_secret_basic",
            "clientSecret": client_secret,
            "redirectUri": REDIRECT,
            "returns": [APP_RETURN],
            "scopes": ["openid"],
        }
        spaces = f"/admin/api/companies/{served.world.company.guid}/appSpaces"
        body = {"name": "Staff", "idpType": "oidc", "idp": idp}
        made = served.administer(admin, "POST", f"{spaces}/new", body)["appSpaceGuid"]
        edit = {"idp": {"scopes": ["openid", "offline_access"]}}
        served.administer(admin, "PATCH", f"{spaces}/{made}", edit)
        return made

    return make


@pytest.fixture
def new_shop(served):
    """Return a factory of origins."""

    def make(space):
        (held,) = served.world.ports.store.get(space)
        origin = served.world.new_origin(held, "Shop").origin
        served.world.directory.allow_callback(origin.guid, CALLBACK)
        secret = served.world.credentials.issue(origin.guid, Scheme.BASIC).secret
        served.world.credentials.issue_webhook_key(origin.guid)
        return Shop(served.client, {"Authorization": write_basic(secret, guid=origin.guid)})

    return make


@pytest.fixture(autouse=True)
def _as_before(real):
    yield
    real.steer(enable="zoe", down=False)


def test_from_the_start_to_the_callback(served, new_space, new_shop, real):
    space = new_space(real)
    shop = new_shop(space)
    phone = served.bind(space, real)
    guid = shop.ask()
    answered = served.answer(phone, guid)
    assert (answered.status_code, answered.json["approved"]) == (200, True)
    assert served.world.deliver()
    (attempt,) = served.world.sender.attempts
    assert attempt.delivery.url == CALLBACK
    assert json.loads(attempt.delivery.body)["guid"] == guid


def test_who_is_disabled_is_refused_and_the_origin_sees_why_until_a_new_log_in(
    served, new_space, new_shop, real
):
    space = new_space(real)
    shop = new_shop(space)
    phone = served.bind(space, real)
    guid = shop.ask()
    real.steer(disable="zoe")
    served.world.clock.advance(served.world.policy.vouch_life)
    guid = shop.ask()
    refused = served.answer(phone, guid)
    assert (refused.status_code, refused.json["code"]) == (403, "identity_withdrawn")
    (device,) = shop.devices()
    assert (device["status"], device["suspendedBy"]) == ("SUSPENDED", "idp")
    real.steer(enable="zoe")
    served.bind(space, real)
    assert [each["status"] for each in shop.devices()] == ["ACTIVE", "ACTIVE"]
    assert served.answer(phone, guid).json["approved"]


def test_a_back_channel_logout_does_the_same_at_once(served, new_space, new_shop, real):
    space = new_space(real)
    shop = new_shop(space)
    phone = served.bind(space, real)
    guid = shop.ask()
    form = {"logout_token": real.logout_token("client_secret_basic", "zoe")}
    reply = served.client.post(f"/device/login/logout/{space}", data=form)
    assert reply.status_code == 204
    assert served.client.post(f"/device/login/logout/{space}", data=form).status_code == 400
    assert served.answer(phone, guid).status_code == 403
    assert [each["suspendedBy"] for each in shop.devices()] == ["idp"]
    served.bind(space, real)
    assert served.answer(phone, guid).json["approved"]


def test_a_provider_that_is_down_approves_nothing_and_says_so(served, new_space, new_shop, real):
    space = new_space(real)
    shop = new_shop(space)
    phone = served.bind(space, real)
    real.steer(down=True)
    served.world.clock.advance(served.world.policy.vouch_life)
    guid = shop.ask()
    waiting = served.answer(phone, guid)
    assert (waiting.status_code, waiting.json["reason"]) == (503, "identity_unavailable")
    real.steer(down=False)
    assert served.answer(phone, guid).json["approved"]


def test_two_app_spaces_with_two_providers_and_nobody_in_between(served, new_space, real, clients):
    with running(clients, {"keys": [rsa("other").as_dict(private=True)]}) as other:
        here, there = new_space(real), new_space(other)
        begun = served.begin(here), served.begin(there)
        told = [
            served.come_back(provider.log_in(one["url"]))
            for one, provider in zip(begun, (real, other), strict=True)
        ]
        outward = set()
        for state, code, secret in (
            (0, 0, 1),
            (1, 1, 0),
            (0, 1, 0),
            (1, 0, 1),
        ):
            mixed = told[code] | {"state": told[state]["state"]}
            reply = served.finish(mixed, begun[secret]["secret"])
            outward.add((reply.status_code, reply.json["code"]))
        assert outward == {(403, "denied")}
        for space in (here, there):
            assert served.world.ports.store.account(space, "zoe") is None
        assert served.bind(here, real).device.bond.app_space == here
        assert served.bind(there, other).device.bond.app_space == there


def test_a_caught_return_and_a_log_in_sent_to_a_victim_bind_nothing(served, new_space, real):
    space = new_space(real)
    begun = served.begin(space)
    told = served.come_back(real.log_in(begun["url"]))
    other = served.begin(space)
    for secret in ("caught", other["secret"], parse_qs(urlsplit(begun["url"]).query)["state"][0]):
        reply = served.finish(told, secret)
        assert (reply.status_code, reply.json["code"]) == (403, "denied")
    assert served.world.ports.store.account(space, "zoe") is None
    assert served.finish(told, begun["secret"]).status_code == 200
    assert served.finish(told, begun["secret"]).json["code"] == "wrong_state"
