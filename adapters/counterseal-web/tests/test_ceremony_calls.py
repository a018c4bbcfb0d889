"""The WebAuthn calls of the CX service: from a registration to a log-in, and each refusal."""

import json
import logging
from urllib.parse import urlencode

import attrs
import pytest

from counterseal import keys
from counterseal.memory import NoAttestationVerifier
from counterseal.models import CallbackType, Clients
from counterseal_testing import FakeModel, FakePasskey

pytestmark = pytest.mark.one_face

DOMAIN = "shop.example"
USER = {"name": "zoe@shop.example", "displayName": "Zoë"}
FORM = "application/x-www-form-urlencoded"
UNVERIFIED = 1
"""The flags of an authenticator that asked for no PIN, finger or face."""


def brackets(value, name=""):
    if isinstance(value, dict):
        pairs = [(f"{name}[{key}]" if name else key, below) for key, below in value.items()]
    elif isinstance(value, list):
        pairs = [(f"{name}[{index}]", below) for index, below in enumerate(value)]
    else:
        return [(name, value)]
    return [inner for key, below in pairs for inner in brackets(below, key)]


@attrs.define
class Site:
    """An origin's site, and the browser of its user Zoë, in which one passkey is."""

    world: object
    shop: object
    prefix: str = ""
    forms: bool = False
    domain: str = DOMAIN
    passkey: FakePasskey = attrs.field(
        factory=lambda: FakePasskey(rp_id=DOMAIN, origin=f"https://{DOMAIN}")
    )

    def call(self, method, path, document):
        content = {"json": document}
        if self.forms:
            content = {"data": urlencode(brackets(document)), "content_type": FORM}
        return self.shop.call(method, f"{self.prefix}{path}", **content)

    def start(self, account_id="zoe"):
        body = {"accountId": account_id, "userInfo": json.dumps(USER), "domain": self.domain}
        return self.call("PUT", "/account/webauthn/bind", body)

    def created(self, started):
        challenge = keys.unb64url(started.json["registrationOptions"]["challenge"])
        response = FakeModel(attestation="none").create(
            self.passkey, challenge, client=self.passkey.client
        )
        return {
            "clientDataJSON": keys.b64url(response.client_data),
            "attestationObject": keys.b64url(response.attestation_object),
            "transports": ["internal", "hybrid"],
        }

    def register(self, response, account_id="zoe"):
        body = {"accountId": account_id, "credential": self.credential(response)}
        return self.call("POST", "/account/webauthn/register", body)

    def registered(self, account_id="zoe"):
        return self.register(self.created(self.start(account_id)), account_id)

    def authenticate(self, account_id="zoe"):
        body = {"accountId": account_id, "domain": self.domain}
        return self.call("POST", "/request/webauthn/authenticate", body)

    def used(self, begun):
        parts = self.passkey.get(keys.unb64url(begun.json["assertionOptions"]["challenge"]))
        return {
            "clientDataJSON": keys.b64url(parts.client_data),
            "authenticatorData": keys.b64url(parts.authenticator_data),
            "signature": keys.b64url(parts.signature),
        }

    def finish(self, response, account_id="zoe"):
        body = {"accountId": account_id, "credential": self.credential(response)}
        return self.call("POST", "/request/webauthn/finishAuthentication", body)

    def credential(self, response):
        credential_id = self.passkey.public.passkey.credential_id
        return {
            "type": "public-key",
            "id": credential_id,
            "rawId": credential_id,
            "authenticatorAttachment": "platform",
            "response": response,
            "clientExtensionResults": {"credProps": {"rk": "true"}},
        }


@pytest.fixture
def site(world, shop):
    allow_domain(world, world.origin)
    return Site(world, shop)


def allow_domain(world, party, domain=DOMAIN):
    world.administration.allow_callback(party.origin.guid, domain, kind=CallbackType.DOMAIN)


def refused(reply, status, code, caplog=None, logged=None):
    assert (reply.status_code, reply.json["code"]) == (status, code), reply.json
    if logged is not None:
        assert caplog.messages[-1] == f"refused: {logged}"


@pytest.mark.parametrize("prefix", ["", "/api"])
@pytest.mark.parametrize("forms", [False, True])
def test_from_a_registration_to_a_log_in(world, site, prefix, forms):
    site.prefix, site.forms = prefix, forms
    started = site.start()
    account = started.json["privakeyId"]
    assert started.status_code == 201
    assert started.headers["Location"] == f"https://service.example{prefix}/account/{account}"
    options = started.json["registrationOptions"]
    assert (options["rp"], options["user"]["name"]) == (
        {"id": DOMAIN, "name": world.app_space.name},
        USER["name"],
    )
    assert site.start().status_code == 200
    registered = site.register(site.created(started))
    assert (registered.status_code, registered.json["privakeyId"]) == (200, account)
    assert registered.json["message"] == "Registration successful!"
    begun = site.authenticate()
    assert begun.status_code == 200
    (allowed,) = begun.json["assertionOptions"]["allowCredentials"]
    assert allowed["id"] == site.passkey.public.passkey.credential_id
    finished = site.finish(site.used(begun))
    assert (finished.status_code, finished.json) == (
        200,
        {
            "requestGuid": begun.json["requestGuid"],
            "privakeyId": account,
            "deviceGuid": registered.json["deviceGuid"],
        },
    )
    again = site.start().json["registrationOptions"]["excludeCredentials"]
    assert again == [allowed]


def test_the_user_info_is_that_of_the_account(site, shop):
    site.start()
    stored = shop.get("/account/getAccount?accountId=zoe").json["userInfo"]
    assert json.loads(stored) == USER


def test_clients_of_the_cx_service_send_numbers_and_objects_too(world, kit, client):
    administration = world.administration
    origin = administration.create_origin(world.app_space.guid, "CX", clients=Clients.CX)
    party = administration.relying_party(origin.guid)
    allow_domain(world, party)
    site = Site(world, kit.shop_of(world, client, party), prefix="/api", forms=True)
    for forms, account_id in ((True, "7"), (False, 7)):
        site.forms = forms
        body = {"accountId": account_id, "userInfo": USER, "domain": DOMAIN}
        started = site.call("PUT", "/account/webauthn/bind", body)
        assert started.status_code in {200, 201}, started.json
        assert started.json["registrationOptions"]["user"]["displayName"] == "Zoë"


def test_a_passkey_is_listed_as_what_answers_nothing(world, site, shop, kit):
    site.registered()
    (passkey,) = shop.get("/device/getAll?accountId=zoe").json
    assert (passkey["status"], passkey["answers"]) == ("ACTIVE", False)
    refused(kit.ask(shop, accountId="zoe"), 404, "unreachable")
    phone = world.bind("zoe")
    listed = shop.get("/device/getAll?accountId=zoe").json
    assert [(each["guid"], each["answers"]) for each in listed] == [
        (passkey["guid"], False),
        (phone.guid, True),
    ]
    assert shop.patch("/device/revoke", json={"deviceGuid": passkey["guid"]}).status_code == 204
    refused(site.authenticate(), 404, "unreachable")


def test_administrators_see_that_it_answers_nothing(world, kit, site, app_space):
    site.registered()
    client = kit.application(world.ports, administration=True).test_client()
    admin = world.credentials.create_admin("An admin", all_companies=True)
    desk = kit.Desk(client, world, admin.guid, admin.secret)
    user = desk.get(f"{app_space}/accounts?accountId=zoe").json
    assert [each["answers"] for each in user["devices"]] == [False]


@pytest.mark.parametrize("domain", ["evil.example", "example", f"www.{DOMAIN}", f"{DOMAIN}:8443"])
def test_a_domain_that_is_no_entry_is_refused(site, domain):
    site.registered()
    site.domain = domain
    refused(site.start(), 400, "domain_forbidden")
    refused(site.authenticate(), 400, "domain_forbidden")


def test_an_address_on_the_allow_list_is_no_domain(world, site):
    world.administration.allow_callback(world.origin.origin.guid, "other.example")
    site.domain = "other.example"
    refused(site.start(), 400, "domain_forbidden")


@pytest.mark.parametrize(
    ("changes", "logged"),
    [
        ({"origin": "https://evil.example"}, "wrong_origin"),
        ({"origin": f"https://{DOMAIN}:8443"}, "wrong_origin"),
        ({"origin": f"http://{DOMAIN}"}, "wrong_origin"),
        ({"client": {"crossOrigin": True}}, "cross_origin"),
        ({"rp_id": "evil.example"}, "wrong_rp_id"),
        ({"flags": UNVERIFIED}, "user_unverified"),
        ({"flags": 0}, "user_absent"),
    ],
)
def test_an_answer_that_does_not_hold_is_denied_and_logged(site, caplog, changes, logged):
    caplog.set_level(logging.INFO, "counterseal_web")
    started, before = site.start(), attrs.asdict(site.passkey)
    for name, value in changes.items():
        setattr(site.passkey, name, value)
    refused(site.register(site.created(started)), 403, "denied", caplog, logged)
    for name in changes:
        setattr(site.passkey, name, before[name])
    site.passkey.flags = 5
    assert site.register(site.created(started)).status_code == 200
    begun = site.authenticate()
    for name, value in changes.items():
        setattr(site.passkey, name, value)
    refused(site.finish(site.used(begun)), 403, "denied", caplog, logged)
    for name in changes:
        setattr(site.passkey, name, before[name])
    site.passkey.flags = 5
    assert site.finish(site.used(begun)).status_code == 200


def test_an_answer_counts_once(site):
    response = site.created(site.start())
    assert site.register(response).status_code == 200
    refused(site.register(response), 409, "wrong_state")
    used = site.used(site.authenticate())
    assert site.finish(used).status_code == 200
    refused(site.finish(used), 409, "wrong_state")


def test_an_answer_that_comes_too_late_is_refused(world, site):
    site.registered()
    response, used = site.created(site.start()), site.used(site.authenticate())
    world.clock.advance(world.policy.ceremony_life)
    refused(site.register(response), 410, "deadline_passed")
    refused(site.finish(used), 410, "deadline_passed")


def test_an_answer_for_another_account_is_not_found(site):
    site.registered()
    other = Site(site.world, site.shop)
    other.registered("ben")
    used = site.used(site.authenticate())
    refused(site.finish(used, account_id="ben"), 404, "not_found")
    refused(site.register(site.created(site.start()), account_id="ben"), 404, "not_found")
    # The challenge is Ben's, and the passkey is Zoë's.
    refused(site.finish(site.used(site.authenticate("ben")), "ben"), 403, "denied")


def test_another_origin_ends_nothing(world, site, neighbour, stranger):
    site.registered()
    used, created = site.used(site.authenticate()), site.created(site.start())
    for other in (neighbour, stranger):
        thief = Site(world, other, passkey=site.passkey)
        refused(thief.finish(used), 404, "not_found")
        refused(thief.register(created), 404, "not_found")
    assert site.finish(used).status_code == 200


def test_a_changed_signature_is_denied(site, caplog):
    caplog.set_level(logging.INFO, "counterseal_web")
    site.registered()
    used = site.used(site.authenticate())
    signature = bytearray(keys.unb64url(used["signature"]))
    signature[-1] ^= 1
    changed = used | {"signature": keys.b64url(bytes(signature))}
    refused(site.finish(changed), 403, "denied", caplog, "wrong_signature")
    assert site.finish(used).status_code == 200


def test_the_passkey_of_another_account_is_denied_by_its_handle(site, caplog):
    caplog.set_level(logging.INFO, "counterseal_web")
    site.registered()
    used = site.used(site.authenticate())
    other = used | {"userHandle": keys.b64url(bytes(16))}
    refused(site.finish(other), 403, "denied", caplog, "wrong_key")
    handle = site.start().json["registrationOptions"]["user"]["id"]
    assert site.finish(used | {"userHandle": handle}).status_code == 200


def test_a_passkey_is_registered_once_at_a_time(site):
    site.registered()
    refused(site.registered(), 400, "unfit_key")


@pytest.mark.parametrize("member", ["accountId", "userInfo", "domain", "credential"])
def test_a_member_that_is_missing_is_named(site, member):
    members_by_name = {
        "accountId": "zoe",
        "userInfo": json.dumps(USER),
        "domain": DOMAIN,
        "credential": {},
    }
    for method, path, members in (
        ("PUT", "/account/webauthn/bind", ("accountId", "userInfo", "domain")),
        ("POST", "/account/webauthn/register", ("accountId", "credential")),
        ("POST", "/request/webauthn/authenticate", ("accountId", "domain")),
        ("POST", "/request/webauthn/finishAuthentication", ("accountId", "credential")),
    ):
        if member in members:
            body = {name: members_by_name[name] for name in members if name != member}
            if "credential" in body:
                body["credential"] = site.credential(
                    dict.fromkeys(
                        ("clientDataJSON", "attestationObject", "authenticatorData", "signature"),
                        "AAAA",
                    )
                )
            reply = site.call(method, path, body)
            refused(reply, 400, "invalid_field")
            assert reply.json["field"] == member


def test_a_service_without_a_verifier_makes_no_passkey(world, kit):
    allow_domain(world, world.origin)
    ports = attrs.evolve(world.ports, attestation=NoAttestationVerifier())
    client = kit.application(ports).test_client()
    site = Site(world, kit.shop_of(world, client, world.origin))
    refused(site.start(), 403, "denied")
    refused(site.authenticate(), 404, "unreachable")
