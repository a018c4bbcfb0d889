"""CIBA: from the request to the use, against the real façade; and what a reply may not say."""

import hashlib
from base64 import urlsafe_b64encode
from datetime import timedelta
from functools import partial
from urllib.parse import parse_qs

import attrs
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import counterseal as cs
from counterseal import BackchannelClients, keys
from counterseal.approvals.documents import verify_use_receipt
from counterseal.errors import InvalidField
from counterseal.models import Algorithm, ChallengeState, DeliveryMode
from counterseal_ciba import Backchannel
from counterseal_client import (
    Action,
    ActionUsed,
    ArgumentsDiffer,
    AskedTooOften,
    CallbackRefused,
    CibaClient,
    Declined,
    EvidenceRefused,
    NotFound,
    ReplyLost,
    StartedRequest,
    Trust,
    Unanswered,
    Unauthorised,
    Unfit,
    Unreachable,
    receive_ping,
)
from counterseal_client.errors import Overloaded
from counterseal_client.id_token import (
    RECEIPT_CLAIM,
    Expected,
    verify_claimed_receipt,
    verify_id_token,
)
from counterseal_testing.clock import FrozenClock
from counterseal_testing.service import CALLBACK
from counterseal_web import Request, Service, Settings

USER = "user-1"
ARGUMENTS = {"path": "/srv/backups/2019"}
ACTION = Action(type="tool-call", resource="delete_folder", arguments=ARGUMENTS)
MINUTES = timedelta(minutes=2)
PENDING = {"error": "authorization_pending"}
TOKEN = "a-notification-token"
GUID = "ddeee434-3c6b-8e01-b8b3-d75a0a312394"


def answer(facade, http_request):
    """Answer as a service does that holds no call: its time stands still."""
    headers = {name: value for name, value in http_request.headers.items() if name != "prefer"}
    request = Request(
        method=http_request.method,
        path=http_request.path,
        headers=headers,
        read_body=lambda limit: http_request.body[:limit],
    )
    response = facade.respond(request)
    headers = {name.lower(): value for name, value in response.headers}
    headers.pop("content-length", None)
    return response.status, cs.read_json(response.body), headers


class World:
    """
    The façade on loopback, its client, a person's phone, and time that passes in sleeps only.

    Attributes:
        sleeps: The seconds of each sleep.
        events: What happens in the next sleeps, one function each.
    """

    def __init__(self, service):
        self.http, self.core = service, service.world
        web = Service(self.core.ports, self.core.policy, Settings(public_url=service.url))
        service.answer = partial(answer, Backchannel(web))
        self.guid = self.core.origin.origin.guid
        self.phone = self.core.bind(USER)
        self.sleeps, self.events = [], []
        self.register()

    def register(self, mode=DeliveryMode.POLL, **members):
        clients = BackchannelClients(self.core.ports, self.core.policy, by=cs.OPERATOR)
        endpoint = CALLBACK if mode is DeliveryMode.PING else None
        clients.register(self.guid, mode=mode, notification_endpoint=endpoint, **members)

    def client(self, **settings):
        defaults = {
            "secret": self.http.key,
            "clock": self.core.clock,
            "entropy": self.core.entropy,
            "sleep": self.sleep,
            "monotonic": lambda: self.core.clock.now().timestamp(),
        }
        return CibaClient(self.http.url, self.guid, **(defaults | settings))

    def sleep(self, seconds):
        self.sleeps.append(seconds)
        self.core.clock.advance(timedelta(seconds=seconds))
        if self.events:
            self.events.pop(0)()

    def pending(self):
        (challenge,) = self.phone.pending()
        return challenge

    def approve(self):
        self.phone.answer(self.phone.fetch(self.pending().guid))

    def decline(self):
        self.phone.answer(self.phone.fetch(self.pending().guid), 1)

    def disown(self):
        self.phone.disown(self.phone.fetch(self.pending().guid))

    def calls(self, path):
        return [each for each in self.http.requests if each.path == path]


@pytest.fixture
def world(serve):
    return World(serve("basic"))


@pytest.fixture
def client(world):
    with world.client() as client:
        yield client


def nothing():
    """Let a sleep pass."""


# From the request to the use


@pytest.mark.parametrize("algorithm", [None, Algorithm.ES256, Algorithm.EDDSA])
def test_an_action_is_approved_and_used_once(world, algorithm):
    settings = {}
    if algorithm is not None:
        key = keys.generate(algorithm, kid="key-1")
        world.register(jwks=keys.jwks_document([key.public]))
        settings = {"secret": None, "key": key}
    world.events = [nothing, world.approve]
    with world.client(**settings) as client:
        request = client.start(USER, action=ACTION, binding_message="Backups of 2019")
        approval = client.poll(request, MINUTES)

        assert world.sleeps == [5, 5]
        assert (approval.account_id, approval.action.arguments) == (USER, ARGUMENTS)
        assert approval.action.purpose == "Backups of 2019"
        assert (approval.acr, "pop" in approval.amr) == ("urn:counterseal:acr:strong", True)
        receipt = Trust(keys=world.core.ports.signer.jwks()).verify(approval.receipt)
        assert receipt.display["action"]["digest"] == approval.digest
        assert (receipt.at, approval.expires_at) == (approval.at, approval.action.valid_until)
        with pytest.raises(ArgumentsDiffer):
            client.consume(approval, {"path": "/srv/backups"})
        use = client.consume(approval, ARGUMENTS)
        assert use.request == receipt.answer.challenge
        assert verify_use_receipt(use.receipt, trusted=world.core.ports.signer.jwks())
        with pytest.raises(ActionUsed):
            client.consume(approval, ARGUMENTS)
        with pytest.raises(NotFound):
            client.redeem(request)


def test_without_an_action_the_person_is_asked_to_log_in(world, client):
    request = client.start(USER, binding_message="Counter 7")
    assert "Counter 7" in world.pending().display
    world.approve()
    approval = client.poll(request, MINUTES)
    assert (approval.account_id, approval.action, world.sleeps) == (USER, None, [])


def test_a_ping_brings_no_tokens_but_says_when_to_redeem(world, client):
    world.register(DeliveryMode.PING)
    request = client.start(USER, action=ACTION, notification_token=TOKEN)
    stored_requests = {request.auth_req_id: request.dump()}
    world.approve()
    world.core.deliver()
    (attempt,) = world.core.ports.sender.attempts
    delivery = attempt.delivery

    def find_token(auth_req_id):
        stored = stored_requests.get(auth_req_id)
        return stored and StartedRequest.load(stored).notification_token

    ping = receive_ping(delivery.headers, delivery.body, find_token)

    loaded_request = StartedRequest.load(stored_requests[ping.auth_req_id])
    assert loaded_request == request
    assert client.redeem(loaded_request).action.arguments == ARGUMENTS


# Waiting


def test_slow_down_adds_five_seconds_for_good(world, client):
    request = client.start(USER, action=ACTION)
    for interval in (5, 10):  # the second call comes too early
        with pytest.raises(Unanswered):
            client.redeem(request)
        assert request.interval == timedelta(seconds=interval)
    world.events = [nothing, nothing, world.approve]
    client.poll(request, MINUTES)
    assert world.sleeps == [10, 10, 10]


def test_retry_after_is_honoured(world, client, faults):
    request = client.start(USER)
    world.approve()
    world.http.script += [
        faults.say(400, PENDING, {"retry-after": "30"}),
        faults.say(503, {"error": "temporarily_unavailable"}, {"retry-after": "7"}),
        faults.say(429, {"error": "slow_down"}, {"retry-after": "20"}),
        faults.say(429, {"code": "too_often"}, {"retry-after": "12"}),
        faults.say(400, PENDING, {"retry-after": "1"}),
    ]
    client.poll(request, MINUTES)
    assert world.sleeps == [30, 7, 20, 12, 10]


def test_after_a_long_poll_comes_the_next_one(world, client, faults):
    def hold(*arguments):
        world.core.clock.advance(timedelta(seconds=25))
        faults.say(400, PENDING)(*arguments)

    request = client.start(USER)
    world.http.script += [hold, hold]
    world.approve()
    client.poll(request, timedelta(seconds=53))
    preferences = [each.headers.get("prefer") for each in world.calls("/ciba/token")]
    assert (world.sleeps, preferences) == ([], ["wait=25", "wait=25", None])


def test_redeem_is_no_long_poll(world, client):
    request = client.start(USER)
    world.approve()
    client.redeem(request)
    assert "prefer" not in world.calls("/ciba/token")[0].headers


def test_it_waits_no_longer_than_it_may(world, client):
    request = client.start(USER)
    with pytest.raises(Unanswered) as refusal:
        client.poll(request, timedelta(seconds=12))
    assert refusal.value.state is ChallengeState.PENDING
    assert world.sleeps == [5, 5, 2]
    world.approve()
    assert client.poll(request, MINUTES)
    assert world.sleeps[3:] == [3]


def test_the_failure_of_the_last_token_request_is_raised(world, client, faults):
    request = client.start(USER)
    world.http.script += [faults.say(503), faults.say(503)]
    with pytest.raises(Overloaded):
        client.poll(request, timedelta(seconds=5))
    assert len(world.calls("/ciba/token")) == 2


@pytest.mark.parametrize("verb", ["decline", "disown"])
def test_a_person_who_says_no_has_declined(world, client, verb):
    request = client.start(USER, action=ACTION)
    getattr(world, verb)()
    with pytest.raises(Declined):
        client.poll(request, MINUTES)


def test_a_cancelled_request_is_declined(world, client):
    request = client.start(USER)
    world.core.challenges.cancel(world.core.origin, world.pending().guid)
    with pytest.raises(Declined):
        client.redeem(request)


def test_a_request_that_nobody_answers_expires(world, client):
    request = client.start(USER, requested_expiry=timedelta(seconds=12))
    assert request.expires_at == world.core.clock.now() + timedelta(seconds=12)
    with pytest.raises(Unanswered) as refusal:
        client.poll(request, MINUTES)
    assert refusal.value.state is ChallengeState.EXPIRED
    assert world.sleeps == [5, 5, 5]


def test_tokens_whose_reply_is_lost_are_not_issued_again(world, client, faults):
    request = client.start(USER)
    world.approve()
    world.http.script.append(faults.lose)
    with pytest.raises(ReplyLost):
        client.redeem(request)
    with pytest.raises(NotFound):
        client.redeem(request)


# The request


def test_a_request_is_repeated_with_one_key(world, client, faults):
    world.http.script += [faults.say(503), faults.say(503)]
    client.start(USER)
    calls = world.calls("/ciba/authentication")
    assert len({each.headers["idempotency-key"] for each in calls}) == 1
    assert len(calls) == 3


def test_each_attempt_has_an_assertion_of_its_own(world, faults):
    key = keys.generate(Algorithm.ES256, kid="key-1")
    world.register(jwks=keys.jwks_document([key.public]))
    world.http.script.append(faults.say(503))
    with world.client(secret=None, key=key) as client:
        client.start(USER)
    calls = world.calls("/ciba/authentication")
    forms = [parse_qs(each.body.decode()) for each in calls]
    assert len({form["client_assertion"][0] for form in forms}) == 2
    assert not any("authorization" in each.headers for each in calls)


def test_what_the_service_refuses_has_the_name_of_the_package(world, client, faults):
    with pytest.raises(Unreachable):
        client.start("nobody")
    with world.client(secret="x" * 40) as stranger, pytest.raises(Unauthorised):
        stranger.start(USER)
    more = {"retry-after": "60"}
    world.http.script.append(faults.say(403, {"error": "access_denied"}, more))
    with pytest.raises(AskedTooOften) as refusal:
        client.start(USER)
    assert refusal.value.retry_after == timedelta(minutes=1)
    with pytest.raises(cs.Refused) as refusal:
        client.start(USER, binding_message="\n")
    assert refusal.value.problem == "invalid_binding_message"


@pytest.mark.parametrize(
    "members",
    [{}, {"secret": "x" * 40, "key": keys.generate(Algorithm.ES256, kid="k")}, {"secret": 1}],
)
def test_exactly_one_way_of_authentication_is_given(members):
    with pytest.raises(Unfit):
        CibaClient("https://auth.example.com", GUID, **members)


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"issuer": "http://auth.example.com"}, "https"),
        ({"client_id": "shop"}, "client_id"),
        ({"timeout": timedelta(0)}, "timeout"),
    ],
)
def test_an_argument_that_cannot_work_is_named(members, name):
    arguments = {"issuer": "https://auth.example.com", "client_id": GUID, "secret": "x" * 40}
    with pytest.raises(Unfit, match=name):
        CibaClient(**(arguments | members))


@pytest.mark.parametrize("key", ["", "order\n7", "ö", 7])
def test_what_is_no_idempotency_key_is_refused(client, world, key):
    with pytest.raises(Unfit, match="key"):
        client.start(USER, idempotency_key=key)
    assert world.http.requests == []


def test_a_setting_that_no_connection_has_is_refused():
    with pytest.raises(TypeError, match="proxy"):
        CibaClient("https://auth.example.com", GUID, secret="x" * 40, proxy="http://localhost")


def test_a_message_has_no_place_beside_a_purpose(client):
    action = attrs.evolve(ACTION, purpose="Clean up")
    with pytest.raises(Unfit, match="purpose"):
        client.start(USER, action=action, binding_message="Backups of 2019")


def test_no_secret_is_printed(world, client):
    request = client.start(USER, notification_token=TOKEN)
    world.approve()
    approval = client.redeem(request)
    printed = repr((client, request, approval))
    for secret in (world.http.key, request.auth_req_id, TOKEN, approval.access_token):
        assert secret not in printed


def test_a_use_is_sent_once(world, client, faults):
    request = client.start(USER, action=ACTION)
    world.approve()
    approval = client.redeem(request)
    world.http.script.append(faults.lose)
    with pytest.raises(ReplyLost):
        client.consume(approval, ARGUMENTS)
    assert len(world.calls("/ciba/consume")) == 1
    with pytest.raises(ActionUsed):
        client.consume(approval, ARGUMENTS)


def test_a_use_of_another_action_is_none(world, client, faults):
    request = client.start(USER, action=ACTION)
    world.approve()
    approval = client.redeem(request)
    world.http.script.append(faults.changed(digest="another"))
    with pytest.raises(EvidenceRefused):
        client.consume(approval, ARGUMENTS)


# What tokens have to prove


@pytest.fixture
def clock():
    return FrozenClock()


def test_another_action_than_the_requested_one_is_refused(world, client):
    request = client.start(USER, action=ACTION)
    world.approve()
    request.action = attrs.evolve(ACTION, arguments={"path": "/srv"})
    with pytest.raises(EvidenceRefused, match="receipt: action"):
        client.redeem(request)


def test_a_log_in_is_no_approval_of_an_action(world, client):
    request = client.start(USER, action=ACTION)
    world.approve()
    request.action = None
    with pytest.raises(EvidenceRefused, match="receipt: action"):
        client.redeem(request)


def test_another_persons_approval_is_refused(world, client):
    request = client.start(USER)
    world.approve()
    request.account_id = "user-2"
    with pytest.raises(EvidenceRefused, match="sub"):
        client.redeem(request)


def test_another_access_token_is_refused(world, client, faults):
    request = client.start(USER)
    world.approve()
    world.http.script.append(faults.changed(access_token="another"))
    with pytest.raises(EvidenceRefused, match="at_hash"):
        client.redeem(request)


@pytest.mark.parametrize("id_token", ["x", "e30.e30.e30"])
def test_what_is_no_token_is_refused(world, client, faults, id_token):
    request = client.start(USER)
    world.approve()
    world.http.script.append(faults.changed(id_token=id_token))
    with pytest.raises(EvidenceRefused, match="malformed"):
        client.redeem(request)


def test_keys_are_fetched_once(world, client):
    for _ in range(2):
        request = client.start(USER)
        world.approve()
        client.redeem(request)
    assert len(world.calls("/ciba/jwks")) == 1


def test_pinned_keys_are_not_fetched(world):
    key = keys.generate(Algorithm.ES256, kid="another").public
    with world.client(trust=Trust(keys=(key,))) as client:
        request = client.start(USER)
        world.approve()
        with pytest.raises(EvidenceRefused, match="unknown key"):
            client.redeem(request)
    assert world.calls("/ciba/jwks") == []


@pytest.mark.parametrize("own", [True, False])
def test_a_pinned_thumbprint_decides_which_fetched_key_counts(world, own):
    (key,) = world.core.ports.signer.jwks()
    thumbprint = key.thumbprint if own else key.thumbprint[::-1]
    with world.client(trust=Trust(thumbprint=thumbprint)) as client:
        request = client.start(USER)
        world.approve()
        if own:
            assert client.redeem(request)
            return
        with pytest.raises(EvidenceRefused, match="unknown key"):
            client.redeem(request)


PRIVATE = ec.generate_private_key(ec.SECP256R1())
PUBLIC = keys.public_key(
    jwt.algorithms.ECAlgorithm.to_jwk(PRIVATE.public_key(), as_dict=True)
    | {"kid": "key-1", "alg": "ES256"},
    algorithms=frozenset({Algorithm.ES256}),
)
EXPECTED = Expected(
    issuer="https://auth.example.com",
    client_id=GUID,
    account_id=USER,
    auth_req_id="a-request",
    access_token="an-access-token",
)
HALF = hashlib.sha256(b"an-access-token").digest()[:16]
CLAIM = "urn:openid:params:jwt:claim:auth_req_id"


def id_token(now, *, key=PRIVATE, algorithm="ES256", header=None, **changes):
    """Return a token that another library has signed."""
    seconds = int(now.timestamp())
    claims = {
        "iss": EXPECTED.issuer,
        "aud": GUID,
        "sub": USER,
        "iat": seconds,
        "exp": seconds + 300,
        "at_hash": urlsafe_b64encode(HALF).rstrip(b"=").decode(),
    } | changes
    claims = {name: value for name, value in claims.items() if value is not ...}
    headers = {"kid": "key-1", "typ": "JWT"} | (header or {})
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


@pytest.mark.parametrize(
    "changes",
    [{}, {"aud": [GUID]}, {"azp": GUID}, {CLAIM: "a-request"}],
    ids=str,
)
def test_an_id_token_holds(clock, changes):
    token = id_token(clock.now(), **changes)
    assert verify_id_token(token, PUBLIC, EXPECTED, now=clock.now())["sub"] == USER


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iss", "https://other.example.com"),
        ("iss", ...),
        ("aud", "ddeee434-3c6b-8e01-b8b3-d75a0a312395"),
        ("aud", [GUID, "another"]),
        ("azp", "another"),
        ("sub", "user-2"),
        ("nonce", "n"),
        ("at_hash", ...),
        ("at_hash", "another"),
        ("exp", ...),
        ("exp", 1),
        ("exp", True),
        ("iat", ...),
        ("iat", 99_999_999_999),
        (CLAIM, "another-request"),
    ],
)
def test_an_id_token_does_not_hold_if_a_claim_is_wrong(clock, name, value):
    token = id_token(clock.now(), **{name: value})
    with pytest.raises(EvidenceRefused) as refusal:
        verify_id_token(token, PUBLIC, EXPECTED, now=clock.now())
    assert refusal.value.what == f"ID token: {name}"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": ec.generate_private_key(ec.SECP256R1())}, "wrong_signature"),
        ({"algorithm": "HS256", "key": "a secret that both of them might know"}, "wrong_algorithm"),
        ({"algorithm": "none", "key": None}, "malformed_token"),
        ({"header": {"kid": "key-2"}}, "wrong_key"),
        ({"header": {"typ": "logout+jwt"}}, "wrong_type"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_id_token_does_not_hold_if_it_is_signed_otherwise(clock, changes, code):
    token = id_token(clock.now(), **changes)
    with pytest.raises(EvidenceRefused, match=code):
        verify_id_token(token, PUBLIC, EXPECTED, now=clock.now())


@pytest.mark.parametrize(
    ("name", "seconds", "holds"),
    [("exp", -29, True), ("exp", -30, False), ("iat", 30, True), ("iat", 31, False)],
)
def test_clocks_may_differ_by_30_seconds(clock, name, seconds, holds):
    token = id_token(clock.now(), **{name: int(clock.now().timestamp()) + seconds})
    if holds:
        assert verify_id_token(token, PUBLIC, EXPECTED, now=clock.now())
        return
    with pytest.raises(EvidenceRefused) as refusal:
        verify_id_token(token, PUBLIC, EXPECTED, now=clock.now())
    assert refusal.value.what == f"ID token: {name}"


class Evidence:
    """Receipts of one person and of others, and what a client expects of them."""

    def __init__(self, world):
        self.core, self.origin, self.phone = world.core, world.core.origin, world.phone
        self.trust = Trust(keys=self.core.ports.signer.jwks())

    def receipt(self, *, origin=None, account_id=USER, phone=None, button=0):
        phone = phone or self.phone
        issued = self.core.ask(account_id, "Log in?", origin=origin or self.origin)
        outcome = phone.answer(phone.fetch(issued.challenge.guid), button).outcome
        return outcome.receipt, int(outcome.at.timestamp())

    def verify(self, receipt, auth_time):
        expected = attrs.evolve(EXPECTED, client_id=self.origin.origin.guid)
        claims = {RECEIPT_CLAIM: receipt, "auth_time": auth_time}
        return verify_claimed_receipt(claims, expected, self.trust)


@pytest.fixture
def evidence(world):
    return Evidence(world)


def test_the_receipt_of_the_persons_approval_holds(evidence):
    receipt, at = evidence.receipt()

    assert evidence.verify(receipt, at).approved


def test_a_receipt_of_another_origin_is_refused(evidence):
    other = evidence.core.new_origin(evidence.core.app_space, "Another shop")
    with pytest.raises(EvidenceRefused, match="receipt: origin"):
        evidence.verify(*evidence.receipt(origin=other))


def test_a_receipt_of_another_person_is_refused(evidence):
    members = {"account_id": "user-2", "phone": evidence.core.bind("user-2")}
    with pytest.raises(EvidenceRefused, match="receipt: account"):
        evidence.verify(*evidence.receipt(**members))


def test_a_receipt_of_a_refusal_is_refused(evidence):
    with pytest.raises(EvidenceRefused, match="receipt: approved"):
        evidence.verify(*evidence.receipt(button=1))


@pytest.mark.parametrize("seconds", [-1, 1, None])
def test_an_auth_time_that_is_not_the_answers_is_refused(evidence, seconds):
    receipt, at = evidence.receipt()
    with pytest.raises(EvidenceRefused, match="ID token: auth_time"):
        evidence.verify(receipt, None if seconds is None else at + seconds)


@pytest.mark.parametrize("receipt", [None, 1])
def test_an_id_token_without_a_receipt_is_refused(evidence, receipt):
    with pytest.raises(EvidenceRefused, match="ID token: no receipt"):
        evidence.verify(receipt, 1)


# Pings


def ping(**changes):
    members = {
        "headers": {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        "body": b'{"auth_req_id": "a-request"}',
        "find_token": {"a-request": TOKEN}.get,
    }
    return receive_ping(**(members | changes))


def test_a_ping_names_its_request():
    assert ping().auth_req_id == "a-request"
    assert ping(headers=[("authorization", f"bearer {TOKEN}")]).auth_req_id == "a-request"


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": {}},
        {"headers": {"Authorization": f"Basic {TOKEN}"}},
        {"headers": {"Authorization": "Bearer another"}},
        {"headers": [("authorization", f"Bearer {TOKEN}")] * 2},
        {"body": b"{}"},
        {"body": b"[]"},
        {"body": b"x"},
        {"body": b'{"auth_req_id": "another"}'},
        {"body": b'{"auth_req_id": "a-request"}' + b" " * 20_000},
        {"find_token": lambda _: None},
    ],
)
def test_anything_else_is_no_ping(changes):
    with pytest.raises(CallbackRefused):
        ping(**changes)


def test_a_stored_request_that_is_none_is_refused():
    for text in ("{}", "x", '{"authReqId": "x"}'):
        with pytest.raises(InvalidField):
            StartedRequest.load(text)
