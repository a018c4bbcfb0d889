"""What becomes of a user's devices when the Identity Provider is asked again."""

from datetime import timedelta
from functools import partial

import attrs
import pytest

from counterseal import STANDARD
from counterseal.errors import (
    AccountTaken,
    BindingInactive,
    Contended,
    IdentityUnavailable,
    IdentityWithdrawn,
    NotFound,
    WrongIssuer,
    WrongKind,
)
from counterseal.models import OPERATOR, Authority, BindingState, ChallengeState, Identity
from counterseal.models.guid import mint
from counterseal_testing.faults import Faults, faulty
from counterseal_testing.identity import APP_RETURN, FakeIdentityProvider


@pytest.fixture
def space(service):
    return service.new_app_space("Staff", idp=service.idp.settings())


@pytest.fixture
def carol(service, space):
    return service.log_in(space, "carol")


def standing(service, phone):
    binding = service.stored(phone.guid)
    return binding.state, binding.suspended_by


def account_of(service, phone):
    return service.stored(phone.device.bond.account)


def withdraw(service, phone):
    service.idp.withdraw("carol")
    with pytest.raises(IdentityWithdrawn):
        service.logins.revalidate(phone.device.bond.account)


ACTIVE = (BindingState.ACTIVE, None)
BY_IDP = (BindingState.SUSPENDED, Authority.IDP)
BY_STAFF = (BindingState.SUSPENDED, Authority.STAFF)


def test_a_user_who_is_confirmed_stays(service, carol):
    old = account_of(service, carol)
    service.clock.advance(timedelta(minutes=3))
    renewed = service.logins.revalidate(old.guid)
    assert renewed == account_of(service, carol)
    assert (renewed.version, renewed.confirmed_at) == (old.version + 1, service.clock.now())
    assert renewed.sealed_grant != old.sealed_grant
    assert standing(service, carol) == ACTIVE
    assert service.last_event() == ("identity.revalidate", "")


def test_the_new_grant_is_the_one_that_is_asked_with_next(service, carol):
    account = account_of(service, carol)
    old = service.ports.sealer.open(account.sealed_grant, f"grant:{account.guid}")
    renewed = service.logins.revalidate(account.guid)
    new = service.ports.sealer.open(renewed.sealed_grant, f"grant:{account.guid}")
    assert new != old
    del service.idp._grants[old]
    service.logins.revalidate(account.guid)


def test_a_withdrawn_users_devices_are_suspended_all_at_once(service, space, carol):
    second = service.log_in(space, "carol")
    withdraw(service, carol)
    assert standing(service, carol) == standing(service, second) == BY_IDP
    account = account_of(service, carol)
    assert account.confirmed_at is None
    assert {line.state for line in account.devices} == {BindingState.SUSPENDED}
    event = service.events[-1]
    assert (event.event, event.actor) == ("identity.revalidate", "idp")
    assert (event.subject, event.reason) == (account.guid, "identity_withdrawn")


def test_a_withdrawn_user_answers_nothing(service, space, carol):
    origin = service.new_origin(space, "Payroll")
    identities = service.ask("carol", "Pay?", origin=origin).challenge
    withdraw(service, carol)
    with pytest.raises(BindingInactive):
        carol.answer(identities)
    assert service.stored(identities.guid).state is ChallengeState.PENDING


def test_an_answer_finds_out_that_the_user_was_withdrawn(service, space, carol):
    origin = service.new_origin(space, "Payroll")
    service.clock.advance(STANDARD.revalidation_life)
    identities = service.ask("carol", "Pay?", origin=origin).challenge
    service.idp.withdraw("carol")
    with pytest.raises(IdentityWithdrawn):
        carol.answer(identities)
    assert standing(service, carol) == BY_IDP
    assert service.stored(identities.guid).state is ChallengeState.PENDING


def test_devices_resume_when_the_user_is_confirmed_again(service, carol):
    withdraw(service, carol)
    service.idp.admit("carol")
    account = service.logins.revalidate(carol.device.bond.account)
    assert standing(service, carol) == ACTIVE
    assert [line.state for line in account.devices] == [BindingState.ACTIVE]
    assert carol.pending() == ()


def test_devices_resume_when_the_user_logs_in_again(service, space, carol):
    by_staff = service.log_in(space, "carol")
    service.devices.suspend(by_staff.guid, by=OPERATOR)
    withdraw(service, carol)
    third = service.log_in(space, "carol")
    assert standing(service, carol) == standing(service, third) == ACTIVE
    assert standing(service, by_staff) == BY_STAFF
    assert service.happened("identity.revalidate")[-1].reason == ""


def test_a_log_in_of_a_user_whose_devices_all_stand_asks_nobody_again(service, space, carol):
    service.log_in(space, "carol")
    assert service.happened("identity.revalidate") == []


def test_the_identity_provider_does_not_undo_what_staff_did(service, space, carol):
    by_staff = service.log_in(space, "carol")
    service.devices.suspend(by_staff.guid, by=OPERATOR)
    withdraw(service, carol)
    assert standing(service, by_staff) == BY_STAFF
    service.idp.admit("carol")
    service.logins.revalidate(carol.device.bond.account)
    assert standing(service, carol) == ACTIVE
    assert standing(service, by_staff) == BY_STAFF
    service.devices.resume(by_staff.guid, by=OPERATOR)
    assert standing(service, by_staff) == ACTIVE


def test_revoked_devices_stay_revoked_and_open_invitations_open(service, space, carol):
    revoked = service.log_in(space, "carol")
    service.devices.revoke(revoked.guid, by=OPERATOR)
    redirect = service.logins.redirect(space.guid, APP_RETURN)
    back = service.idp.log_in(redirect.url, "carol")
    invitation = service.logins.authenticate(back.state, back.code, redirect.app_secret)
    withdraw(service, carol)
    service.idp.admit("carol")
    service.logins.revalidate(carol.device.bond.account)
    assert standing(service, revoked) == (BindingState.REVOKED, None)
    assert service.stored(invitation.binding).state is BindingState.INVITED


def test_a_device_bound_while_the_user_was_withdrawn_is_asked_about_at_once(service, space, carol):
    redirect = service.logins.redirect(space.guid, APP_RETURN)
    back = service.idp.log_in(redirect.url, "carol")
    invitation = service.logins.authenticate(back.state, back.code, redirect.app_secret)
    withdraw(service, carol)
    late = service.complete(invitation, service.phone())
    with pytest.raises(IdentityWithdrawn):
        late.pending()
    assert standing(service, late) == BY_IDP


def test_a_provider_that_is_down_suspends_nobody(service, carol):
    service.idp.down = True
    before = service.records()
    with pytest.raises(IdentityUnavailable):
        service.logins.revalidate(carol.device.bond.account)
    assert service.records() == before


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [({"issuer": "https://other.example"}, WrongIssuer), ({"subject": "mallory"}, AccountTaken)],
    ids=str,
)
def test_a_provider_that_names_somebody_else_is_refused_and_recorded(
    service, carol, changes, refusal
):
    class Confused(FakeIdentityProvider):
        def revalidate(self, settings, identity, *, company):
            return attrs.evolve(identity, **changes)

    before = service.records()
    with pytest.raises(refusal):
        service.but(identity=Confused(service.entropy)).logins.revalidate(carol.device.bond.account)
    assert service.records() == before
    assert service.last_event() == ("identity.revalidate", refusal.code)


def test_the_provider_is_asked_about_the_account_as_it_is_known(service, carol):
    identities = []

    class Listening(FakeIdentityProvider):
        def revalidate(self, settings, identity, *, company):
            identities.append((settings, identity))
            return service.idp.revalidate(settings, identity, company=company)

    account = account_of(service, carol)
    grant = service.ports.sealer.open(account.sealed_grant, f"grant:{account.guid}")
    service.but(identity=Listening(service.entropy)).logins.revalidate(account.guid)
    ((settings, identity),) = identities
    assert settings == service.idp.settings()
    assert identity == Identity(issuer=service.idp.issuer, subject="carol", grant=grant)


def test_nobody_is_confirmed_where_the_origin_says_who_its_users_are(service):
    alice = service.bind("alice")
    with pytest.raises(WrongKind):
        service.logins.revalidate(alice.device.bond.account)


def test_nobody_is_asked_about_what_is_no_account(service, carol):
    for guid in (mint(0, bytes(15)), carol.guid):
        with pytest.raises(NotFound):
            service.logins.revalidate(guid)


def test_s18_a_staff_suspension_before_the_commit_is_not_undone(service, carol):
    withdraw(service, carol)
    service.idp.admit("carol")

    def staff():
        # The provider's suspension ends, and staff begin one of their own.
        service.logins.revalidate(carol.device.bond.account)
        service.devices.suspend(carol.guid, by=OPERATOR)

    service.meanwhile(staff).logins.revalidate(carol.device.bond.account)
    assert standing(service, carol) == BY_STAFF


# A word that is older than the account


class Slow:
    """The provider, in whose answers so much time passes that *events* happen, one an answer."""

    def __init__(self, idp, *events):
        self._idp = idp
        self._events = list(events)
        self.identities = []

    def __getattr__(self, name):
        return getattr(self._idp, name)

    def revalidate(self, settings, identity, *, company):
        self.identities.append(identity)
        return self._late(self._idp.revalidate(settings, identity, company=company))

    def exchange(self, settings, **claims):
        return self._late(self._idp.exchange(settings, **claims))

    def _late(self, answer):
        if self._events:
            self._events.pop(0)()
        return answer


def test_an_older_confirmation_does_not_undo_a_newer_withdrawal(service, carol):
    slow = Slow(service.idp, lambda: withdraw(service, carol))
    with pytest.raises(IdentityWithdrawn):
        service.but(identity=slow).logins.revalidate(carol.device.bond.account)
    assert len(slow.identities) == 2
    assert standing(service, carol) == BY_IDP
    assert account_of(service, carol).confirmed_at is None


def test_an_older_log_in_does_not_undo_a_newer_withdrawal(service, space, carol):
    withdraw(service, carol)
    service.idp.admit("carol")
    redirect = service.logins.redirect(space.guid, APP_RETURN)
    back = service.idp.log_in(redirect.url, "carol")
    slow = Slow(service.idp, lambda: withdraw(service, carol))
    with pytest.raises(IdentityWithdrawn):
        service.but(identity=slow).logins.authenticate(back.state, back.code, redirect.app_secret)
    assert standing(service, carol) == BY_IDP
    assert account_of(service, carol).confirmed_at is None


def test_an_account_that_changed_meanwhile_is_asked_about_again_with_the_new_grant(
    service, space, carol
):
    origin = service.new_origin(space, "Payroll")
    slow = Slow(service.idp, lambda: service.ask("carol", "Pay?", origin=origin))
    account = service.but(identity=slow).logins.revalidate(carol.device.bond.account)
    first, second = slow.identities
    assert first.grant != second.grant
    assert account == account_of(service, carol)
    assert account.confirmed_at == service.clock.now()
    assert len(account.history.open) == 1
    assert len(service.happened("identity.revalidate")) == 1


def test_an_account_that_changes_all_the_time_is_asked_about_so_often_at_most(
    service, space, carol
):
    origin = service.new_origin(space, "Payroll")
    change = partial(service.ask, "carol", "Pay?", origin=origin)
    slow = Slow(service.idp, *[change] * 4)
    few = attrs.evolve(STANDARD, commit_attempts=3)
    before = account_of(service, carol).sealed_grant
    with pytest.raises(Contended):
        service.but(identity=slow, policy=few).logins.revalidate(carol.device.bond.account)
    assert len(slow.identities) == 3
    assert account_of(service, carol).sealed_grant == before


def test_a_bad_word_counts_for_the_account_however_it_changed(service, space, carol):
    origin = service.new_origin(space, "Payroll")
    service.idp.withdraw("carol")
    racing = service.meanwhile(lambda: service.ask("carol", "Pay?", origin=origin))
    with pytest.raises(IdentityWithdrawn):
        racing.logins.revalidate(carol.device.bond.account)
    assert standing(service, carol) == BY_IDP


# The provider cannot be asked

GRACE = attrs.evolve(STANDARD, revalidation_grace=timedelta(minutes=10))


def test_without_grace_a_device_waits_until_the_provider_answers(service, carol):
    service.idp.down = True
    service.clock.advance(STANDARD.revalidation_life)
    with pytest.raises(IdentityUnavailable):
        carol.pending()
    assert service.last_event() == ("identity.revalidate", "identity_unavailable")
    assert standing(service, carol) == ACTIVE
    service.idp.down = False
    assert carol.pending() == ()


def test_grace_ends_to_the_tick_and_is_recorded_each_time(service, carol):
    patient = service.but(policy=GRACE)
    service.idp.down = True
    end = (
        account_of(service, carol).confirmed_at + GRACE.revalidation_life + GRACE.revalidation_grace
    )
    service.clock.jump(end - timedelta.resolution)
    assert patient.devices.authenticate(carol.call("/device/status")).binding.guid == carol.guid
    assert service.last_event() == ("identity.revalidate", "identity_unavailable")
    service.clock.jump(end)
    with pytest.raises(IdentityUnavailable):
        patient.devices.authenticate(carol.call("/device/status"))


def test_no_grace_reaches_a_user_who_was_withdrawn(service, space, carol):
    patient = service.but(policy=GRACE)
    withdraw(service, carol)
    service.devices.revoke(carol.guid, by=OPERATOR)
    service.idp.down = True
    with pytest.raises(BindingInactive):
        patient.devices.authenticate(carol.call("/device/status"))


@pytest.mark.parametrize("change", ["logs out", "is erased", "is asked about"])
def test_a_log_in_asks_about_the_account_as_it_is(service, space, carol, change):
    """The account changes while the names by which a logout finds it are stored."""
    withdraw(service, carol)
    service.idp.admit("carol")
    guid, after, identities = carol.device.bond.account, [], []

    def meanwhile():
        if change == "logs out":
            service.logins.log_out(space.guid, service.idp.log_out("carol"))
        elif change == "is erased":
            service.accounts.erase(guid, by=OPERATOR)
        else:
            account = service.stored(guid)
            old = service.ports.sealer.open(account.sealed_grant, f"grant:{guid}")
            service.logins.revalidate(guid)
            del service.idp._grants[old]
        after.append(service.stored(guid))

    class Listening:
        def __getattr__(self, name):
            return getattr(service.idp, name)

        def revalidate(self, settings, identity, *, company):
            identities.append(identity)
            return service.idp.revalidate(settings, identity, company=company)

    faults = Faults()
    # The log-in is spent, the account is read and written; then its alias is read.
    faults.meanwhile(meanwhile, at="store.commit", skip=1, after=True)
    other = service.but(identity=Listening(), store=faulty(service.store, "store", faults))
    redirect = service.logins.redirect(space.guid, APP_RETURN)
    back = service.idp.log_in(redirect.url, "carol")
    try:
        other.logins.authenticate(back.state, back.code, redirect.app_secret)
    except IdentityWithdrawn:
        assert change != "is asked about"
    assert faults.happened == 1
    assert len(identities) == (change == "is asked about")
    if change == "is erased":
        assert [service.stored(guid)] == after
    assert (standing(service, carol) == ACTIVE) == (change == "is asked about")


def test_s18_a_withdrawal_writes_nothing_to_an_account_that_was_erased_meanwhile(service, carol):
    erased, guid = [], carol.device.bond.account

    def erase():
        service.accounts.erase(guid, by=OPERATOR)
        erased.append(service.stored(guid))

    service.idp.withdraw("carol")
    with pytest.raises(IdentityWithdrawn):
        service.meanwhile(erase).logins.revalidate(guid)
    assert [service.stored(guid)] == erased
    assert service.last_event() == ("identity.revalidate", "identity_withdrawn")
