"""How often each use case goes to the store and to the guards: call by call, and none more."""

from contextlib import contextmanager
from datetime import timedelta

import attrs
import pytest

from counterseal import STANDARD, STRICT, Gauges
from counterseal.bindings.records import SEEN_STEP
from counterseal.credentials.decisions.authentication import SignedRequest
from counterseal.credentials.documents import write_basic
from counterseal.errors import (
    BindingInactive,
    CredentialRefused,
    Foreign,
    NotPossessed,
    Refused,
    TokenSpent,
    WrongToken,
)
from counterseal.models import (
    OPERATOR,
    AddressKind,
    Admin,
    AdminRole,
    LogInMethod,
    Origin,
    PushAddress,
    Scheme,
)
from counterseal.models.guid import mint
from counterseal.outbox.usecases.claims import CANDIDATES_PER_SLOT
from counterseal.ports import Store
from counterseal.tenancy.usecases.administration import Administration
from counterseal_testing import FakeService, Faults
from counterseal_testing.faults import faulty_ports
from counterseal_testing.identity import APP_RETURN
from counterseal_testing.service import CALLBACK

RELAY = PushAddress(kind=AddressKind.RELAY, value="here")
COUNTED = ("store", "replay", "counters", "idempotency")
KEYED = ["counters.add", "idempotency.begin"]


class Counted(FakeService):
    """A world that counts."""

    def __init__(self, policy=STANDARD):
        self.faults = Faults()
        super().__init__(adapters=lambda ports: faulty_ports(ports, self.faults), policy=policy)

    @contextmanager
    def takes(self, *expected):
        begin = len(self.faults.calls)
        yield
        calls = self.faults.calls[begin:]
        counted_calls = [call for call in calls if call.partition(".")[0] in COUNTED]
        assert counted_calls == list(expected)


@pytest.fixture
def world():
    return Counted()


@pytest.fixture
def zoe(world):
    return world.bind("zoe")


def enrolment(world, phone, token, space=None):
    return phone.device.enrolment(token, space or world.app_space.guid, pin=phone.pin)


def test_a_bind(world):
    with world.takes("counters.add", "store.account", "store.commit"):
        invited = world.invitations.invite(world.origin, "zoe")
    phone = world.phone()
    offer = enrolment(world, phone, invited.token)
    # Nobody knows yet who invites in this App Space, so one trip more reads the origin's role.
    with world.takes("store.get_with_account", "store.get", "store.commit"):
        bound = world.enrolments.complete(offer)
    with world.takes("store.get_with_account"):
        assert world.enrolments.complete(offer).binding == bound.binding
    with world.takes("store.get_with_account"), pytest.raises(TokenSpent):
        world.enrolments.complete(enrolment(world, world.phone(), invited.token))


def test_a_bind_reads_the_origin_that_invited_the_device_before(world, zoe):
    def complete(origin):
        invited = world.invitations.invite(origin, "yves")
        return enrolment(world, world.phone(), invited.token)

    offer = complete(world.origin)
    with world.takes("store.get_with_account", "store.commit"):
        world.enrolments.complete(offer)
    other = complete(world.new_origin(world.app_space, "Other"))
    with world.takes("store.get_with_account", "store.get", "store.commit"):
        world.enrolments.complete(other)
    again = complete(world.origin)
    with world.takes("store.get_with_account", "store.get", "store.commit"):
        world.enrolments.complete(again)


@pytest.mark.parametrize("claimed", ["another", "nobody's", "no GUID"])
def test_a_bind_for_another_app_space_is_refused_whatever_is_claimed(world, claimed):
    """The claim only says what to read in the same trip."""
    space = {
        "another": world.new_app_space("Other").guid,
        "nobody's": mint(7, bytes(15)),
        "no GUID": "space",
    }[claimed]
    invited = world.invitations.invite(world.origin, "zoe")
    with world.takes("store.get_with_account"), pytest.raises(NotPossessed):
        world.enrolments.complete(enrolment(world, world.phone(), invited.token, space))
    stranger = f"{invited.binding}.{'0' * 22}"
    with world.takes("store.get_with_account"), pytest.raises(WrongToken):
        world.enrolments.complete(enrolment(world, world.phone(), stranger, space))
    again = enrolment(world, world.phone(), invited.token)
    assert world.enrolments.complete(again).app_space == world.app_space


def test_a_bind_whose_other_key_is_for_another_app_space_is_refused(world):
    invited, phone = world.invitations.invite(world.origin, "zoe"), world.phone()
    ours = enrolment(world, phone, invited.token)
    theirs = enrolment(world, phone, invited.token, world.new_app_space("Other").guid)
    mixed = attrs.evolve(ours, keys=(ours.keys[0], theirs.keys[1]))
    with world.takes("store.get_with_account"), pytest.raises(NotPossessed):
        world.enrolments.complete(mixed)


def test_an_origin_is_read_with_its_app_space_once_that_is_known(world):
    origin = world.origin.origin.guid
    secret = world.credentials.issue(origin, Scheme.BASIC).secret

    def request(secret):
        authorization = write_basic(secret, guid=origin)
        return SignedRequest(method="GET", uri="https://id.example/", authorization=authorization)

    with world.takes("store.get", "store.get"):
        first = world.authentication.authenticate(request(secret))
    with world.takes("store.get"):
        assert world.authentication.authenticate(request(secret)) == first
    with world.takes("store.get"), pytest.raises(CredentialRefused):
        world.authentication.authenticate(request("wrong"))


def test_a_question(world, zoe):
    with world.takes("counters.add", "store.account", "store.commit"):
        world.ask("zoe", "Pay?", callback=CALLBACK)
    with world.takes(*KEYED, "store.account", "store.commit", "idempotency.finish"):
        issued = world.ask("zoe", "Pay?", idempotency_key="once")
    with world.takes(*KEYED, "store.get_with_account", "idempotency.finish"):
        assert world.ask("zoe", "Pay?", idempotency_key="once").challenge == issued.challenge
    with world.takes("store.account", "store.pending"):
        assert len(world.challenges.pending(world.origin, "zoe")) == 2


def test_a_device_that_is_seen_after_an_hour_takes_two_trips_more(world, zoe):
    challenge = world.ask("zoe", "Pay?").challenge
    trips = ("store.get", "replay.first_seen")
    with world.takes(*trips, "store.pending"):
        zoe.pending()
    world.clock.advance(SEEN_STEP)
    with world.takes(*trips, "store.commit", "store.get", "store.pending"):
        zoe.pending()
    with world.takes(*trips, "store.pending"):
        zoe.pending()
    assert challenge.deadline < world.clock.now()


def test_a_question_to_a_device_that_is_notified(world):
    address = PushAddress(kind=AddressKind.RELAY, value="here")
    world.bind("zoe", addresses=(address,))
    with world.takes("counters.add", "store.account", "store.commit"):
        world.ask("zoe", "Pay?")
    (notification,) = world.notifications.due()
    with world.takes("store.get", "store.commit", "store.get", "store.get", "store.commit"):
        world.notifications.attempt(notification.guid)


def test_a_question_that_supersedes_others_reads_them_at_once():
    world = Counted(attrs.evolve(STRICT, pending_limit=2, supersede=True))
    world.bind("zoe")
    for _ in range(2):
        world.clock.advance(timedelta(seconds=30))
        world.ask("zoe", "Pay?", show_code=True)
    world.clock.advance(timedelta(seconds=30))
    with world.takes("counters.add", "store.account", "store.get", "store.commit"):
        world.ask("zoe", "Pay?", show_code=True)


def test_a_key_whose_first_call_lost_a_race_looks_for_what_is_there(world, zoe):
    world.faults.meanwhile(zoe.rotate)
    first = (*KEYED, "store.account", "store.commit")
    other = ("store.get", "replay.first_seen", "store.commit")
    again = ("store.get_with_account", "store.account", "store.commit", "idempotency.finish")
    with world.takes(*first, *other, *again):
        world.ask("zoe", "Pay?", idempotency_key="once")


def test_a_device_and_its_answer(world, zoe):
    challenge = world.ask("zoe", "Pay?", callback=CALLBACK).challenge
    with world.takes("store.get", "replay.first_seen", "store.pending"):
        zoe.pending()
    with world.takes("store.get", "replay.first_seen", "store.commit"):
        zoe.fetch(challenge.guid)
    with world.takes("store.get", "replay.first_seen"):
        zoe.fetch(challenge.guid)
    with world.takes("store.get", "replay.first_seen", "store.commit"), pytest.raises(Refused):
        attrs.evolve(zoe, pin="0000").answer(challenge)
    with world.takes("store.get", "replay.first_seen", "store.commit"):
        zoe.answer(challenge)
    with world.takes("store.get", "replay.first_seen"), pytest.raises(Refused):
        zoe.answer(challenge, 1)
    other = world.ask("zoe", "Pay?").challenge
    with world.takes("store.get", "replay.first_seen", "store.commit"):
        zoe.disown(other)
    with world.takes("store.get", "replay.first_seen", "store.commit"):
        zoe.rotate()


@pytest.fixture
def space(world):
    return world.new_app_space("Staff", idp=world.idp.settings())


def test_a_log_in(world, space):
    world.idp.admit("carol")
    with world.takes("counters.add", "store.get", "store.commit"):
        redirect = world.logins.redirect(space.guid, APP_RETURN)
    back = world.idp.log_in(redirect.url, "carol")
    with world.takes("store.get"):
        world.logins.relay_response(back.state, {"code": back.code})
    spend, invite = ["store.get", "store.get", "store.commit"], ["store.account", "store.commit"]
    with world.takes(*spend, *invite):
        world.logins.authenticate(back.state, back.code, redirect.app_secret)
    world.clock.jump(world.logins.redirect(space.guid, APP_RETURN).deadline)
    with world.takes("store.due", "store.get", "store.commit"):
        assert world.logins.expire() == 1


@pytest.mark.parametrize(("administrator", "permission"), [(False, []), (True, ["store.get"])])
def test_a_test_log_in(world, space, administrator, permission):
    by = OPERATOR
    if administrator:
        guid = world.credentials.create_admin("Ada", all_companies=True).guid
        (by,) = world.ports.store.get(guid)
    world.idp.admit("carol")
    addresses = {"app_return": APP_RETURN, "service_return": ""}
    with world.takes("counters.add", "store.get", *permission, "store.commit"):
        begun = world.login_tests.begin(space.guid, secret="secret", by=by, **addresses)
    back = world.idp.log_in(begun.url, "carol")
    response = {"state": back.state, "code": back.code}
    with world.takes("store.get", *permission, "store.commit", "store.account"):
        world.login_tests.finish(space.guid, response, secret="secret", by=by)


def test_a_revalidation(world, space):
    carol = world.log_in(space, "carol")
    account = carol.device.bond.account
    with world.takes("store.get", "store.get", "store.get", "store.commit"):
        world.logins.revalidate(account)
    world.clock.advance(STANDARD.revalidation_life)
    admit, store = ["store.get", "replay.first_seen"], ["store.get", "store.commit"]
    # The account is read again before the provider is asked: its grant may have been replaced, and
    # the user may have logged out, since the call was authenticated.
    with world.takes(*admit, "store.get", *store, "store.get", "store.pending"):
        carol.pending()
    suspend = ["store.get", "store.get", "store.commit"]
    find = ["store.get", "store.account", "store.get"]
    with world.takes(*find, "replay.first_seen", *suspend):
        world.logins.log_out(space.guid, world.idp.log_out("carol"))
    again = ["store.get", "store.get", "store.commit", "store.account", "store.commit"]
    # As above: the account is read again before the provider is asked.
    resume = ["store.get", "store.get", "store.get", "store.commit"]
    # At last the user's devices are listed.
    world.idp.admit("carol")
    redirect = world.logins.redirect(space.guid, APP_RETURN)
    back = world.idp.log_in(redirect.url, "carol")
    with world.takes(*again, *resume, "store.get"):
        world.logins.authenticate(back.state, back.code, redirect.app_secret)


def test_an_account_of_an_origin(world, zoe):
    with world.takes("store.account"):
        account = world.accounts.get(world.origin, "zoe")
    with world.takes("store.get"):
        world.accounts.get_by_guid(world.origin, account.guid)
    with world.takes("store.account", "store.bindings"):
        assert len(world.accounts.list_devices(world.origin, "zoe")) == 1
    with world.takes("store.account"):
        assert world.accounts.list_devices(world.origin, "nobody") == ()
    with world.takes("store.account"):
        assert world.accounts.has_device(world.origin, "zoe")
    with world.takes("store.account", "store.bindings", "store.commit"):
        world.accounts.revoke(world.origin, "zoe")


@pytest.mark.parametrize(("administrator", "permission"), [(False, []), (True, ["store.get"])])
def test_an_account_that_is_administered(world, zoe, administrator, permission):
    by = OPERATOR
    if administrator:
        guid = world.credentials.create_admin("Ada", all_companies=True).guid
        (by,) = world.ports.store.get(guid)
    with world.takes("store.get", *permission, "store.account"):
        account = world.accounts.find(world.app_space.guid, "zoe", by=by).guid
    for prefix in ("z", account):
        with world.takes("store.get", *permission, "store.search"):
            assert len(world.accounts.search(world.app_space.guid, prefix, by=by).accounts) == 1
    with world.takes("store.get", *permission, "store.bindings"):
        world.accounts.get_with_devices(account, by=by)
    for verb in (world.accounts.lock, world.accounts.unlock):
        with world.takes("store.get", *permission, "store.commit"):
            verb(account, by=by)
    with world.takes("store.get", *permission, "store.bindings", "store.commit"):
        world.accounts.revoke_all(account, by=by)
    with world.takes("store.get", *permission, "store.bindings", "store.pending", "store.commit"):
        world.accounts.erase(account, by=by)


def test_an_invitation_with_a_key(world):
    with world.takes(*KEYED, "store.account", "store.commit", "idempotency.finish"):
        first = world.invitations.invite(world.origin, "zoe", idempotency_key="once")
    with world.takes(*KEYED, "store.get_with_account", "idempotency.finish"):
        assert world.invitations.invite(world.origin, "zoe", idempotency_key="once") == first
    # As above of who invites, nobody knows yet whose the App Space is.
    with world.takes("store.get_with_account", "store.get", "store.get"):
        world.enrolments.peek(first.token)
    with world.takes("store.get_with_account", "store.get"):
        world.enrolments.peek(first.token)
    world.clock.jump(first.deadline)
    with world.takes("store.due", "store.get_with_account", "store.commit"):
        assert world.invitations.expire() == 1


def test_what_a_device_does_besides_answering(world, zoe):
    with world.takes("store.get", "replay.first_seen"):
        world.devices.authenticate(zoe.call("/device"))
    with world.takes("store.get", "replay.first_seen", "store.get"):
        world.devices.status(zoe.call("/device/status"))
    # By now it is known which company to read with the App Space.
    with world.takes("store.get", "replay.first_seen"):
        world.devices.status(zoe.call("/device/status"))
    with world.takes("store.get", "replay.first_seen", "store.commit"):
        world.devices.update(zoe.call("/device", b'{"name":"Tablet"}'))
    with world.takes("store.get", "replay.first_seen"):
        world.keysets.endorse(zoe.call("/device/keys"))
    with world.takes("store.get", "replay.first_seen", "counters.add"):
        world.telemetry.record(zoe.call("/device/telemetry", b'{"event":"custom"}'))


def test_a_device_that_is_stopped(world, zoe):
    created = world.credentials.create_admin(
        "Support", role=AdminRole.SUPPORT, app_space=world.app_space.guid
    )
    (support,) = world.ports.store.get(created.guid)
    with world.takes("store.get_with_account", "store.commit"):
        world.devices.suspend(zoe.guid, by=OPERATOR)
    with world.takes("store.get_with_account", "store.get", "store.commit"):
        world.devices.resume(zoe.guid, by=support)
    with world.takes("store.get_with_account", "store.commit"):
        world.devices.revoke(zoe.guid, by=world.origin)
    tablet = world.bind("zoe")
    with world.takes("store.get", "replay.first_seen", "store.commit"):
        world.devices.unbind(tablet.call("/device", method="DELETE"))
    tablet = world.bind("zoe")
    with world.takes("store.get", "replay.first_seen", "store.commit"):
        tablet.lock()


def test_a_status(world, zoe):
    challenge = world.ask("zoe", "Pay?").challenge
    with world.takes("store.get_with_account"):
        assert not world.challenges.status(world.origin, challenge.guid).approved
    zoe.answer(challenge)
    with world.takes("store.get_with_account"):
        assert world.challenges.status(world.origin, challenge.guid).approved
    stranger = world.new_origin(world.app_space, "Other")
    with world.takes("store.get_with_account"), pytest.raises(Foreign):
        world.challenges.status(stranger, challenge.guid)


def test_a_status_that_was_erased_costs_no_more(world, zoe):
    challenge = world.ask("zoe", "Pay?").challenge
    zoe.answer(challenge)
    (_, account) = world.ports.store.get_with_account(challenge.guid)
    world.accounts.erase(account.guid, by=OPERATOR)
    with world.takes("store.get_with_account"), pytest.raises(Refused):
        world.challenges.status(world.origin, challenge.guid)


def test_an_ending_and_its_callback(world, zoe):
    cancelled = world.ask("zoe", "Pay?", callback=CALLBACK).challenge
    with world.takes("store.get_with_account", "store.commit"):
        world.challenges.cancel(world.origin, cancelled.guid)
    expired = world.ask("zoe", "Pay?", callback=CALLBACK).challenge
    world.clock.jump(expired.deadline)
    with world.takes("store.due", "store.get_with_account", "store.commit"):
        assert world.challenges.expire() == 1
    claim, send = ["store.get", "store.commit"], ["store.get"]
    with world.takes("store.due"):
        first, _ = world.callbacks.due()
    world.sender.script(500)
    with world.takes(*claim, *send, "store.commit"):
        world.callbacks.attempt(first)
    world.clock.jump(expired.deadline + timedelta(hours=1))
    with world.takes("store.due"):
        due = world.callbacks.find_due({}, 3).callbacks
    # What a worker has read is not read again: if it has changed, the commit is refused.
    callback = next(callback for callback in due if callback.guid == first)
    world.sender.script(410)
    with world.takes("store.commit", *send, "store.commit"):
        world.callbacks.attempt(callback)
    with world.takes("store.due", "store.gauges", "store.due"):
        world.callbacks.find_due({}, 1)
    with world.takes("store.get", "store.dead"):
        assert len(world.callbacks.list_dead(world.origin.origin.guid, by=OPERATOR)) == 1


def test_due_notifications(world):
    kinds = world.ports.notifier.kinds()
    full = CANDIDATES_PER_SLOT * len(kinds)
    for number in range(full):
        with world.takes("store.due"):
            assert len(world.notifications.find_next({}, 1)) == bool(number)
        name = f"user-{number}"
        world.bind(name, addresses=(RELAY,))
        world.ask(name, "Pay?")
    # The look did not come to its end: what may be rung on other channels is asked for.
    with world.takes("store.due", *["store.due"] * (len(kinds) - 1)):
        assert len(world.notifications.find_next({}, 1)) == 1
    with world.takes("store.due"):
        assert len(world.notifications.find_next({}, 1, read_further=False)) == 1


def test_gauges_are_read_at_once(world):
    gauges = Gauges(world.ports, world.policy)
    with world.takes("store.gauges"):
        gauges.read(by=OPERATOR)
    with world.takes("store.get", "store.gauges"):
        gauges.read(app_space=world.app_space.guid, by=OPERATOR)


def test_every_verb_of_the_store_is_counted_here():
    verbs = {name for name in vars(Store) if not name.startswith("_")}
    assert verbs == {
        *("get", "get_with_account", "account", "bindings", "pending", "list", "due"),
        *("dead", "search", "gauges", "commit"),
    }


def test_what_the_operator_administers(world):
    origin = world.origin.origin.guid
    with world.takes("store.get", "store.commit"):
        world.administration.create_origin(world.app_space.guid, "Other")
    with world.takes("store.get", "store.commit"):
        world.administration.edit_origin(origin, name="Other")
    with world.takes("store.get"):
        world.administration.edit_origin(origin, name="Other")
    with world.takes("store.get", "store.get"):
        world.administration.relying_party(origin)
    with world.takes("store.list"):
        world.administration.list(world.app_space.guid, Origin)
    # All companies are read, since no two of them may have names that look alike.
    with world.takes("store.get", "store.list", "store.commit"):
        world.administration.verify_company(world.company.guid, "Example Ltd")
    with world.takes("store.get", "store.commit"):
        world.administration.verify_company(world.company.guid, None)
    with world.takes("store.commit"):
        world.credentials.create_admin("Ada", all_companies=True)
    with world.takes("store.get", "store.commit"):
        world.credentials.issue(origin, Scheme.BASIC)


def test_what_an_administrator_administers(world):
    """Its record is read anew, in one trip with the App Space that it has to reach."""
    issued = world.credentials.create_admin("Ada", company=world.company.guid)
    admin = world.administration.get(issued.guid, Admin)
    administration = Administration(world.ports, world.policy, by=admin)
    origin = world.origin.origin.guid
    with world.takes("store.get", "store.get", "store.commit"):
        administration.create_origin(world.app_space.guid, "Other")
    with world.takes("store.get", "store.get", "store.commit"):
        administration.edit_origin(origin, name="Other")
    with world.takes("store.list", "store.get"):
        administration.list(world.app_space.guid, Origin)


def test_a_session_of_an_administrator(world):
    """Whatever it was opened and stepped up by is read in the trip of its administrator."""
    sessions, admin = world.sessions, world.credentials.create_person("Ada", all_companies=True)
    first, second = (world.bind_passkey(admin.guid).guid for _ in range(2))
    with world.takes("store.get_with_account", "store.list", "store.commit"):
        issued = sessions.start(admin.guid, LogInMethod.PASSKEY, binding=first, browser="")
    with world.takes("store.get", "store.get_with_account", "store.commit"):
        issued = sessions.step_up(issued.token, second)
    for use in (sessions.authenticate, sessions.may_add_key):
        with world.takes("store.get", "store.get"):
            use(issued.token)
    with world.takes("store.get", "store.get", "store.list"):
        sessions.end_others(issued.token)
    world.devices.revoke(second, by=OPERATOR)
    with world.takes("store.get", "store.get", "store.commit"), pytest.raises(BindingInactive):
        sessions.authenticate(issued.token)
    with world.takes("store.get"), pytest.raises(WrongToken):
        sessions.authenticate(f"{issued.session.guid}.other")


def test_a_link_of_an_administrator(world):
    sessions, admin = world.sessions, world.credentials.create_person("Ada", all_companies=True)
    with world.takes("store.get", "store.list", "store.commit"):
        link = sessions.create_link(admin.guid, by=OPERATOR)
    with world.takes("store.get", "store.get", "store.commit"):
        redeemed = sessions.redeem(link.token, browser="")
    passkey = world.bind_passkey(admin.guid, session=redeemed.session.guid).guid
    with world.takes("store.get", "store.get_with_account", "store.commit"):
        sessions.enrol(redeemed.token, passkey)
    with world.takes("store.get_with_account", "store.get", "store.commit"):
        sessions.complete_enrolment(passkey)
    with world.takes("store.get_with_account"):
        sessions.complete_enrolment(passkey)


def test_the_worker_ends_the_sessions_of_a_passkey(world):
    sessions, admin = world.sessions, world.credentials.create_person("Ada", all_companies=True)
    passkey = world.bind_passkey(admin.guid).guid
    sessions.start(admin.guid, LogInMethod.PASSKEY, binding=passkey, browser="")
    world.devices.revoke(passkey, by=OPERATOR)
    with world.takes(
        *("store.due", "store.due"),
        *("store.get_with_account", "store.get", "store.list", "store.commit"),
        *("store.get_with_account", "store.commit"),
    ):
        assert sessions.expire() == 1
    with world.takes("store.due", "store.due"):
        assert sessions.expire() == 0
