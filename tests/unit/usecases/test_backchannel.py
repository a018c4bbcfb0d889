"""Backchannel: a client requests, polls and redeems; a ping tells it; an administrator sets it."""

import hashlib
import json
from datetime import timedelta

import attrs
import pytest

from counterseal import Backchannel, BackchannelClients, keys
from counterseal.ciba.decisions.backchannel import (
    BackchannelDraft,
    read_secret_id,
    write_secret_id,
)
from counterseal.errors import (
    AccountLocked,
    ApproverInactive,
    CallbackForbidden,
    CallbackUncallable,
    CredentialRefused,
    DeadlinePassed,
    Foreign,
    InvalidField,
    KeyReused,
    NotApproved,
    NotFound,
    Replayed,
    SignerUnavailable,
    StoreUnavailable,
    TokenSpent,
    UnfitKey,
    WrongSignature,
    WrongState,
)
from counterseal.keys import generate, jwks_document, unb64url
from counterseal.models import (
    OPERATOR,
    TRACE,
    Action,
    Algorithm,
    CallbackState,
    ChallengeState,
    DeadReason,
    DeliveryMode,
    Gauge,
    Question,
    Scheme,
    TextContent,
    TraceContext,
)
from counterseal.models.guid import mint
from counterseal_testing.faults import Faults, faulty
from counterseal_testing.service import CALLBACK

TOKEN = "a-notification-token"
INTERVAL = timedelta(seconds=5)


def clients(service):
    return BackchannelClients(service.ports, service.policy, by=OPERATOR)


class Client:
    """A CIBA client of a fake service, with a user who has a phone."""

    def __init__(self, service, *, mode=DeliveryMode.POLL):
        self.service = service
        self.backchannel = Backchannel(service.ports, service.policy)
        endpoint = CALLBACK if mode is DeliveryMode.PING else None
        clients(service).register(
            service.origin.origin.guid, mode=mode, notification_endpoint=endpoint
        )
        service.credentials.issue(service.origin.origin.guid, Scheme.BASIC)
        self.party = service.renewed(service.origin)
        self.phone = service.bind("user-1")

    def begin(self, token=None, *, key=None, text="Log in?", content=None):
        question = Question(account_id="user-1", content=content or TextContent(text=text))
        return self.backchannel.begin(
            self.party, question, notification_token=token, idempotency_key=key
        )

    def poll(self, begun):
        return self.backchannel.poll(self.party, begun.auth_req_id)

    def redeem(self, begun):
        return self.backchannel.redeem(self.party, begun.auth_req_id, CLAIMS, life=LIFE)

    def approve(self, begun):
        self.phone.answer(self.phone.fetch(begun.challenge.guid))


LOGIN = Action(type="login", resource="Shop", arguments={})
CLAIMS = {"iss": "https://auth.example", "sub": "user-1"}
LIFE = timedelta(minutes=5)


@pytest.fixture
def client(service):
    return Client(service)


def racing(service, faults):
    """Return the use cases with a store at whose calls something else may happen."""
    store = faulty(service.ports.store, "store", faults)
    return Backchannel(attrs.evolve(service.ports, store=store), service.policy)


def other_party(service):
    party = service.new_origin(service.app_space, "Another shop")
    clients(service).register(party.origin.guid, mode=DeliveryMode.POLL)
    return service.renewed(party)


def keyset(*algorithms):
    public = [generate(one, kid=f"key-{index}").public for index, one in enumerate(algorithms)]
    return jwks_document(public)


# A request and its tokens


def test_an_approved_request_is_redeemed_once(service, client):
    begun = client.begin()
    assert client.poll(begun).challenge.state is ChallengeState.PENDING
    client.approve(begun)
    assert client.poll(begun).challenge.approved

    redeemed = client.redeem(begun)

    (event,) = service.happened("challenge.redeem")
    assert (event.subject, event.actor) == (begun.challenge.guid, client.party.origin.guid)
    assert event.reason == ""
    assert redeemed.challenge.guid == begun.challenge.guid
    (issuer,) = service.ports.signer.jwks()
    claims = keys.verify(keys.read(redeemed.id_token, limit=10_000), issuer, expected_typ="JWT")
    now = int(service.clock.now().timestamp())
    half = hashlib.sha256(redeemed.access_token.encode()).digest()[:16]
    assert claims == CLAIMS | {"iat": now, "exp": now + 300, "at_hash": keys.b64url(half)}
    with pytest.raises(TokenSpent):
        client.redeem(begun)
    with pytest.raises(TokenSpent):
        client.poll(begun)
    assert service.happened("challenge.redeem")[-1].reason == "token_spent"


def test_the_secret_is_not_in_the_store(service, client):
    begun = client.begin()
    client.approve(begun)
    redeemed = client.redeem(begun)

    stored = repr(service.records())

    for secret in (begun.auth_req_id, redeemed.access_token):
        assert secret not in stored
        assert read_secret_id(secret).challenge == begun.challenge.guid
    assert begun.auth_req_id != redeemed.access_token


@pytest.mark.parametrize("position", [0, 25, 53])
def test_an_altered_secret_names_nothing(client, position):
    begun = client.begin()
    letters = list(begun.auth_req_id)
    letters[position] = "A" if letters[position] != "A" else "B"

    with pytest.raises(NotFound):
        client.backchannel.poll(client.party, "".join(letters))


@pytest.mark.parametrize("text", ["", "x", "é", "A" * 53, "A" * 54, "A" * 2_000, "0" * 54])
def test_what_is_no_secret_names_nothing(client, text):
    with pytest.raises(NotFound):
        client.backchannel.poll(client.party, text)
    with pytest.raises(CredentialRefused):
        client.backchannel.authenticate_bearer(text)


def test_another_client_gets_nothing(service, client):
    begun = client.begin()
    client.approve(begun)
    other = other_party(service)

    with pytest.raises(Foreign):
        client.backchannel.poll(other, begun.auth_req_id)
    with pytest.raises(Foreign):
        client.backchannel.redeem(other, begun.auth_req_id, CLAIMS, life=LIFE)


def test_a_request_that_nobody_approved_is_not_redeemed(service, client):
    begun = client.begin()
    with pytest.raises(WrongState):
        client.redeem(begun)
    client.phone.answer(client.phone.fetch(begun.challenge.guid), 1)

    polled = client.poll(begun)

    assert polled.challenge.state is ChallengeState.ANSWERED
    assert not polled.challenge.approved
    with pytest.raises(WrongState):
        client.redeem(begun)


def test_a_challenge_that_no_client_requested_is_no_request(service, client):
    challenge = service.ask("user-1", "Pay?").challenge
    begun = client.begin()
    secret = unb64url(begun.auth_req_id)[16:]

    with pytest.raises(NotFound):
        client.backchannel.poll(client.party, write_secret_id(challenge.guid, secret))


def test_an_expired_request_says_so(service, client):
    begun = client.begin()
    service.clock.advance(begun.challenge.deadline - service.clock.now())

    polled = client.poll(begun)

    assert polled.challenge.state is ChallengeState.EXPIRED


def test_an_erased_account_ends_the_request(service, client):
    begun = client.begin()
    service.accounts.erase(begun.challenge.account, by=OPERATOR)

    with pytest.raises(NotFound):
        client.poll(begun)


def test_nothing_is_issued_if_the_id_token_is_not_signed(service, client):
    begun = client.begin()
    client.approve(begun)
    faults = Faults()
    faults.fail("signer.sign", SignerUnavailable())
    signer = faulty(service.ports.signer, "signer", faults)
    failing = Backchannel(attrs.evolve(service.ports, signer=signer), service.policy)

    with pytest.raises(SignerUnavailable):
        failing.redeem(client.party, begun.auth_req_id, CLAIMS, life=LIFE)

    assert client.redeem(begun).id_token


# Repeated requests


def test_a_repeated_request_gets_the_same_id_and_asks_once(service, client):
    begun = client.begin(key="order-1")
    service.clock.advance(timedelta(seconds=30))

    again = client.begin(key="order-1")

    assert (again.auth_req_id, again.challenge) == (begun.auth_req_id, begun.challenge)
    assert len(client.phone.pending()) == 1
    assert begun.auth_req_id not in repr(service.records())
    client.approve(begun)
    assert client.redeem(again).id_token
    assert client.begin(key="order-1").auth_req_id == begun.auth_req_id


def test_without_a_key_each_request_asks_anew_and_nothing_is_sealed(client):
    begun, other = client.begin(), client.begin()

    assert begun.auth_req_id != other.auth_req_id
    assert begun.challenge.backchannel.sealed_id == b""


def ask_by_the_origin_api(client):
    question = Question(account_id="user-1", content=TextContent(text="Log in?"), callback=CALLBACK)
    client.service.challenges.issue(client.party, question, idempotency_key="order-1")


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.begin(f"{TOKEN}-2", key="order-1"),
        lambda client: client.begin(TOKEN, key="order-1", text="Pay?"),
        ask_by_the_origin_api,
    ],
    ids=["token", "question", "origin API"],
)
def test_a_key_is_for_one_request(service, ask):
    client = Client(service, mode=DeliveryMode.PING)
    begun = client.begin(TOKEN, key="order-1")

    with pytest.raises(KeyReused):
        ask(client)

    assert client.begin(TOKEN, key="order-1").auth_req_id == begun.auth_req_id


def test_a_ping_of_a_repeated_request_names_its_id(service):
    client = Client(service, mode=DeliveryMode.PING)
    begun = client.begin(TOKEN, key="order-1")
    assert client.begin(TOKEN, key="order-1").auth_req_id == begun.auth_req_id
    client.approve(begun)

    service.deliver()

    (attempt,) = service.sender.attempts
    assert json.loads(attempt.delivery.body) == {"auth_req_id": begun.auth_req_id}


def test_a_request_that_failed_is_issued_by_the_repeat(service, client):
    faults = Faults()
    faults.fail(times=100)
    failing = racing(service, faults)
    question = Question(account_id="user-1", content=TextContent(text="Log in?"))
    with pytest.raises(StoreUnavailable):
        failing.begin(client.party, question, idempotency_key="order-1")
    assert not client.phone.pending()

    begun = client.begin(key="order-1")

    client.approve(begun)
    assert client.redeem(begun).id_token


# Polling


def test_a_poll_that_comes_too_early_makes_the_interval_longer_for_good(service, client):
    begun = client.begin()
    first = client.poll(begun)
    assert (first.too_early, first.interval) == (False, timedelta(seconds=5))

    service.clock.advance(timedelta(seconds=4, milliseconds=999))
    second = client.poll(begun)
    assert (second.too_early, second.interval) == (True, timedelta(seconds=10))

    service.clock.advance(timedelta(seconds=9))
    third = client.poll(begun)
    assert (third.too_early, third.interval) == (True, timedelta(seconds=15))

    service.clock.advance(timedelta(seconds=15))
    fourth = client.poll(begun)
    assert (fourth.too_early, fourth.interval) == (False, timedelta(seconds=15))


def test_a_client_that_polls_without_a_pause_causes_few_commits(service, client):
    begun = client.begin()
    life = begun.challenge.deadline - begun.challenge.issued_at
    faults = Faults()
    backchannel = racing(service, faults)

    polls = [backchannel.poll(client.party, begun.auth_req_id) for _ in range(500)]

    assert all(polled.too_early for polled in polls[1:])
    assert faults.calls.count("store.commit") <= life / timedelta(seconds=5) + 1
    client.approve(begun)
    assert client.poll(begun).challenge.approved


def test_a_poll_that_is_too_early_until_the_end_stores_nothing(service, client):
    begun = client.begin()
    service.clock.jump(begun.challenge.deadline - INTERVAL)
    first = client.poll(begun)

    again = client.poll(begun)

    assert (first.interval, first.too_early) == (INTERVAL, False)
    assert (again.interval, again.too_early) == (INTERVAL, True)
    assert again.challenge == first.challenge == service.stored(begun.challenge.guid)


def test_one_request_does_not_slow_down_another(service, client):
    one, other = client.begin(), client.begin()
    client.poll(one)

    assert not client.poll(other).too_early


def test_a_finished_request_is_never_too_early(client):
    begun = client.begin()
    client.poll(begun)
    client.approve(begun)

    polled = client.poll(begun)
    assert (polled.interval, polled.too_early) == (INTERVAL, False)


def test_a_phone_answers_while_a_client_polls(service, client):
    begun = client.begin()
    challenge = client.phone.fetch(begun.challenge.guid)
    client.poll(begun)
    faults = Faults()
    backchannel = racing(service, faults)
    faults.meanwhile(lambda: client.phone.answer(challenge))

    # It comes too early, which is stored; the answer is stored before.
    polled = backchannel.poll(client.party, begun.auth_req_id)

    assert polled.challenge.approved
    client.redeem(begun)


def test_of_two_that_redeem_at_once_one_gets_the_tokens(service, client):
    begun = client.begin()
    client.approve(begun)
    faults, redeemed = Faults(), []
    backchannel = racing(service, faults)
    faults.meanwhile(lambda: redeemed.append(client.redeem(begun)))

    with pytest.raises(TokenSpent):
        backchannel.redeem(client.party, begun.auth_req_id, CLAIMS, life=LIFE)

    party, _ = client.backchannel.authenticate_bearer(redeemed[0].access_token)
    assert party == client.party


def test_an_approval_that_is_withdrawn_meanwhile_brings_no_tokens(service, client):
    begun = client.begin(content=LOGIN)
    client.approve(begun)
    faults = Faults()
    backchannel = racing(service, faults)
    faults.meanwhile(lambda: service.actions.withdraw(client.party, begun.challenge.guid))

    with pytest.raises(NotApproved) as refused:
        backchannel.redeem(client.party, begun.auth_req_id, CLAIMS, life=LIFE)

    assert refused.value.status == "withdrawn"
    assert service.happened("challenge.redeem")[-1].reason == "not_approved"


def test_a_locked_account_logs_nobody_in(service, client):
    begun = client.begin()
    client.approve(begun)
    service.accounts.lock(service.account("user-1").guid, by=OPERATOR)

    with pytest.raises(AccountLocked):
        client.redeem(begun)


def test_what_a_revoked_device_approved_logs_nobody_in(service, client):
    begun = client.begin()
    client.approve(begun)
    client.phone.unbind()

    with pytest.raises(ApproverInactive):
        client.redeem(begun)


def test_a_lock_that_comes_between_reading_and_commit_counts(service, client):
    begun = client.begin()
    client.approve(begun)
    faults, account = Faults(), service.account("user-1").guid
    backchannel = racing(service, faults)
    faults.meanwhile(lambda: service.accounts.lock(account, by=OPERATOR))

    with pytest.raises(AccountLocked):
        backchannel.redeem(client.party, begun.auth_req_id, CLAIMS, life=LIFE)


def test_an_approval_logs_in_until_its_time_has_passed(service, client):
    late, in_time = (client.begin(content=LOGIN) for _ in range(2))
    for begun in (late, in_time):
        client.approve(begun)
    end = late.challenge.action.valid_until - service.clock.now()

    service.clock.advance(end - timedelta(milliseconds=1))
    assert client.redeem(in_time).id_token
    service.clock.advance(timedelta(milliseconds=1))
    with pytest.raises(DeadlinePassed):
        client.redeem(late)


# Who calls


def test_a_revoked_client_has_no_access_tokens(service, client):
    begun = client.begin()
    client.approve(begun)
    token = client.redeem(begun).access_token
    service.credentials.revoke(client.party.origin.guid)

    with pytest.raises(CredentialRefused):
        client.backchannel.authenticate_bearer(token)


def revoke_all(service, guid):
    service.credentials.revoke(guid)


def revoke_one_by_one(service, guid):
    origin = service.renewed(service.origin).origin
    for credential in origin.credentials:
        service.credentials.revoke_credential(guid, origin.credential_guid(credential))


def unregister(service, guid):
    clients(service).unregister(guid)


def let_it_end(service, guid):
    """Revoke the newer of two secrets, and wait until the older one ends."""
    overlap = timedelta(minutes=10)
    service.credentials.issue(guid, Scheme.BASIC, overlap=overlap)
    origin = service.renewed(service.origin).origin
    service.credentials.revoke_credential(guid, origin.credential_guid(origin.credentials[0]))
    service.clock.advance(overlap)


def give_a_secret(service, guid):
    clients(service).register(guid, mode=DeliveryMode.POLL)
    service.credentials.issue(guid, Scheme.BASIC)


def give_a_key(service, guid):
    clients(service).register(guid, mode=DeliveryMode.POLL, jwks=keyset(Algorithm.ES256))


ENDS = [revoke_all, revoke_one_by_one, unregister, let_it_end]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("give", [give_a_secret, give_a_key])
def test_no_access_token_of_a_revoked_client_counts_again(service, client, end, give):
    used, unused = client.begin(content=LOGIN), client.begin(content=LOGIN)
    client.approve(used)
    token = client.redeem(used).access_token
    client.approve(unused)
    guid = client.party.origin.guid
    end(service, guid)

    give(service, guid)

    with pytest.raises(CredentialRefused):
        client.backchannel.authenticate_bearer(token)
    with pytest.raises(CredentialRefused):
        # It had authenticated before the revocation.
        client.redeem(unused)
    client.party = service.renewed(client.party)
    assert client.redeem(unused).id_token


def set_back(service, duration):
    """Go on in a process whose clock is behind."""
    service.clock.jump(service.clock.now() - duration)


@pytest.mark.parametrize(
    ("end", "behind"),
    [
        *((end, timedelta(seconds=2)) for end in ENDS),
        *((end, timedelta(hours=1)) for end in ENDS if end is not let_it_end),
    ],
)
@pytest.mark.parametrize("give", [give_a_secret, give_a_key])
def test_no_access_token_counts_again_by_a_clock_that_is_behind(service, client, end, behind, give):
    begun = client.begin(content=LOGIN)
    client.approve(begun)
    token = client.redeem(begun).access_token
    guid = client.party.origin.guid
    end(service, guid)
    set_back(service, behind)

    give(service, guid)

    for _ in range(2):
        with pytest.raises(CredentialRefused):
            client.backchannel.authenticate_bearer(token)
        service.clock.advance(behind)


@pytest.mark.parametrize("give", [give_a_secret, give_a_key])
def test_no_access_token_counts_again_that_a_clock_behind_let_a_revoked_secret_get(
    service, client, give
):
    begun = client.begin(content=LOGIN)
    client.approve(begun)
    guid, behind = client.party.origin.guid, timedelta(seconds=2)
    revoke_one_by_one(service, guid)
    set_back(service, behind)
    client.party = service.renewed(client.party)
    token = client.redeem(begun).access_token

    give(service, guid)

    service.clock.advance(behind)
    with pytest.raises(CredentialRefused):
        client.backchannel.authenticate_bearer(token)


def test_no_access_token_counts_again_after_a_clock_behind_took_the_keys(service, client):
    guid, behind = client.party.origin.guid, timedelta(seconds=2)
    give_a_key(service, guid)
    client.party = service.renewed(client.party)
    begun = client.begin(content=LOGIN)
    client.approve(begun)
    token = client.redeem(begun).access_token
    revoke_one_by_one(service, guid)
    assert client.backchannel.authenticate_bearer(token)
    set_back(service, behind)

    clients(service).register(guid, mode=DeliveryMode.POLL, jwks={"keys": []})
    service.credentials.issue(guid, Scheme.BASIC)

    service.clock.advance(behind)
    with pytest.raises(CredentialRefused):
        client.backchannel.authenticate_bearer(token)


def test_an_access_token_outlives_one_of_two_secrets(service, client):
    begun = client.begin(content=LOGIN)
    client.approve(begun)
    token = client.redeem(begun).access_token
    guid = client.party.origin.guid
    service.credentials.issue(guid, Scheme.BASIC, overlap=timedelta(minutes=10))
    origin = service.renewed(client.party).origin

    service.credentials.revoke_credential(guid, origin.credential_guid(origin.credentials[0]))
    assert client.backchannel.authenticate_bearer(token)
    service.credentials.issue(guid, Scheme.BASIC)

    assert client.backchannel.authenticate_bearer(token)


@pytest.mark.parametrize("end", ENDS)
def test_a_client_that_was_revoked_gets_access_tokens_again(service, client, end):
    guid = client.party.origin.guid
    end(service, guid)
    give_a_secret(service, guid)
    client.party = service.renewed(client.party)
    begun = client.begin(content=LOGIN)
    client.approve(begun)

    token = client.redeem(begun).access_token

    assert client.backchannel.authenticate_bearer(token) == (client.party, begun.challenge.guid)


@pytest.mark.parametrize("give", [give_a_secret, give_a_key])
def test_an_access_token_outlives_the_secret_that_is_rotated(service, client, give):
    begun = client.begin(content=LOGIN)
    client.approve(begun)
    token = client.redeem(begun).access_token

    give(service, client.party.origin.guid)

    party, _ = client.backchannel.authenticate_bearer(token)
    assert party == service.renewed(client.party)


@pytest.mark.parametrize("end", ENDS)
def test_a_client_that_is_revoked_while_its_call_runs_gets_no_tokens(service, client, end):
    begun = client.begin(content=LOGIN)
    client.approve(begun)
    end(service, client.party.origin.guid)

    with pytest.raises(CredentialRefused):
        client.redeem(begun)

    assert service.last_event() == ("challenge.redeem", "credential_refused")


def test_an_access_token_names_its_client_and_its_challenge(service, client):
    begun = client.begin()
    client.approve(begun)
    redeemed = client.redeem(begun)

    party, challenge = client.backchannel.authenticate_bearer(redeemed.access_token)

    assert (party, challenge) == (client.party, begun.challenge.guid)
    with pytest.raises(CredentialRefused):
        client.backchannel.authenticate_bearer(begun.auth_req_id)
    clients(service).unregister(client.party.origin.guid)
    with pytest.raises(CredentialRefused):
        client.backchannel.authenticate_bearer(redeemed.access_token)


@pytest.mark.parametrize("kind", ["nothing", "account", "question", "request"])
def test_what_names_no_request_with_tokens_is_no_access_token(service, client, kind):
    guids = {
        "nothing": mint(0, bytes(15)),
        "account": service.account("user-1").guid,
        "question": service.ask("user-1", "Log in?").challenge.guid,
        "request": client.begin().challenge.guid,
    }

    with pytest.raises(CredentialRefused):
        client.backchannel.authenticate_bearer(write_secret_id(guids[kind], bytes(24)))


def test_what_a_client_signed_counts_once(service, client):
    until = service.clock.now() + timedelta(minutes=1)

    def check(origin, now):
        assert now == service.clock.now()
        assert origin == client.party.origin
        return "jti-1", until

    guid = client.party.origin.guid
    assert client.backchannel.authenticate(guid, check) == client.party
    with pytest.raises(Replayed):
        client.backchannel.authenticate(guid, check)


def test_what_a_client_signed_has_the_mark_of_older_processes(service, client):
    guid, until = client.party.origin.guid, service.clock.now() + timedelta(minutes=1)
    assert service.ports.replay.first_seen(("backchannel", guid, "jti-1"), until)

    with pytest.raises(Replayed):
        client.backchannel.authenticate(guid, lambda origin, now: ("jti-1", until))


def test_a_repeated_request_is_the_same_one_for_older_processes():
    draft = BackchannelDraft(secret=bytes(24), notification_token=TOKEN)

    assert draft.document() == {"backchannel": {"notificationToken": TOKEN}}


def test_a_check_that_refuses_is_recorded_where_its_administrators_see_it(service, client):
    def check(origin, now):
        raise WrongSignature

    origin = client.party.origin
    with pytest.raises(WrongSignature):
        client.backchannel.authenticate(origin.guid, check)

    event = service.events[-1]
    assert (event.event, event.reason) == ("credential.check", "wrong_signature")
    assert (event.subject, event.app_space) == (origin.guid, origin.app_space)
    with pytest.raises(WrongSignature):
        client.backchannel.accept_request(client.party, check)

    event = service.events[-1]
    assert (event.event, event.reason) == ("challenge.issue", "wrong_signature")
    assert (event.subject, event.app_space) == (origin.guid, origin.app_space)


@pytest.mark.alone
def test_a_signed_request_counts_once_besides_what_authenticates(service, client):
    guid, until = client.party.origin.guid, service.clock.now() + timedelta(minutes=1)

    def check(origin, now):
        assert (origin, now) == (client.party.origin, service.clock.now())
        return "jti-1", until

    client.backchannel.authenticate(guid, check)
    client.backchannel.accept_request(client.party, check)

    with pytest.raises(Replayed):
        client.backchannel.accept_request(client.party, check)
    # Processes of every release have the same name for it.
    assert not service.ports.replay.first_seen(("backchannel request", guid, "jti-1"), until)


@pytest.mark.parametrize("name", ["", "no-guid", "00000000-0000-8000-8000-000000000000"])
def test_an_unknown_client_is_refused(client, name):
    with pytest.raises(CredentialRefused):
        client.backchannel.authenticate(name, lambda *_: pytest.fail("there is no client"))


def test_an_origin_that_is_no_client_is_refused(service, client):
    party = service.new_origin(service.app_space, "No client")
    question = Question(account_id="user-1", content=TextContent(text="Log in?"))

    with pytest.raises(CredentialRefused):
        client.backchannel.begin(party, question)
    with pytest.raises(CredentialRefused):
        client.backchannel.authenticate(party.origin.guid, lambda *_: pytest.fail("no client"))


# Pings


def test_a_ping_is_sent_when_the_request_ends(service):
    client = Client(service, mode=DeliveryMode.PING)
    service.administration.edit_origin(client.party.origin.guid, callback_states=())
    client.party = service.renewed(client.party)
    begun = client.begin(TOKEN)
    assert TOKEN not in repr(service.records())
    client.approve(begun)

    (guid,) = service.deliver()

    delivery = service.sender.attempts[-1].delivery
    assert delivery.url == CALLBACK
    assert json.loads(delivery.body) == {"auth_req_id": begun.auth_req_id}
    assert dict(delivery.headers) == {
        "content-type": "application/json",
        "authorization": f"Bearer {TOKEN}",
    }
    assert service.callbacks.get(guid, by=OPERATOR).state is CallbackState.DELIVERED
    client.redeem(begun)


def test_a_ping_is_sent_with_the_trace_of_the_answer_that_ended_its_request(service):
    client = Client(service, mode=DeliveryMode.PING)
    begun = client.begin(TOKEN)
    context = TraceContext(parent=f"00-{'a' * 32}-{'b' * 16}-01", state="vendor=1")
    token = TRACE.set(context)
    try:
        client.approve(begun)
    finally:
        TRACE.reset(token)

    service.deliver()

    (attempt,) = service.sender.attempts
    assert attempt.delivery.headers == (
        ("content-type", "application/json"),
        ("authorization", f"Bearer {TOKEN}"),
        *context.headers(),
    )


@pytest.mark.parametrize(
    ("status", "again"),
    [(200, False), (204, False), (401, False), (403, False), (302, True), (429, True), (500, True)],
)
def test_a_client_that_refuses_a_ping_is_not_pinged_again(service, status, again):
    client = Client(service, mode=DeliveryMode.PING)
    begun = client.begin(TOKEN)
    client.approve(begun)
    service.sender.otherwise = status
    (guid,) = service.deliver()

    callback = service.callbacks.get(guid, by=OPERATOR)

    assert (callback.state is CallbackState.QUEUED) == again
    if status in {401, 403}:
        assert callback.cause is DeadReason.FINAL


def test_a_webhook_that_is_refused_is_sent_again(service, client):
    service.ask("user-1", "Pay?", callback=CALLBACK)
    client.phone.answer(client.phone.pending()[0])
    service.sender.otherwise = 401
    (guid,) = service.deliver()

    assert service.callbacks.get(guid, by=OPERATOR).state is CallbackState.QUEUED


@pytest.mark.parametrize("change", ["endpoint", "client", "allow-list"])
def test_no_ping_goes_where_the_client_does_not_want_it(service, change):
    client = Client(service, mode=DeliveryMode.PING)
    begun = client.begin(TOKEN)
    client.approve(begun)
    guid = client.party.origin.guid
    if change == "endpoint":
        clients(service).register(guid, mode=DeliveryMode.POLL)
    elif change == "client":
        clients(service).unregister(guid)
    else:
        service.administration.forbid_callback(guid, CALLBACK)
    (callback,) = service.deliver()

    assert service.callbacks.get(callback, by=OPERATOR).cause is DeadReason.FORBIDDEN
    assert not service.sender.attempts


def test_a_ping_needs_a_token(service):
    client = Client(service, mode=DeliveryMode.PING)

    with pytest.raises(InvalidField) as refusal:
        client.begin()

    assert refusal.value.field == "client_notification_token"


def test_a_client_that_polls_is_not_pinged(service, client):
    client.approve(client.begin(TOKEN))

    assert not service.deliver()


# Registration


def test_the_mode_and_the_endpoint_go_together(service):
    guid = service.origin.origin.guid
    for mode, endpoint in [(DeliveryMode.PING, None), (DeliveryMode.POLL, CALLBACK)]:
        with pytest.raises(InvalidField) as refusal:
            clients(service).register(guid, mode=mode, notification_endpoint=endpoint)
        assert refusal.value.field == "notificationEndpoint"


def test_an_endpoint_is_on_the_allow_list_and_callable(service):
    guid, elsewhere = service.origin.origin.guid, "https://elsewhere.example/ping"
    with pytest.raises(CallbackForbidden):
        clients(service).register(guid, mode=DeliveryMode.PING, notification_endpoint=elsewhere)
    service.sender.uncallable = {CALLBACK: "private"}
    with pytest.raises(CallbackUncallable):
        clients(service).register(guid, mode=DeliveryMode.PING, notification_endpoint=CALLBACK)


def test_an_endpoint_that_is_too_long_is_refused_by_name(service):
    policy, guid = service.policy, service.origin.origin.guid
    longest = "https://shop.example/".ljust(policy.callback_bytes, "x")
    service.administration.allow_callback(guid, longest)
    registered = clients(service).register(
        guid, mode=DeliveryMode.PING, notification_endpoint=longest
    )
    assert registered.backchannel.notification_endpoint == longest

    with pytest.raises(InvalidField) as refused:
        clients(service).register(guid, mode=DeliveryMode.PING, notification_endpoint=f"{longest}x")

    assert refused.value.field == "notificationEndpoint"


def test_a_client_has_at_most_8_keys_of_either_name_of_an_algorithm(service):
    jwks = keyset(*[Algorithm.ES256] * 7, Algorithm.EDDSA)
    jwks["keys"][-1]["alg"] = "Ed25519"

    origin = clients(service).register(
        service.origin.origin.guid, mode=DeliveryMode.POLL, jwks=jwks
    )

    assert [key.alg for key in origin.backchannel.keys] == ["ES256"] * 7 + ["EdDSA"]


def test_keys_stay_until_others_are_given(service):
    administered, guid = clients(service), service.origin.origin.guid
    both = keyset(Algorithm.ES256, Algorithm.EDDSA)
    administered.register(guid, mode=DeliveryMode.POLL, jwks=both)

    same_keys = administered.register(guid, mode=DeliveryMode.POLL).backchannel.keys
    assert [key.kid for key in same_keys] == ["key-0", "key-1"]

    none = administered.register(guid, mode=DeliveryMode.POLL, jwks={"keys": []})
    assert none.backchannel.keys == ()
    assert administered.unregister(guid).backchannel is None


def test_endpoint_audiences_stay_until_they_are_changed(service):
    administered, guid = clients(service), service.origin.origin.guid

    def register(**setting):
        origin = administered.register(guid, mode=DeliveryMode.POLL, **setting)
        return origin.backchannel.endpoint_audiences

    assert not register()
    assert register(endpoint_audiences=True)
    assert register(jwks=keyset(Algorithm.ES256))
    assert not register(endpoint_audiences=False)
    assert register(endpoint_audiences=True)
    administered.unregister(guid)
    assert not register()


@pytest.mark.parametrize(
    "jwks",
    [
        {},
        {"keys": {}},
        {"keys": [], "more": 1},
        {"keys": [{}]},
        {"keys": keyset(Algorithm.ES256)["keys"] * 2},
        {"keys": keyset(*[Algorithm.EDDSA] * 9)["keys"]},
    ],
)
def test_a_jwk_set_that_is_none_is_refused(service, jwks):
    with pytest.raises(InvalidField) as refusal:
        clients(service).register(service.origin.origin.guid, mode=DeliveryMode.POLL, jwks=jwks)
    assert refusal.value.field.startswith("jwks")


def test_an_algorithm_that_no_client_may_use_is_refused(service):
    with pytest.raises(UnfitKey):
        clients(service).register(
            service.origin.origin.guid, mode=DeliveryMode.POLL, jwks=keyset(Algorithm.ML_DSA_44)
        )


def test_revoking_an_origin_revokes_its_keys(service):
    guid = service.origin.origin.guid
    clients(service).register(guid, mode=DeliveryMode.POLL, jwks=keyset(Algorithm.ES256))
    gauges = service.ports.store.gauges(None)
    assert sum(n for key, n in gauges.items() if key.gauge is Gauge.ACTIVE_ORIGINS) == 1

    revoked_origin = service.credentials.revoke(guid)

    assert revoked_origin.backchannel.keys == ()
    gauges = service.ports.store.gauges(None)
    assert not sum(n for key, n in gauges.items() if key.gauge is Gauge.ACTIVE_ORIGINS)
    assert service.credentials.issue(guid, Scheme.BASIC).secret
