"""Ceremonies: from a registration to a finished authentication, and what is refused on the way."""

import hashlib
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import count

import attrs
import pytest

from counterseal import STANDARD, keys
from counterseal.ceremonies.records import user_handle
from counterseal.ceremonies.usecases import Ceremonies
from counterseal.errors import (
    AccountLocked,
    AccountUnbound,
    AccountUnknown,
    AttestationRefused,
    DeadlinePassed,
    DomainForbidden,
    Foreign,
    InvalidField,
    MalformedAssertion,
    NotFound,
    TooManyBindings,
    TooOften,
    UnfitKey,
    UserUnverified,
    WrongAlgorithm,
    WrongCeremony,
    WrongKey,
    WrongOrigin,
    WrongState,
)
from counterseal.keys.passkeys import CLIENT_DATA_LIMIT
from counterseal.memory import NoAttestationVerifier
from counterseal.models import (
    OPERATOR,
    Account,
    AccountEvent,
    AccountEventKind,
    AddressKind,
    Algorithm,
    AuthenticationState,
    Binding,
    BindingState,
    Device,
    DeviceKey,
    Occasion,
    PasskeyAuthentication,
    PasskeyRegistration,
    PasskeyScope,
    PasskeyUse,
    PushAddress,
    RegistrationState,
    Role,
)
from counterseal.models.guid import account_partition, partition_of
from counterseal.ports import Due
from counterseal_testing import FakeAttestationVerifier, FakeModel, FakePasskey, FakeService
from counterseal_testing.attestation import cose_key
from counterseal_testing.faults import Faults, faulty

DOMAIN = "shop.example.com"
OTHER_DOMAIN = "pay.example.net"
ORIGIN = f"https://{DOMAIN}"


PUSH = PushAddress(kind=AddressKind.RELAY, value="abc")
REFUSING = {"passkeys": PasskeyUse.REFUSE}
SECOND = timedelta(seconds=1)


class Shop:
    """An origin that lets its users' browsers register passkeys."""

    def __init__(self, **policy):
        self.service = FakeService(policy=attrs.evolve(STANDARD, **policy))
        self.ceremonies = Ceremonies(self.service.ports, self.service.policy)
        party = self.service.origin
        self.party = attrs.evolve(party, origin=attrs.evolve(party.origin, domains=(DOMAIN,)))

    def change_policy(self, **policy):
        stricter = attrs.evolve(self.service.policy, **policy)
        self.ceremonies = Ceremonies(self.service.ports, stricter)

    def passkey(self, **changes):
        return FakePasskey(rp_id=DOMAIN, origin=ORIGIN, **changes)

    def start(self, account_id="ann"):
        return self.ceremonies.start_registration(self.party, account_id, DOMAIN)

    def answer(self, started, passkey, **changes):
        return FakeModel(attestation="none").create(passkey, started.challenge, **changes)

    def registered(self, account_id="ann", **changes):
        started, passkey = self.start(account_id), self.passkey(**changes)
        response = self.answer(started, passkey)
        binding, account = self.ceremonies.register(self.party, account_id, response)
        return passkey, binding, account

    def authenticate(self, account_id="ann"):
        return self.ceremonies.start_authentication(self.party, account_id, DOMAIN)

    def discover(self, started, passkey, account):
        return self.ceremonies.finish_discovery(
            self.party,
            started.ticket,
            passkey.public.passkey.credential_id,
            passkey.get(started.challenge),
            user_handle=user_handle(account.guid),
        )

    @contextmanager
    def meanwhile(self, call):
        """Let *call* happen before the next commit of a ceremony."""
        faults, ceremonies = Faults(), self.ceremonies
        faults.meanwhile(call)
        store = faulty(self.service.ports.store, "store", faults)
        self.ceremonies = Ceremonies(
            attrs.evolve(self.service.ports, store=store), self.service.policy
        )
        yield
        self.ceremonies = ceremonies

    def stored(self, guid):
        (record,) = self.service.ports.store.get(guid)
        return record

    def events(self):
        """Return what the audit log says of ceremonies."""
        return [
            (event.event, event.actor, event.subject)
            for event in self.service.ports.audit.events
            if event.event.startswith(("registration.", "authentication.", "binding.register"))
        ]

    def finish(self, started, passkey, account_id="ann", party=None, user_handle=None):
        return self.ceremonies.finish_authentication(
            party or self.party,
            account_id,
            passkey.public.passkey.credential_id,
            passkey.get(started.challenge),
            user_handle=user_handle,
        )


@pytest.fixture
def shop():
    return Shop()


def test_a_user_registers_a_passkey_and_authenticates_by_it(shop):
    passkey, binding, account = shop.registered()

    assert (binding.state, binding.answers, binding.addresses) == (BindingState.ACTIVE, False, ())
    assert binding.name == ""
    assert binding.keys[0].key.passkey == attrs.evolve(passkey.public.passkey, aaguid=None)
    assert [device.answers for device in account.devices] == [False]
    started = shop.authenticate()
    assert started.allowed == (passkey.public.passkey.credential_id,)
    finished = shop.finish(started, passkey)
    assert (finished.guid, finished.binding) == (started.authentication.guid, binding.guid)
    assert shop.start().registered == started.allowed


def test_only_the_first_registration_creates_the_account(shop):
    assert [shop.start().account_created for _ in range(2)] == [True, False]
    shop.service.bind("bob")
    assert not shop.start("bob").account_created


def test_a_passkey_of_a_browser_answers_no_challenge(shop):
    shop.registered()

    with pytest.raises(AccountUnbound):
        shop.service.ask("ann", "Pay?", origin=shop.party)


def test_each_ceremony_ends_once(shop):
    started, passkey = shop.start(), shop.passkey()
    response = shop.answer(started, passkey)
    shop.ceremonies.register(shop.party, "ann", response)
    with pytest.raises(WrongState):
        shop.ceremonies.register(shop.party, "ann", response)
    authentication = shop.authenticate()
    shop.finish(authentication, passkey)
    with pytest.raises(WrongState):
        shop.finish(authentication, passkey)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"origin": "https://evil.example"}, WrongOrigin),
        ({"flags": 1}, UserUnverified),
        ({"client": {"type": "webauthn.create"}}, WrongCeremony),
        ({"client": {"challenge": keys.b64url(bytes(32))}}, NotFound),
    ],
)
def test_an_assertion_that_does_not_hold_is_refused(shop, changes, error):
    passkey, _, _ = shop.registered(flags=5)
    for name, value in changes.items():
        setattr(passkey, name, value)

    with pytest.raises(error):
        shop.finish(shop.authenticate(), passkey)


def test_a_ceremony_ends_with_its_deadline(shop):
    passkey, _, _ = shop.registered()
    started, registration = shop.authenticate(), shop.start()
    response = shop.answer(registration, shop.passkey())
    shop.service.clock.jump(started.authentication.deadline)

    with pytest.raises(DeadlinePassed):
        shop.finish(started, passkey)
    with pytest.raises(DeadlinePassed):
        shop.ceremonies.register(shop.party, "ann", response)
    assert shop.ceremonies.expire() == 2
    assert shop.ceremonies.expire() == 0
    assert shop.stored(registration.registration.guid).state is RegistrationState.EXPIRED


def test_nobody_else_finishes_it(shop):
    passkey, _, _ = shop.registered()
    shop.registered("bob")
    started = shop.authenticate()
    other = attrs.evolve(
        shop.party, origin=attrs.evolve(shop.party.origin, guid=started.authentication.guid)
    )

    with pytest.raises(NotFound):
        shop.finish(started, passkey, account_id="bob")
    with pytest.raises(Foreign):
        shop.finish(started, passkey, party=other)
    with pytest.raises(WrongKey):
        shop.finish(shop.authenticate("bob"), passkey, account_id="bob")


def test_another_origin_does_not_learn_that_a_ceremony_has_ended(shop):
    guid = shop.start("bob").registration.guid
    other = attrs.evolve(shop.party, origin=attrs.evolve(shop.party.origin, guid=guid))
    registration, passkey = shop.start(), shop.passkey()
    response = shop.answer(registration, passkey)
    shop.ceremonies.register(shop.party, "ann", response)
    with pytest.raises(Foreign):
        shop.ceremonies.register(other, "ann", response)
    started = shop.authenticate()
    shop.finish(started, passkey)
    with pytest.raises(Foreign):
        shop.finish(started, passkey, party=other)


@pytest.mark.parametrize("kind", ["authentication", "discovery"])
def test_a_passkey_ends_no_ceremony_of_another_domain_of_its_origin(shop, kind):
    """WebAuthn Level 3, 7.2, step 15: the hash is that of the relying party id in the request."""
    domains = (DOMAIN, OTHER_DOMAIN)
    shop.party = attrs.evolve(shop.party, origin=attrs.evolve(shop.party.origin, domains=domains))
    passkey, _, account = shop.registered()
    there = FakePasskey(rp_id=OTHER_DOMAIN, origin=f"https://{OTHER_DOMAIN}")
    registration = shop.ceremonies.start_registration(shop.party, "ann", OTHER_DOMAIN)
    shop.ceremonies.register(shop.party, "ann", shop.answer(registration, there))

    def authenticate(passkey, domain):
        if kind == "authentication":
            started = shop.ceremonies.start_authentication(shop.party, "ann", domain)
            return shop.finish(started, passkey)
        started = shop.ceremonies.start_discovery(shop.party, domain)
        return shop.discover(started, passkey, account)

    for domain, ours, foreign in ((DOMAIN, passkey, there), (OTHER_DOMAIN, there, passkey)):
        authenticate(ours, domain)
        with pytest.raises(WrongKey):
            authenticate(foreign, domain)


def test_a_challenge_of_an_account_in_the_same_partition_is_nobody_elses(shop):
    space = shop.party.app_space.guid
    names = (f"user-{number}" for number in count())
    neighbour = next(
        name for name in names if account_partition(space, name) == account_partition(space, "ann")
    )
    passkey, _, _ = shop.registered()
    shop.registered(neighbour)
    started, registration = shop.authenticate(), shop.start()
    response = shop.answer(registration, shop.passkey())

    with pytest.raises(NotFound):
        shop.finish(started, passkey, account_id=neighbour)
    with pytest.raises(NotFound):
        shop.ceremonies.register(shop.party, neighbour, response)
    shop.finish(started, passkey)
    shop.ceremonies.register(shop.party, "ann", response)


def test_a_revoked_passkey_authenticates_nobody(shop):
    passkey, binding, _ = shop.registered()
    started = shop.authenticate()
    shop.service.devices.revoke(binding.guid, by=shop.party)

    with pytest.raises(WrongKey):
        shop.finish(started, passkey)
    with pytest.raises(AccountUnbound):
        shop.authenticate()


def test_an_erased_account_ends_no_ceremony(shop):
    passkey, binding, account = shop.registered()
    started, registration = shop.authenticate(), shop.start()
    response = shop.answer(registration, shop.passkey())
    shop.service.accounts.erase(account.guid, by=OPERATOR)

    with pytest.raises(NotFound):
        shop.finish(started, passkey)
    with pytest.raises(NotFound):
        shop.ceremonies.register(shop.party, "ann", response)
    (erased,) = shop.service.ports.store.get(binding.guid)
    assert (erased.state, erased.keys) == (BindingState.REVOKED, ())
    shop.service.clock.jump(started.authentication.deadline)
    assert shop.ceremonies.expire() == 2


def test_a_locked_account_ends_no_ceremony(shop):
    passkey, _, account = shop.registered()
    started, registration = shop.authenticate(), shop.start()
    response = shop.answer(registration, shop.passkey())
    shop.service.accounts.lock(account.guid, by=OPERATOR)

    with pytest.raises(AccountLocked):
        shop.finish(started, passkey)
    with pytest.raises(AccountLocked):
        shop.ceremonies.register(shop.party, "ann", response)
    for begin in (shop.start, shop.authenticate):
        with pytest.raises(AccountLocked):
            begin()


def test_only_domains_of_the_allow_list_serve(shop):
    shop.registered()
    for domain in ("evil.example", "example.com", "", "com", f"www.{DOMAIN}"):
        with pytest.raises(DomainForbidden):
            shop.ceremonies.start_registration(shop.party, "ann", domain)
        with pytest.raises(DomainForbidden):
            shop.ceremonies.start_authentication(shop.party, "ann", domain)


@pytest.mark.parametrize(
    ("domains", "domain", "origins"),
    [
        ([DOMAIN, f"{DOMAIN}:8443", "other.example"], DOMAIN, [ORIGIN, f"{ORIGIN}:8443"]),
        (["https://odd", DOMAIN], DOMAIN, [ORIGIN]),
        (["localhost:8080"], "localhost", ["http://localhost:8080"]),
        (["shop.localhost"], "shop.localhost", ["http://shop.localhost"]),
    ],
)
def test_a_domain_means_web_origins(shop, domains, domain, origins):
    shop.party = attrs.evolve(
        shop.party, origin=attrs.evolve(shop.party.origin, domains=tuple(domains))
    )
    started = shop.ceremonies.start_registration(shop.party, "ann", domain)

    assert started.registration.scope == PasskeyScope(rp_id=domain, origins=tuple(origins))


@pytest.mark.parametrize("entry", ["127.0.0.1", "SHOP.example", f"{DOMAIN}:443", f"{DOMAIN}/x"])
def test_an_entry_that_means_no_web_origin_serves_nobody(shop, entry):
    shop.party = attrs.evolve(shop.party, origin=attrs.evolve(shop.party.origin, domains=(entry,)))

    with pytest.raises((InvalidField, DomainForbidden)):
        shop.ceremonies.start_registration(shop.party, "ann", entry.partition(":")[0])


def test_a_web_origin_that_is_off_the_allow_list_ends_no_authentication(shop):
    domains = (DOMAIN, f"{DOMAIN}:8443")
    wide = attrs.evolve(shop.party, origin=attrs.evolve(shop.party.origin, domains=domains))
    narrow, shop.party = shop.party, wide
    passkey, *_ = shop.registered()
    passkey.client = {"origin": f"{ORIGIN}:8443"}
    assert shop.finish(shop.authenticate(), passkey).binding
    for party, client in (
        (narrow, {"origin": f"{ORIGIN}:8443"}),
        (attrs.evolve(narrow, origin=attrs.evolve(narrow.origin, domains=())), {}),
    ):
        started, passkey.client = shop.authenticate(), client
        with pytest.raises(WrongOrigin):
            shop.finish(started, passkey, party=party)
        passkey.client = {}
        assert shop.finish(started, passkey, party=narrow).binding


def test_a_domain_that_is_off_the_allow_list_ends_no_registration(shop):
    started, passkey = shop.start(), shop.passkey()
    response = shop.answer(started, passkey)
    shop.party = attrs.evolve(shop.party, origin=attrs.evolve(shop.party.origin, domains=()))
    with pytest.raises(UnfitKey):
        shop.ceremonies.register(shop.party, "ann", response)


def test_unknown_accounts_authenticate_nobody(shop):
    with pytest.raises(AccountUnknown):
        shop.authenticate("nobody")


@pytest.mark.parametrize("change", [REFUSING, {"algorithms": frozenset({Algorithm.ES256})}])
def test_a_passkey_that_the_policy_refuses_is_neither_registered_nor_used(shop, change):
    passkey, _, _ = shop.registered(algorithm=Algorithm.RS256)
    begun, registering = shop.authenticate(), shop.start()
    shop.change_policy(**change)

    with pytest.raises(WrongAlgorithm):
        shop.finish(begun, passkey)
    with pytest.raises(UnfitKey):
        shop.ceremonies.register(
            shop.party, "ann", shop.answer(registering, shop.passkey(algorithm=Algorithm.RS256))
        )


@pytest.mark.parametrize("account_id", ["ann", "nobody yet"])
def test_no_ceremony_begins_where_the_policy_refuses_passkeys(shop, account_id):
    shop.registered()
    events = len(shop.service.ports.audit.events)
    shop.change_policy(**REFUSING)

    with pytest.raises(UnfitKey, match="refuses"):
        shop.start(account_id)
    with pytest.raises(AccountUnbound):
        shop.authenticate()
    reasons = [event.reason for event in shop.service.ports.audit.events[events:]]
    assert reasons == ["unfit_key", "account_unbound"]


def test_an_authentication_offers_only_passkeys_that_the_policy_allows(shop):
    weak, _, _ = shop.registered(algorithm=Algorithm.RS256)
    sound, _, _ = shop.registered()
    both = {passkey.public.passkey.credential_id for passkey in (weak, sound)}
    assert set(shop.authenticate().allowed) == both
    shop.change_policy(algorithms=frozenset({Algorithm.ES256}))
    assert shop.authenticate().allowed == (sound.public.passkey.credential_id,)
    assert set(shop.start().registered) == both


def test_a_model_that_an_attestation_has_proven_is_stored_with_the_passkey(shop):
    model = FakeModel()
    ports = attrs.evolve(
        shop.service.ports, attestation=FakeAttestationVerifier(roots=(model.root,))
    )
    shop.ceremonies = Ceremonies(ports, shop.service.policy)
    started = shop.start()
    response = model.create(shop.passkey(), started.challenge)
    binding, _ = shop.ceremonies.register(shop.party, "ann", response)

    assert binding.keys[0].key.passkey.aaguid == str(model.aaguid)


@pytest.mark.alone
def test_client_data_has_a_limit_before_it_is_read(shop):
    # A challenge that is read would be looked up, and not found.
    data = b'{"challenge":"' + bytes(43).replace(b"\0", b"A") + b'"}'
    for size, error in ((CLIENT_DATA_LIMIT, NotFound), (CLIENT_DATA_LIMIT + 1, MalformedAssertion)):
        assertion = attrs.evolve(shop.passkey().get(bytes(32)), client_data=data.ljust(size))
        with pytest.raises(error):
            shop.ceremonies.finish_authentication(shop.party, "ann", "id", assertion)


@pytest.mark.parametrize("data", [b"", b"[]", b'"challenge"', b"1", b"null", b"{}"])
def test_client_data_without_a_challenge_is_refused(shop, data):
    assertion = attrs.evolve(shop.passkey().get(bytes(32)), client_data=data)
    with pytest.raises(MalformedAssertion):
        shop.ceremonies.finish_authentication(shop.party, "ann", "id", assertion)


def test_a_text_that_is_too_long_is_refused_by_its_name(shop):
    ceremonies, policy = shop.ceremonies, shop.service.policy
    long_id, long_info = "x" * (policy.account_id_bytes + 1), "x" * (policy.user_info_bytes + 1)
    for field, call in (
        ("accountId", lambda: ceremonies.start_registration(shop.party, long_id, DOMAIN)),
        (
            "userInfo",
            lambda: ceremonies.start_registration(shop.party, "ann", DOMAIN, user_info=long_info),
        ),
        ("accountId", lambda: ceremonies.start_authentication(shop.party, long_id, DOMAIN)),
    ):
        with pytest.raises(InvalidField) as refused:
            call()
        assert refused.value.field == field


def test_a_passkey_is_registered_once_at_a_time(shop):
    passkey, binding, _ = shop.registered()
    with pytest.raises(UnfitKey, match="registered already"):
        shop.ceremonies.register(shop.party, "ann", shop.answer(shop.start(), passkey))
    shop.service.devices.revoke(binding.guid, by=OPERATOR)
    again, _ = shop.ceremonies.register(shop.party, "ann", shop.answer(shop.start(), passkey))

    assert shop.finish(shop.authenticate(), passkey).binding == again.guid


def test_a_key_or_a_credential_id_that_the_account_has_is_registered_already(shop):
    passkey, other = shop.registered()[0], shop.passkey()
    for offered, key in ((passkey, other), (other, passkey)):
        response = shop.answer(shop.start(), offered, key=cose_key(key.public))
        with pytest.raises(UnfitKey, match="registered already"):
            shop.ceremonies.register(shop.party, "ann", response)
    shop.ceremonies.register(shop.party, "ann", shop.answer(shop.start(), other))


@pytest.mark.parametrize("change", [{"origins": ("https://evil.example",)}, {"rp_id_hash": "A"}])
def test_a_verifier_that_pins_elsewhere_registers_nothing(shop, change):
    class Careless(FakeAttestationVerifier):
        def verify(self, response, *, scope, challenge):
            registered = super().verify(response, scope=scope, challenge=challenge)
            return attrs.evolve(registered, passkey=attrs.evolve(registered.passkey, **change))

    ports = attrs.evolve(shop.service.ports, attestation=Careless())
    shop.ceremonies = Ceremonies(ports, shop.service.policy)
    with pytest.raises(UnfitKey, match="another scope"):
        shop.registered()


def test_other_devices_are_notified_of_a_passkey_as_of_a_device(shop):
    phone = shop.service.bind("ann", addresses=(PUSH,))
    _, binding, _ = shop.registered()

    (notification,) = shop.service.ports.store.due(Due.NOTIFICATION, shop.service.clock.now(), 10)
    assert (notification.occasion, notification.subject, notification.devices) == (
        Occasion.DEVICE_BOUND,
        binding.guid,
        (phone.guid,),
    )


def test_a_passkey_that_is_another_accounts_authenticates_nobody(shop):
    passkey, binding, account = shop.registered()
    for handle, error in ((user_handle(binding.guid), WrongKey), (b"", WrongKey)):
        with pytest.raises(error):
            shop.finish(shop.authenticate(), passkey, user_handle=handle)
    for handle in (user_handle(account.guid), None):
        assert shop.finish(shop.authenticate(), passkey, user_handle=handle).binding == binding.guid


@pytest.mark.parametrize("change", [REFUSING, {"algorithms": frozenset({Algorithm.PS256})}])
def test_no_browser_makes_a_passkey_that_the_policy_refuses(shop, change):
    shop.change_policy(**change)

    with pytest.raises(UnfitKey, match="refuses"):
        shop.start()
    with pytest.raises(AccountUnknown):
        shop.authenticate()


def test_a_service_without_a_verifier_registers_nothing(shop):
    ports = attrs.evolve(shop.service.ports, attestation=NoAttestationVerifier())
    shop.ceremonies = Ceremonies(ports, shop.service.policy)
    with pytest.raises(AttestationRefused, match="registers no passkeys"):
        shop.start()
    with pytest.raises(AccountUnknown):
        shop.authenticate()
    with pytest.raises(AttestationRefused):
        ports.attestation.verify()


@pytest.mark.alone
def test_registrations_count_as_invitations_and_authentications_by_themselves():
    shop = Shop(invite_rate=2, authenticate_rate=3)
    shop.registered()
    shop.start()
    with pytest.raises(TooOften):
        shop.start("bob")
    with pytest.raises(TooOften):
        shop.service.bind("bob")
    for _ in range(3):
        shop.authenticate()
    with pytest.raises(TooOften, match="authenticate_rate"):
        shop.authenticate()
    shop.service.clock.advance(timedelta(minutes=2))
    shop.start("bob")
    shop.authenticate()


# What is stored and recorded


def test_a_registration_stores_and_records_this(shop):
    clock, life = shop.service.clock, shop.service.policy.ceremony_life
    space, origin = shop.party.app_space.guid, shop.party.origin.guid
    begun_at = clock.now()
    started = shop.ceremonies.start_registration(shop.party, "ann", DOMAIN, user_info="Ann")
    registration, account = started.registration, started.account
    assert account == Account(
        guid=account.guid, app_space=space, account_id="ann", user_info="Ann", created_at=begun_at
    )
    assert registration == PasskeyRegistration(
        guid=registration.guid,
        state=RegistrationState.STARTED,
        account=account.guid,
        app_space=space,
        origin=origin,
        scope=PasskeyScope(rp_id=DOMAIN, origins=(ORIGIN,)),
        nonce=registration.nonce,
        created_at=begun_at,
        deadline=begun_at + life,
        keep_until=begun_at + 2 * life,
    )
    partition = account_partition(space, "ann")
    assert partition_of(registration.guid) == partition_of(account.guid) == partition
    assert len(registration.nonce) == 32
    assert started.challenge == hashlib.sha256(registration.nonce).digest()
    assert (started.algorithms, started.registered) == (shop.service.policy.algorithms, ())

    clock.advance(SECOND)
    now, response = clock.now(), shop.answer(started, shop.passkey())
    binding, bound_account = shop.ceremonies.register(shop.party, "ann", response, name="Laptop")
    (device_key,) = binding.keys
    assert binding == Binding(
        guid=binding.guid,
        state=BindingState.ACTIVE,
        account=account.guid,
        app_space=space,
        origin=origin,
        token_hash=b"",
        deadline=now + life,
        enrolled=device_key.key.thumbprint,
        name="Laptop",
        keys=(DeviceKey(role=Role.STRONG, key=device_key.key),),
        answers=False,
        created_at=now,
        bound_at=now,
        last_seen_at=now,
    )
    assert device_key.key.kid == binding.guid
    assert partition_of(binding.guid) == partition
    (device,) = bound_account.devices
    assert device == Device(
        binding=binding.guid,
        state=BindingState.ACTIVE,
        deadline=binding.deadline,
        answers=False,
    )
    assert shop.stored(registration.guid) == attrs.evolve(
        registration, version=2, state=RegistrationState.REGISTERED, binding=binding.guid
    )
    (bound_event,) = [
        record
        for record in shop.service.ports.store._records.values()
        if isinstance(record, AccountEvent)
    ]
    assert (bound_event.kind, bound_event.device) == (AccountEventKind.BOUND, binding.guid)
    assert shop.events() == [
        ("registration.start", origin, registration.guid),
        ("registration.register", origin, registration.guid),
        ("binding.register", origin, binding.guid),
    ]


@pytest.mark.parametrize("kind", ["authentication", "discovery"])
def test_an_authentication_stores_and_records_this(shop, kind):
    passkey, binding, account = shop.registered()
    clock, life = shop.service.clock, shop.service.policy.ceremony_life
    origin, begun_at, count = shop.party.origin.guid, clock.now(), len(shop.events())
    if kind == "authentication":
        started = shop.authenticate()
        begun = started.authentication
        assert begun == shop.stored(begun.guid)
        assert (begun.state, begun.binding) == (AuthenticationState.STARTED, None)
        assert started.challenge == hashlib.sha256(begun.nonce).digest()
        clock.advance(SECOND)
        finished, version = shop.finish(started, passkey), 2
        events = ["authentication.start", "authentication.finish"]
    else:
        started = shop.ceremonies.start_discovery(shop.party, DOMAIN)
        assert (started.rp_id, started.deadline) == (DOMAIN, begun_at + life)
        clock.advance(SECOND)
        (finished, of_account), version = shop.discover(started, passkey, account), 1
        assert of_account == account
        assert started.challenge == hashlib.sha256(finished.nonce).digest()
        events = ["authentication.finish"]

    assert finished == shop.stored(finished.guid)
    assert finished == PasskeyAuthentication(
        guid=finished.guid,
        version=version,
        state=AuthenticationState.AUTHENTICATED,
        account=account.guid,
        app_space=account.app_space,
        origin=origin,
        rp_id=DOMAIN,
        nonce=finished.nonce,
        binding=binding.guid,
        created_at=begun_at,
        deadline=begun_at + life,
        keep_until=begun_at + 2 * life,
    )
    assert len(finished.nonce) == 32
    assert partition_of(finished.guid) == partition_of(account.guid)
    assert shop.events()[count:] == [(event, origin, finished.guid) for event in events]


def test_ceremonies_that_nobody_ends_are_recorded_by_the_worker(shop):
    shop.registered()
    registration, authentication = shop.start().registration, shop.authenticate().authentication
    count = len(shop.events())
    shop.service.clock.jump(registration.deadline - timedelta(microseconds=1))
    assert shop.ceremonies.expire() == 0
    shop.service.clock.jump(registration.deadline)
    assert shop.ceremonies.expire() == 2
    assert shop.events()[count:] == [
        ("registration.expire", "worker", registration.guid),
        ("authentication.expire", "worker", authentication.guid),
    ]
    assert shop.stored(authentication.guid) == attrs.evolve(
        authentication, version=2, state=AuthenticationState.EXPIRED
    )


@pytest.mark.parametrize("kind", ["authentication", "discovery"])
def test_a_passkey_is_seen_once_an_hour(shop, kind):
    passkey, binding, account = shop.registered()

    def use():
        if kind == "authentication":
            shop.finish(shop.authenticate(), passkey)
        else:
            shop.discover(shop.ceremonies.start_discovery(shop.party, DOMAIN), passkey, account)
        return shop.stored(binding.guid)

    shop.service.clock.advance(timedelta(hours=1) - SECOND)
    assert use() == binding
    shop.service.clock.advance(SECOND)
    assert use() == attrs.evolve(binding, version=2, last_seen_at=shop.service.clock.now())


def test_a_passkey_that_is_suspended_meanwhile_authenticates_nobody(shop):
    passkey, binding, account = shop.registered()
    for finish, started in (
        (shop.finish, shop.authenticate()),
        (
            partial(shop.discover, account=account),
            shop.ceremonies.start_discovery(shop.party, DOMAIN),
        ),
    ):
        with (
            shop.meanwhile(lambda: shop.service.devices.suspend(binding.guid, by=OPERATOR)),
            pytest.raises(WrongKey),
        ):
            finish(started, passkey)
        shop.service.devices.resume(binding.guid, by=OPERATOR)


def test_no_ceremony_begins_for_an_account_that_is_locked_meanwhile(shop):
    _, _, account = shop.registered()
    for start in (shop.start, shop.authenticate):
        with (
            shop.meanwhile(lambda: shop.service.accounts.lock(account.guid, by=OPERATOR)),
            pytest.raises(AccountLocked),
        ):
            start()
        shop.service.accounts.unlock(account.guid, by=OPERATOR)


def test_a_suspended_passkey_is_neither_offered_nor_excluded(shop):
    passkey, binding, _ = shop.registered()
    shop.service.devices.suspend(binding.guid, by=OPERATOR)

    assert shop.start().registered == ()
    with pytest.raises(AccountUnbound):
        shop.authenticate()
    # It is the account's nevertheless.
    with pytest.raises(UnfitKey, match="registered already"):
        shop.ceremonies.register(shop.party, "ann", shop.answer(shop.start(), passkey))


def test_an_account_has_as_many_passkeys_and_devices_as_the_policy_allows():
    shop = Shop(bindings_limit=1)
    first, second = shop.start(), shop.start()
    shop.ceremonies.register(shop.party, "ann", shop.answer(first, shop.passkey()))
    with pytest.raises(TooManyBindings):
        shop.ceremonies.register(shop.party, "ann", shop.answer(second, shop.passkey()))
    with pytest.raises(TooManyBindings):
        shop.start()

    invitation = shop.service.invitations.invite(shop.party, "bob")
    with pytest.raises(TooManyBindings):
        shop.start("bob")
    shop.service.clock.jump(invitation.deadline)
    shop.registered("bob")


def test_a_passkey_is_offered_at_its_own_domain_only(shop):
    shop.service.bind("ann")
    passkey, _, _ = shop.registered()
    domains = (DOMAIN, OTHER_DOMAIN)
    shop.party = attrs.evolve(shop.party, origin=attrs.evolve(shop.party.origin, domains=domains))

    assert shop.authenticate().allowed == (passkey.public.passkey.credential_id,)
    with pytest.raises(AccountUnbound):
        shop.ceremonies.start_authentication(shop.party, "ann", OTHER_DOMAIN)
    elsewhere = shop.ceremonies.start_registration(shop.party, "ann", OTHER_DOMAIN)
    assert elsewhere.registered == ()
