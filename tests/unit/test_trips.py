"""How often each use case goes to the store and to the guards, as `trips.toml` says."""

import re
import tomllib
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from counterseal import STANDARD, STRICT, Gauges, MailedLinks
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
    Action,
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
from counterseal.ports import PartSearch, Store
from counterseal.tenancy.usecases.administration import Administration
from counterseal_testing import FakeService, Faults
from counterseal_testing.faults import faulty_ports
from counterseal_testing.identity import APP_RETURN
from counterseal_testing.service import CALLBACK

RELAY = PushAddress(kind=AddressKind.RELAY, value="here")
COUNTED = ("store", "replay", "counters", "idempotency")

TABLE = Path(__file__).with_name("trips.toml")
TRIPS = {name: trips.split() for name, trips in tomllib.loads(TABLE.read_text("utf-8")).items()}


class Counted(FakeService):
    """A world that counts."""

    def __init__(self, policy=STANDARD):
        self.faults = Faults()
        super().__init__(adapters=lambda ports: faulty_ports(ports, self.faults), policy=policy)

    @contextmanager
    def takes(self, name, *, administrator=False):
        """Demand the trips of the row *name*; an administrator's permission is read, too."""
        begin = len(self.faults.calls)
        yield
        calls = self.faults.calls[begin:]
        counted_calls = [call for call in calls if call.partition(".")[0] in COUNTED]
        trips = [trip for trip in TRIPS[name] if administrator or "(" not in trip]
        assert counted_calls == [trip.strip("()") for trip in trips], name


@pytest.fixture
def world():
    return Counted()


@pytest.fixture
def zoe(world):
    return world.bind("zoe")


def enrolment(world, phone, token, space=None):
    return phone.device.enrolment(token, space or world.app_space.guid, pin=phone.pin)


def test_a_bind(world):
    with world.takes("invite"):
        invited = world.invitations.invite(world.origin, "zoe")
    phone = world.phone()
    offer = enrolment(world, phone, invited.token)
    # Nobody knows yet who invites in this App Space, so one trip more reads the origin's role.
    with world.takes("bind, by an origin that has invited nobody"):
        bound = world.enrolments.complete(offer)
    with world.takes("bind, again"):
        assert world.enrolments.complete(offer).binding == bound.binding
    with world.takes("bind, with a used token"), pytest.raises(TokenSpent):
        world.enrolments.complete(enrolment(world, world.phone(), invited.token))


def test_a_bind_reads_the_origin_that_invited_the_device_before(world, zoe):
    def complete(origin):
        invited = world.invitations.invite(origin, "yves")
        return enrolment(world, world.phone(), invited.token)

    offer = complete(world.origin)
    with world.takes("bind"):
        world.enrolments.complete(offer)
    other = complete(world.new_origin(world.app_space, "Other"))
    with world.takes("bind, when another origin has invited"):
        world.enrolments.complete(other)
    again = complete(world.origin)
    with world.takes("bind, when another origin has invited"):
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
    with world.takes("bind, for another App Space"), pytest.raises(NotPossessed):
        world.enrolments.complete(enrolment(world, world.phone(), invited.token, space))
    stranger = f"{invited.binding}.{'0' * 22}"
    with world.takes("bind, with a wrong token"), pytest.raises(WrongToken):
        world.enrolments.complete(enrolment(world, world.phone(), stranger, space))
    again = enrolment(world, world.phone(), invited.token)
    assert world.enrolments.complete(again).app_space == world.app_space


def test_a_bind_whose_other_key_is_for_another_app_space_is_refused(world):
    invited, phone = world.invitations.invite(world.origin, "zoe"), world.phone()
    ours = enrolment(world, phone, invited.token)
    theirs = enrolment(world, phone, invited.token, world.new_app_space("Other").guid)
    mixed = attrs.evolve(ours, keys=(ours.keys[0], theirs.keys[1]))
    with world.takes("bind, for two App Spaces"), pytest.raises(NotPossessed):
        world.enrolments.complete(mixed)


def test_an_origin_is_read_with_its_app_space_once_that_is_known(world):
    origin = world.origin.origin.guid
    secret = world.credentials.issue(origin, Scheme.BASIC).secret

    def request(secret):
        authorization = write_basic(secret, guid=origin)
        return SignedRequest(method="GET", uri="https://id.example/", authorization=authorization)

    with world.takes("authenticate an origin"):
        first = world.authentication.authenticate(request(secret))
    with world.takes("authenticate an origin again"):
        assert world.authentication.authenticate(request(secret)) == first
    with world.takes("refuse an origin"), pytest.raises(CredentialRefused):
        world.authentication.authenticate(request("wrong"))


def test_a_question(world, zoe):
    with world.takes("ask"):
        world.ask("zoe", "Pay?", callback=CALLBACK)
    with world.takes("ask, with a key"):
        issued = world.ask("zoe", "Pay?", idempotency_key="once")
    with world.takes("ask, with a used key"):
        assert world.ask("zoe", "Pay?", idempotency_key="once").challenge == issued.challenge
    with world.takes("list the open requests of an origin"):
        assert len(world.challenges.pending(world.origin, "zoe")) == 2


def test_a_device_that_is_seen_after_an_hour_takes_two_trips_more(world, zoe):
    challenge = world.ask("zoe", "Pay?").challenge
    with world.takes("list requests"):
        zoe.pending()
    world.clock.advance(SEEN_STEP)
    with world.takes("list requests, seen an hour ago"):
        zoe.pending()
    with world.takes("list requests"):
        zoe.pending()
    assert challenge.deadline < world.clock.now()


def test_the_languages_of_devices_take_no_trip_more(world):
    german, _ = world.bind("zoe", language="de"), world.bind("zoe", language="en")
    with world.takes("update a device"):
        world.devices.update(german.call("/device", b'{"language":"de-AT"}'))
    world.clock.advance(SEEN_STEP)
    with world.takes("list requests, seen an hour ago"):
        german.pending()
    with world.takes("ask"):
        issued = world.ask("zoe", Action(type="login", resource="Shop", arguments={}))
    assert '"language":"de"' in issued.challenge.display


def test_a_question_to_a_device_that_is_notified(world):
    address = PushAddress(kind=AddressKind.RELAY, value="here")
    world.bind("zoe", addresses=(address,))
    with world.takes("ask a device that is notified"):
        world.ask("zoe", "Pay?")
    (notification,) = world.notifications.due()
    with world.takes("notify"):
        world.notifications.attempt(notification.guid)


def test_a_question_that_supersedes_others_reads_them_at_once():
    world = Counted(attrs.evolve(STRICT, pending_limit=2, supersede=True))
    world.bind("zoe")
    for _ in range(2):
        world.clock.advance(timedelta(seconds=30))
        world.ask("zoe", "Pay?", show_code=True)
    world.clock.advance(timedelta(seconds=30))
    with world.takes("ask, and supersede"):
        world.ask("zoe", "Pay?", show_code=True)


def test_a_key_whose_first_call_lost_a_race_looks_for_what_is_there(world, zoe):
    world.faults.meanwhile(zoe.rotate)
    with world.takes("ask, with a key, after a lost race"):
        world.ask("zoe", "Pay?", idempotency_key="once")


def test_a_device_and_its_answer(world, zoe):
    challenge = world.ask("zoe", "Pay?", callback=CALLBACK).challenge
    with world.takes("list requests"):
        zoe.pending()
    with world.takes("read a request"):
        zoe.fetch(challenge.guid)
    with world.takes("read a request again"):
        zoe.fetch(challenge.guid)
    with world.takes("answer, with a wrong PIN"), pytest.raises(Refused):
        attrs.evolve(zoe, pin="0000").answer(challenge)
    with world.takes("answer"):
        zoe.answer(challenge)
    with world.takes("answer, after another answer"), pytest.raises(Refused):
        zoe.answer(challenge, 1)
    other = world.ask("zoe", "Pay?").challenge
    with world.takes("disown"):
        zoe.disown(other)
    with world.takes("rotate keys"):
        zoe.rotate()


@pytest.fixture
def space(world):
    return world.new_app_space("Staff", idp=world.idp.settings())


def test_a_log_in(world, space):
    world.idp.admit("carol")
    with world.takes("begin a log-in"):
        redirect = world.logins.redirect(space.guid, APP_RETURN)
    back = world.idp.log_in(redirect.url, "carol")
    with world.takes("relay the response of a log-in"):
        world.logins.relay_response(back.state, {"code": back.code})
    with world.takes("log in"):
        world.logins.authenticate(back.state, back.code, redirect.app_secret)
    world.clock.jump(world.logins.redirect(space.guid, APP_RETURN).deadline)
    with world.takes("expire a log-in"):
        assert world.logins.expire() == 1


@pytest.mark.parametrize("administrator", [False, True])
def test_a_test_log_in(world, space, administrator):
    by = OPERATOR
    if administrator:
        guid = world.credentials.create_admin("Ada", all_companies=True).guid
        (by,) = world.ports.store.get(guid)
    world.idp.admit("carol")
    addresses = {"app_return": APP_RETURN, "service_return": ""}
    with world.takes("begin a test of a log-in", administrator=administrator):
        begun = world.login_tests.begin(space.guid, secret="secret", by=by, **addresses)
    back = world.idp.log_in(begun.url, "carol")
    response = {"state": back.state, "code": back.code}
    with world.takes("finish a test of a log-in", administrator=administrator):
        world.login_tests.finish(space.guid, response, secret="secret", by=by)


def test_a_revalidation(world, space):
    carol = world.log_in(space, "carol")
    account = carol.device.bond.account
    with world.takes("revalidate"):
        world.logins.revalidate(account)
    world.clock.advance(STANDARD.revalidation_life)
    # The account is read again before the provider is asked: its grant may have been replaced, and
    # the user may have logged out, since the call was authenticated.
    with world.takes("list requests, revalidated"):
        carol.pending()
    with world.takes("log out"):
        world.logins.log_out(space.guid, world.idp.log_out("carol"))
    # As above: the account is read again before the provider is asked, and at last the user's
    # devices are listed.
    world.idp.admit("carol")
    redirect = world.logins.redirect(space.guid, APP_RETURN)
    back = world.idp.log_in(redirect.url, "carol")
    with world.takes("log in, after a log-out"):
        world.logins.authenticate(back.state, back.code, redirect.app_secret)


def test_an_account_of_an_origin(world, zoe):
    with world.takes("read an account"):
        account = world.accounts.get(world.origin, "zoe")
    with world.takes("read an account by its GUID"):
        world.accounts.get_by_guid(world.origin, account.guid)
    with world.takes("list devices"):
        assert len(world.accounts.list_devices(world.origin, "zoe")) == 1
    with world.takes("list devices of nobody"):
        assert world.accounts.list_devices(world.origin, "nobody") == ()
    with world.takes("has a device"):
        assert world.accounts.has_device(world.origin, "zoe")
    with world.takes("revoke an account"):
        world.accounts.revoke(world.origin, "zoe")


@pytest.mark.parametrize("administrator", [False, True])
def test_an_account_that_is_administered(world, zoe, administrator):
    by = OPERATOR
    if administrator:
        guid = world.credentials.create_admin("Ada", all_companies=True).guid
        (by,) = world.ports.store.get(guid)
    with world.takes("find an account", administrator=administrator):
        account = world.accounts.find(world.app_space.guid, "zoe", by=by).guid
    for prefix in ("z", account):
        with world.takes("search accounts", administrator=administrator):
            assert len(world.accounts.search(world.app_space.guid, prefix, by=by).accounts) == 1
    space = world.app_space.guid
    with world.takes("search accounts by a part", administrator=administrator):
        assert len(world.accounts.search_part(space, "zoe", by=by).accounts) == 1
    for part, after in (("zoe", account), (account, None)):
        with world.takes("search accounts by a part, further", administrator=administrator):
            world.accounts.search_part(space, part, after=after, by=by)
    with world.takes("read an account with its devices", administrator=administrator):
        world.accounts.get_with_devices(account, by=by)
    for verb in (world.accounts.lock, world.accounts.unlock):
        with world.takes("lock or unlock an account", administrator=administrator):
            verb(account, by=by)
    question = world.ask("zoe", "Pay?").challenge.guid
    with world.takes("withdraw", administrator=administrator):
        world.challenges.withdraw(question, by=by)
    with world.takes("invite as an administrator", administrator=administrator):
        world.invitations.invite_as_admin(world.app_space.guid, "zoe", by=by)
    links = MailedLinks(world.ports, world.policy)
    with world.takes("make a mailed link", administrator=administrator):
        link = links.make(world.app_space.guid, "zoe", by=by).token
    with world.takes("use a mailed link"):
        links.redeem(link)
    with world.takes("revoke the devices of an account", administrator=administrator):
        world.accounts.revoke_all(account, by=by)
    with world.takes("erase an account", administrator=administrator):
        world.accounts.erase(account, by=by)


def test_an_invitation_with_a_key(world):
    with world.takes("invite, with a key"):
        first = world.invitations.invite(world.origin, "zoe", idempotency_key="once")
    with world.takes("invite, with a used key"):
        assert world.invitations.invite(world.origin, "zoe", idempotency_key="once") == first
    # As above of who invites, nobody knows yet whose the App Space is.
    with world.takes("look at an invitation"):
        world.enrolments.peek(first.token)
    with world.takes("look at an invitation again"):
        world.enrolments.peek(first.token)
    world.clock.jump(first.deadline)
    with world.takes("expire an invitation"):
        assert world.invitations.expire() == 1


def test_what_a_device_does_besides_answering(world, zoe):
    with world.takes("authenticate a device"):
        world.devices.authenticate(zoe.call("/device"))
    with world.takes("read the status of a device"):
        world.devices.status(zoe.call("/device/status"))
    # By now it is known which company to read with the App Space.
    with world.takes("read the status of a device again"):
        world.devices.status(zoe.call("/device/status"))
    with world.takes("update a device"):
        world.devices.update(zoe.call("/device", b'{"name":"Tablet"}'))
    with world.takes("endorse keys"):
        world.keysets.endorse(zoe.call("/device/keys"))
    with world.takes("record an event of an app"):
        world.telemetry.record(zoe.call("/device/telemetry", b'{"event":"custom"}'))


def test_a_device_that_is_stopped(world, zoe):
    created = world.credentials.create_admin(
        "Support", role=AdminRole.SUPPORT, app_space=world.app_space.guid
    )
    (support,) = world.ports.store.get(created.guid)
    with world.takes("suspend a device"):
        world.devices.suspend(zoe.guid, by=OPERATOR)
    with world.takes("resume a device, by support"):
        world.devices.resume(zoe.guid, by=support)
    with world.takes("revoke a device"):
        world.devices.revoke(zoe.guid, by=world.origin)
    tablet = world.bind("zoe")
    with world.takes("unbind"):
        world.devices.unbind(tablet.call("/device", method="DELETE"))
    tablet = world.bind("zoe")
    with world.takes("lock a device"):
        tablet.lock()


def test_a_status(world, zoe):
    challenge = world.ask("zoe", "Pay?").challenge
    with world.takes("read the status of a request"):
        assert not world.challenges.status(world.origin, challenge.guid).approved
    zoe.answer(challenge)
    with world.takes("read the status of a request"):
        assert world.challenges.status(world.origin, challenge.guid).approved
    stranger = world.new_origin(world.app_space, "Other")
    with world.takes("read the status of a request"), pytest.raises(Foreign):
        world.challenges.status(stranger, challenge.guid)


def test_a_status_that_was_erased_costs_no_more(world, zoe):
    challenge = world.ask("zoe", "Pay?").challenge
    zoe.answer(challenge)
    (_, account) = world.ports.store.get_with_account(challenge.guid)
    world.accounts.erase(account.guid, by=OPERATOR)
    with world.takes("read the status of an erased request"), pytest.raises(Refused):
        world.challenges.status(world.origin, challenge.guid)


def test_an_ending_and_its_callback(world, zoe):
    cancelled = world.ask("zoe", "Pay?", callback=CALLBACK).challenge
    with world.takes("cancel"):
        world.challenges.cancel(world.origin, cancelled.guid)
    expired = world.ask("zoe", "Pay?", callback=CALLBACK).challenge
    world.clock.jump(expired.deadline)
    with world.takes("expire a request"):
        assert world.challenges.expire() == 1
    with world.takes("look for callbacks"):
        first, _ = world.callbacks.due()
    world.sender.script(500)
    with world.takes("send a callback that fails"):
        world.callbacks.attempt(first)
    world.clock.jump(expired.deadline + timedelta(hours=1))
    with world.takes("look for callbacks"):
        due = world.callbacks.find_due({}, 3).callbacks
    # What a worker has read is not read again: if it has changed, the commit is refused.
    callback = next(callback for callback in due if callback.guid == first)
    world.sender.script(410)
    with world.takes("send a read callback"):
        world.callbacks.attempt(callback)
    with world.takes("look for callbacks, with a full list"):
        world.callbacks.find_due({}, 1)
    with world.takes("list dead callbacks"):
        assert len(world.callbacks.list_dead(world.origin.origin.guid, by=OPERATOR)) == 1
    world.new_origin(world.app_space, "Healthy")
    # Origins without any are not read.
    with world.takes("list all dead callbacks"):
        assert len(world.callbacks.list_all_dead(by=OPERATOR)) == 1


def test_due_notifications(world):
    kinds = world.ports.notifier.kinds()
    full = CANDIDATES_PER_SLOT * len(kinds)
    for number in range(full):
        with world.takes("look for notifications"):
            assert len(world.notifications.find_next({}, 1)) == bool(number)
        name = f"user-{number}"
        world.bind(name, addresses=(RELAY,))
        world.ask(name, "Pay?")
    # The look did not come to its end: what may be rung on other channels is asked for.
    with world.takes("look for notifications of each channel"):
        assert len(world.notifications.find_next({}, 1)) == 1
    with world.takes("look for notifications"):
        assert len(world.notifications.find_next({}, 1, read_further=False)) == 1


def test_gauges_are_read_at_once(world):
    gauges = Gauges(world.ports, world.policy)
    with world.takes("read gauges"):
        gauges.read(by=OPERATOR)
    with world.takes("read the gauges of an App Space"):
        gauges.read(app_space=world.app_space.guid, by=OPERATOR)


def test_every_row_is_counted():
    used = re.findall(r'world\.takes\("([^"]+)"', Path(__file__).read_text("utf-8"))
    assert set(used) == set(TRIPS)


def test_every_verb_of_the_store_is_counted_here():
    verbs = {name for name in (*vars(Store), *vars(PartSearch)) if not name.startswith("_")}
    assert verbs == {
        *("get", "get_with_account", "account", "bindings", "pending", "list", "due"),
        *("dead", "search", "search_part", "gauges", "commit"),
    }


def test_what_the_operator_administers(world):
    origin = world.origin.origin.guid
    with world.takes("create an origin"):
        world.administration.create_origin(world.app_space.guid, "Other")
    with world.takes("edit an origin"):
        world.administration.edit_origin(origin, name="Other")
    with world.takes("edit an origin, changing nothing"):
        world.administration.edit_origin(origin, name="Other")
    with world.takes("read an origin"):
        world.administration.relying_party(origin)
    with world.takes("list origins"):
        world.administration.list(world.app_space.guid, Origin)
    # All companies are read, since no two of them may have names that look alike.
    with world.takes("verify a company"):
        world.administration.verify_company(world.company.guid, "Example Ltd")
    with world.takes("end the verification of a company"):
        world.administration.verify_company(world.company.guid, None)
    with world.takes("create an administrator"):
        world.credentials.create_admin("Ada", all_companies=True)
    with world.takes("issue a credential"):
        world.credentials.issue(origin, Scheme.BASIC)


def test_what_an_administrator_administers(world):
    """Its record is read anew, in one trip with the App Space that it has to reach."""
    issued = world.credentials.create_admin("Ada", company=world.company.guid)
    admin = world.administration.get(issued.guid, Admin)
    administration = Administration(world.ports, world.policy, by=admin)
    origin = world.origin.origin.guid
    with world.takes("create an origin", administrator=True):
        administration.create_origin(world.app_space.guid, "Other")
    with world.takes("edit an origin", administrator=True):
        administration.edit_origin(origin, name="Other")
    with world.takes("list origins", administrator=True):
        administration.list(world.app_space.guid, Origin)


def test_a_session_of_an_administrator(world):
    """Whatever it was opened and stepped up by is read in the trip of its administrator."""
    sessions, admin = world.sessions, world.credentials.create_person("Ada", all_companies=True)
    first, second = (world.bind_passkey(admin.guid).guid for _ in range(2))
    with world.takes("start a session"):
        issued = sessions.start(admin.guid, LogInMethod.PASSKEY, binding=first, browser="")
    with world.takes("step up"):
        issued = sessions.step_up(issued.token, second)
    for use in (sessions.authenticate, sessions.may_add_key):
        with world.takes("authenticate a session"):
            use(issued.token)
    with world.takes("end other sessions"):
        sessions.end_others(issued.token)
    world.devices.revoke(second, by=OPERATOR)
    with world.takes("end a session whose passkey is revoked"), pytest.raises(BindingInactive):
        sessions.authenticate(issued.token)
    with world.takes("refuse a session"), pytest.raises(WrongToken):
        sessions.authenticate(f"{issued.session.guid}.other")


def test_a_link_of_an_administrator(world):
    sessions, admin = world.sessions, world.credentials.create_person("Ada", all_companies=True)
    with world.takes("create a link"):
        link = sessions.create_link(admin.guid, by=OPERATOR)
    with world.takes("open a link"):
        redeemed = sessions.redeem(link.token, browser="")
    passkey = world.bind_passkey(admin.guid, session=redeemed.session.guid).guid
    with world.takes("enrol the passkey of a link"):
        sessions.enrol(redeemed.token, passkey)
    with world.takes("complete the enrolment of a passkey"):
        sessions.complete_enrolment(passkey)
    with world.takes("complete the enrolment of a passkey again"):
        sessions.complete_enrolment(passkey)


def test_the_worker_ends_the_sessions_of_a_passkey(world):
    sessions, admin = world.sessions, world.credentials.create_person("Ada", all_companies=True)
    passkey = world.bind_passkey(admin.guid).guid
    sessions.start(admin.guid, LogInMethod.PASSKEY, binding=passkey, browser="")
    world.devices.revoke(passkey, by=OPERATOR)
    with world.takes("expire the sessions of a revoked passkey"):
        assert sessions.expire() == 1
    with world.takes("expire no session"):
        assert sessions.expire() == 0
