"""Test log-ins: an administrator sees what a user's log-in would come to, and nothing is bound."""

import contextlib
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

from counterseal import STANDARD, LoginTestResult
from counterseal.errors import (
    CredentialRefused,
    DeadlinePassed,
    Foreign,
    IdentityUnavailable,
    IdentityWithdrawn,
    InvalidField,
    NotFound,
    RoleLacking,
    TooOften,
    WrongKind,
    WrongState,
    WrongToken,
)
from counterseal.models import OPERATOR, Account, AdminRole, Binding, Login, LoginState
from counterseal_testing.identity import APP_RETURN, FakeIdentityProvider

PAGE = "https://service.example/portal/test"
SERVICE = "https://service.example/device/login/return"
SECRET = "s" * 43


@pytest.fixture
def space(service):
    service.idp.admit("carol")
    return service.new_app_space("Staff", idp=service.idp.settings())


def begin(service, space, *, by=OPERATOR, secret=SECRET, app_return=PAGE):
    return service.login_tests.begin(
        space.guid, app_return=app_return, service_return=SERVICE, secret=secret, by=by
    )


def return_of(service, begun, subject="carol", **changes):
    """Return the parameters with which the browser gets to the page."""
    back = service.idp.log_in(begun.url, subject)
    address = service.logins.relay_response(back.state, {"code": back.code, "iss": back.issuer})
    assert address.startswith(f"{PAGE}?")
    parameters = {name: value for name, (value,) in parse_qs(urlsplit(address).query).items()}
    return {name: value for name, value in (parameters | changes).items() if value is not None}


def finish(service, space, response, *, by=OPERATOR, secret=SECRET):
    return service.login_tests.finish(space.guid, response, secret=secret, by=by)


def admin(service, role=AdminRole.COMPANY, **reach):
    guid = service.credentials.create_admin("Ada", role=role, **reach).guid
    return service.stored(guid)


def people(service):
    """Return everything of the store that is about a user."""
    return [each for each in service.records().values() if isinstance(each, (Account, Binding))]


def test_the_result_says_who_the_user_would_be_and_nothing_is_bound(service, space):
    before, began_at = people(service), service.clock.now()
    begun = begin(service, space)
    assert (begun.redirect_uri, begun.deadline) == (
        "https://service.example/idp",
        began_at + STANDARD.login_life,
    )
    service.clock.advance(timedelta(seconds=20))
    result = finish(service, space, return_of(service, begun))
    assert result == LoginTestResult(
        issuer=service.idp.issuer,
        subject="carol",
        account_id="carol",
        account_claim="sub",
        began_at=began_at,
        ended_at=service.clock.now(),
    )
    assert people(service) == before
    (login,) = (each for each in service.records().values() if isinstance(each, Login))
    assert (login.test, login.state) == (True, LoginState.USED)


def test_it_goes_back_to_the_services_own_address_where_the_settings_name_none(service):
    idp = attrs.evolve(service.idp.settings(), redirect_uri="")
    begun = begin(service, service.new_app_space("Staff", idp=idp))
    query = parse_qs(urlsplit(begun.url).query)
    assert query["redirect_uri"] == [SERVICE] == [begun.redirect_uri]


def test_it_is_recorded_with_who_tested(service, space):
    ada = admin(service, all_companies=True)
    finish(service, space, return_of(service, begin(service, space, by=ada)), by=ada)
    events = [each for each in service.events if each.event.startswith("login.")]
    assert [(each.event, each.actor, each.reason) for each in events] == [
        ("login.begin_test", ada.guid, ""),
        ("login.finish_test", ada.guid, ""),
    ]
    assert {each.app_space for each in events} == {space.guid}


def test_nothing_secret_is_in_the_result_or_the_store(service, space):
    begun = begin(service, space)
    response = return_of(service, begun)
    texts = repr(finish(service, space, response)) + repr(begun)
    stored = repr([attrs.asdict(each) for each in service.records().values()])
    for secret in (response["code"], response["state"].partition(".")[2], SECRET):
        assert secret not in texts
        assert secret not in stored


def test_the_grant_is_given_back_unless_the_user_has_an_account(service, space):
    revoked = []

    class Provider(FakeIdentityProvider):
        def revoke_grant(self, settings, identity, *, company):
            revoked.append(identity.grant)
            super().revoke_grant(settings, identity, company=company)

    provider = Provider(service.ports.entropy)
    provider.admit("carol")
    tested = service.but(identity=provider)
    back = provider.log_in(begin(tested, space).url, "carol")
    finish(tested, space, {"state": back.state, "code": back.code})
    assert len(revoked) == 1
    service.log_in(space, "carol")
    back = provider.log_in(begin(tested, space).url, "carol")
    result = finish(tested, space, {"state": back.state, "code": back.code})
    assert result.account == service.store.account(space.guid, "carol").guid
    assert len(revoked) == 1


# Whoever may not


@pytest.mark.parametrize("role", [AdminRole.APP_SPACE, AdminRole.SUPPORT])
def test_whoever_may_not_edit_the_app_space_tests_nothing(service, space, role):
    ada = admin(service, role, app_space=space.guid)
    before = service.records()
    with pytest.raises(RoleLacking):
        begin(service, space, by=ada)
    assert service.last_event() == ("login.begin_test", "role_lacking")
    assert service.records() == before
    response = return_of(service, begin(service, space))
    with pytest.raises(RoleLacking):
        finish(service, space, response, by=ada)
    assert finish(service, space, response).subject == "carol"


def test_an_app_space_out_of_reach_looks_like_none(service, space):
    company = service.administration.create_company("Other").guid
    ada = admin(service, company=company)
    response = return_of(service, begin(service, space))
    for call in (
        lambda: begin(service, space, by=ada),
        lambda: finish(service, space, response, by=ada),
    ):
        with pytest.raises(Foreign):
            call()


def test_a_revocation_in_between_counts(service, space):
    ada = admin(service, all_companies=True)
    response = return_of(service, begin(service, space, by=ada))
    service.credentials.revoke_admin(ada.guid)
    with pytest.raises(CredentialRefused):
        finish(service, space, response, by=ada)


def test_another_session_does_not_finish_it(service, space):
    response = return_of(service, begin(service, space))
    for secret in ("", "t" * 43, SECRET[:-1]):
        with pytest.raises(WrongToken):
            finish(service, space, response, secret=secret)
        assert service.last_event() == ("login.finish_test", "wrong_token")
    assert finish(service, space, response).subject == "carol"


@pytest.mark.parametrize("secret", ["", SECRET])
def test_no_device_finishes_it(service, space, secret):
    response = return_of(service, begin(service, space, secret=secret))
    before = people(service)
    with pytest.raises(WrongToken):
        service.logins.authenticate(response["state"], response["code"], secret)
    assert service.last_event() == ("login.authenticate", "wrong_token")
    assert people(service) == before


def test_a_devices_log_in_is_no_test(service, space):
    redirect = service.logins.redirect(space.guid, APP_RETURN)
    back = service.idp.log_in(redirect.url, "carol")
    response = {"state": back.state, "code": back.code}
    with pytest.raises(WrongToken):
        finish(service, space, response, secret=redirect.app_secret)
    invitation = service.logins.authenticate(back.state, back.code, redirect.app_secret)
    assert invitation.account.account_id == "carol"


def test_the_state_of_another_app_space_is_none(service, space):
    other = service.new_app_space("Other", idp=service.idp.settings())
    response = return_of(service, begin(service, space))
    with pytest.raises(WrongToken):
        finish(service, other, response)
    for state in (space.guid, "", "x.y", f"{service.app_space.guid}.secret"):
        with pytest.raises(WrongToken):
            finish(service, space, response | {"state": state})


def test_it_serves_once(service, space):
    response = return_of(service, begin(service, space))
    finish(service, space, response)
    with pytest.raises(WrongState):
        finish(service, space, response)


def test_it_ends_at_its_deadline(service, space):
    begun = begin(service, space)
    response = return_of(service, begun)
    service.clock.jump(begun.deadline)
    with pytest.raises(DeadlinePassed):
        finish(service, space, response)
    assert service.logins.expire() == 1


# What the provider says


def test_what_the_provider_refuses_is_the_result(service, space):
    back = service.idp.log_in(begin(service, space).url, "carol")
    result = finish(service, space, {"state": back.state, "error": "access_denied"})
    assert (result.refusal, result.detail) == ("provider_error", "access_denied")
    assert (result.issuer, result.subject, result.account_id) == ("", "", "")
    assert service.last_event() == ("login.finish_test", "provider_error")
    with pytest.raises(WrongState):
        finish(service, space, {"state": back.state, "code": back.code})


@pytest.mark.parametrize("changes", [{"code": "other"}, {"iss": "https://evil.example"}])
def test_a_code_that_proves_nothing_is_the_result(service, space, changes):
    response = return_of(service, begin(service, space), **changes)
    result = finish(service, space, response)
    assert (result.refusal, result.subject) == (IdentityWithdrawn.code, "")
    assert service.last_event() == ("login.finish_test", IdentityWithdrawn.code)


def test_the_code_of_another_log_in_is_the_result(service, space):
    """Nonce and verifier are another log-in's."""
    other = return_of(service, begin(service, space))
    response = return_of(service, begin(service, space), code=other["code"])
    assert finish(service, space, response).refusal == IdentityWithdrawn.code


def test_a_provider_of_another_issuer_is_the_result(service, space):
    other = FakeIdentityProvider(service.ports.entropy, issuer="https://other.example")
    other.admit("carol")
    tested = service.but(identity=other)
    back = other.log_in(begin(tested, space).url, "carol")
    result = finish(tested, space, {"state": back.state, "code": back.code})
    assert result.refusal == "wrong_issuer"


def test_a_provider_that_does_not_answer_is_the_result(service, space):
    response = return_of(service, begin(service, space))
    service.idp.down = True
    result = finish(service, space, response)
    assert (result.refusal, result.detail) == (
        IdentityUnavailable.code,
        "The Identity Provider did not answer.",
    )


def test_nothing_begins_while_the_provider_is_down(service, space):
    service.idp.down = True
    before = service.records()
    with pytest.raises(IdentityUnavailable):
        begin(service, space)
    assert service.records() == before


def test_an_account_that_a_log_in_would_not_get_is_the_result(service, space):
    service.log_in(space, "carol")
    account = service.store.account(space.guid, "carol")
    service.accounts.lock(account.guid, by=OPERATOR)
    assert finish(service, space, return_of(service, begin(service, space))).refusal == (
        "account_locked"
    )
    service.accounts.unlock(account.guid, by=OPERATOR)
    service.idp.admit("dave", account_id="carol")
    response = return_of(service, begin(service, space), "dave")
    assert finish(service, space, response).refusal == "account_taken"
    assert service.store.account(space.guid, "carol").subject == "carol"


def test_an_account_id_that_is_too_long_is_the_result(service, space):
    service.idp.admit("long", account_id="x" * (STANDARD.account_id_bytes + 1))
    response = return_of(service, begin(service, space), "long")
    assert finish(service, space, response).refusal == "invalid_field"


# What does not fit


def test_an_app_space_without_a_provider_has_no_test(service, space):
    with pytest.raises(WrongKind):
        begin(service, service.app_space)
    with pytest.raises(NotFound):
        service.login_tests.begin(
            service.company.guid,
            app_return=PAGE,
            service_return=SERVICE,
            secret=SECRET,
            by=OPERATOR,
        )


@pytest.mark.parametrize("address", ["javascript:alert(1)", "http://evil.example/", "app", ""])
def test_it_leads_back_to_an_address_for_apps_only(service, space, address):
    with pytest.raises(InvalidField) as caught:
        begin(service, space, app_return=address)
    assert caught.value.field == "returnUri"


def test_it_leads_back_to_the_services_own_pages_wherever_it_is_served(service, space):
    for address, is_own in (
        ("http://localhost:8787/portal/test", True),
        ("http://localhost:8788/portal/test", False),
        ("http://localhost:8787.evil.example/", False),
    ):
        begun = None
        with contextlib.suppress(InvalidField):
            begun = service.login_tests.begin(
                space.guid,
                app_return=address,
                service_return="http://localhost:8787/device/login/return",
                secret=SECRET,
                by=OPERATOR,
            )
        assert (begun is not None) is is_own


def test_a_response_that_does_not_fit_uses_nothing_up(service, space):
    response = return_of(service, begin(service, space))
    for changes, field in (
        ({"code": "x" * 4097}, "code"),
        ({"code": ""}, "code"),
        ({"iss": "x" * 4097}, "iss"),
        ({"error": "x" * 4097}, "error"),
    ):
        with pytest.raises(InvalidField) as caught:
            finish(service, space, response | changes)
        assert caught.value.field == field
    assert finish(service, space, response).refusal == ""


def test_the_limit_of_tests_a_minute_is_enforced(service, space):
    narrow = service.but(policy=attrs.evolve(STANDARD, redirect_rate=2))
    for _ in range(2):
        begin(narrow, space)
    with pytest.raises(TooOften):
        begin(narrow, space)
    assert service.last_event() == ("login.begin_test", "too_often")
    narrow.logins.redirect(space.guid, APP_RETURN)
