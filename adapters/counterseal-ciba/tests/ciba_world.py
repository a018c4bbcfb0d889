"""A client of the façade, in one process with the service: its keys, calls and user."""

import base64
import functools
import json
import time
import warnings
from urllib.parse import quote, urlencode

import attrs
from joserfc import jwk, jwt

from counterseal import OPERATOR, BackchannelClients
from counterseal.models import DeliveryMode, Scheme
from counterseal_ciba import Backchannel
from counterseal_testing.service import CALLBACK, FakeService
from counterseal_web import Request, Service, Settings

ISSUER = "https://auth.example.com"
GRANT = "urn:openid:params:grant-type:ciba"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
USER = "user-1"
TOKEN = "a-notification-token.1234567890"


@attrs.frozen
class Answer:
    """What the façade answered."""

    status: int
    headers: dict
    body: dict

    @property
    def error(self):
        return self.body.get("error")


class World:
    """A service with a user who has a phone, and the façade."""

    def __init__(self, monotonic=time.monotonic, waiters=64, **adapters):
        self.core = FakeService(adapters=lambda ports: attrs.evolve(ports, **adapters))
        settings = Settings(public_url=ISSUER, waiters=waiters)
        self.service = Service(self.core.ports, self.core.policy, settings, monotonic=monotonic)
        self.facade = Backchannel(self.service)
        self.phone = self.core.bind(USER)

    @property
    def now(self):
        return int(self.core.clock.now().timestamp())

    def call(self, method, path, form=None, headers=None, body=None):
        content = urlencode(form or {}).encode() if body is None else body
        own_headers = {"content-length": str(len(content))}
        if method == "POST":
            own_headers["content-type"] = "application/x-www-form-urlencoded"
        request = Request(
            method=method,
            path=path,
            headers=own_headers | (headers or {}),
            read_body=lambda limit: content[:limit],
        )
        response = self.facade.respond(request)
        text = response.body.decode()
        return Answer(response.status, dict(response.headers), json.loads(text) if text else {})

    def client(self, name="Shop", mode=DeliveryMode.POLL, algorithm="ES256", endpoint=CALLBACK):
        guid = self.core.new_origin(self.core.app_space, name).origin.guid
        if endpoint != CALLBACK:
            self.core.administration.allow_callback(guid, endpoint)
        return Client(self, guid, mode, algorithm, endpoint)


class Client:
    """One client with a key and a secret."""

    def __init__(self, world, guid, mode, algorithm, endpoint):
        self.world, self.guid, self.algorithm = world, guid, algorithm
        self.key = new_key(algorithm, kid="key-1")
        self.secret = world.core.credentials.issue(guid, Scheme.BASIC).secret
        public = self.key.as_dict(private=False) | {"alg": algorithm, "kid": "key-1"}
        core = world.core
        BackchannelClients(core.ports, core.policy, by=OPERATOR).register(
            guid,
            mode=mode,
            notification_endpoint=endpoint if mode is DeliveryMode.PING else None,
            jwks={"keys": [{name: text for name, text in public.items() if name != "use"}]},
        )
        self.count = 0

    def allow_endpoint_audiences(self, *, allowed=True):
        core = self.world.core
        BackchannelClients(core.ports, core.policy, by=OPERATOR).register(
            self.guid, mode=DeliveryMode.POLL, endpoint_audiences=allowed
        )

    def sign(self, claims, *, key=None, algorithm=None, header=None):
        algorithm = algorithm or self.algorithm
        head = {"alg": algorithm, "kid": "key-1"} | (header or {})
        head = {name: value for name, value in head.items() if value is not None}
        with warnings.catch_warnings():
            # RFC 9864 deprecates the name EdDSA, which clients use.
            warnings.simplefilter("ignore")
            return jwt.encode(head, claims, key or self.key, algorithms=[algorithm])

    def claims(self, **changes):
        self.count += 1
        claims = {
            "iss": self.guid,
            "sub": self.guid,
            "aud": ISSUER,
            "jti": f"jti-{self.count}",
            "iat": self.world.now,
            "exp": self.world.now + 60,
        }
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def assertion(self, token=None, **changes):
        return {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": token or self.sign(self.claims(**changes)),
        }

    @property
    def basic(self):
        pair = f"{quote(self.guid, safe='')}:{quote(self.secret, safe='')}"
        return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    def begin(self, *, form=None, headers=None, **changes):
        """Make an authentication request; by an assertion, unless there are *headers*."""
        parameters = {"scope": "openid", "login_hint": USER} | changes
        form = {name: value for name, value in parameters.items() if value is not None} | (
            form or {}
        )
        if headers is None:
            form = self.assertion() | form
        return self.world.call("POST", "/ciba/authentication", form, headers)

    def request(self, *, key=None, algorithm=None, header=None, **changes):
        """Return a signed request."""
        claims = self.claims(nbf=self.world.now, sub=None)
        claims |= {"scope": "openid", "login_hint": USER} | changes
        claims = {name: value for name, value in claims.items() if value is not None}
        return self.sign(claims, key=key, algorithm=algorithm, header=header)

    def begin_signed(self, token=None, *, form=None, **members):
        form = self.assertion() | {"request": token or self.request(**members)} | (form or {})
        return self.world.call("POST", "/ciba/authentication", form)

    def poll(self, auth_req_id, *, form=None, headers=None):
        form = {"grant_type": GRANT, "auth_req_id": auth_req_id} | (form or {})
        if headers is None:
            form = self.assertion() | form
        form = {name: value for name, value in form.items() if value is not None}
        return self.world.call("POST", "/ciba/token", form, headers)

    def begun(self, **members):
        answer = self.begin(**members)
        assert answer.status == 200, answer
        return answer.body["auth_req_id"]


def new_key(algorithm, *, kid):
    parameters = {"kid": kid}
    if algorithm == "ES256":
        return jwk.ECKey.generate_key("P-256", parameters)
    if algorithm in {"EdDSA", "Ed25519"}:
        return jwk.OKPKey.generate_key("Ed25519", parameters)
    return jwk.RSAKey.import_key(rsa_key(), parameters)


@functools.cache
def rsa_key():
    """Return one private key for all: making one takes longer than a test."""
    return jwk.RSAKey.generate_key(2048).as_dict(private=True)
