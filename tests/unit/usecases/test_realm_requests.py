"""Channel: a realm asks, is called back at most once; an administrator sets the realm."""

import json
from datetime import timedelta

import attrs
import pytest

from counterseal import (
    AuthenticationChannel,
    Backchannel,
    BackchannelClients,
    ChannelRealms,
    keys,
)
from counterseal.ciba.decisions.realm_requests import RealmRequestDraft
from counterseal.errors import (
    CallbackForbidden,
    CallbackUncallable,
    CredentialRefused,
    DeadlineAhead,
    Foreign,
    InvalidField,
    LeaseLost,
    NotFound,
    Replayed,
    SenderUnavailable,
    UnfitKey,
    WrongSignature,
    WrongState,
)
from counterseal.keys import generate, jwks_document
from counterseal.models import (
    OPERATOR,
    Action,
    Algorithm,
    CallbackState,
    ChallengeState,
    DeadReason,
    DeliveryMode,
    DeliveryOutcome,
    Question,
    Reaction,
    RefusalReason,
    Scheme,
    TextContent,
)
from counterseal_testing.service import CALLBACK

ISSUER = "https://keycloak.example/realms/shop"
BEARER = "a.bearer.token"
SECOND = timedelta(seconds=1)
LIFE = timedelta(seconds=120)
CLIENT = "web-shop"
NOT_SENT = DeliveryOutcome(status=None, may_have_arrived=False)
NO_ANSWER = DeliveryOutcome(status=None)


def realms(service):
    return ChannelRealms(service.ports, service.policy, by=OPERATOR)


def keyset(*algorithms):
    public = [generate(one, kid=f"key-{index}").public for index, one in enumerate(algorithms)]
    return jwks_document(public)


def register(service, origin, **members):
    arguments = {"issuer": ISSUER, "callback": CALLBACK, "jwks": keyset(Algorithm.RS256)}
    return realms(service).register(origin, **arguments | members)


class Realm:
    """A realm whose authentication channel a fake service is, with a user who has a phone."""

    def __init__(self, service):
        self.service = service
        self.channel = AuthenticationChannel(service.ports, service.policy)
        register(service, service.origin.origin.guid)
        self.party = service.renewed(service.origin)
        self.phone = service.bind("user-1")

    @property
    def until(self):
        return self.service.clock.now() + LIFE

    def ask(self, content=None, until=None):
        question = Question(account_id="user-1", content=content or TextContent(text="Log in?"))
        return self.channel.ask(self.party, question, bearer=BEARER, until=until or self.until)

    def issue(self, **members):
        question = Question(
            account_id="user-1",
            content=TextContent(text="Pay?"),
            duration=LIFE - 10 * SECOND,
            transaction_id=CLIENT,
        )
        question = attrs.evolve(question, **members)
        return self.service.challenges.issue(self.party, question).challenge

    def attach(self, challenge, party=None, **members):
        arguments = {"account_id": "user-1", "client": CLIENT, "bearer": BEARER}
        return self.channel.attach(
            party or self.party, challenge.guid, **arguments | {"until": self.until} | members
        )

    def answer(self, challenge, button=0):
        self.phone.answer(self.phone.fetch(challenge.guid), button)

    def ended(self):
        """Ask, let the person approve, and return the callback, which is due."""
        challenge = self.ask()
        self.answer(challenge)
        return self.callback(challenge)

    def callback(self, challenge):
        """Return the callback of *challenge*, which is due then."""
        self.service.clock.advance(SECOND)
        return self.callback_of(challenge)

    def callback_of(self, challenge):
        (callback,) = [one for one in self.callbacks() if one.challenge == challenge.guid]
        return callback

    def callbacks(self):
        return self.service.callback_records()

    def body(self):
        """Return what the only callback says."""
        (attempt,) = self.service.sender.attempts
        assert dict(attempt.delivery.headers) == {
            "content-type": "application/json",
            "authorization": f"Bearer {BEARER}",
        }
        assert attempt.delivery.url == CALLBACK
        return json.loads(attempt.delivery.body)


@pytest.fixture
def realm(service):
    return Realm(service)


# What the realm is told


def test_an_approval_succeeds_with_the_hash_of_its_receipt(service, realm):
    challenge = realm.ask()
    realm.answer(challenge)
    callback = realm.callback(challenge)

    assert service.callbacks.attempt(callback.guid).state is CallbackState.DELIVERED

    receipt = service.stored(challenge.guid).outcome.receipt
    assert realm.body() == {
        "status": "SUCCEED",
        "counterseal_request": challenge.guid,
        "counterseal_receipt_sha256": keys.digest(receipt.encode()),
    }


def decline(realm, challenge):
    realm.answer(challenge, 1)


def disown(realm, challenge):
    realm.phone.disown(realm.phone.fetch(challenge.guid))


def expire(realm, challenge):
    realm.service.clock.advance(LIFE - 5 * SECOND)
    realm.service.sweep()


def withdraw(realm, challenge):
    realm.service.challenges.cancel(realm.party, challenge.guid)


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (decline, "UNAUTHORIZED"),
        (disown, "UNAUTHORIZED"),
        (expire, "CANCELLED"),
        (withdraw, "CANCELLED"),
    ],
)
def test_every_other_end_denies(service, realm, end, status):
    challenge = realm.ask()
    end(realm, challenge)

    service.callbacks.attempt(realm.callback(challenge).guid)

    assert realm.body()["status"] == status


def test_a_request_that_a_refusal_of_another_cancels_is_denied(service):
    policy = attrs.evolve(service.policy, on_wrong_details=frozenset({Reaction.CANCEL_PENDING}))
    realm = Realm(service.but(policy=policy))
    refused, cancelled = realm.ask(), realm.ask()
    challenge = realm.phone.fetch(refused.guid)
    realm.phone.answer(challenge, 1, reason=RefusalReason.WRONG_DETAILS)

    realm.service.callbacks.attempt(realm.callback(cancelled).guid)

    assert service.stored(cancelled.guid).state is ChallengeState.CANCELLED
    assert realm.body()["status"] == "UNAUTHORIZED"


def test_an_expiry_is_called_back_before_the_bearer_expires(service, realm):
    challenge = realm.ask()
    expire(realm, challenge)

    callback = realm.callback(challenge)

    assert callback.next_at < service.stored(challenge.guid).channel.until


def test_a_request_ends_before_its_bearer_and_within_the_policy(service, realm):
    now, policy = service.clock.now(), service.policy
    login = Action(type="login", resource="Shop", arguments={})

    assert realm.ask().deadline == now + LIFE - 5 * SECOND
    for content, limit in ((None, policy.challenge_life_limit), (login, policy.action_life_limit)):
        asked_challenge = realm.ask(content, now + timedelta(days=2))
        assert asked_challenge.deadline == now + limit
    with pytest.raises(InvalidField, match="duration"):
        realm.ask(until=now + timedelta(seconds=5.9))


def test_the_bearer_is_stored_sealed_and_goes_with_the_account(service, realm):
    challenge = realm.ask()

    assert BEARER not in repr(service.records())
    service.accounts.erase(challenge.account, by=OPERATOR)
    assert service.stored(challenge.guid).channel is None
    assert realm.callbacks() == []


def test_a_repeated_request_has_the_same_bearer(service):
    until = service.clock.now() + LIFE
    document = RealmRequestDraft(bearer=BEARER, until=until).document()

    # Processes of every release compare this one.
    bearer_hash = keys.digest(BEARER.encode())
    assert document == {"channel": {"bearer": bearer_hash, "until": "2030-01-01T00:02:00.000Z"}}
    assert document != RealmRequestDraft(bearer=f"{BEARER}2", until=until).document()
    assert document != RealmRequestDraft(bearer=BEARER, until=until + SECOND).document()
    assert BEARER not in repr(document)


def test_the_callback_waits_until_the_realm_has_stored_the_request(service, realm):
    """Keycloak stores it after our 201, in BackchannelAuthenticationEndpoint."""
    challenge = realm.ask()
    realm.answer(challenge)
    (callback,) = realm.callbacks()

    with pytest.raises(DeadlineAhead):
        service.callbacks.attempt(callback.guid)
    assert callback.next_at == challenge.issued_at + SECOND


# At most once


@pytest.mark.parametrize(
    ("outcome", "cause"),
    [
        (NO_ANSWER, DeadReason.UNKNOWN),
        (500, DeadReason.UNKNOWN),
        (502, DeadReason.UNKNOWN),
        (504, DeadReason.UNKNOWN),
        (301, DeadReason.FINAL),
        (400, DeadReason.FINAL),
        (403, DeadReason.FINAL),
        (408, DeadReason.FINAL),
        (410, DeadReason.FINAL),
        (429, DeadReason.FINAL),
    ],
)
def test_nothing_is_sent_again_after_a_byte_was_sent(service, realm, outcome, cause):
    callback = realm.ended()
    service.sender.script(outcome)

    dead = service.callbacks.attempt(callback.guid)

    assert (dead.state, dead.cause) == (CallbackState.DEAD, cause)
    with pytest.raises(WrongState):
        service.callbacks.requeue(callback.guid, by=OPERATOR)
    service.clock.advance(LIFE)
    assert service.callbacks.due() == ()
    assert len(service.sender.attempts) == 1


def test_a_worker_that_crashes_while_it_sends_leaves_nothing_to_send(service, realm):
    callback = realm.ended()
    service.sender.script(RuntimeError("a crash"))
    with pytest.raises(RuntimeError):
        service.callbacks.attempt(callback.guid)
    assert service.stored(callback.guid).begun_at == service.clock.now()

    service.clock.advance(service.policy.callback_lease)
    assert service.callbacks.due() == (callback.guid,)
    dead = service.callbacks.attempt(callback.guid)

    assert (dead.state, dead.cause) == (CallbackState.DEAD, DeadReason.UNKNOWN)
    assert len(service.sender.attempts) == 1
    assert service.last_event() == ("callback.fail", "unknown")
    with pytest.raises(WrongState):
        service.callbacks.requeue(callback.guid, by=OPERATOR)


def test_the_attempt_is_stored_before_it_is_sent(service, realm):
    callback = realm.ended()
    stored_callbacks = []

    class RecordingSender:
        def require_callable(self, url):
            pass

        def send(self, delivery):
            stored_callbacks.append(service.stored(callback.guid))
            return DeliveryOutcome(status=200)

    service.but(sender=RecordingSender()).callbacks.attempt(callback.guid)

    assert [one.begun_at for one in stored_callbacks] == [service.clock.now()]


def test_a_worker_that_crashes_before_it_sends_delays_it_only(service, realm):
    callback = realm.ended()
    claimed = attrs.evolve(
        callback,
        version=callback.version + 1,
        lease_until=service.clock.now() + service.policy.callback_lease,
    )
    service.store._records[callback.guid] = claimed

    service.clock.advance(service.policy.callback_lease)

    assert service.callbacks.attempt(callback.guid).state is CallbackState.DELIVERED


def test_a_worker_whose_claim_another_took_over_sends_nothing(service, realm):
    callback = realm.ended()
    store = service.store

    class Overtaking:
        """Another worker claims the callback right after this one has."""

        def __getattr__(self, name):
            return getattr(store, name)

        def get(self, *guids):
            if callback.guid in guids and len(guids) > 1:
                record = store._records[callback.guid]
                later = record.lease_until + SECOND
                store._records[callback.guid] = attrs.evolve(
                    record, version=record.version + 1, lease_until=later
                )
            return store.get(*guids)

    with pytest.raises(LeaseLost):
        service.but(store=Overtaking()).callbacks.attempt(callback.guid)
    assert service.sender.attempts == []


@pytest.mark.parametrize("nothing", [NOT_SENT, SenderUnavailable()])
def test_what_was_not_sent_is_sent_again_until_the_bearer_expires(service, realm, nothing):
    callback = realm.ended()
    challenge = service.stored(callback.challenge)
    attempts = 0
    while (now := service.clock.now()) < challenge.channel.until:
        service.sender.script(nothing)
        queued_callback = service.callbacks.attempt(callback.guid)
        attempts += 1
        assert (queued_callback.state, queued_callback.begun_at) == (CallbackState.QUEUED, None)
        assert timedelta(0) < queued_callback.next_at - now <= timedelta(seconds=30)
        service.clock.advance(queued_callback.next_at - now)
    assert attempts >= 3

    dead = service.callbacks.attempt(callback.guid)

    assert (dead.state, dead.cause) == (CallbackState.DEAD, DeadReason.EXHAUSTED)
    assert len(service.sender.attempts) == attempts


def test_nothing_is_sent_from_the_end_of_the_bearer_on(service, realm):
    late, in_time = (realm.ask() for _ in range(2))
    for challenge in (late, in_time):
        realm.answer(challenge)
    until = service.stored(late.guid).channel.until

    service.clock.jump(until - timedelta(microseconds=1))
    sent_callback = service.callbacks.attempt(realm.callback_of(in_time).guid)
    service.clock.jump(until)
    dead = service.callbacks.attempt(realm.callback_of(late).guid)

    assert sent_callback.state is CallbackState.DELIVERED
    assert (dead.state, dead.cause) == (CallbackState.DEAD, DeadReason.EXHAUSTED)
    assert len(service.sender.attempts) == 1


def test_what_was_not_sent_arrives_later(service, realm):
    callback = realm.ended()
    service.sender.script(NOT_SENT, 200)
    queued_callback = service.callbacks.attempt(callback.guid)
    service.clock.advance(queued_callback.next_at - service.clock.now())

    assert service.callbacks.attempt(callback.guid).state is CallbackState.DELIVERED


def test_an_address_that_is_never_called_is_given_up(service, realm):
    callback = realm.ended()
    service.sender.uncallable[CALLBACK] = "not allowed"

    dead = service.callbacks.attempt(callback.guid)

    assert (dead.state, dead.cause, dead.begun_at) == (CallbackState.DEAD, DeadReason.FINAL, None)


@pytest.mark.parametrize("change", ["unregistered", "moved", "forbidden", "revoked"])
def test_a_realm_that_is_none_any_more_is_not_called(service, realm, change):
    callback, guid = realm.ended(), realm.party.origin.guid
    if change == "unregistered":
        realms(service).unregister(guid)
    elif change == "moved":
        service.administration.allow_callback(guid, CALLBACK + "/other")
        register(service, guid, callback=CALLBACK + "/other")
    elif change == "revoked":
        service.credentials.issue(guid, Scheme.HMAC)
        service.credentials.revoke(guid)
    else:
        service.administration.forbid_callback(guid, CALLBACK)

    dead = service.callbacks.attempt(callback.guid)

    assert (dead.state, dead.cause) == (CallbackState.DEAD, DeadReason.FORBIDDEN)
    assert service.sender.attempts == []


def test_a_dropped_callback_is_not_sent(service, realm):
    callback = realm.ended()
    service.callbacks.drop(callback.guid, by=OPERATOR)

    with pytest.raises(WrongState):
        service.callbacks.attempt(callback.guid)
    assert service.sender.attempts == []


# Challenges that the origin has issued


def test_a_challenge_of_the_origin_becomes_the_request_of_its_realm(service, realm):
    service.administration.edit_origin(realm.party.origin.guid, callback_states=())
    realm.party = service.renewed(realm.party)
    challenge = realm.issue()

    attached = realm.attach(challenge)

    assert attached.display == challenge.display
    assert service.happened("challenge.attach")[-1].subject == challenge.guid
    realm.answer(challenge)
    service.callbacks.attempt(realm.callback(challenge).guid)
    assert realm.body()["status"] == "SUCCEED"
    with pytest.raises(WrongState):
        realm.attach(challenge)


def test_the_account_and_the_client_have_to_be_those_of_the_challenge(realm):
    challenge = realm.issue()
    for members in ({"account_id": "user-2"}, {"client": "another"}, {"client": ""}):
        with pytest.raises(NotFound):
            realm.attach(challenge, **members)
    with pytest.raises(NotFound):
        realm.attach(realm.issue(transaction_id=None))
    with pytest.raises(NotFound):
        realm.attach(attrs.evolve(challenge, guid=realm.party.origin.guid))


def test_a_challenge_of_another_origin_is_refused(service, realm):
    other = service.new_origin(service.app_space, "Another shop")
    register(service, other.origin.guid)

    with pytest.raises(Foreign):
        realm.attach(realm.issue(), party=service.renewed(other))


def test_one_that_ends_after_the_bearer_is_refused(service, realm):
    challenge = realm.issue()
    until = challenge.deadline + 5 * SECOND

    with pytest.raises(InvalidField) as refused:
        realm.attach(challenge, until=until - timedelta(milliseconds=1))
    assert refused.value.field == "duration"
    assert realm.attach(challenge, until=until).channel.until == until


@pytest.mark.parametrize("case", ["answered", "late", "called back", "attached"])
def test_a_challenge_that_has_no_place_for_a_realm_is_refused(service, realm, case):
    challenge = realm.issue(callback=CALLBACK if case == "called back" else None)
    if case == "answered":
        realm.answer(challenge)
    elif case == "late":
        service.clock.advance(LIFE)
    elif case == "attached":
        realm.attach(challenge)

    with pytest.raises(WrongState):
        realm.attach(challenge)


def test_a_challenge_that_a_ciba_client_polls_for_is_refused(service, realm):
    """Its outcome goes to that client, which has no callback."""
    origin = realm.party.origin.guid
    clients = BackchannelClients(service.ports, service.policy, by=OPERATOR)
    clients.register(origin, mode=DeliveryMode.POLL)
    realm.party = service.renewed(realm.party)
    question = Question(
        account_id="user-1",
        content=TextContent(text="Log in?"),
        duration=LIFE - 10 * SECOND,
        transaction_id=CLIENT,
    )
    begun = Backchannel(service.ports, service.policy).begin(realm.party, question)

    with pytest.raises(WrongState):
        realm.attach(begun.challenge)


def test_a_phone_answers_while_a_realm_attaches(service, realm):
    challenge = realm.issue()
    fetched = realm.phone.fetch(challenge.guid)
    realm.attach(challenge)

    realm.phone.answer(fetched)

    assert service.stored(challenge.guid).state is ChallengeState.ANSWERED
    assert len(realm.callbacks()) == 1


def test_a_callback_that_is_not_allowed_any_more_is_not_attached(service, realm):
    challenge = realm.issue()
    service.administration.forbid_callback(realm.party.origin.guid, CALLBACK)
    party = service.renewed(realm.party)

    with pytest.raises(CallbackForbidden):
        realm.attach(challenge, party=party)


# Who calls


@pytest.mark.alone
def test_what_a_realm_signed_counts_once(service, realm):
    until = service.clock.now() + LIFE

    def check(of_party, now):
        assert (of_party, now) == (realm.party.origin.realm, service.clock.now())
        return "jti-1", until

    guid = realm.party.origin.guid
    assert realm.channel.authenticate(guid, check) == realm.party
    with pytest.raises(Replayed):
        realm.channel.authenticate(guid, check)


def test_what_a_realm_signed_has_the_mark_of_older_processes(service, realm):
    guid, until = realm.party.origin.guid, service.clock.now() + LIFE
    assert service.ports.replay.first_seen(("channel", guid, "jti-1"), until)

    with pytest.raises(Replayed):
        realm.channel.authenticate(guid, lambda of_party, now: ("jti-1", until))


def test_a_check_that_refuses_is_recorded(service, realm):
    def check(of_party, now):
        raise WrongSignature

    with pytest.raises(WrongSignature):
        realm.channel.authenticate(realm.party.origin.guid, check)
    assert service.last_event() == ("credential.check", "wrong_signature")


@pytest.mark.parametrize("name", ["", "no-guid", "00000000-0000-8000-8000-000000000000"])
def test_an_unknown_origin_is_refused(realm, name):
    with pytest.raises(CredentialRefused):
        realm.channel.authenticate(name, lambda *_: pytest.fail("there is no realm"))


@pytest.mark.alone
def test_an_origin_without_a_realm_is_refused(service, realm):
    party = service.new_origin(service.app_space, "No realm")
    question = Question(account_id="user-1", content=TextContent(text="Log in?"))

    with pytest.raises(CredentialRefused):
        realm.channel.ask(party, question, bearer=BEARER, until=realm.until)
    with pytest.raises(CredentialRefused):
        realm.channel.authenticate(party.origin.guid, lambda *_: pytest.fail("no realm"))
    with pytest.raises(CredentialRefused):
        realm.attach(realm.issue(), party=party)


# What administrators do


def test_the_keys_for_signatures_are_stored(service):
    jwks = keyset(Algorithm.RS256, Algorithm.ES256)
    jwks["keys"][0] |= {"use": "sig", "x5c": ["MIIC"], "x5t": "x", "x5t#S256": "x"}
    encryption = dict(jwks["keys"][0]) | {"use": "enc", "alg": "RSA-OAEP", "kid": "enc"}
    agreement = dict(jwks["keys"][1]) | {"use": "enc", "kid": "agreement"}
    other = dict(jwks["keys"][1]) | {"alg": "ES512", "kid": "other"}
    listed = [encryption, agreement, *jwks["keys"], other]

    origin = register(service, service.origin.origin.guid, jwks={"keys": listed})

    assert [(key.kid, key.algorithm) for key in origin.realm.keys] == [
        ("key-0", Algorithm.RS256),
        ("key-1", Algorithm.ES256),
    ]


def test_a_realm_has_at_most_8_keys_and_those_without_an_algorithm_are_none(service):
    jwks = keyset(*[Algorithm.ES256] * 8)
    for jwk in jwks["keys"]:
        # RFC 7517, 4.2, lets a key leave it out.
        del jwk["use"]
    nameless = {name: value for name, value in jwks["keys"][0].items() if name != "alg"}
    listed = {"keys": [nameless, {**nameless, "alg": ["ES256"]}, *jwks["keys"]]}

    origin = register(service, service.origin.origin.guid, jwks=listed)

    assert [key.kid for key in origin.realm.keys] == [f"key-{index}" for index in range(8)]


@pytest.mark.parametrize(
    "jwks",
    [
        {},
        {"keys": []},
        {"keys": "many"},
        {"keys": [{"kid": "k", "alg": "RSA-OAEP", "use": "enc", "kty": "RSA"}]},
        {"keys": [{"kid": "k", "alg": "HS256", "kty": "oct", "k": "AAAA"}]},
        {"keys": [{"kid": "k", "alg": "RS256", "kty": "RSA", "e": "AQAB"}]},
        {"keys": [1]},
        {"keys": keyset(Algorithm.ES256)["keys"] * 2},
        {"keys": keyset(*[Algorithm.EDDSA] * 9)["keys"]},
    ],
)
def test_a_key_set_without_a_key_that_fits_is_refused(service, jwks):
    with pytest.raises(InvalidField) as refused:
        register(service, service.origin.origin.guid, jwks=jwks)
    assert refused.value.field.startswith("jwks")


def test_a_weak_key_is_refused(service):
    jwks = keyset(Algorithm.EDDSA)
    jwks["keys"][0]["x"] = "AQ" + "A" * 41

    with pytest.raises(UnfitKey):
        register(service, service.origin.origin.guid, jwks=jwks)


def test_the_callback_has_to_be_allowed_and_callable(service):
    guid = service.origin.origin.guid
    with pytest.raises(CallbackForbidden):
        register(service, guid, callback="https://elsewhere.example/callback")
    service.sender.uncallable[CALLBACK] = "not allowed"
    with pytest.raises(CallbackUncallable):
        register(service, guid)


@pytest.mark.parametrize("name", ["issuer", "callback"])
def test_an_issuer_or_callback_that_is_empty_or_too_long_is_refused_by_name(service, name):
    guid = service.origin.origin.guid
    longest = f"{CALLBACK}/".ljust(service.policy.callback_bytes, "x")
    service.administration.allow_callback(guid, longest)
    assert getattr(register(service, guid, **{name: longest}).realm, name) == longest

    for value in ("", f"{longest}x"):
        with pytest.raises(InvalidField) as refused:
            register(service, guid, **{name: value})
        assert refused.value.field == name


@pytest.mark.alone
def test_a_realm_is_replaced_and_taken_away(service):
    guid = service.origin.origin.guid
    assert not register(service, guid).realm.registered_only
    assert register(service, guid, registered_only=True).realm.registered_only
    assert realms(service).unregister(guid).realm is None
