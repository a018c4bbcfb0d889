"""What decides does no I/O: each decision runs where none is possible, and is handed none."""

import inspect
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, get_args, get_origin, get_type_hints

import attrs
import pytest

import counterseal
from counterseal import STANDARD, AdminLogins, keys
from counterseal._decisions import (
    accounts,
    actions,
    answers,
    app_spaces,
    audit_log,
    authentication,
    backchannel,
    callbacks,
    ceremonies,
    challenges,
    channel,
    confirmations,
    credentials,
    device_requests,
    devices,
    discovery,
    ended_sessions,
    enrolments,
    ensuring,
    events,
    invitations,
    issuing,
    login_tests,
    logins,
    notifying,
    operators,
    outbox,
    proofs,
    revalidation,
    sessions,
    strikes,
    tenancy,
)
from counterseal._decisions.credentials import ZERO_DURATION, AdminDraft
from counterseal._decisions.plan import Decision, Plan, Signing, Tools
from counterseal._transaction import load, tools_of
from counterseal.device import own_comparison_code, sign_confirmation
from counterseal.errors import BindingInactive, IdentityWithdrawn, RoleLacking
from counterseal.keys import generate, jwks_document, sign_bytes
from counterseal.machines import BindingEvent, ChallengeEvent, UseEvent
from counterseal.models import (
    OPERATOR,
    Account,
    AccountEvent,
    AccountEventState,
    Action,
    ActionState,
    AddressKind,
    Admin,
    AdminRole,
    AuthenticationState,
    BackchannelClient,
    BindingState,
    Callback,
    CallbackState,
    CallbackType,
    Challenge,
    ChallengeState,
    ChannelRealm,
    Clients,
    Company,
    Credential,
    DeliveryMode,
    DeliveryOutcome,
    EventLog,
    EventStream,
    Guid,
    Identity,
    LoggedEvent,
    LogInMethod,
    LoginState,
    Logo,
    Logout,
    Notification,
    Occasion,
    Origin,
    Outcome,
    PasskeyScope,
    PushAddress,
    PushOutcome,
    PushResult,
    Question,
    Reaction,
    Record,
    RefusalReason,
    RegistrationState,
    Scheme,
    SessionState,
    TextContent,
    UseState,
    revise,
)
from counterseal.models.approved_action import approved_action_guid
from counterseal.models.ceremony import user_handle
from counterseal.models.events import account_event_guid, event_log_guid
from counterseal.models.guid import account_partition, mint
from counterseal.models.tenancy import logo_guid
from counterseal.ports import Store
from counterseal.rules.answering import Striking
from counterseal.rules.evidence import split_token
from counterseal.testing import START, FakeModel, FakePasskey
from counterseal.testing.identity import APP_RETURN
from counterseal.testing.pictures import build_png
from counterseal.testing.service import CALLBACK, PIN
from counterseal.wire.claims import format_time, parse_time
from counterseal.wire.confirmation import Choice
from counterseal.wire.cx1 import write_basic

SOURCE = Path(counterseal.__file__).parent / "_decisions"
MODULES = [
    import_module(f"counterseal._decisions.{path.stem}")
    for path in sorted(SOURCE.glob("*.py"))
    if path.stem not in {"__init__", "plan"}
]
FUNCTIONS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": function
    for module in MODULES
    for name, function in vars(module).items()
    if inspect.isfunction(function) and function.__module__ == module.__name__
}
METHODS = {
    f"{module.__name__.rpartition('.')[2]}.{kind.__name__}.{name}": function
    for module in MODULES
    for kind in vars(module).values()
    if inspect.isclass(kind) and kind.__module__ == module.__name__
    for name, function in vars(kind).items()
    if inspect.isfunction(function) and not name.startswith("__")
}
STEPS = (Decision, Plan, Signing)
DECIDING = {
    name
    for name, function in FUNCTIONS.items()
    if not name.partition(".")[2].startswith("_")
    and any(step.__name__ in str(function.__annotations__.get("return")) for step in STEPS)
}
"""All that return a step and are not only a part of one that does."""

TOOLED = {
    name
    for name, function in FUNCTIONS.items()
    if not name.partition(".")[2].startswith("_")
    and (
        "Tools" in map(str, function.__annotations__.values())
        or str(function.__annotations__.get("return")).startswith("Reading")
    )
} - DECIDING
"""What a use case may call beside a step."""

PARTS = {
    "account_events.with_events",
    *("answers.open_code", "device_requests.demand_standing", "endings.end"),
    *("reactions.needs_pending", "reactions.react"),
    *(
        "bindings.session_of",
        "bindings.standing_inviter",
        "session_uses.facts_of_proof",
        "session_uses.facts_of_use",
        "session_uses.read_proofs",
        "session_uses.read_proofs_with",
    ),
    *("enrolments.key_changes", "issuing.new_code", "issuing.new_challenge"),
    "logins.build_request",
    *("notifying.drop_dead_addresses", "outbox.build_notifications", "outbox.draw_jitter"),
    *("outbox.build_revocation_notifications", "outbox.build_ending_notifications"),
    *("outbox.build_replacement_notifications",),
    "authorization.permission_to",
    "backchannel.open_ping",
    "callbacks.read_to_compose",
    "channel.compose_callback",
    "bindings.with_enrolment",
    "ceremonies.new_ceremony",
    "tenancy.new_origin",
    *("readings.nothing", "readings.records", "readings.record_with_account"),
    *("readings.account_of", "readings.accounts_from", "readings.bindings_of"),
    *("readings.pending_of", "readings.records_beside"),
    *("readings.already_read", "readings.tenancy_records_of", "readings.dead_callbacks_of"),
}
"""Those that steps call, so that they run isolated in the cases of these."""

SERVED = frozenset({AddressKind.RELAY})
HERE = PushAddress(kind=AddressKind.RELAY, value="here")

# Python reads the module that parses times from its file at the first call.
parse_time(format_time(START))

# Without sockets, files and threads

REFUSED = ("open", "os.", "socket.", "sqlite3.", "subprocess.", "urllib.")
isolated_thread = threading.local()


class Effect(Exception):
    """A decision had one."""


def refuse(event, arguments):
    if event.startswith(REFUSED) and getattr(isolated_thread, "on", False):
        raise Effect(event)


# For good, as there is no way to take a hook away; it does nothing outside of `isolated`.
sys.addaudithook(refuse)


@contextmanager
def isolated():
    """Refuse sockets, files, processes and threads to what this thread does inside."""

    def start(self):
        raise Effect("thread")

    isolated_thread.on = True
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            yield
    finally:
        isolated_thread.on = False


def decide(service, begin):
    """Run a decision to its end, isolated; what it wants read and signed is done outside."""
    before, events = service.records(), service.events
    tools = tools_of(service.ports, service.policy)
    with isolated():
        step = begin(tools)
    while not isinstance(step, Decision):
        if isinstance(step, Plan):
            value = load(service.ports, step.reading)
            with isolated():
                if step.reading.parse is not None:
                    value = step.reading.parse(value, tools)
                step = step.decide(value, tools)
        else:
            issuer = step.issuer or service.ports.signer.jwks()[0]
            sign = partial(service.ports.signer.sign, issuer.kid)
            token = sign_bytes(sign, issuer, typ=step.typ, payload=step.payload(issuer))
            with isolated():
                step = step.then(token)
    assert (service.records(), service.events) == (before, events)
    return step


class Setup:
    """A phone, another device of its user, and what they are asked."""

    def __init__(self, service):
        self.service = service
        self.phone = service.bind("alice", addresses=(HERE,))
        service.bind("alice", addresses=(HERE,))
        cancelled = service.ask("alice", "Lunch?", callback=CALLBACK).challenge
        service.challenges.cancel(service.origin, cancelled.guid)
        (self.callback,) = service.callback_records()
        self.issued = service.ask("alice", "Pay?", show_code=True, callback=CALLBACK)
        self.challenge = self.issued.challenge
        self.stored = service.store.get_with_account(self.challenge.guid)
        self.account = self.stored[1]
        self.origin = service.origin.origin.guid
        (self.notification,) = (
            one for one in service.notifications.due() if one.subject == self.challenge.guid
        )
        root = service.credentials.create_admin("root", all_companies=True)
        self.root = service.stored(root.guid)

    def decide(self, begin):
        return decide(self.service, begin)

    def device(self, body=b"", phone=None):
        """Authenticate a call; what it is about was read with it."""
        service, call = self.service, (phone or self.phone).call("/answers", body)
        with isolated():
            request = device_requests.open_request(call, service.policy)
            reading = request.reading(self.challenge.guid)
        stored, tools = load(service.ports, reading), tools_of(service.ports, service.policy)
        with isolated():
            return reading.parse(stored, tools)

    def respond(self, text, event=ChallengeEvent.ANSWER):
        body = text.encode()
        device = self.device(body)
        with isolated():
            token = answers.read_token(body, event, self.service.policy)
        return self.decide(lambda tools: answers.respond(device, tools, token, served_kinds=SERVED))

    def draft(self, guid=None, origin=None):
        party = origin or self.service.origin
        partition = account_partition(party.app_space.guid, "alice")
        return issuing.Draft(
            party=party,
            question=Question(account_id="alice", content=TextContent(text="Pay?"), show_code=True),
            guid=guid or mint(partition, bytes(range(15))),
            life=timedelta(minutes=1),
            served_kinds=SERVED,
        )


def accepted(setup):
    text = setup.service.signed(setup.phone, setup.challenge, code=setup.issued.code)
    decision = setup.respond(text)
    assert decision.result.state is ChallengeState.ANSWERED
    return decision


def disowned(setup):
    text = setup.phone.device.disown(setup.challenge.display)
    decision = setup.respond(text, ChallengeEvent.DISOWN)
    assert decision.result.state is ChallengeState.DISOWNED


def refused_with_reactions(setup):
    setup.service.policy = attrs.evolve(STANDARD, on_not_mine=frozenset(Reaction))
    setup.service.ask("alice", "Pay more?", callback=CALLBACK)
    text = setup.phone.device.disown(setup.challenge.display, reason=RefusalReason.NOT_MINE)
    decision = setup.respond(text, ChallengeEvent.DISOWN)
    states = {record.state for record in decision.writes if type(record) is Challenge}
    assert states == {ChallengeState.DISOWNED, ChallengeState.CANCELLED}


def mistyped(setup):
    decision = setup.respond(setup.service.signed(setup.phone, setup.challenge, code="wrong"))
    assert decision.refusal.code == "wrong_code"


def struck(setup):
    phone = attrs.evolve(setup.phone, pin="0000")
    decision = setup.respond(setup.service.signed(phone, setup.challenge, code="123456"))
    assert decision.refusal.code == "strong_key_missed"


def revoked(setup):
    """By the last wrong strong-key signature."""
    phone = attrs.evolve(setup.phone, pin="0000")
    body = setup.service.signed(phone, setup.challenge, code="123456").encode()
    device = setup.device(body)
    token = answers.read_token(body, ChallengeEvent.ANSWER, setup.service.policy)
    facts = Striking(
        proving=device.proving,
        policy=attrs.evolve(STANDARD, strike_limit=1),
        binding=device.binding,
        answer=token.evidence(device.binding.key_named(token.jws.header.kid).key),
    )
    decision = setup.decide(
        lambda tools: strikes.count_strike(tools, SERVED, facts, setup.account, result=None)
    )
    assert decision.writes[0].state is BindingState.REVOKED
    assert isinstance(decision.writes[-1], Notification)


def fetched(setup):
    device = setup.device()
    decision = setup.decide(partial(answers.fetch, device))
    assert decision.result.state is ChallengeState.SEEN


def listed(setup):
    device = setup.device()
    assert setup.decide(partial(answers.list_pending, device)).result == (setup.challenge,)


def ended_listed(setup):
    device = setup.device()
    (ended,) = setup.decide(partial(answers.list_ended, device)).result
    assert (ended.state, ended.answered_here) == (ChallengeState.CANCELLED, False)


def issued(setup):
    draft = setup.draft()
    decision = setup.decide(lambda tools: issuing.issue(setup.account, tools, draft))
    assert decision.result.challenge.guid == draft.guid


def issued_by_plan(setup):
    draft = setup.draft()
    assert setup.decide(lambda tools: issuing.plan_issue(draft)).result.challenge.guid == draft.guid


def issued_once(setup):
    draft = setup.draft(setup.challenge.guid)
    decision = setup.decide(lambda tools: issuing.issue_once(setup.stored, tools, draft))
    assert decision.result == setup.issued


def issued_once_by_plan(setup):
    draft = setup.draft()
    decision = setup.decide(lambda tools: issuing.plan_issue_once(draft))
    assert decision.result.challenge.guid == draft.guid


def superseding(setup):
    setup.service.policy = attrs.evolve(STANDARD, pending_limit=1, supersede=True)
    draft = setup.draft()
    decision = setup.decide(lambda tools: issuing.issue(setup.account, tools, draft))
    states = {record.guid: record.state for record in decision.writes if type(record) is Challenge}
    assert states[setup.challenge.guid] is ChallengeState.CANCELLED


def logo_read(setup):
    png, space = build_png(), setup.service.app_space.guid
    logo = Logo(guid=logo_guid(space), app_space=space, png=png, created_at=START)
    decision = setup.decide(lambda _: app_spaces.read_logo((logo,), keys.digest(png)))
    assert decision.result == png


def status_read(setup):
    decision = setup.decide(lambda tools: challenges.read_status(setup.stored, tools, setup.origin))
    assert decision.result == setup.challenge


def open_listed(setup):
    decision = setup.decide(lambda tools: challenges.list_open(setup.account, tools, setup.origin))
    assert decision.result == (setup.challenge,)


def listed_for_staff(setup):
    account = setup.stored[1:]
    decision = setup.decide(lambda tools: challenges.list_of_account(account, OPERATOR))
    assert setup.challenge.guid in {each.guid for each in decision.result}


def cancelled(setup):
    decision = setup.decide(
        lambda tools: challenges.cancel(setup.stored, tools, setup.origin, served_kinds=SERVED)
    )
    assert decision.result.state is ChallengeState.CANCELLED


def expired(setup):
    setup.service.clock.jump(setup.challenge.deadline)
    decision = setup.decide(
        lambda tools: challenges.expire((*setup.stored, setup.service.app_space), tools)
    )
    assert decision.writes[0].state is ChallengeState.EXPIRED


class IdentifiedUser:
    """A user whom an Identity Provider has named, with a phone; one more log-in has begun."""

    def __init__(self, setup):
        self.setup, self.service = setup, setup.service
        service = setup.service
        idp = attrs.evolve(service.idp.settings(), account_claim="employee")
        self.app_space = service.new_app_space("Staff", idp=idp)
        service.idp.admit("carol", account_id="e-1")
        self.phone = service.log_in(self.app_space, "carol")
        self.redirect = service.logins.redirect(self.app_space.guid, APP_RETURN)
        self.back = service.idp.log_in(self.redirect.url, "carol")
        self.secret = self.back.state.partition(".")[2]
        self.login = service.stored(self.redirect.login)
        self.identity = Identity(issuer=idp.issuer, subject="carol", grant=b"new grant")

    @property
    def account(self):
        return self.service.stored(self.phone.device.bond.account)

    def decide(self, begin):
        return self.setup.decide(begin)


def request_prepared(setup):
    user = IdentifiedUser(setup)
    decision = user.decide(
        lambda tools: logins.prepare_request((user.app_space,), tools, APP_RETURN)
    )
    assert decision.result.settings.issuer == user.identity.issuer


def log_in_begun(setup):
    user = IdentifiedUser(setup)
    begin = partial(logins.prepare_request, (user.app_space,), app_return=APP_RETURN)
    request = user.decide(begin).result
    decision = user.decide(lambda _: logins.begin(request, "https://idp.example"))
    assert decision.writes == (request.login,)


def response_relayed(setup):
    user = IdentifiedUser(setup)
    decision = user.decide(
        lambda tools: logins.relay((user.login,), tools, user.secret, {"code": "c"})
    )
    assert decision.result.startswith(APP_RETURN)


def replaceable_listed(setup):
    stored = (*setup.service.store.get(setup.phone.guid), None)
    decision = setup.decide(lambda tools: logins.list_replaceable(stored, tools))
    assert [device.guid for device in decision.result] == [setup.phone.guid]


def log_in_spent(setup):
    user = IdentifiedUser(setup)
    decision = user.decide(
        lambda tools: logins.spend((user.login,), tools, user.secret, user.redirect.app_secret)
    )
    assert decision.writes[0].state is LoginState.USED


def code_exchanged(setup):
    user = IdentifiedUser(setup)
    decision = user.decide(lambda tools: logins.exchange(tools, user.app_space, user.login))
    assert (decision.result.app_space, decision.writes) == (user.app_space, (user.login,))


def log_in_tested(setup):
    user = IdentifiedUser(setup)
    secret, address = "of this browser", "https://auth.example"
    begin = partial(
        login_tests.prepare_test,
        by=OPERATOR,
        app_return=f"{address}/portal/test",
        service_return=f"{address}/device/login/return",
        app_secret=secret,
    )
    request = user.decide(lambda _: begin((user.app_space,))).result
    assert request.login.test
    returned = login_tests.ReturnedTest(
        state_secret=request.oauth_state.partition(".")[2], app_secret=secret, error=""
    )
    stored = (user.app_space, request.login)
    decision = user.decide(lambda _: login_tests.use_test(stored, OPERATOR, returned))
    assert decision.writes[0].state is LoginState.USED
    assert decision.result.exchange.nonce == request.nonce


def log_in_expired(setup):
    user = IdentifiedUser(setup)
    user.service.clock.jump(user.login.deadline)
    decision = user.decide(lambda tools: logins.expire((user.login,), tools))
    assert decision.writes[0].state is LoginState.EXPIRED


def provider_found(setup):
    user = IdentifiedUser(setup)
    decision = user.decide(partial(revalidation.find_provider, (user.app_space,)))
    assert decision.result == user.app_space


def user_found(setup):
    user = IdentifiedUser(setup)
    decision = user.decide(partial(revalidation.find_user, (user.account,)))
    assert decision.result == (user.account, user.app_space)


def renewed(setup):
    user = IdentifiedUser(setup)
    user.service.idp.withdraw("carol")
    with pytest.raises(IdentityWithdrawn):
        user.service.logins.revalidate(user.account.guid)
    account = user.account
    decision = user.decide(lambda tools: revalidation.renew(account, user.identity))
    assert [record.guid for record in decision.writes[:2]] == [account.guid, user.phone.guid]
    assert decision.writes[1].state is BindingState.ACTIVE


def not_renewed(setup):
    """The account has changed since the provider was asked."""
    user = IdentifiedUser(setup)
    older = attrs.evolve(user.account, version=1)
    decision = user.decide(lambda tools: revalidation.renew(older, user.identity))
    assert (decision.result.counted, decision.writes) == (False, ())


def withdrawn(setup):
    user = IdentifiedUser(setup)
    refusal = IdentityWithdrawn()
    decision = user.decide(lambda tools: revalidation.suspend(user.account.guid, refusal))
    assert decision.writes[1].state is BindingState.SUSPENDED
    assert decision.refusal is refusal


def logged_out(setup):
    user = IdentifiedUser(setup)
    decision = user.decide(lambda tools: revalidation.suspend(user.account.guid, None))
    assert decision.writes[1].state is BindingState.SUSPENDED
    assert decision.writes[0].sealed_grant == b""


def aliased(setup):
    user = IdentifiedUser(setup)
    ((guid, life),) = revalidation.aliases_of(user.account, user.identity, STANDARD)
    for alias, writes in ((guid, 0), (mint(0, bytes(15)), 1)):
        decision = user.decide(lambda _: revalidation.add_alias(user.account, alias, life))  # noqa: B023
        assert len(decision.writes) == writes
    decision = user.decide(lambda _: revalidation.remove_alias(user.account.guid, guid))
    assert decision.writes[0].accounts == ()


def account_named(setup):
    user = IdentifiedUser(setup)
    logout = Logout(
        issuer=user.identity.issuer, subject="carol", jti="1", until=user.service.clock.now()
    )
    decision = user.decide(lambda tools: revalidation.accounts_of(user.app_space.guid, logout))
    assert decision.result == (user.account,)


def callback_claimed(setup):
    decision = setup.decide(lambda tools: outbox.claim_callback((setup.callback,), tools))
    assert decision.result.due_at > setup.callback.due_at


def callback_not_claimed(setup):
    delivered = attrs.evolve(setup.callback, state=CallbackState.DELIVERED)
    decision = setup.decide(lambda tools: outbox.claim_callback((delivered,), tools))
    assert (decision.refusal.code, decision.unrecorded) == ("wrong_state", True)


def notification_claimed(setup):
    stored = (setup.notification,)
    decision = setup.decide(lambda tools: outbox.claim_notification(stored, tools))
    assert decision.result.due_at > setup.notification.due_at


def delivery_composed(setup):
    callback = setup.callback
    stored = setup.service.store.get(callback.challenge, callback.origin, callback.account)
    decision = setup.decide(lambda tools: callbacks.compose(stored, tools, callback))
    assert decision.result.url == CALLBACK


def requesting(party):
    """An origin that is a CIBA client; the store does not know it yet."""
    client = BackchannelClient(mode=DeliveryMode.PING, notification_endpoint=CALLBACK)
    return attrs.evolve(party, origin=attrs.evolve(party.origin, backchannel=client))


def requested(setup):
    draft = setup.draft(origin=requesting(setup.service.origin))
    draft.backchannel = backchannel.BackchannelDraft(
        secret=bytes(backchannel.SECRET_BYTES), notification_token="token"
    )
    draft.question = attrs.evolve(draft.question, show_code=False, callback=CALLBACK)
    decision = setup.decide(lambda tools: issuing.issue(setup.account, tools, draft))
    text = backchannel.write_secret_id(draft.guid, draft.backchannel.secret)
    return decision.result.challenge, backchannel.read_secret_id(text)


def backchannel_client_loaded(setup):
    origin = requesting(setup.service.origin).origin
    decision = setup.decide(lambda _: authentication.load_party((origin,), "backchannel"))
    assert decision.result.app_space == setup.service.app_space


def request_polled(setup):
    challenge, secret = requested(setup)
    stored = (challenge, setup.account)
    decision = setup.decide(lambda tools: backchannel.poll(stored, tools, setup.origin, secret))
    assert decision.writes[0].backchannel.polled_at == setup.service.clock.now()


def request_redeemed(setup):
    service = setup.service
    counterseal.BackchannelClients(service.ports, service.policy, by=OPERATOR).register(
        setup.origin, mode=DeliveryMode.PING, notification_endpoint=CALLBACK
    )
    service.credentials.issue(setup.origin, Scheme.BASIC)
    party = service.renewed(service.origin)
    challenge, secret = requested(setup)
    device = setup.account.devices[0]
    outcome = Outcome(at=START, button=0, device=device.binding)
    challenge = attrs.evolve(challenge, state=ChallengeState.ANSWERED, outcome=outcome)
    stored, life = (challenge, setup.account, party.origin, None), timedelta(minutes=5)
    decision = setup.decide(
        lambda tools: backchannel.redeem(stored, tools, party.origin, secret, claims={}, life=life)
    )
    redeemed = decision.result
    bearer = backchannel.read_secret_id(redeemed.access_token)
    decision = setup.decide(lambda _: backchannel.find_bearer((redeemed.challenge,), bearer))
    assert decision.result == party


def ping_composed(setup):
    challenge, _ = requested(setup)
    stored = (challenge, requesting(setup.service.origin).origin, setup.account)
    callback = attrs.evolve(setup.callback, challenge=challenge.guid)
    decision = setup.decide(lambda tools: callbacks.compose(stored, tools, callback))
    assert b"auth_req_id" in decision.result.body


def of_a_realm(setup):
    """An origin that has a realm, and a challenge that this realm has requested."""
    party = setup.service.origin
    realm = ChannelRealm(issuer="https://keycloak.example/realms/shop", callback=CALLBACK)
    origin = attrs.evolve(party.origin, realm=realm)
    draft = setup.draft(origin=attrs.evolve(party, origin=origin))
    draft.channel = channel.ChannelDraft(bearer="a.bearer.token", until=START + timedelta(days=1))
    draft.question = attrs.evolve(draft.question, show_code=False, callback=CALLBACK)
    decision = setup.decide(lambda tools: issuing.issue(setup.account, tools, draft))
    return origin, decision.result.challenge


def callback_begun(setup):
    origin, challenge = of_a_realm(setup)
    claimed = attrs.evolve(setup.callback, challenge=challenge.guid, once=True)
    stored = (challenge, origin, setup.account, claimed)
    decision = setup.decide(lambda tools: callbacks.compose(stored, tools, claimed))
    assert decision.writes[0].begun_at == setup.service.clock.now()
    composed = callbacks._compose_any
    again = attrs.evolve(claimed, begun_at=START)
    decision = setup.decide(
        lambda tools: callbacks.begin_once(
            again, tools, claimed, composed(stored[:3], tools, claimed)
        )
    )
    assert decision.result is counterseal.models.DeadReason.UNKNOWN


def realm_loaded(setup):
    origin, _ = of_a_realm(setup)
    decision = setup.decide(lambda _: authentication.load_party((origin,), "realm"))
    assert decision.result.app_space == setup.service.app_space


def realm_attached(setup):
    origin, challenge = of_a_realm(setup)
    issued = attrs.evolve(challenge, channel=None, callback=None, transaction_id="web-shop")
    draft = channel.ChannelDraft(bearer="a.bearer.token", until=START + timedelta(days=1))
    decision = setup.decide(
        lambda tools: channel.attach(
            (issued, setup.account),
            tools,
            origin,
            draft,
            account_id=setup.account.account_id,
            client="web-shop",
        )
    )
    assert decision.writes[0].callback == CALLBACK


def realm_registered(setup):
    jwks = jwks_document([generate(counterseal.models.Algorithm.ES256, kid="key-1").public])
    stored = (setup.service.origin.origin,)
    decision = setup.decide(
        lambda _: channel.register(
            stored, OPERATOR, "https://keycloak.example", CALLBACK, jwks, registered_only=True
        )
    )
    assert decision.result.realm.registered_only


def realm_unregistered(setup):
    origin, _ = of_a_realm(setup)
    decision = setup.decide(lambda _: channel.unregister((origin,), OPERATOR))
    assert decision.result.realm is None


def delivery_recorded(setup):
    claimed = attrs.evolve(setup.callback, lease_until=setup.callback.next_at)
    outcome = DeliveryOutcome(status=500)
    decision = setup.decide(
        lambda tools: callbacks.record_attempt((claimed,), tools, claimed, outcome)
    )
    assert decision.result.attempts == 1


def callback_dropped(setup):
    decision = setup.decide(lambda tools: callbacks.drop((setup.callback,), tools))
    assert decision.result.state is CallbackState.DROPPED


def callback_requeued(setup):
    dead = attrs.evolve(setup.callback, state=CallbackState.DEAD)
    decision = setup.decide(lambda tools: callbacks.requeue((dead,), tools))
    assert decision.result.state is CallbackState.QUEUED


def dead_listed(setup):
    stored = (setup.service.origin.origin,)
    assert setup.decide(lambda tools: callbacks.list_dead(stored, tools, 1)).result == ()


def push_composed(setup):
    notification = setup.notification
    stored = setup.service.store.get(
        notification.subject, notification.account, notification.app_space
    )
    decision = setup.decide(lambda tools: notifying.compose(stored, tools, notification))
    assert decision.result.addresses.keys() == set(notification.devices)


def push_recorded(setup):
    """With an address that is gone."""
    claimed = attrs.evolve(setup.notification, lease_until=setup.notification.next_at)
    outcomes = {setup.phone.guid: ((HERE, PushOutcome(result=PushResult.GONE)),)}
    stored = (claimed, setup.account, setup.service.stored(setup.phone.guid))
    decision = setup.decide(
        lambda tools: notifying.record_attempt(stored, tools, claimed, outcomes, None)
    )
    assert [entry.event for entry in decision.audit][-1] == "binding.address"


def device_tested(setup):
    stored = (setup.service.stored(setup.phone.guid),)
    decision = setup.decide(lambda tools: notifying.plan_test(stored, tools))
    assert decision.result.message.occasion is Occasion.TEST


def trial_recorded(setup):
    outcomes = {setup.phone.guid: ((HERE, PushOutcome(result=PushResult.DELIVERED)),)}
    stored = (setup.service.stored(setup.phone.guid), setup.account)
    decision = setup.decide(lambda tools: notifying.record_test(stored, tools, outcomes))
    assert decision.result == outcomes[setup.phone.guid]


def unpublished(setup):
    """Return the first event of the account."""
    guid = account_event_guid(setup.account.guid, 1)
    return setup.service.stored(guid)


def event_published(setup):
    origin = setup.service.origin.origin.guid
    setup.service.credentials.issue(origin, Scheme.BASIC)
    setup.service.administration.edit_origin(origin, events_url=CALLBACK)
    decision = setup.decide(partial(events.publish, (unpublished(setup),)))
    kinds = [type(record) for record in decision.writes]
    assert kinds == [EventLog, LoggedEvent, Callback, EventStream]


def event_published_already(setup):
    published = attrs.evolve(unpublished(setup), state=AccountEventState.PUBLISHED)
    assert setup.decide(partial(events.publish, (published,))).writes == ()
    decision = setup.decide(partial(events.mark_published, (published,)))
    assert (decision.refusal.code, decision.unrecorded) == ("wrong_state", True)


def event_marked(setup):
    (marked,) = setup.decide(partial(events.mark_published, (unpublished(setup),))).writes
    assert marked.state is AccountEventState.PUBLISHED


def events_read(setup):
    setup.service.account_events.publish_due()
    stored = setup.service.store.get(event_log_guid(setup.service.app_space.guid))
    party = setup.service.origin
    page = setup.decide(lambda tools: events.read_log(stored, tools, party.origin, None, 10)).result
    assert [event.account for event in page.events] == [setup.account.guid] * 2


OUTBOX_CASES = {
    "events.mark_published": [event_marked, event_published_already],
    "events.publish": [event_published, event_published_already],
    "events.read_log": [events_read],
    "callbacks.compose": [delivery_composed, ping_composed, callback_begun],
    "callbacks.begin_once": [callback_begun],
    "callbacks.drop": [callback_dropped],
    "callbacks.list_dead": [dead_listed],
    "callbacks.record_attempt": [delivery_recorded],
    "callbacks.requeue": [callback_requeued],
    "notifying.compose": [push_composed],
    "notifying.plan_test": [device_tested],
    "notifying.record_attempt": [push_recorded],
    "notifying.record_test": [trial_recorded],
    "outbox.claim_callback": [callback_claimed, callback_not_claimed],
    "outbox.claim_notification": [notification_claimed],
}


def account_read(setup):
    origin = setup.service.origin.origin
    for begin in (
        partial(accounts.get, setup.account),
        partial(accounts.get_by_guid, (setup.account,), origin=origin),
    ):
        assert setup.decide(begin).result == setup.account


def devices_listed(setup):
    decision = setup.decide(partial(accounts.list_devices, setup.account))
    assert setup.phone.guid in {binding.guid for binding in decision.result}


def device_sought(setup):
    assert setup.decide(partial(accounts.has_device, setup.account)).result is True
    assert setup.decide(partial(accounts.has_device, None)).result is False


def administrator(service):
    """Create an administrator of all companies."""
    return service.stored(service.credentials.create_admin("Ada", all_companies=True).guid)


def account_found(setup):
    app_space = setup.service.app_space
    for by in (OPERATOR, administrator(setup.service)):
        decision = setup.decide(partial(accounts.find, (app_space,), by=by, account_id="alice"))
        assert decision.result == setup.account


def accounts_searched(setup):
    app_space = setup.service.app_space
    for by in (OPERATOR, administrator(setup.service)):
        for prefix, stored in (("al", (app_space,)), ("x", (app_space, setup.account))):
            query = accounts.AccountSearch(prefix=prefix, after=None, limit=10)
            decision = setup.decide(partial(accounts.search, stored, by=by, query=query))
            assert decision.result.accounts == (setup.account,)


def audit_log_reached(setup):
    app_space = setup.service.app_space
    for by in (OPERATOR, administrator(setup.service)):
        for guid, reach in ((app_space.guid, frozenset({app_space.guid})), (None, None)):
            decision = setup.decide(lambda _, by=by, guid=guid: audit_log.plan_reach(by, guid))
            assert (decision.result.app_spaces, decision.result.nouns) == (reach, None)


def whole_log_read(setup):
    for by in (OPERATOR, setup.root):
        assert setup.decide(lambda _, by=by: audit_log.plan_whole_log(by)).result is None
    service = setup.service
    issued = service.credentials.create_admin("Bo", company=service.company.guid)
    other = service.stored(issued.guid)
    with pytest.raises(RoleLacking):
        setup.decide(lambda _: audit_log.plan_whole_log(other))


def audit_log_named(setup):
    account, device = setup.account, setup.service.stored(setup.phone.guid)
    reach = audit_log.AuditReach(app_spaces=frozenset({account.app_space}))
    guids = (account.guid, device.guid)
    decision = setup.decide(lambda _: audit_log.plan_names(guids, reach, OPERATOR))
    assert {guid: each.account_id for guid, each in decision.result.items()} == dict.fromkeys(
        guids, "alice"
    )


def account_administered(setup):
    account, devices = setup.decide(partial(accounts.get_with_devices, setup.account)).result
    assert (account, len(devices)) == (setup.account, 2)
    (locked_account, _) = setup.decide(partial(accounts.lock, setup.account)).writes
    assert locked_account.locked_at is not None
    (unlocked_account, _) = setup.decide(partial(accounts.unlock, locked_account)).writes
    assert unlocked_account.locked_at is None


def account_revoked(setup):
    decision = setup.decide(partial(accounts.revoke, setup.account))
    assert decision.result.devices == ()
    assert [type(record) for record in decision.writes[-3:]] == [Account, *[AccountEvent] * 2]


def account_erased(setup):
    decision = setup.decide(partial(accounts.erase, setup.account))
    assert decision.result[0].erased_at is not None
    assert len(decision.writes) == 5


# By administrators

TENANCY = {
    "tenancy.create_company": lambda s, by: tenancy.create_company((None,), by, NEW, "New"),
    "app_spaces.create_app_space": lambda s, by: app_spaces.create_app_space(
        (None, s.company), by, NEW, app_space_edit(name="New", idp=s.idp.settings())
    ),
    "tenancy.create_origin": lambda s, by: tenancy.create_origin(
        (None, s.app_space), by, NEW, origin_edit(name="New", clients=Clients.CX)
    ),
    "ensuring.ensure_tenancy": lambda s, by: ensuring.ensure_tenancy(
        (None, None, None),
        by,
        ensuring.derive_guids("shop", s.policy),
        ensuring.TenancyDraft(
            company="New",
            app_space="New",
            origin=origin_edit(name="New"),
            callbacks=("https://other.example/done",),
        ),
    ),
    "backchannel.register": lambda s, by: backchannel.register(
        (s.origin.origin,), by, DeliveryMode.PING, CALLBACK, None, endpoint_audiences=True
    ),
    "backchannel.unregister": lambda s, by: backchannel.unregister(
        (requesting(s.origin).origin,), by
    ),
    "tenancy.create_record": lambda s, by: tenancy.create_record(None, None, s.company),
    "tenancy.edit_record": lambda s, by: tenancy.edit_record(s.company, None, {"name": "Other"}),
    "tenancy.edit_company": lambda s, by: tenancy.edit_company((s.company,), by, "Other"),
    "tenancy.verify_company": lambda s, by: tenancy.verify_company((s.company,), by, "Other"),
    "app_spaces.edit_app_space": lambda s, by: app_spaces.edit_app_space(
        (s.app_space, None), by, app_space_edit(texts={"title": "Other"}, logo=build_png())
    ),
    "tenancy.edit_origin": lambda s, by: tenancy.edit_origin(
        (s.origin.origin,), by, origin_edit(pending=1)
    ),
    "tenancy.allow_callback": lambda s, by: tenancy.allow_callback(
        (s.origin.origin,), by, CallbackType.ADDRESS, "https://other.example/done"
    ),
    "tenancy.forbid_callback": lambda s, by: tenancy.forbid_callback(
        (s.origin.origin,), by, CALLBACK
    ),
    "tenancy.forbid_entry": lambda s, by: tenancy.forbid_entry(
        (s.origin.origin,), by, s.origin.origin.entries[0].guid
    ),
    "credentials.issue": lambda s, by: credentials.issue(
        (s.origin.origin,), by, Scheme.BASIC, ZERO_DURATION
    ),
    "credentials.issue_webhook_key": lambda s, by: credentials.issue_webhook_key(
        (s.origin.origin,), by, ZERO_DURATION
    ),
    "credentials.create_admin": lambda s, by: credentials.create_admin(
        (s.app_space,),
        tools_of(s.ports, s.policy),
        by,
        AdminDraft(
            guid=NEW,
            name="New",
            role=AdminRole.SUPPORT,
            company=None,
            app_space=s.app_space.guid,
            all_companies=False,
            life=None,
            scheme=Scheme.HMAC,
        ),
    ),
    "credentials.rotate_admin": lambda s, by: credentials.rotate_admin(
        s.store.get(s.root.guid), by, None, ZERO_DURATION
    ),
    "credentials.revoke_credential": lambda s, by: credentials.revoke_credential(
        (with_credential(s.origin.origin),),
        by,
        with_credential(s.origin.origin).credential_guid(CREDENTIAL),
    ),
    "credentials.revoke": lambda s, by: credentials.revoke(s.store.get(s.root.guid), by, Admin),
}
SEEING = {
    "tenancy.read": lambda s, by: tenancy.read((s.company,), by, Company),
    "tenancy.list_visible": lambda s, by: tenancy.list_visible(
        (s.origin.origin,), by, Origin, s.app_space.guid
    ),
    "tenancy.effective_policy": lambda s, by: tenancy.effective_policy(
        (s.app_space, s.origin.origin), by
    ),
    "tenancy.relying_party": lambda s, by: tenancy.relying_party((s.origin.origin,), by),
}
NEW = mint(0, bytes(range(15)))
CREDENTIAL = Credential(scheme=Scheme.BASIC, created_at=START)


def with_credential(origin):
    return attrs.evolve(origin, credentials=(CREDENTIAL,))


def app_space_edit(**members):
    return app_spaces.AppSpaceEdit(**dict.fromkeys(APP_SPACE_MEMBERS) | {"texts": {}} | members)


def origin_edit(**members):
    return tenancy.OriginEdit(**dict.fromkeys(ORIGIN_MEMBERS) | members)


APP_SPACE_MEMBERS = [field.name for field in attrs.fields(app_spaces.AppSpaceEdit)]
ORIGIN_MEMBERS = [field.name for field in attrs.fields(tenancy.OriginEdit)]


def administered(plan, setup, *, writes):
    service = setup.service
    service.root = setup.root
    for by in (OPERATOR, setup.root):
        decision = setup.decide(lambda tools, by=by: plan(service, by))
        assert bool(decision.writes) == bool(decision.audit) == writes


CASES = OUTBOX_CASES | {
    "accounts.erase": [account_erased],
    "accounts.find": [account_found],
    "accounts.search": [accounts_searched],
    "audit_log.plan_names": [audit_log_named],
    "audit_log.plan_reach": [audit_log_reached],
    "audit_log.plan_whole_log": [whole_log_read],
    "accounts.get": [account_read],
    "accounts.get_by_guid": [account_read],
    "accounts.get_with_devices": [account_administered],
    "accounts.has_device": [device_sought],
    "accounts.list_devices": [devices_listed],
    "accounts.lock": [account_administered],
    "accounts.revoke": [account_revoked],
    "accounts.unlock": [account_administered],
    "app_spaces.read_logo": [logo_read],
    "answers.respond": [accepted, disowned, mistyped, refused_with_reactions, struck],
    "answers.fetch": [fetched],
    "backchannel.find_bearer": [request_redeemed],
    "backchannel.poll": [request_polled],
    "readings.party_of": [backchannel_client_loaded],
    "authentication.load_party": [backchannel_client_loaded, realm_loaded],
    "channel.attach": [realm_attached],
    "channel.register": [realm_registered],
    "channel.unregister": [realm_unregistered],
    "backchannel.redeem": [request_redeemed],
    "answers.list_ended": [ended_listed],
    "answers.list_pending": [listed],
    "strikes.count_strike": [revoked],
    "challenges.cancel": [cancelled],
    "challenges.expire": [expired],
    "challenges.list_of_account": [listed_for_staff],
    "challenges.list_open": [open_listed],
    "challenges.read_status": [status_read],
    "issuing.issue": [issued, superseding],
    "issuing.issue_once": [issued_once],
    "issuing.plan_issue": [issued_by_plan],
    "issuing.plan_issue_once": [issued_once_by_plan],
    "login_tests.prepare_test": [log_in_tested],
    "login_tests.use_test": [log_in_tested],
    "logins.begin": [log_in_begun],
    "logins.exchange": [code_exchanged],
    "logins.expire": [log_in_expired],
    "logins.list_replaceable": [replaceable_listed],
    "logins.prepare_request": [request_prepared],
    "logins.relay": [response_relayed],
    "logins.spend": [log_in_spent],
    "revalidation.accounts_of": [account_named],
    "revalidation.add_alias": [aliased],
    "revalidation.find_provider": [provider_found],
    "revalidation.find_user": [user_found],
    "revalidation.remove_alias": [aliased],
    "revalidation.renew": [renewed, not_renewed],
    "revalidation.suspend": [withdrawn, logged_out],
}


# Bindings, from the invitation to the end


# Sessions of administrators


class Portal:
    """An administrator who is a person, with a link, a browser that enrols, and a session."""

    def __init__(self, setup):
        self.service, self.decide = setup.service, setup.decide
        uses = self.service.sessions
        self.admin = self.service.credentials.create_person("Ada", all_companies=True)
        self.passkey = self.service.bind_passkey(self.admin.guid)
        self.active = uses.start(
            self.admin.guid, LogInMethod.PASSKEY, binding=self.passkey.guid, browser=""
        ).token
        created = uses.create_link(self.admin.guid, by=OPERATOR)
        self.admin, self.link = created.admin, created.token

    def redeem(self):
        """Return the cookie of a browser that has redeemed the link."""
        return self.service.sessions.redeem(self.link, browser="").token

    def bind_enrolling(self, cookie):
        """Return the passkey that the link's browser has registered."""
        return self.service.bind_passkey(self.admin.guid, session=cookie.partition(".")[0])

    def run(self, decision, token, *arguments):
        """Decide on what a browser presents; return the result."""
        guid, secret = token.split(".")
        stored = self.service.ports.store.get(guid)
        return self.decide(lambda tools: decision(stored, tools, secret, *arguments))


def session_started(setup):
    portal = Portal(setup)
    login = sessions.LogIn(
        admin=portal.admin.guid,
        method=LogInMethod.PASSKEY,
        binding=portal.passkey.guid,
        browser="",
    )
    passkey, account = portal.service.store.get_with_account(portal.passkey.guid)
    stored = (passkey, account, portal.admin)
    decision = setup.decide(lambda tools: sessions.start_session(stored, tools, login))
    assert decision.result.session.state is SessionState.ACTIVE
    assert decision.guards == (portal.admin,)


def link_created(setup):
    portal = Portal(setup)
    for by in (OPERATOR, administrator(portal.service)):
        decision = setup.decide(partial(sessions_link, portal.admin, by))
        assert decision.result.session.state is SessionState.INVITED
        # The open link ends, and two links that are made at once meet at the administrator.
        assert len(decision.writes) == 3
        assert decision.writes[-1] == decision.result.admin == revise(portal.admin)


def sessions_link(admin, by, tools):
    return sessions.create_link((admin,), by)


def link_redeemed(setup):
    portal = Portal(setup)
    assert len(portal.run(sessions.redeem, portal.link, "").writes) == 1


def browser_enrolled(setup):
    portal = Portal(setup)
    cookie = portal.redeem()
    passkey = portal.bind_enrolling(cookie).guid
    decision = portal.run(sessions.enrol, cookie, passkey)
    assert decision.result.session.state is SessionState.ACTIVE


def session_used(setup):
    portal = Portal(setup)
    assert portal.run(sessions.use_session, portal.active).writes == ()
    for token in (portal.active, portal.redeem()):
        assert portal.run(sessions.may_add_key, token).result.admin == portal.admin
    portal.service.clock.advance(timedelta(minutes=1))
    assert len(portal.run(sessions.use_session, portal.active).writes) == 1


def step_up_now(stored, tools, secret, binding):
    return sessions.step_up(stored, tools, secret, binding, proven_at=None)


def session_stepped_up(setup):
    portal = Portal(setup)
    stepped_up = portal.run(step_up_now, portal.active, portal.passkey.guid)
    assert stepped_up.result.token != portal.active
    portal.service.devices.suspend(portal.passkey.guid, by=OPERATOR)
    other = portal.service.bind_passkey(portal.admin.guid).guid
    refused = portal.run(step_up_now, portal.active, other)
    assert refused.writes[0].state is SessionState.REVOKED
    assert isinstance(refused.refusal, BindingInactive)


def session_ended(setup):
    portal = Portal(setup)
    assert len(portal.run(ended_sessions.log_out, portal.active).writes) == 1
    assert portal.run(ended_sessions.end_others, portal.active).result == 1
    stored = portal.service.ports.store.get(portal.link.partition(".")[0])
    for by in (OPERATOR, portal.admin):
        decision = setup.decide(lambda tools: ended_sessions.revoke(stored, by))  # noqa: B023
        assert decision.result.state is SessionState.REVOKED


def sessions_listed(setup):
    portal = Portal(setup)
    decision = setup.decide(lambda tools: sessions.list_sessions((portal.admin,), OPERATOR))
    assert len(decision.result) == 2


def session_expired(setup):
    portal = Portal(setup)
    stored = portal.service.ports.store.get(portal.active.partition(".")[0])
    portal.service.clock.advance(timedelta(days=1))
    assert setup.decide(partial(ended_sessions.expire, stored)).writes[0].due_at is None


def enrolment_completed(setup):
    portal = Portal(setup)
    cookie = portal.redeem()
    passkey = portal.bind_enrolling(cookie)
    complete = partial(proofs.complete_enrolment, served_kinds=frozenset())

    def stored():
        return portal.service.ports.store.get_with_account(passkey.guid)

    portal.service.clock.advance(portal.service.policy.ceremony_life)
    revocation = setup.decide(partial(complete, stored()))
    assert revocation.writes[0].state is BindingState.REVOKED
    portal.service.sessions.enrol(cookie, passkey.guid)
    (completed,) = setup.decide(partial(complete, stored())).writes
    assert completed.session is None
    (account,) = portal.service.ports.store.get(passkey.account)
    assert setup.decide(partial(complete, (completed, account))).writes == ()


def sessions_end_with_a_passkey(setup):
    portal = Portal(setup)
    store = portal.service.ports.store
    stored = store.get_with_account(portal.passkey.guid)
    assert setup.decide(partial(proofs.end_sessions, stored)).writes == ()
    portal.service.devices.revoke(portal.passkey.guid, by=OPERATOR)
    stored = store.get_with_account(portal.passkey.guid)
    decision = setup.decide(partial(proofs.end_sessions, stored))
    assert decision.writes[0].state is SessionState.REVOKED
    forget = partial(proofs.forget_sessions, stored, ended_binding=decision.result)
    assert setup.decide(forget).writes[0].sessions_end_at is None
    for other in (None, portal.passkey):
        forget = partial(proofs.forget_sessions, stored, ended_binding=other)
        assert setup.decide(forget).writes == ()


def passkey_discovered(setup):
    browser = Browser(setup)
    begun = setup.decide(
        lambda tools: discovery.start_discovery(tools, browser.party, browser.scope.rp_id)
    )
    assert begun.writes == ()
    decision = setup.decide(
        lambda tools: discovery.finish_discovery(
            tools,
            browser.party,
            begun.result.ticket,
            credential_id=browser.credential_id,
            assertion=browser.passkey.get(begun.result.challenge),
            handle=user_handle(browser.account.guid),
        )
    )
    assert decision.result[1] == browser.account
    assert decision.writes[0].state is AuthenticationState.AUTHENTICATED


def operators_ensured(setup):
    decision = setup.decide(
        lambda tools: operators.ensure_operators((None, None, None), tools, "auth.example")
    )
    assert len(decision.writes) == 3
    stored = (*decision.writes[:2], decision.writes[2])
    again = setup.decide(lambda tools: operators.ensure_operators(stored, tools, "auth.example"))
    assert (again.writes, again.result) == ((), decision.result)


CASES |= {
    "discovery.start_discovery": [passkey_discovered],
    "discovery.finish_discovery": [passkey_discovered],
    "operators.ensure_operators": [operators_ensured],
    "sessions.create_link": [link_created],
    "sessions.start_session": [session_started],
    "sessions.redeem": [link_redeemed],
    "sessions.enrol": [browser_enrolled],
    "sessions.use_session": [session_used],
    "sessions.may_add_key": [session_used],
    "sessions.step_up": [session_stepped_up],
    "sessions.list_sessions": [sessions_listed],
    "session_uses.refuse_use": [session_stepped_up],
    "ended_sessions.log_out": [session_ended],
    "ended_sessions.end_others": [session_ended],
    "ended_sessions.revoke": [session_ended],
    "ended_sessions.expire": [session_expired],
    "proofs.complete_enrolment": [enrolment_completed],
    "proofs.end_sessions": [sessions_end_with_a_passkey],
    "proofs.forget_sessions": [sessions_end_with_a_passkey],
}


class ApprovedSetup:
    """An action that the person has approved, as it is stored."""

    def __init__(self, setup):
        self.setup, service = setup, setup.service
        content = Action(type="tool-call", resource="send", arguments={"copies": 2})
        self.challenge = service.ask("alice", content).challenge
        setup.phone.answer(self.challenge)

    def run(self, plan, *arguments):
        return self.setup.decide(
            lambda tools: plan(self.challenge.guid, self.setup.origin, *arguments)
        )


def action_consumed(setup):
    approved = ApprovedSetup(setup)
    decision = approved.run(actions.plan_consume, {"copies": 2})
    assert decision.result.action.state is ActionState.USED
    assert len(decision.writes) == 2
    assert approved.run(actions.plan_status).result.use is None


def action_reported(setup):
    approved = ApprovedSetup(setup)
    setup.service.actions.consume(setup.service.origin, approved.challenge.guid, {"copies": 2})
    decision = approved.run(actions.plan_report, UseEvent.SUCCEED, None)
    assert decision.result.state is UseState.EXECUTED


def action_withdrawn(setup):
    decision = ApprovedSetup(setup).run(actions.plan_withdraw)
    assert decision.result.state is ActionState.WITHDRAWN


def action_expired(setup):
    approved = ApprovedSetup(setup)
    stored = setup.service.ports.store.get(approved_action_guid(approved.challenge.guid))
    setup.service.clock.advance(timedelta(days=1))
    assert setup.decide(partial(actions.expire, stored)).writes[0].due_at is None


CASES |= {
    "actions.plan_consume": [action_consumed],
    "actions.plan_status": [action_consumed],
    "actions.plan_report": [action_reported],
    "actions.plan_withdraw": [action_withdrawn],
    "actions.expire": [action_expired],
}


def invited_phone(setup):
    """An open invitation of another device, and what that one sends to complete its binding."""
    service = setup.service
    invitation = service.invitations.invite(service.origin, "alice", idempotency_key="once")
    space = service.app_space.guid
    return invitation, service.phone().device.enrolment(invitation.token, space, pin=PIN)


def invitee(setup, guid=None):
    return invitations.Invitee(app_space=setup.service.app_space, account_id="alice", guid=guid)


def invited(setup):
    decision = setup.decide(lambda tools: invitations.invite(setup.account, tools, invitee(setup)))
    assert decision.writes[1].state is BindingState.INVITED


def invited_first(setup):
    decision = setup.decide(lambda tools: invitations.invite(None, tools, invitee(setup)))
    assert decision.writes[0].version == 1


def invited_by_plan(setup):
    decision = setup.decide(lambda tools: invitations.plan_invite(invitee(setup)))
    assert decision.result.account.version == setup.account.version + 1


def invited_once(setup):
    first, _ = invited_phone(setup)
    stored = setup.service.store.get_with_account(first.binding)
    person = invitee(setup, first.binding)
    decision = setup.decide(lambda tools: invitations.invite_once(stored, tools, person))
    assert decision.result == first


def invited_once_by_plan(setup):
    guid = mint(account_partition(setup.service.app_space.guid, "alice"), bytes(range(15)))
    decision = setup.decide(lambda tools: invitations.plan_invite_once(guid, invitee(setup, guid)))
    assert decision.result.binding == guid


def invitation_renewed(setup):
    invitation, _ = invited_phone(setup)
    stored = setup.service.store.get_with_account(invitation.binding)
    decision = setup.decide(lambda tools: invitations.renew(stored, OPERATOR))
    assert decision.writes[2].state is BindingState.REVOKED


def invitation_expired(setup):
    invitation, _ = invited_phone(setup)
    stored = setup.service.store.get_with_account(invitation.binding)
    setup.service.clock.jump(invitation.deadline)
    decision = setup.decide(lambda tools: invitations.expire(stored, tools))
    assert decision.writes[0].state is BindingState.EXPIRED


def peeked(setup):
    service = setup.service
    invitation, _ = invited_phone(setup)
    with isolated():
        guid, secret = split_token(invitation.token)
    stored = service.store.get_with_account(guid)
    for companies in ({}, {service.app_space.guid: service.company.guid}):
        decision = setup.decide(
            lambda tools, companies=companies: enrolments.peek(stored, tools, secret, companies)
        )
        assert decision.result.app_space == service.app_space
        assert decision.result.company == service.company


def completed(setup):
    service = setup.service
    invitation, enrolment = invited_phone(setup)
    with isolated():
        offer = enrolments.read_offer(enrolment, service.policy)
        spaces = enrolments.claimed_app_spaces(offer)
    stored = service.store.get_with_account(invitation.binding, *spaces)
    decision = setup.decide(
        lambda tools: enrolments.complete(stored, tools, enrolment, offer, served_kinds=SERVED)
    )
    assert decision.result[0].state is BindingState.ACTIVE
    assert [type(record) for record in decision.writes[-2:]] == [Notification, AccountEvent]


def completed_in_place_of_another(setup):
    service = setup.service
    space = service.new_app_space("Staff", idp=service.idp.settings())
    old = service.log_in(space, "carol", addresses=(HERE,))
    invitation = service.identify(space, "carol")
    phone = service.phone().device
    enrolment = phone.enrolment(invitation.token, space.guid, pin=PIN, replaces=old.guid)
    with isolated():
        offer = enrolments.read_offer(enrolment, service.policy)
    stored = service.store.get_with_account(invitation.binding, space.guid, old.guid)
    decision = setup.decide(
        lambda tools: enrolments.complete(stored, tools, enrolment, offer, served_kinds=SERVED)
    )
    assert [record.state for record in decision.writes[:2]] == [
        BindingState.ACTIVE,
        BindingState.REVOKED,
    ]


def rotated(setup):
    rotation = setup.phone.device.rotation(pin=PIN, new_pin=PIN)
    device = setup.device(rotation.body)
    decision = setup.decide(
        lambda tools: devices.rotate(device, tools, rotation.body, served_kinds=SERVED)
    )
    assert decision.result.keys[0].key == rotation.device_key.public


def struck_by_a_rotation(setup):
    rotation = setup.phone.device.rotation(pin="0000", new_pin=PIN)
    device = setup.device(rotation.body)
    decision = setup.decide(
        lambda tools: devices.rotate(device, tools, rotation.body, served_kinds=SERVED)
    )
    assert decision.refusal.code == "strong_key_missed"


def updated(setup):
    body = b'{"name":"Tablet"}'
    device = setup.device(body)
    with isolated():
        changes = devices.read_changes(body, setup.service.policy)
    decision = setup.decide(lambda tools: devices.update(device, tools, changes))
    assert decision.result.name == "Tablet"


def seen_again(setup):
    device = setup.device()
    assert setup.decide(lambda tools: device_requests.store_seen(device, tools)).writes == ()
    device.binding = attrs.evolve(device.binding, last_seen_at=None)
    (binding,) = setup.decide(lambda tools: device_requests.store_seen(device, tools)).writes
    assert binding.last_seen_at == setup.service.clock.now()


def unbound(setup):
    device = setup.device()
    decision = setup.decide(lambda tools: devices.unbind(device, tools, served_kinds=SERVED))
    assert decision.result.state is BindingState.REVOKED
    assert isinstance(decision.writes[-1], Notification)


def locked_by_a_device(setup):
    device = setup.device()
    decision = setup.decide(lambda tools: devices.lock_account(device, tools))
    assert decision.result.locked_at == setup.service.clock.now()


def invited_by_a_device(setup):
    device = setup.device()
    decision = setup.decide(lambda tools: confirmations.invite_another(device, tools))
    assert decision.writes[1].endorser == setup.phone.guid


def new_phone(setup):
    service = setup.service
    return service.complete(setup.phone.invite(), service.phone())


def unconfirmed_listed(setup):
    new = new_phone(setup)
    device = setup.device()
    decision = setup.decide(lambda tools: confirmations.list_unconfirmed(device, tools))
    assert [binding.guid for binding in decision.result] == [new.guid]


def decided_by_device(setup, choice, pin=PIN):
    new, phone, service = new_phone(setup), setup.phone, setup.service
    (new_device,) = phone.new_devices()
    body = sign_confirmation(phone.device, new_device, choice, pin=pin).encode()
    call = phone.call("/device/confirmations", body)
    with isolated():
        request = device_requests.open_request(call, service.policy)
        token = confirmations.read_token(body, service.policy)
        reading = request.reading(new.guid)
    device = reading.parse(load(service.ports, reading), tools_of(service.ports, service.policy))
    return setup.decide(
        lambda tools: confirmations.decide_by_device(device, tools, token, served_kinds=SERVED)
    )


def new_phone_confirmed(setup):
    assert decided_by_device(setup, Choice.ADD).result.state is BindingState.ACTIVE


def moved_to_a_new_phone(setup):
    states = [record.state for record in decided_by_device(setup, Choice.MOVE).writes[:2]]
    assert states == [BindingState.ACTIVE, BindingState.REVOKED]


def new_phone_refused(setup):
    assert decided_by_device(setup, Choice.REFUSE).result.state is BindingState.REVOKED


def struck_by_a_confirmation(setup):
    decision = decided_by_device(setup, Choice.ADD, pin="0000")
    assert decision.refusal.code == "strong_key_missed"


def decided_by_origin(setup):
    new, service = new_phone(setup), setup.service
    stored = service.store.get_with_account(new.guid)
    code = own_comparison_code(new.device, pin=PIN)
    for typed, expected in ((code, BindingState.ACTIVE), ("0", BindingState.UNCONFIRMED)):
        decision = setup.decide(
            lambda tools, typed=typed: confirmations.decide_by_origin(
                stored, tools, service.origin, typed, served_kinds=SERVED
            )
        )
        assert decision.result.state is expected


def keys_endorsed(setup):
    setup.service.ports.signer.rotate()
    service_keys, device = setup.service.ports.signer.jwks(), setup.device()
    decision = setup.decide(lambda tools: devices.endorse_keys(device, tools, service_keys))
    assert decision.result.keys() == {key.kid for key in service_keys}


def suspended(setup):
    stored = setup.service.store.get_with_account(setup.phone.guid)
    for by in (OPERATOR, administrator(setup.service)):
        decision = setup.decide(
            lambda tools, by=by: devices.suspend_or_resume(stored, tools, by, BindingEvent.SUSPEND)
        )
        assert decision.result.state is BindingState.SUSPENDED


def revoked_by_each(setup):
    stored = setup.service.store.get_with_account(setup.phone.guid)
    for by in (setup.service.origin, OPERATOR, administrator(setup.service)):
        decision = setup.decide(
            lambda tools, by=by: devices.revoke(stored, tools, by, served_kinds=SERVED)
        )
        assert decision.result.state is BindingState.REVOKED
        assert isinstance(decision.writes[-1], Notification)


def revoked_by_whoever_appoints(setup):
    portal = Portal(setup)
    party = AdminLogins(setup.service.ports, setup.service.policy, domain="auth.example").portal()
    invitation = setup.service.invitations.invite(party, portal.admin.guid)
    stored = setup.service.store.get(portal.admin.guid)
    for by in (OPERATOR, administrator(setup.service)):
        decision = setup.decide(
            lambda _, by=by: devices.revoke_of_administrator(
                stored, by, invitation.binding, served_kinds=SERVED
            )
        )
        assert decision.result.state is BindingState.REVOKED


class Browser:
    """A user's browser with one passkey, and what it can answer: one more of each ceremony."""

    def __init__(self, setup):
        service = self.service = setup.service
        shop = service.origin
        self.scope = PasskeyScope(rp_id="shop.example", origins=("https://shop.example",))
        origin = attrs.evolve(shop.origin, domains=(self.scope.rp_id,))
        self.party = attrs.evolve(shop, origin=origin)
        self.passkey = FakePasskey(rp_id=self.scope.rp_id, origin=self.scope.origins[0])
        self.credential_id = self.passkey.public.passkey.credential_id
        self.registered = self.verify(self.begin("start_registration"))
        service.ceremonies.register(self.party, "dora", self.response)
        self.registration = self.begin("start_registration").registration
        self.begun = self.begin("start_authentication")

    def begin(self, verb):
        start = getattr(self.service.ceremonies, verb)
        return start(self.party, "dora", self.scope.rp_id)

    def verify(self, started):
        self.response = FakeModel(attestation="none").create(self.passkey, started.challenge)
        return self.service.ports.attestation.verify(
            self.response, scope=self.scope, challenge=started.challenge
        )

    def start(self, account_id="dora"):
        return ceremonies.CeremonyStart(party=self.party, account_id=account_id, scope=self.scope)

    def stored(self, record):
        return self.service.store.get_with_account(record.guid)

    @property
    def account(self):
        return self.service.account("dora")


def registration_started(setup):
    browser = Browser(setup)
    for account, account_id, count in ((browser.account, "dora", 1), (None, "emil", 2)):
        start = browser.start(account_id)
        decision = setup.decide(
            lambda tools: ceremonies.start_registration(account, tools, start)  # noqa: B023
        )
        assert len(decision.writes) == count


def registration_checked(setup):
    browser = Browser(setup)
    stored = browser.stored(browser.registration)
    decision = setup.decide(
        lambda tools: ceremonies.check_registration(stored, tools, browser.party, "dora")
    )
    assert (decision.result, decision.writes) == (browser.registration, ())


def passkey_registered(setup):
    browser = Browser(setup)
    browser.passkey = FakePasskey(rp_id=browser.scope.rp_id, origin=browser.scope.origins[0])
    started = browser.begin("start_registration")
    registered = browser.verify(started)
    stored = browser.stored(started.registration)
    decision = setup.decide(
        lambda tools: ceremonies.register(
            stored, tools, browser.party, "dora", registered, session=None, served_kinds=SERVED
        )
    )
    assert decision.writes[0].state is RegistrationState.REGISTERED
    assert decision.result[0].answers is False


def authentication_started(setup):
    browser = Browser(setup)
    decision = setup.decide(
        lambda tools: ceremonies.start_authentication(browser.account, tools, browser.start())
    )
    assert decision.result.allowed == (browser.credential_id,)


def authentication_finished(setup):
    browser = Browser(setup)
    stored = browser.stored(browser.begun.authentication)
    assertion = browser.passkey.get(browser.begun.challenge)
    decision = setup.decide(
        lambda tools: ceremonies.finish(
            stored,
            tools,
            browser.party,
            "dora",
            credential_id=browser.credential_id,
            assertion=assertion,
            handle=None,
        )
    )
    assert decision.result.state is AuthenticationState.AUTHENTICATED


def ceremonies_expired(setup):
    browser = Browser(setup)
    browser.service.clock.jump(browser.registration.deadline)
    for ceremony in (browser.registration, browser.begun.authentication):
        decision = setup.decide(partial(ceremonies.expire, browser.stored(ceremony)))
        assert decision.writes[0].due_at is None


CASES |= {
    "ceremonies.check_registration": [registration_checked],
    "ceremonies.expire": [ceremonies_expired],
    "ceremonies.finish": [authentication_finished],
    "ceremonies.register": [passkey_registered],
    "ceremonies.start_authentication": [authentication_started],
    "ceremonies.start_registration": [registration_started],
    "confirmations.decide_by_device": [
        *(new_phone_confirmed, moved_to_a_new_phone, new_phone_refused),
        struck_by_a_confirmation,
    ],
    "confirmations.decide_by_origin": [decided_by_origin],
    "confirmations.invite_another": [invited_by_a_device],
    "confirmations.list_unconfirmed": [unconfirmed_listed],
    "devices.endorse_keys": [keys_endorsed],
    "devices.revoke": [revoked_by_each],
    "devices.revoke_of_administrator": [revoked_by_whoever_appoints],
    "devices.revoke_binding": [revoked_by_each],
    "devices.rotate": [rotated, struck_by_a_rotation],
    "devices.suspend_or_resume": [suspended],
    "device_requests.store_seen": [seen_again],
    "devices.lock_account": [locked_by_a_device],
    "devices.unbind": [unbound],
    "devices.update": [updated],
    "enrolments.complete": [completed, completed_in_place_of_another],
    "enrolments.peek": [peeked],
    "invitations.expire": [invitation_expired],
    "invitations.renew": [invitation_renewed],
    "invitations.invite": [invited, invited_first],
    "invitations.invite_once": [invited_once],
    "invitations.plan_invite": [invited_by_plan],
    "invitations.plan_invite_once": [invited_once_by_plan],
    **{name: [partial(administered, plan, writes=True)] for name, plan in TENANCY.items()},
    **{name: [partial(administered, plan, writes=False)] for name, plan in SEEING.items()},
}


def request_verified(setup):
    service, guid = setup.service, setup.origin
    secret = service.credentials.issue(guid, Scheme.BASIC).secret
    request = authentication.SignedRequest(
        method="GET",
        uri="https://a.example/",
        body=b"",
        authorization=write_basic(secret, guid=guid),
    )
    tools = tools_of(service.ports, service.policy)
    with isolated():
        claim = authentication.read_claim(request, tools)
        reading = claim.reading({})
    stored = load(service.ports, reading)
    with isolated():
        holder, once = authentication.verify(stored, tools, claim, Origin)
    assert (holder.guid, once) == (guid, None)


def callback_origin_read(setup):
    with isolated():
        reading = callbacks.origin_of((setup.callback,))
        own = callbacks.origin_of((setup.service.origin.origin,))
    assert (reading.arguments, own.query) == ((setup.origin,), "")


def attempt_records_read(setup):
    with isolated():
        reading = notifying.attempt_records(setup.notification, {})
    assert reading.arguments == (setup.notification.guid,)


def device_read_again(setup):
    device, service = setup.device(), setup.service
    with isolated():
        reading = device_requests.read_again(device)
    stored, tools = load(service.ports, reading), tools_of(service.ports, service.policy)
    with isolated():
        assert reading.parse(stored, tools).binding == device.binding


TOOLED_CASES = {
    "authentication.read_claim": [request_verified],
    "authentication.verify": [request_verified],
    "callbacks.origin_of": [callback_origin_read],
    "device_requests.read_again": [device_read_again],
    "notifying.attempt_records": [attempt_records_read],
}


@pytest.mark.parametrize("name", sorted(TOOLED_CASES))
def test_what_a_use_case_calls_beside_a_step_has_no_effects(service, name):
    for case in TOOLED_CASES[name]:
        case(Setup(service))


def test_everything_that_gets_tools_or_reads_runs_isolated():
    assert TOOLED_CASES.keys() | PARTS == TOOLED
    assert not TOOLED_CASES.keys() & PARTS


@pytest.mark.parametrize("case", [case for cases in CASES.values() for case in cases])
def test_a_decision_has_no_effects(service, case):
    case(Setup(service))


def test_every_decision_is_tried_without_io():
    assert CASES.keys() == DECIDING


@pytest.mark.parametrize(
    "effect",
    [
        lambda: Path(__file__).read_text("utf-8"),
        lambda: socket.socket().close(),
        lambda: socket.getaddrinfo("localhost", 1),
        lambda: subprocess.run([sys.executable, "--version"], check=True),
        lambda: threading.Thread(target=print).start(),
    ],
    ids=["file", "socket", "name", "process", "thread"],
)
def test_a_decision_with_an_effect_is_found(service, effect):
    with pytest.raises(Effect):
        decide(service, lambda tools: effect())


# Handed nothing that could do I/O


def is_port(annotation):
    module = getattr(annotation, "__module__", "")
    return getattr(annotation, "_is_protocol", False) or module.startswith("counterseal.ports")


@cache
def hints_of(annotated):
    return get_type_hints(annotated)


@cache
def unfit(annotation, *, parents=()):
    """What in *annotation* could be called to do I/O; what a class holds is looked at, too."""
    if annotation is Tools or annotation in parents:
        return []
    origin = get_origin(annotation)
    if origin is not None:
        if origin is Callable:
            return [str(annotation)]
        return [each for part in get_args(annotation) for each in unfit(part, parents=parents)]
    if is_port(annotation):
        return [annotation.__name__]
    if not isinstance(annotation, type) or not attrs.has(annotation):
        return []
    hints = hints_of(annotation)
    parents = (*parents, annotation)
    return [
        each
        for field in attrs.fields(annotation)
        for each in unfit(hints[field.name], parents=parents)
    ]


def unfit_parameters(function):
    hints = hints_of(function)
    findings = []
    for name in inspect.signature(function).parameters:
        if name == "self":
            continue
        if hints[name] in {Any, object}:
            findings.append(f"{name}: {hints[name]}")
        findings.extend(f"{name}: {each}" for each in unfit(hints[name]))
    return findings


@pytest.mark.parametrize("name", sorted(FUNCTIONS | METHODS))
def test_no_decision_is_handed_what_could_do_io(name):
    """Of all functions and methods of the deciding modules, what they share included."""
    assert unfit_parameters((FUNCTIONS | METHODS)[name]) == []


class Finder(Protocol):
    def get(self, *guids: Guid) -> tuple[Record | None, ...]: ...


@attrs.define
class Sneaking:
    store: Store


@attrs.define
class Hiding:
    find: Callable[[Guid], Record] | None


class Asking:
    def decide(self, get: Callable[[Guid], Record]) -> Decision[None]: ...


def with_a_method(find: Callable[[Guid], Record], tools: Tools) -> Decision[None]: ...
def with_a_port(store: Store, tools: Tools) -> Decision[None]: ...
def with_a_shape(finder: Finder, tools: Tools) -> Decision[None]: ...
def with_a_port_inside(sneaking: Sneaking, tools: Tools) -> Decision[None]: ...
def with_a_method_inside(hiding: tuple[Hiding, ...], tools: Tools) -> Decision[None]: ...
def with_anything(value: Any, tools: Tools) -> Decision[None]: ...


@pytest.mark.parametrize(
    "planted",
    [
        with_a_method,
        with_a_port,
        with_a_shape,
        with_a_port_inside,
        with_a_method_inside,
        with_anything,
        Asking.decide,
    ],
)
def test_a_ports_method_that_is_handed_to_a_decision_is_found(planted):
    assert len(unfit_parameters(planted)) == 1
