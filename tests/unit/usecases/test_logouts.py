"""What becomes of a user's devices when the user logs out at the Identity Provider."""

from datetime import timedelta

import attrs
import pytest

from counterseal import STANDARD
from counterseal.accounts.records import session_alias, subject_alias
from counterseal.errors import (
    BindingInactive,
    IdentityWithdrawn,
    Refused,
    Replayed,
    StoreUnavailable,
    WrongIssuer,
    WrongKind,
)
from counterseal.identity.decisions.revalidation import ALIAS_LIMIT
from counterseal.models import OPERATOR, Alias, Authority, BindingState
from counterseal_testing.identity import APP_RETURN, FakeIdentityProvider

ACTIVE = (BindingState.ACTIVE, None)
BY_IDP = (BindingState.SUSPENDED, Authority.IDP)


@pytest.fixture
def space(service):
    return service.new_app_space("Staff", idp=service.idp.settings())


@pytest.fixture
def carol(service, space):
    return service.log_in(space, "carol")


@pytest.fixture
def numbered(service):
    """Return an App Space that knows its users by another claim than the subject."""
    idp = attrs.evolve(service.idp.settings(), account_claim="employee")
    return service.new_app_space("Numbered", idp=idp)


def standing(service, phone):
    binding = service.stored(phone.guid)
    return binding.state, binding.suspended_by


def account_of(service, phone):
    return service.stored(phone.device.bond.account)


def aliases(service):
    return [record for record in service.records().values() if isinstance(record, Alias)]


def test_a_logout_suspends_at_once_and_a_new_log_in_resumes(service, space, carol):
    service.logins.log_out(space.guid, service.idp.log_out("carol"))
    assert standing(service, carol) == BY_IDP
    assert account_of(service, carol).confirmed_at is None
    assert service.last_event() == ("identity.logout", "")
    with pytest.raises(BindingInactive):
        carol.pending()
    again = service.log_in(space, "carol")
    assert standing(service, carol) == ACTIVE
    assert carol.pending() == again.pending() == ()


def test_a_logout_counts_once(service, space, carol):
    token = service.idp.log_out("carol")
    service.logins.log_out(space.guid, token)
    service.log_in(space, "carol")
    with pytest.raises(Replayed):
        service.logins.log_out(space.guid, token)
    assert service.last_event() == ("identity.logout", "replayed")
    assert standing(service, carol) == ACTIVE


@pytest.mark.parametrize("token", ["", "forged", "x" * 100_000])
def test_what_is_no_logout_changes_nothing(service, space, carol, token):
    before = service.records()
    with pytest.raises(Refused):
        service.logins.log_out(space.guid, token)
    assert service.last_event()[0] == "identity.logout"
    assert service.records() == before


def test_a_logout_of_somebody_without_an_account_changes_nothing(service, space, carol):
    before = service.records()
    service.logins.log_out(space.guid, service.idp.log_out("nobody"))
    assert service.records() == before


def test_a_logout_counts_in_its_own_app_space_only(service, space, carol):
    other = service.new_app_space("Other", idp=service.idp.settings("other"))
    there = service.log_in(other, "carol")
    service.logins.log_out(other.guid, service.idp.log_out("carol"))
    assert standing(service, there) == BY_IDP
    assert standing(service, carol) == ACTIVE


def test_there_is_no_logout_where_the_origin_says_who_its_users_are(service):
    with pytest.raises(WrongKind):
        service.logins.log_out(service.app_space.guid, "any")


# By other names than the account id


def test_a_logout_by_the_subject_finds_a_user_who_is_known_by_another_claim(service, numbered):
    service.idp.admit("carol", account_id="e-1001")
    service.idp.admit("dave", account_id="carol")  # somebody's number is another one's subject
    carol, dave = (service.log_in(numbered, subject) for subject in ("carol", "dave"))
    assert account_of(service, carol).account_id == "e-1001"
    service.logins.log_out(numbered.guid, service.idp.log_out("carol"))
    assert standing(service, carol) == BY_IDP
    assert standing(service, dave) == ACTIVE
    service.logins.log_out(numbered.guid, service.idp.log_out("dave"))
    assert standing(service, dave) == BY_IDP


@pytest.mark.parametrize("claim", ["sub", "employee"])
def test_a_logout_by_the_session_alone_finds_its_user(service, claim):
    idp = attrs.evolve(service.idp.settings(), account_claim=claim)
    space = service.new_app_space("Staff", idp=idp)
    service.idp.names_sessions = True
    carol, dave = (service.log_in(space, subject) for subject in ("carol", "dave"))
    token = service.idp.log_out("carol", nameless=True)
    service.logins.log_out(space.guid, token)
    assert standing(service, carol) == BY_IDP
    assert standing(service, dave) == ACTIVE
    assert service.last_event() == ("identity.logout", "")
    with pytest.raises(Replayed):
        service.logins.log_out(space.guid, token)
    service.log_in(space, "carol")
    assert standing(service, carol) == ACTIVE


def test_a_session_that_nobody_logged_in_from_changes_nothing(service, space, carol):
    service.idp.names_sessions = True
    service.log_in(service.new_app_space("Other", idp=service.idp.settings("other")), "carol")
    before = service.records()
    service.logins.log_out(space.guid, service.idp.log_out("carol", nameless=True))
    assert service.records() == before
    assert standing(service, carol) == ACTIVE


def test_each_session_of_a_user_ends_what_the_provider_says_of_the_user(service, space):
    service.idp.names_sessions = True
    first = service.log_in(space, "carol")
    older = service.idp.log_out("carol", nameless=True)
    second = service.log_in(space, "carol")
    service.logins.log_out(space.guid, older)
    assert standing(service, first) == standing(service, second) == BY_IDP


def test_a_user_whose_claim_has_changed_is_logged_out_under_all_names(service, numbered):
    service.idp.admit("carol", account_id="e-1001")
    old = service.log_in(numbered, "carol")
    service.idp.admit("carol", account_id="e-1002")
    new = service.log_in(numbered, "carol")
    assert account_of(service, old).guid != account_of(service, new).guid
    service.logins.log_out(numbered.guid, service.idp.log_out("carol"))
    assert standing(service, old) == standing(service, new) == BY_IDP


def test_the_limit_of_accounts_of_one_name_is_enforced(service, numbered):
    for number in range(ALIAS_LIMIT + 2):
        service.idp.admit("carol", account_id=f"e-{number}")
        newest = service.log_in(numbered, "carol")
    (alias,) = aliases(service)
    assert len(alias.accounts) == ALIAS_LIMIT
    assert alias.accounts[-1] == account_of(service, newest).guid


def test_a_logout_finds_nobody_of_another_issuer(service, space, carol):
    class Other(FakeIdentityProvider):
        def read_logout(self, settings, token, *, company):
            return attrs.evolve(
                service.idp.read_logout(settings, token, company=company),
                issuer="https://o.example",
            )

    before = service.records()
    token = service.idp.log_out("carol")
    with pytest.raises(WrongIssuer):
        service.but(identity=Other(service.entropy)).logins.log_out(space.guid, token)
    assert service.records() == before


def test_a_session_is_stored_only_where_the_provider_names_it_and_as_an_alias(
    service, space, carol
):
    assert aliases(service) == []
    service.idp.names_sessions = True
    service.log_in(space, "carol")
    (alias,) = aliases(service)
    (session,) = service.idp._sessions.values()
    assert alias.guid == session_alias(space.guid, service.idp.issuer, session)
    assert alias.accounts == (account_of(service, carol).guid,)
    assert alias.keep_until == service.clock.now() + STANDARD.provider_session_life
    assert session not in repr(alias)


def test_a_further_log_in_in_the_same_session_is_remembered_longer(service, space):
    class OneSession(FakeIdentityProvider):
        def exchange(self, settings, **claims):
            return attrs.evolve(service.idp.exchange(settings, **claims), session="one")

    patient = service.but(identity=OneSession(service.entropy))
    ends = []
    for _ in range(2):
        service.idp.admit("carol")
        redirect = service.logins.redirect(space.guid, APP_RETURN)
        back = service.idp.log_in(redirect.url, "carol")
        patient.logins.authenticate(back.state, back.code, redirect.app_secret)
        ends += [alias.keep_until for alias in aliases(service)]
        service.clock.advance(timedelta(days=1))
    assert ends[1] - ends[0] == timedelta(days=1)


def test_names_of_two_kinds_two_app_spaces_and_two_issuers_do_not_meet(space):
    issuer = "https://idp.example"
    guids = {
        subject_alias(space.guid, issuer, "one"),
        session_alias(space.guid, issuer, "one"),
        subject_alias(space.guid, issuer + "/", "one"),
        subject_alias(space.company, issuer, "one"),
        subject_alias(space.guid, issuer, "two"),
        subject_alias(space.guid, issuer + '", "one', ""),
    }
    assert len(guids) == 6


def test_no_token_is_returned_before_a_logout_would_find_the_user(service, numbered):
    service.idp.admit("carol", account_id="e-1001")
    redirect = service.logins.redirect(numbered.guid, APP_RETURN)
    back = service.idp.log_in(redirect.url, "carol")

    class Store:
        def __getattr__(self, name):
            return getattr(service.ports.store, name)

        def commit(self, changes, audit, operation):
            if any(isinstance(change.new, Alias) for change in changes):
                raise StoreUnavailable
            service.ports.store.commit(changes, audit, operation)

    failing = service.but(store=Store())
    with pytest.raises(StoreUnavailable):
        failing.logins.authenticate(back.state, back.code, redirect.app_secret)


def test_two_log_ins_at_once_are_both_remembered(service, numbered):
    service.idp.admit("carol", account_id="e-1001")
    redirect = service.logins.redirect(numbered.guid, APP_RETURN)
    back = service.idp.log_in(redirect.url, "carol")
    phones = []

    class Store:
        def __getattr__(self, name):
            return getattr(service.ports.store, name)

        def commit(self, changes, audit, operation):
            if not phones and any(isinstance(change.new, Alias) for change in changes):
                service.idp.admit("carol", account_id="e-1002")
                phones.append(service.log_in(numbered, "carol"))
            service.ports.store.commit(changes, audit, operation)

    racing = service.but(store=Store())
    invitation = racing.logins.authenticate(back.state, back.code, redirect.app_secret)
    (alias,) = aliases(service)
    assert set(alias.accounts) == {account_of(service, phones[0]).guid, invitation.account.guid}


# Only a new log-in counts after it


def test_a_grant_that_outlives_the_session_confirms_nobody(service, space, carol):
    service.logins.log_out(space.guid, service.idp.log_out("carol"))
    assert account_of(service, carol).sealed_grant == b""
    with pytest.raises(IdentityWithdrawn):
        service.logins.revalidate(account_of(service, carol).guid)
    assert standing(service, carol) == BY_IDP
    assert service.last_event() == ("identity.revalidate", "identity_withdrawn")


def test_an_older_invitation_does_not_bring_the_devices_back(service, space, carol):
    redirect = service.logins.redirect(space.guid, APP_RETURN)
    back = service.idp.log_in(redirect.url, "carol")
    invitation = service.logins.authenticate(back.state, back.code, redirect.app_secret)
    service.logins.log_out(space.guid, service.idp.log_out("carol"))
    late = service.complete(invitation, service.phone())
    with pytest.raises(IdentityWithdrawn):
        late.pending()
    assert standing(service, carol) == standing(service, late) == BY_IDP


def test_a_confirmation_asked_for_before_a_logout_does_not_undo_it(service, space, carol):
    identities = []

    class Slow:
        def __getattr__(self, name):
            return getattr(service.idp, name)

        def revalidate(self, settings, identity, *, company):
            identities.append(identity)
            word = service.idp.revalidate(settings, identity, company=company)
            service.logins.log_out(space.guid, service.idp.log_out("carol"))
            return word

    with pytest.raises(IdentityWithdrawn):
        service.but(identity=Slow()).logins.revalidate(account_of(service, carol).guid)
    assert len(identities) == 1
    assert standing(service, carol) == BY_IDP


# Erased


def test_an_erased_user_is_found_by_no_name(service, numbered):
    service.idp.admit("carol", account_id="e-1001")
    carol = service.log_in(numbered, "carol")
    erased = account_of(service, carol)
    service.accounts.erase(erased.guid, by=OPERATOR)
    (alias,) = aliases(service)
    assert (alias.accounts, alias.keep_until) == ((), service.clock.now())
    before = service.records()
    service.logins.log_out(numbered.guid, service.idp.log_out("carol"))
    assert service.records() == before
    again = service.log_in(numbered, "carol")
    service.logins.log_out(numbered.guid, service.idp.log_out("carol"))
    assert standing(service, again) == BY_IDP
    assert aliases(service)[0].keep_until is None


def test_an_erased_user_leaves_the_others_of_the_same_name(service, numbered):
    service.idp.admit("carol", account_id="e-1001")
    old = service.log_in(numbered, "carol")
    service.idp.admit("carol", account_id="e-1002")
    new = service.log_in(numbered, "carol")
    service.accounts.erase(account_of(service, old).guid, by=OPERATOR)
    (alias,) = aliases(service)
    assert (alias.accounts, alias.keep_until) == ((account_of(service, new).guid,), None)


def test_a_session_names_nobody_who_was_erased(service, space):
    service.idp.names_sessions = True
    carol = service.log_in(space, "carol")
    service.accounts.erase(account_of(service, carol).guid, by=OPERATOR)
    before = service.records()
    service.logins.log_out(space.guid, service.idp.log_out("carol", nameless=True))
    assert service.records() == before


class Recording:
    """An Identity Provider that records for which company each of its verbs was called."""

    def __init__(self, idp):
        self._idp = idp
        self.called = set()

    def __getattr__(self, verb):
        def call(*args, company, **more):
            self.called.add((verb, company))
            return getattr(self._idp, verb)(*args, company=company, **more)

        return call


def test_each_call_names_the_company_of_the_app_space(service):
    other = service.administration.create_company("Another").guid
    space = service.administration.create_app_space(other, "Staff", idp=service.idp.settings())
    recording = Recording(service.idp)
    watched = service.but(identity=recording)
    dave = watched.log_in(space, "dave").device.bond.account
    watched.logins.revalidate(dave)
    watched.logins.log_out(space.guid, service.idp.log_out("dave"))
    watched.log_in(space, "dave")
    watched.accounts.erase(dave, by=OPERATOR)
    verbs = {"authorization_url", "exchange", "revalidate", "read_logout", "revoke_grant"}
    assert recording.called == {(verb, other) for verb in verbs}
