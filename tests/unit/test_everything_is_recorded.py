"""S35: every change and every refusal yields an audit event with time, actor and reason code."""

import inspect
from datetime import UTC, datetime, timedelta
from functools import partial

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from counterseal import (
    AuthenticationChannel,
    Backchannel,
    BackchannelClients,
    ChannelRealms,
    MailedLinks,
)
from counterseal.bindings.documents.confirmation import Choice
from counterseal.device import own_comparison_code
from counterseal.errors import Refused
from counterseal.keys import generate, jwks_document
from counterseal.models import (
    OPERATOR,
    Account,
    Action,
    AddressKind,
    Admin,
    Algorithm,
    AppSpace,
    Authority,
    Binding,
    BindingState,
    Callback,
    Challenge,
    ChallengeState,
    Company,
    DeliveryMode,
    Login,
    LogInMethod,
    Origin,
    PasskeyAuthentication,
    PasskeyRegistration,
    PushAddress,
    Question,
    RefusalReason,
    Scheme,
    Session,
    TextContent,
    UseState,
)
from counterseal.models.guid import mint
from counterseal_testing import FakeModel, FakePasskey
from counterseal_testing.identity import APP_RETURN
from counterseal_testing.service import CALLBACK

NOBODY = mint(0, bytes(15))

CHANGES = {
    "account.demand_codes",
    "account.erase",
    "account.lock",
    "account.revoke",
    "account.unlock",
    "action.consume",
    "action.expire",
    "action.report",
    "action.withdraw",
    "admin.create",
    "admin.revoke",
    "admin.rotate",
    "app_space.create",
    "app_space.edit",
    "authentication.expire",
    "authentication.finish",
    "authentication.start",
    "binding.address",
    "binding.compare",
    "binding.complete",
    "binding.confirm",
    "binding.expire",
    "binding.invite",
    "binding.miscompare",
    "binding.push",
    "account.mail_link",
    "binding.redeem_link",
    "binding.refuse",
    "binding.register",
    "binding.resume",
    "binding.revoke",
    "binding.rotate",
    "binding.strike",
    "binding.renew",
    "binding.suspend",
    "binding.unbind",
    "binding.update",
    "callback.drop",
    "callback.fail",
    "callback.requeue",
    "callback.succeed",
    "challenge.answered",
    "challenge.attach",
    "challenge.cancelled",
    "challenge.disowned",
    "challenge.expired",
    "challenge.failed",
    "challenge.fetch",
    "challenge.issue",
    "challenge.mistype",
    "challenge.push",
    "challenge.redeem",
    "company.create",
    "company.edit",
    "company.verify",
    "credential.issue",
    "credential.revoke",
    "credential.revoke_one",
    "identity.logout",
    "identity.revalidate",
    "login.authenticate",
    "login.begin_test",
    "login.expire",
    "login.finish_test",
    "login.redirect",
    "origin.allow_callback",
    "origin.create",
    "origin.edit",
    "origin.forbid_callback",
    "registration.expire",
    "registration.register",
    "registration.start",
    "session.enrol",
    "session.expire",
    "session.link",
    "session.redeem",
    "session.revoke",
    "session.start",
    "session.step_up",
    "session.use",
    "webhook_key.issue",
}
"""What the audit log calls what happened; operators search for these."""

KINDS = {
    "account": Account,
    "action": Challenge,
    "admin": Admin,
    "app_space": AppSpace,
    "authentication": PasskeyAuthentication,
    "binding": Binding,
    "callback": Callback,
    "challenge": Challenge,
    "company": Company,
    "credential": Origin,
    "identity": Account,
    "login": Login,
    "origin": Origin,
    "registration": PasskeyRegistration,
    "session": Session,
    "webhook_key": Origin,
}
"""The kind of record that an event is about, by the noun of its name."""

REASONS = {
    ("account.demand_codes", "not_mine"),
    ("binding.miscompare", "wrong_code"),
    ("binding.revoke", "moved"),
    ("binding.strike", "strong_key_missed"),
    ("callback.fail", "gone"),
    ("challenge.failed", "wrong_code"),
    ("challenge.mistype", "wrong_code"),
    ("challenge.push", "gone"),
    ("challenge.push", "undelivered"),
}
"""The changes with a reason, in a history with one change of each kind."""


class Ledger:
    """A store that keeps, for each commit, which records it changed and what it recorded."""

    def __init__(self, store):
        self._store = store
        self.commits = []

    def __getattr__(self, name):
        return getattr(self._store, name)

    def commit(self, changes, audit, operation):
        self._store.commit(changes, audit, operation)
        self.commits.append((changes, audit))


class Histories(RuleBasedStateMachine):
    """Whatever can be done to one account is done, and most of it is refused."""

    def __init__(self, service):
        super().__init__()
        self.plain = service
        self.ledger = Ledger(self.plain.store)
        self.service = self.plain.but(store=self.ledger)
        self.phones = [self.service.bind("alice")]
        self.issued = [self.service.ask("alice", "Pay?", callback=CALLBACK)]

    def try_(self, call, *args, **kwargs):
        """Do something; what is refused has to be the last thing on record."""
        try:
            call(*args, **kwargs)
        except Refused as refusal:
            event = self.service.events[-1]
            assert (event.reason, event.at) == (refusal.code, self.service.clock.now())
            assert event.actor

    def pick(self, things, number):
        return things[number % len(things)]

    numbers = st.integers(0, 7)

    @rule()
    def bind(self):
        self.try_(lambda: self.phones.append(self.service.bind("alice")))

    @rule(code=st.booleans(), key=st.sampled_from([None, "a", "b"]))
    def ask(self, code, key):
        self.try_(
            lambda: self.issued.append(
                self.service.ask(
                    "alice", "Pay?", callback=CALLBACK, show_code=code, idempotency_key=key
                )
            )
        )

    @rule(
        phone=numbers,
        issued=numbers,
        button=st.integers(0, 1),
        pin=st.sampled_from([None, "0000"]),
        code=st.sampled_from([None, "right", "wrong!"]),
    )
    def answer(self, phone, issued, button, pin, code):
        phone, issued = self.pick(self.phones, phone), self.pick(self.issued, issued)
        code = issued.code if code == "right" else code
        phone = attrs.evolve(phone, pin=pin or phone.pin)
        self.try_(self.service.answer, phone, issued.challenge, button, code=code)

    @rule(phone=numbers, issued=numbers)
    def disown(self, phone, issued):
        phone, issued = self.pick(self.phones, phone), self.pick(self.issued, issued)
        self.try_(self.service.disown, phone, issued.challenge)

    @rule(phone=numbers, issued=numbers)
    def fetch(self, phone, issued):
        call = self.pick(self.phones, phone).call("/x", method="GET")
        issued = self.pick(self.issued, issued).challenge.guid
        self.try_(self.service.answers.fetch, call, issued)

    @rule(issued=numbers, verb=st.sampled_from(["cancel", "status"]), mine=st.booleans())
    def look_or_cancel(self, issued, verb, mine):
        guid = self.pick(self.issued, issued).challenge.guid if mine else NOBODY
        self.try_(getattr(self.service.challenges, verb), self.service.origin, guid)

    @rule(phone=numbers, verb=st.sampled_from(["suspend", "resume", "revoke"]))
    def move(self, phone, verb):
        verb = partial(getattr(self.service.devices, verb), by=OPERATOR)
        self.try_(verb, self.pick(self.phones, phone).guid)

    @rule(phone=numbers, right=st.booleans())
    def rotate(self, phone, right):
        phone = self.pick(self.phones, phone)
        if right:
            self.try_(phone.rotate)
        else:
            self.try_(attrs.evolve(phone, pin="0000").rotate)

    @rule(verb=st.sampled_from(["lock", "unlock"]))
    def lock(self, verb):
        verb = partial(getattr(self.service.accounts, verb), by=OPERATOR)
        self.try_(verb, self.service.account().guid)

    @rule()
    def revoke_all(self):
        self.try_(self.service.accounts.revoke, self.service.origin, "alice")

    @rule(seconds=st.integers(1, 400))
    def wait(self, seconds):
        self.service.clock.advance(timedelta(seconds=seconds))
        self.service.sweep()

    @rule(status=st.sampled_from([204, 410, 500]))
    def deliver(self, status):
        self.service.sender.otherwise = status
        self.service.deliver()

    @rule(callback=numbers)
    def requeue(self, callback):
        callbacks = self.plain.callback_records()
        if callbacks:
            guid = self.pick(callbacks, callback).guid
            self.try_(partial(self.service.callbacks.requeue, by=OPERATOR), guid)

    @rule(callback=numbers)
    def drop(self, callback):
        callbacks = self.plain.callback_records()
        if callbacks:
            guid = self.pick(callbacks, callback).guid
            self.try_(partial(self.service.callbacks.drop, by=OPERATOR), guid)

    @invariant()
    def every_change_is_recorded_in_its_own_commit(self):
        while self.ledger.commits:
            changes, audit = self.ledger.commits.pop(0)
            moved = [change for change in changes if change.new is not change.old]
            claim = [type(change.new).__name__ for change in moved] == ["Callback"]
            assert audit or claim or is_seen(moved)
            for event in audit:
                assert event.event in CHANGES
                assert isinstance(
                    self.plain.stored(event.subject), KINDS[event.event.partition(".")[0]]
                )
                assert isinstance(event.reason, str)
                assert event.actor
                assert event.at.utcoffset().total_seconds() == 0

    @invariant()
    def every_ending_has_its_own_event(self):
        for issued in self.issued:
            challenge = self.plain.stored(issued.challenge.guid)
            name = f"challenge.{challenge.state.value.lower()}"
            mine = [
                event for event in self.service.happened(name) if event.subject == challenge.guid
            ]
            unfinished = challenge.state in {ChallengeState.PENDING, ChallengeState.SEEN}
            assert len(mine) == (not unfinished)


def is_seen(changes):
    """Whether it is only stored when a device made a call, as once an hour."""
    if len(changes) != 1 or not isinstance(changes[0].old, Binding):
        return False
    old, new = changes[0].old, changes[0].new
    seen_before = old.last_seen_at or datetime.min.replace(tzinfo=UTC)
    is_due = new.last_seen_at is not None and new.last_seen_at - seen_before >= timedelta(hours=1)
    return is_due and attrs.evolve(old, version=new.version, last_seen_at=new.last_seen_at) == new


def test_s35_whatever_happens_is_recorded(new_service):
    run_state_machine_as_test(
        lambda: Histories(new_service()), settings=settings(max_examples=60, stateful_step_count=30)
    )


def use_passkeys(service):
    """Register a passkey and authenticate by it, and begin both once more."""
    shop = service.origin
    party = attrs.evolve(shop, origin=attrs.evolve(shop.origin, domains=("shop.example",)))
    passkey = FakePasskey(rp_id="shop.example", origin="https://shop.example")
    ceremonies = service.ceremonies
    started = ceremonies.start_registration(party, "dora", "shop.example")
    response = FakeModel(attestation="none").create(passkey, started.challenge)
    ceremonies.register(party, "dora", response)
    ceremonies.start_registration(party, "dora", "shop.example")
    begun = ceremonies.start_authentication(party, "dora", "shop.example")
    credential_id = passkey.public.passkey.credential_id
    ceremonies.finish_authentication(party, "dora", credential_id, passkey.get(begun.challenge))
    ceremonies.start_authentication(party, "dora", "shop.example")


def change_phones(service):
    """Let new phones be confirmed by their code, refused, and moved to."""
    old = service.bind("erin")
    compared, refused, moved = (service.complete(old.invite(), service.phone()) for _ in range(3))
    with pytest.raises(Refused):
        service.confirmations.compare(service.origin, compared.guid, "wrong")
    code = own_comparison_code(compared.device, pin=compared.pin)
    service.confirmations.compare(service.origin, compared.guid, code)
    new_devices = {one.device: one for one in old.new_devices()}
    old.decide(new_devices[refused.guid], Choice.REFUSE)
    old.decide(new_devices[moved.guid], Choice.MOVE)


def log_in_as_a_test(service, space):
    """Let an administrator test the settings of a provider."""
    addresses = {"app_return": "https://service.example/test", "service_return": ""}
    begun = service.login_tests.begin(space.guid, secret="secret", by=OPERATOR, **addresses)
    back = service.idp.log_in(begun.url, "carol")
    response = {"state": back.state, "code": back.code}
    service.login_tests.finish(space.guid, response, secret="secret", by=OPERATOR)


def log_in_to_the_portal(service):
    """Let an administrator use a link, log in and out, step up, and be logged out by time."""
    sessions = service.sessions
    admin = service.credentials.create_person("Example", all_companies=True).guid
    link = sessions.create_link(admin, by=OPERATOR).token
    redeemed = sessions.redeem(link, browser="")
    passkey = service.bind_passkey(admin, session=redeemed.session.guid).guid
    cookie = sessions.enrol(redeemed.token, passkey).token
    service.clock.advance(timedelta(minutes=1))
    sessions.authenticate(cookie)
    sessions.log_out(sessions.step_up(cookie, passkey).token)
    sessions.start(admin, LogInMethod.PASSKEY, binding=passkey, browser="")
    service.clock.advance(service.policy.portal_session_idle)
    sessions.expire()


def use_actions(service, phone):
    """Let actions be approved, and used, withdrawn or too old."""
    origin, until = service.origin, service.clock.now() + timedelta(minutes=1)
    content = Action(type="tool-call", resource="send", arguments={}, valid_until=until)
    used, withdrawn, _ = (service.ask("alice", content).challenge for _ in range(3))
    for challenge in phone.pending():
        phone.answer(challenge)
    service.actions.consume(origin, used.guid, {})
    service.actions.report(origin, used.guid, UseState.EXECUTED)
    service.actions.withdraw(origin, withdrawn.guid)


def do_one_of_each(service):  # noqa: PLR0915 (one of each)
    """Make every change that the audit log has a name for."""
    there = b'[{"kind":"relay","value":"there"}]'
    alice = service.bind("alice")
    alice.rotate()
    service.devices.update(alice.call("/x", b'{"addresses":' + there + b"}"))
    service.outbox.dead.update(service.stored(alice.guid).addresses)
    issued = service.ask("alice", "Pay?", show_code=True, callback=CALLBACK)
    service.push()
    tablet = service.bind("alice", addresses=(PushAddress(kind=AddressKind.RELAY, value="here"),))
    service.notifications.test(tablet.guid, by=OPERATOR)
    service.devices.revoke(tablet.guid, by=OPERATOR)
    service.devices.unbind(service.bind("alice").call("/device", method="DELETE"))
    alice.fetch(issued.challenge.guid)
    for _ in range(3):
        with pytest.raises(Refused):
            alice.answer(issued.challenge, code="wrong!")
    alice.answer(service.ask("alice", "Pay?").challenge)
    alice.disown(service.ask("alice", "Pay?").challenge)
    bob = service.bind("bob")
    bob.disown(service.ask("bob", "Pay?").challenge, reason=RefusalReason.NOT_MINE)
    service.challenges.cancel(service.origin, service.ask("alice", "Pay?").challenge.guid)
    use_actions(service, alice)
    service.ask("alice", "Pay?")
    service.sender.script(410)
    (dead,) = service.deliver()
    service.callbacks.requeue(dead, by=OPERATOR)
    service.deliver()
    dropped = service.ask("alice", "Pay?", callback=CALLBACK)
    alice.answer(dropped.challenge)
    service.callbacks.drop(service.callbacks.due()[0], by=OPERATOR)
    with pytest.raises(Refused):
        attrs.evolve(alice, pin="0000").rotate()
    service.devices.suspend(alice.guid, by=OPERATOR)
    service.devices.resume(alice.guid, by=OPERATOR)
    service.accounts.lock(alice.device.bond.account, by=OPERATOR)
    service.accounts.unlock(alice.device.bond.account, by=OPERATOR)
    service.devices.revoke(alice.guid, by=OPERATOR)
    service.accounts.revoke(service.origin, "alice")
    invitation = service.invitations.invite(service.origin, "alice")
    service.invitations.renew(invitation.binding, by=OPERATOR)
    links = MailedLinks(service.ports, service.policy)
    links.redeem(links.make(service.app_space.guid, "alice", by=OPERATOR).token)
    space = service.new_app_space("Staff", idp=service.idp.settings())
    service.logins.revalidate(service.log_in(space, "carol").device.bond.account)
    service.logins.log_out(space.guid, service.idp.log_out("carol"))
    service.logins.redirect(space.guid, APP_RETURN)
    log_in_as_a_test(service, space)
    use_passkeys(service)
    change_phones(service)
    service.clock.advance(service.policy.session_token_life)
    service.sweep()
    guid = service.origin.origin.guid
    service.credentials.issue(guid, Scheme.HMAC)
    service.credentials.issue_webhook_key(guid)
    origin = service.stored(guid)
    service.credentials.revoke_credential(guid, origin.credential_guid(origin.credentials[0]))
    redeem_a_request(service)
    attach_a_challenge(service)
    service.credentials.revoke(guid)
    admin = service.credentials.create_admin("root", all_companies=True).guid
    service.credentials.rotate_admin(admin)
    service.credentials.revoke_admin(admin)
    service.administration.forbid_callback(guid, CALLBACK)
    service.administration.edit_company(service.company.guid, "Other")
    service.administration.verify_company(service.company.guid, "Other Ltd")
    service.administration.edit_app_space(service.app_space.guid, name="Other")
    service.administration.edit_origin(guid, name="Other")
    service.accounts.erase(alice.device.bond.account, by=OPERATOR)
    log_in_to_the_portal(service)


def redeem_a_request(service):
    """Let an origin of its own ask by CIBA, and get its tokens."""
    ports, policy = service.ports, service.policy
    party = service.new_origin(service.app_space, "CIBA client")
    BackchannelClients(ports, policy, by=OPERATOR).register(
        party.origin.guid, mode=DeliveryMode.POLL
    )
    service.credentials.issue(party.origin.guid, Scheme.BASIC)
    party, dora = service.renewed(party), service.bind("ciba-user")
    backchannel = Backchannel(ports, policy)
    question = Question(account_id="ciba-user", content=TextContent(text="Log in?"))
    begun = backchannel.begin(party, question)
    dora.answer(dora.fetch(begun.challenge.guid))
    backchannel.redeem(party, begun.auth_req_id, {}, life=timedelta(minutes=5))


def attach_a_challenge(service):
    """Let an origin of its own have a realm, and the realm take up a challenge."""
    ports, policy = service.ports, service.policy
    party = service.new_origin(service.app_space, "Realm")
    jwks = jwks_document([generate(Algorithm.ES256, kid="key-1").public])
    ChannelRealms(ports, policy, by=OPERATOR).register(
        party.origin.guid, issuer="https://keycloak.example", callback=CALLBACK, jwks=jwks
    )
    party = service.renewed(party)
    service.bind("realm-user")
    question = Question(
        account_id="realm-user", content=TextContent(text="Log in?"), transaction_id="web-shop"
    )
    challenge = service.challenges.issue(party, question).challenge
    AuthenticationChannel(ports, policy).attach(
        party,
        challenge.guid,
        account_id="realm-user",
        client="web-shop",
        bearer="a.bearer.token",
        until=service.clock.now() + timedelta(days=1),
    )
    service.challenges.cancel(party, challenge.guid)


def test_s35_what_the_audit_log_calls_things(service):
    """One of each: the names are pinned above, and none is missing."""
    do_one_of_each(service)
    assert {event.event for event in service.events} == CHANGES


def test_s35_each_event_names_its_subject_and_its_reason(service):
    do_one_of_each(service)
    reasons = set()
    for event in service.events:
        noun = event.event.partition(".")[0]
        assert type(service.stored(event.subject)) is KINDS[noun]
        if event.reason:
            reasons.add((event.event, event.reason))
    assert reasons == REASONS


def test_each_event_names_the_app_space_of_its_subject(service):
    """So that its administrators can read it; what concerns a company alone names none."""
    do_one_of_each(service)
    for event in service.events:
        if event.event == "company.create" and event.actor == "portal":
            # Its App Space and its origin are created in the same commit.
            continue
        subject = service.stored(event.subject)
        if isinstance(subject, Company | Admin | Session):
            assert event.app_space is None
        elif isinstance(subject, AppSpace):
            assert event.app_space == subject.guid
        else:
            assert event.app_space == subject.app_space


def test_s17_the_record_says_who_suspended_a_device(service):
    alice = service.bind("alice")
    binding = service.devices.suspend(alice.guid, by=OPERATOR)
    assert (binding.state, binding.suspended_by) == (BindingState.SUSPENDED, Authority.STAFF)
    assert service.events[-1].actor == "staff"


def test_s35_every_use_case_names_what_it_raises(service):
    """What is refused is recorded; so a docstring says what can be. `choose` refuses nothing."""
    for name in (
        *("accounts", "answers", "callbacks", "ceremonies", "challenges", "confirmations"),
        *("devices", "enrolments", "login_tests", "sessions"),
    ):
        use_case = getattr(service, name)
        for verb, method in inspect.getmembers(use_case, inspect.ismethod):
            if not verb.startswith("_") and f"{name}.{verb}" != "callbacks.choose":
                assert "Raises:" in method.__doc__, f"{name}.{verb}"
