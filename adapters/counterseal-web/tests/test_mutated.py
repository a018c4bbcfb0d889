"""
Valid requests with one thing or two changed: never an error of ours, and the store stays whole.

`nox -s "heavy(fuzz)"` sends 10,000 to each API; `FUZZ_SEED` repeats a run.
"""

import json
import os
import time
from base64 import b64encode
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from http.client import InvalidURL, RemoteDisconnected
from random import Random
from urllib.parse import quote, unquote_to_bytes

import attrs
import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from counterseal import Refused, keys
from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.credentials.documents import write_cx1, write_signature
from counterseal.errors import CredentialRefused
from counterseal.models import (
    FINISHED,
    OPERATOR,
    AdminRole,
    BindingState,
    Callback,
    CallbackType,
    Challenge,
    Codes,
    Scheme,
)
from counterseal_testing import FakeModel, FakePasskey, FakeService
from counterseal_testing.pictures import build_png
from counterseal_testing.service import CALLBACK

pytestmark = pytest.mark.one_face

BASE = "https://service.example"
ADMIN = "/admin/api"
REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "300"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
PATIENCE = 10
"""Seconds of one request; on a busy machine, they take milliseconds."""

MOMENT = timedelta(milliseconds=5)
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
JOSE = "application/jose"
PROOF = "Counterseal-Proof"
SIGNED = ("authorization", "content-digest", "signature-input", "signature")
USERS = ("user-42", "user-43")
QUESTION = {
    "accountId": "user-42",
    "callback": CALLBACK,
    "content": {"title": "Transfer", "keys": [{"key": "To", "value": "Zoë"}]},
    "duration": "5m",
    "showNotification": True,
    "showCode": False,
    "transactionId": '{"uid":"u1"}',
    "additionalInfo": {"viewType": "html"},
    "buttons": [
        {"title": "Neat!", "strongAuth": False, "style": '{"color": "blue"}'},
        '{"title": "Okay...", "strongAuth": true}',
    ],
}
QUESTION_FORM = (
    b"accountId=user-42&duration=5m&additionalInfo%5Btemplate%5D=true&showCode=true"
    b"&callback=https%3A%2F%2Fshop.example%2Fdone&content%5Btitle%5D=Validation%20Requested"
    b"&content%5Bkeys%5D%5B0%5D%5Bkey%5D=Platform&content%5Bkeys%5D%5B0%5D%5Bvalue%5D=Z%C3%B6e"
    b"&buttons%5B0%5D%5Btitle%5D=Approve&buttons%5B0%5D%5BstrongAuth%5D=true"
    b"&buttons%5B1%5D%5Btitle%5D=Decline&buttons%5B1%5D%5BstrongAuth%5D=false"
)
DOMAIN = "shop.example"
USER_INFO = json.dumps({"name": "zoe@shop.example", "displayName": "Zo\u00eb"})
NEW_PASSKEY_FORM = (
    b"accountId=user-44&domain=shop.example&userInfo=%7B%22name%22%3A%22zoe%22%2C"
    b"%22displayName%22%3A%22Zoe%22%7D"
)
ODD = (
    *(
        None,
        True,
        False,
        0,
        -1,
        2**53,
        2**70,
        1e308,
        "",
        " ",
        "\x00",
        "\ud800",
        "\u202e",
        "é" * 300,
    ),
    *([], {}, [[]], {"": ""}, {"guid": "x"}, [None], "null", "../..", "x" * 5000),
)
TYPES = (
    *(JSON, FORM, JOSE, "application/jwt", "text/plain", "", "application/json; charset=utf-16"),
    *("application/JSON;charset=UTF-8", "multipart/form-data; boundary=x", "\xff", "a/b; q=\x7f"),
    "application/x-www-form-urlencoded; charset=latin-1",
)
HEADERS = (
    *(("Idempotency-Key", "same"), ("Idempotency-Key", "x" * 300), ("Idempotency-Key", "")),
    *(("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked"), ("Expect", "100-continue")),
    *(("Host", "evil.example"), ("X-Forwarded-Host", "evil.example"), ("Range", "bytes=0-")),
    *(
        ("Accept", "text/html"),
        ("Authorization", "Basic"),
        ("Authorization", "Basic :"),
        (PROOF, ""),
    ),
    *(
        (PROOF, "a.b.c"),
        ("Authorization", "CX1-HMAC-SHA256 a:b:c"),
        ("X-HTTP-Method-Override", "PUT"),
    ),
)
LENGTHS = ("", "-1", "abc", "0", "1", "+5", "1_0", "99999", "131072", "131073", str(2**70), "\xb2")
METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "get", "X-Y", "")


class Watch:
    """Around a store: what is applied has to follow from what was."""

    def __init__(self, store):
        self.store = store
        self.endings = Counter()

    def __getattr__(self, name):
        return getattr(self.store, name)

    def commit(self, changes, *args, **kwargs):
        self.store.commit(changes, *args, **kwargs)
        for change in changes:
            old, new = change.old, change.new
            if new is old:
                continue
            assert new.version == (1 if old is None else old.version + 1)
            if isinstance(new, Challenge) and new.state in FINISHED:
                if old is None or old.state not in FINISHED:
                    self.endings[new.guid] += 1
                else:
                    assert (new.state, new.outcome) == (old.state, old.outcome)


@attrs.define(kw_only=True)
class Mutation:
    """A request to be."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    headers: dict = attrs.field(factory=dict)
    length: str | None = None

    @property
    def uri(self):
        return f"{self.path}?{self.query}" if self.query else self.path


class Service:
    """A service in memory, an origin and two phones; what wears out is renewed."""

    def __init__(self, kit, rng):
        self.rng = rng
        self.world = FakeService(seed=SEED, adapters=self._watched)
        settings = {"wait_limit": MOMENT, "beat_every": MOMENT, "look_every": MOMENT}
        settings["administration"] = True
        self.app = kit.application(self.world.ports, **settings)
        party = self.world.new_origin(self.world.app_space, "CX client", codes=Codes.ECHOED)
        allow = self.world.administration.allow_callback
        party = attrs.evolve(
            party, origin=allow(party.origin.guid, DOMAIN, kind=CallbackType.DOMAIN)
        )
        self.party = party
        self.passkey = FakePasskey(rp_id=DOMAIN, origin=f"https://{DOMAIN}")
        self.credential = kit.shop_of(self.world, None, party).headers
        self.phones = {user: self.world.bind(user) for user in USERS}
        self.guids = [""]
        self.changed = self.world.new_origin(self.world.app_space, "Often changed").origin
        make = self.world.credentials.create_admin
        within = {"app_space": self.world.app_space.guid}
        self.admins = [
            *(make("All", all_companies=True) for _ in range(3)),
            *(make("All", all_companies=True, scheme=Scheme.SIGNATURE) for _ in range(3)),
            make("Company", company=self.world.company.guid),
            make("App Space", role=AdminRole.APP_SPACE, **within),
            make("Support", role=AdminRole.SUPPORT, **within),
        ]
        self.spares, self.delivered = [make("Spare", all_companies=True).guid], [""]
        self.counter = 0

    def _watched(self, ports):
        self.watch = Watch(ports.store)
        return attrs.evolve(ports, store=self.watch)

    def phone(self, user):
        (binding,) = self.world.ports.store.get(self.phones[user].guid)
        if binding.state is not BindingState.ACTIVE:
            self.phones[user] = self._renewed(user, lambda: self.world.bind(user))
        return self.phones[user]

    def invited(self, user):
        return self._renewed(user, lambda: self.world.invitations.invite(self.party, user))

    def open_challenge(self, user="user-42"):
        def ask():
            self.phone(user)
            return self.world.ask(user, "Pay?", callback=CALLBACK, origin=self.party).challenge

        return self._renewed(user, ask)

    def _renewed(self, user, perform):
        """Do what may be refused because of what came before."""
        try:
            return perform()
        except Refused:
            account = self.world.accounts.get(self.party, user)
            with suppress(Refused):
                self.world.accounts.unlock(account.guid, by=OPERATOR)
            self.world.accounts.revoke(self.party, user)
            self.world.clock.advance(timedelta(days=1))  # longer than any cool-down
            self.world.sweep()
            return perform()

    def push(self):
        """Let a callback be delivered, or die."""
        open_challenge = self.open_challenge()
        phone = self.phone("user-42")
        with suppress(Refused):
            phone.answer(phone.fetch(open_challenge.guid))
        self.world.sender.script(self.rng.choice([204, 410, 410]))
        self.delivered = [*self.delivered[-20:], *self.world.deliver()]

    def started(self, verb, user):
        """Return what a browser answers a ceremony that has begun."""
        start = getattr(self.world.ceremonies, verb)
        return self._renewed(user, lambda: start(self.party, user, DOMAIN).challenge)

    def created(self, user):
        """Return the body that registers a passkey."""
        self.passkey = FakePasskey(rp_id=DOMAIN, origin=f"https://{DOMAIN}")
        challenge = self.started("start_registration", user)
        self.response = FakeModel(attestation="none").create(self.passkey, challenge)
        return self._credential(
            user,
            clientDataJSON=self.response.client_data,
            attestationObject=self.response.attestation_object,
        )

    def used(self, user):
        """Return the body that authenticates by a passkey, which is registered first."""
        self.created(user)
        self._renewed(user, lambda: self.world.ceremonies.register(self.party, user, self.response))
        parts = self.passkey.get(self.started("start_authentication", user))
        return self._credential(
            user,
            clientDataJSON=parts.client_data,
            authenticatorData=parts.authenticator_data,
            signature=parts.signature,
        )

    def _credential(self, user, **response):
        credential = {
            "id": self.passkey.public.passkey.credential_id,
            "type": "public-key",
            "response": {name: keys.b64url(data) for name, data in response.items()},
        }
        return json.dumps({"accountId": user, "credential": credential}).encode()

    def entry(self):
        """Return the place of an entry of the allow-list, anew if it was taken off."""
        allowing_origin = self.world.administration.allow_callback(
            self.changed.guid, "https://b.example/c"
        )
        space, guid = (
            f"companies/{self.world.company.guid}/appSpaces",
            allowing_origin.entries[-1].guid,
        )
        origin = f"{allowing_origin.app_space}/requestOrigins/{allowing_origin.guid}"
        return f"{ADMIN}/{space}/{origin}/callbacks/{guid}"

    def spare(self):
        """Return an administrator that others may rotate and revoke."""
        if self.rng.random() < 0.2:
            self.spares.append(
                self.world.credentials.create_admin("Spare", all_companies=True).guid
            )
        return self.rng.choice(self.spares[-5:])

    def send(self, mutation):
        try:
            builder = EnvironBuilder(
                method=mutation.method or "GET",
                path="/",
                headers=mutation.headers,
                data=mutation.body,
            )
            environ = builder.get_environ()
        except (ValueError, UnicodeError):
            return None  # no client can write it
        environ["REQUEST_METHOD"] = mutation.method
        environ["PATH_INFO"] = unquote_to_bytes(mutation.path).decode("latin-1")
        environ["QUERY_STRING"] = mutation.query.encode("utf-8", "replace").decode("latin-1")
        if mutation.length is not None:
            environ["CONTENT_LENGTH"] = mutation.length
        began = time.thread_time()
        try:
            pieces, status, headers = run_wsgi_app(self.app, environ)
        except InvalidURL:
            return None  # no client can write it
        except RemoteDisconnected:
            assert mutation.length is not None, mutation
            return None  # over a socket, half a body and an end may be no request
        body = b""
        for _, piece in zip(range(3), pieces, strict=False):
            body += piece
        if hasattr(pieces, "close"):
            pieces.close()
        assert time.thread_time() - began < PATIENCE, mutation
        return int(status[:3]), headers.get("Content-Type", ""), body


def service_requests(service):
    """Return what origins send, as it was recorded."""
    user = service.rng.choice(USERS)
    fresh = service.rng.random() < 0.3
    guid = service.open_challenge(user).guid if fresh else service.rng.choice(service.guids)
    service.guids = [*service.guids[-20:], guid]
    (device,) = service.world.ports.store.get(service.phone(user).guid)
    question = json.dumps(QUESTION | {"accountId": user}).encode()
    named_body = json.dumps({"requestGuid": guid}).encode()
    browser = "user-44"
    domain = json.dumps({"accountId": browser, "domain": DOMAIN}).encode()
    new_passkey = json.dumps(
        {"accountId": browser, "domain": DOMAIN, "userInfo": USER_INFO}
    ).encode()
    return [
        ("PUT", "/account/bind", "", json.dumps({"accountId": user}).encode(), JSON),
        ("PUT", "/account/bind", "", b"accountId=user-43&userInfo=Zo%C3%AB", FORM),
        ("POST", "/request/add", "", question, JSON),
        ("POST", "/request/add", "", QUESTION_FORM, FORM),
        ("POST", "/request/add", "", question, JSON),
        ("POST", "/request/add", "", QUESTION_FORM, FORM),
        ("GET", "/request/getRequest", f"requestGuid={guid}", b"", ""),
        ("GET", "/request/getRequest", f"requestGuid={guid}&wait=1", b"", ""),
        ("GET", f"/request/{guid}", "", b"", ""),
        ("GET", "/request/events", f"requestGuid={guid}", b"", ""),
        ("GET", "/request/getAll", f"accountId={user}", b"", ""),
        ("PATCH", "/request/cancel", "", named_body, JSON),
        ("PATCH", "/request/cancel", "", b"requestGuid=" + guid.encode(), FORM),
        ("GET", "/device/getAll", f"accountId={user}", b"", ""),
        ("PATCH", "/device/revoke", "", json.dumps({"deviceGuid": device.guid}).encode(), JSON),
        ("GET", "/account/getAccount", f"accountId={user}", b"", ""),
        ("GET", f"/account/{device.account}", "", b"", ""),
        ("PATCH", "/account/revoke", "", b"accountId=user-43", FORM),
        ("PUT", "/account/webauthn/bind", "", new_passkey, JSON),
        ("PUT", "/account/webauthn/bind", "", NEW_PASSKEY_FORM, FORM),
        ("POST", "/account/webauthn/register", "", service.created(browser), JSON),
        ("POST", "/request/webauthn/authenticate", "", domain, JSON),
        ("POST", "/request/webauthn/finishAuthentication", "", service.used(browser), JSON),
        ("GET", "/openapi.json", "", b"", ""),
    ]


def device_requests(service):
    """Return what a phone sends, all but its proofs."""
    open_challenge = service.open_challenge()
    invitation = service.invited(service.rng.choice(USERS))
    phone = service.phone("user-42")  # both of these may have worn it out
    device = phone.device
    space = service.world.app_space.guid
    new = service.world.phone()
    enrolment = enrolment_document(new.device.enrolment(invitation.token, space, pin=new.pin))
    answer = device.answer(open_challenge.display, service.rng.randrange(2), pin=phone.pin).encode()
    update = {"name": "Zoë's phone", "addresses": [{"kind": "relay", "value": "abc"}]}
    event = {
        "event": "REQUEST_VIEWED",
        "attributes": {"ms": "3"},
        "requestGuid": open_challenge.guid,
    }
    peek_body = json.dumps({"token": enrolment["token"]}).encode()
    return [
        ("POST", "/device/invitation", "", peek_body, JSON),
        ("POST", "/device/bind", "", json.dumps(enrolment).encode(), JSON),
        ("POST", "/device/bind", "", json.dumps(enrolment).encode(), JSON),
        ("GET", "/device/requests", "", b"", ""),
        ("GET", "/device/requests", f"wait=1&known={open_challenge.guid}", b"", ""),
        ("GET", "/device/requests/events", "", b"", ""),
        ("GET", f"/device/requests/{open_challenge.guid}", "", b"", ""),
        ("POST", "/device/answer", "", answer, JOSE),
        ("POST", "/device/answer", "", answer, JOSE),
        ("POST", "/device/answer", "", answer, JOSE),
        ("POST", "/device/disown", "", device.disown(open_challenge.display).encode(), JOSE),
        ("PATCH", "/device", "", json.dumps(update).encode(), JSON),
        (
            "POST",
            "/device/rotate",
            "",
            device.rotation(pin=phone.pin, new_pin=phone.pin).body,
            JSON,
        ),
        ("GET", "/device/status", "", b"", ""),
        ("POST", "/device/telemetry", "", json.dumps(event).encode(), JSON),
        ("GET", f"/device/logo/{space}/{keys.digest(build_png())}", "", b"", ""),
        ("GET", "/.well-known/jwks.json", "", b"", ""),
    ]


def admin_requests(service):
    """Return what administrators send, all but their signatures."""
    rng, world = service.rng, service.world
    if rng.random() < 0.3:
        service.push()
    open_challenge, phone = service.party.origin, service.phone(rng.choice(USERS))
    company_path = f"{ADMIN}/companies/{world.company.guid}"
    space = f"{company_path}/appSpaces/{world.app_space.guid}"
    origin = f"{space}/requestOrigins/{service.changed.guid}"
    entry = service.entry()
    delivery = (
        f"{space}/requestOrigins/{open_challenge.guid}/deliveries/{rng.choice(service.delivered)}"
    )
    account = f"{space}/accounts/{phone.device.bond.account}"
    spare = f"{ADMIN}/admins/{service.spare()}"
    logo = b64encode(build_png()).decode()
    brand = {"brandInfo": {"url": "https://a.example/l.png", "color": "#F0B700", "logo": logo}}
    edits = {"callbackStates": ["ANSWERED", "EXPIRED"], "codes": "typed", "wildcards": False}
    helper = {"name": "Help", "role": "user_support", "appSpaceGuid": world.app_space.guid}
    counter = [
        ("POST", f"{ADMIN}/companies/new", {"name": "Zoë Ltd"}),
        ("PATCH", company_path, {"name": "Renamed Ltd"}),
        ("POST", f"{company_path}/appSpaces/new", {"name": "App", "idpType": "simple"} | brand),
        ("PATCH", space, {"useUniversalApp": True, "html": "show"} | brand),
        ("POST", f"{space}/requestOrigins/new", {"name": "mfa", "codes": "echoed"}),
        ("PATCH", origin, edits),
        ("POST", f"{origin}/keyManagement", {"keyType": "hmac", "overlap": 60}),
        ("POST", f"{origin}/keyManagement", {"keyType": "basic"}),
        ("POST", f"{origin}/callbackSecret", {"overlap": 60}),
        ("POST", f"{origin}/callbacks/new", {"callbackUrl": "https://a.example/b"}),
        ("POST", f"{origin}/callbacks/new", {"callbackUrl": "a.example", "callbackType": 1}),
        ("POST", f"{ADMIN}/admins/new", helper | {"life": 600}),
        ("POST", f"{spare}/keyManagement", {"overlap": 60}),
    ]
    bare = [
        *(("GET", each) for each in (company_path, space, origin, entry, delivery, account, spare)),
        *(("GET", f"{each}s") for each in (f"{company_path}/appSpace", f"{space}/requestOrigin")),
        *(("GET", f"{ADMIN}/{each}") for each in ("companies", "admins")),
        ("GET", f"{origin}/callbacks"),
        ("DELETE", entry),
        ("DELETE", f"{origin}/keyManagement"),
        ("DELETE", f"{origin}/keyManagement/{service.changed.guid}"),
        ("DELETE", f"{spare}/keyManagement"),
        ("POST", f"{delivery}/requeue"),
        ("POST", f"{account}/lock"),
        ("POST", f"{account}/unlock"),
        ("POST", f"{account}/revoke"),
        ("DELETE", account),
        *(
            ("POST", f"{account}/devices/{phone.guid}/{verb}")
            for verb in ("suspend", "resume", "revoke")
        ),
    ]
    return [
        *((method, path, "", json.dumps(body).encode(), JSON) for method, path, body in counter),
        *((method, path, "", b"", "") for method, path in bare),
        ("GET", f"{space}/requestOrigins/{open_challenge.guid}/deadDeliveries", "limit=9", b"", ""),
        ("GET", f"{ADMIN}/deadDeliveries", f"appSpaceGuid={world.app_space.guid}", b"", ""),
        ("GET", f"{space}/accounts", "accountId=user-42", b"", ""),
        ("GET", f"{ADMIN}/admins", f"companyGuid={world.company.guid}", b"", ""),
    ]


def mutated_bytes(rng, data):
    at = rng.randrange(len(data) + 1)
    end = min(len(data), at + rng.randrange(1, 9))
    return rng.choice(
        [
            lambda: data[:at] + rng.randbytes(rng.randrange(1, 5)) + data[end:],
            lambda: data[:at] + data[end:],
            lambda: data[:at] + data[at:end] * rng.randrange(2, 50) + data[end:],
            lambda: data[:at],
            lambda: data + data,
            lambda: b"",
            lambda: data + b" " * 140_000,
            lambda: b"[" * 5_000 + data,
            lambda: b"\xef\xbb\xbf" + data,
            lambda: data.decode("utf-8", "replace").encode("utf-16"),
            lambda: (
                bytes([*data[:at], *(byte ^ 1 << rng.randrange(8) for byte in data[at:end])])
                + data[end:]
            ),
        ]
    )()


def mutated_json(rng, data):
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict | list):
        return mutated_bytes(rng, data)
    positions = []

    def walk(node):
        names = node if isinstance(node, dict) else range(len(node))
        for name in names:
            positions.append((node, name))
            if isinstance(node[name], dict | list):
                walk(node[name])

    walk(document)
    if positions:
        node, name = rng.choice(positions)
        kind = rng.randrange(4)
        if kind == 0:
            del node[name]
        elif kind == 1 and isinstance(node, dict):
            node[rng.choice(["", "x", "\x00", "guid", "é", str(name) + " "])] = node.pop(name)
        else:
            node[name] = rng.choice(ODD)
    text = json.dumps(document, ensure_ascii=rng.random() < 0.8).encode("utf-8", "surrogatepass")
    return text.replace(b"{", b'{"accountId":"twice",', 1) if rng.random() < 0.1 else text


def mutated_form(rng, data):
    pairs = data.split(b"&")
    at = rng.randrange(len(pairs))
    name, _, value = pairs[at].partition(b"=")
    odd = [
        b"[]",
        b"[0]",
        b"[00]",
        b"[999]",
        b"[",
        b"]",
        b"[a]",
        b"[0][1][2][3][4][5][6]",
        b"%",
        b"%zz",
    ]
    pairs[at] = rng.choice(
        [
            lambda: name + rng.choice(odd) + b"=" + value,
            lambda: name.replace(b"%5B", rng.choice([b"[", b"%5D", b""])) + b"=" + value,
            lambda: name + value,
            lambda: (
                name + b"=" + rng.choice([b"%ff", b"%00", b"", b"null", b"[]", b"{}", b"9" * 99])
            ),
            lambda: pairs[at] + b"&" + pairs[at],
            lambda: b"&" * 600,
        ]
    )()
    return b"&".join(pairs)


def mutated(rng, mutation):
    """Change one thing."""
    kind = rng.choice(
        [
            "bytes",
            "members",
            "members",
            "members",
            "header",
            "type",
            "length",
            "path",
            "query",
            "method",
        ]
    )
    if kind == "bytes":
        mutation.body = mutated_bytes(rng, mutation.body)
    elif kind == "members":
        form = mutation.headers.get("Content-Type", "") == FORM
        mutation.body = (
            mutated_form(rng, mutation.body) if form else mutated_json(rng, mutation.body)
        )
    elif kind == "header":
        name, value = rng.choice(HEADERS)
        if rng.random() < 0.3 and mutation.headers:
            name = rng.choice(list(mutation.headers))
            value = mutated_bytes(rng, mutation.headers[name].encode("latin-1", "replace"))[
                :2000
            ].decode("latin-1")
        mutation.headers[name] = value.replace("\r", "").replace("\n", "")
    elif kind == "type":
        mutation.headers["Content-Type"] = rng.choice(TYPES)
    elif kind == "length":
        mutation.length = rng.choice(LENGTHS)
    elif kind == "path":
        raw = mutated_bytes(rng, mutation.path.encode())[:500]
        mutation.path = rng.choice(
            [
                quote(raw),
                mutation.path + "/",
                "/api" + mutation.path,
                "//" + mutation.path,
                mutation.path + "%00",
            ]
        )
    elif kind == "query":
        changed = mutated_bytes(rng, mutation.query.encode())[:500].decode("latin-1")
        more = ("wait=-1", "x=%ff", f"wait={9**40}", mutation.query)
        mutation.query = rng.choice(
            [changed, "a=b&" * 50, *(f"{mutation.query}&{each}" for each in more)]
        )
    else:
        mutation.method = rng.choice(METHODS)
    return kind


def public(mutation):
    """Return the address that is signed."""
    path = quote(unquote_to_bytes(mutation.path), safe="/-._~!$&'()*+,;=:@")
    return BASE + path + (f"?{mutation.query}" if mutation.query else "")


def trust(service, mutation):
    mutation.path = service.rng.choice(["", "/api"]) + mutation.path
    mutation.headers |= service.credential


def prove(service, mutation):
    device = service.phones["user-42"].device
    mutation.headers[PROOF] = device.signed_call(
        mutation.method or "GET", public(mutation), mutation.body
    ).proof


def sign(service, mutation):
    admin = service.rng.choice(service.admins)
    now = int(service.world.clock.now().timestamp())
    if admin.scheme is Scheme.SIGNATURE:
        own = {name: mutation.headers[name] for name in mutation.headers if name not in SIGNED}
        with suppress(CredentialRefused):  # headers that nobody can sign
            mutation.headers = own | dict(
                write_signature(
                    admin.secret,
                    guid=admin.guid,
                    method=mutation.method,
                    uri=public(mutation),
                    headers=own.items(),
                    body=mutation.body,
                    created=now,
                    nonce=service.rng.randbytes(16).hex(),
                )
            )
        return
    service.counter += 1
    mutation.headers["authorization"] = write_cx1(
        admin.secret,
        method=mutation.method,
        uri=public(mutation),
        milliseconds=now * 1000 + service.counter % 50_000,
        guid=admin.guid,
        body=mutation.body,
    )


APIS = {
    "service": (service_requests, trust),
    "device": (device_requests, prove),
    "admin": (admin_requests, sign),
}


@pytest.mark.parametrize("api", APIS)
def test_mutated_requests_are_answered_and_the_store_stays_whole(kit, api):
    requests, authorize = APIS[api]
    rng = Random(f"{SEED} {api}")  # noqa: S311 (nobody is to be surprised)
    service = Service(kit, rng)
    statuses = Counter()
    while statuses.total() < REQUESTS:
        valid = requests(service)
        paths = {path for _, path, *_ in valid}
        for _ in range(rng.randrange(1, 8)):
            method, path, query, body, media_type = rng.choice(valid)
            mutation = Mutation(method=method, path=path, query=query, body=body)
            if media_type:
                mutation.headers["Content-Type"] = media_type
            authorize(service, mutation)
            kinds = [mutated(rng, mutation) for _ in range(rng.choice([0, 1, 1, 1, 1, 2, 3]))]
            if api != "service" and kinds and rng.random() < 0.7:
                authorize(service, mutation)  # the mutant is what is signed
            answered = service.send(mutation)
            if answered is None:
                continue
            status, kind, text = answered
            statuses[status] += 1
            assert status < 500, (mutation, text)
            if status >= 400 and mutation.method != "HEAD":
                ours = kind.startswith("application/problem+json")
                # What is no path of ours may be the host's to answer; over a socket, what is no
                # HTTP is the server's.
                others = status in {404, 405} and mutation.path not in paths
                no_http = service.app.port is not None and (status, text) == (400, b"")
                assert ours or no_http or others, (mutation, kind)
        if rng.random() < 0.05:
            service.world.clock.advance(service.world.policy.challenge_life_limit)
            service.world.sweep()
            service.world.deliver()
    assert statuses[200] + statuses[201] + statuses[204] > REQUESTS / 20
    assert sum(count for status, count in statuses.items() if status >= 400) > REQUESTS / 4
    valid_value(service)
    still_works(service)


def valid_value(service):
    records = tuple(service.watch.store._records.values())
    called = Counter(each.challenge for each in records if isinstance(each, Callback))
    challenges = [each for each in records if isinstance(each, Challenge)]
    assert len(challenges) > 10
    ended = Counter(
        event.subject
        for event in service.world.ports.audit.events
        if event.event in {f"challenge.{state.value.lower()}" for state in FINISHED}
    )
    for each in challenges:
        finished = each.state in FINISHED
        assert service.watch.endings[each.guid] == ended[each.guid] == int(finished)
        assert called[each.guid] == int(finished and each.callback is not None)
        assert (each.outcome is not None) == finished


def still_works(service):
    world = service.world
    world.clock.advance(world.policy.retention / 2)
    world.sweep()
    zoe = world.bind("zoe")
    open_challenge = world.ask("zoe", "Still there?", callback=CALLBACK).challenge
    assert zoe.answer(zoe.fetch(open_challenge.guid)).outcome.receipt
    before = len(world.sender.attempts)
    while world.deliver():
        pass
    assert len(world.sender.attempts) > before
