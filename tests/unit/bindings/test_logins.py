"""Binding through an Identity Provider: a state and a code serve once."""

from datetime import timedelta
from functools import partial
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

from counterseal import STANDARD, keys
from counterseal.errors import (
    AccountLocked,
    DeadlinePassed,
    IdentityUnavailable,
    IdentityWithdrawn,
    InvalidField,
    NotFound,
    TooManyBindings,
    TooOften,
    WrongIssuer,
    WrongKind,
    WrongState,
    WrongToken,
)
from counterseal.models import BindingState, Change, Identity, LoginState
from counterseal.models.guid import mint
from counterseal.testing.identity import FakeIdentityProvider

TICK = timedelta(microseconds=1)


@pytest.fixture
def space(service):
    service.idp.admit("carol")
    return service.new_app_space("Staff", idp=service.idp.settings())


@pytest.fixture
def redirect(service, space):
    return service.logins.redirect(space.guid)


@pytest.fixture
def back(service, redirect):
    """What the browser brings back."""
    return service.idp.log_in(redirect.url, "carol")


def refused(service, act, refusal):
    """See *act* refused and recorded, and nothing changed but the log-in it may have spent."""
    before = service.records()
    with pytest.raises(refusal):
        act()
    assert service.last_event() == ("login.authenticate", refusal.code)
    return {guid for guid, record in service.records().items() if before.get(guid) != record}


# Beginning


def test_the_redirect_carries_state_nonce_and_the_verifiers_challenge(service, redirect):
    query = {name: value for name, (value,) in parse_qs(urlsplit(redirect.url).query).items()}
    login = service.stored(redirect.login)
    name, _, secret = query["state"].partition(".")
    assert name == redirect.login
    assert login.secret_hash == keys.token_hash(secret)
    assert service.ports.sealer.open(login.sealed_nonce, f"login:{name}").decode() == query["nonce"]
    verifier = service.ports.sealer.open(login.sealed_verifier, f"login:{name}").decode()
    assert query["code_challenge"] == keys.digest(verifier.encode())
    assert {len(keys.unb64url(text)) for text in (secret, query["nonce"], verifier)} == {32}
    assert len({secret, query["nonce"], verifier}) == 3
    assert redirect.deadline == login.deadline == service.clock.now() + STANDARD.login_life


def test_s34_nothing_of_a_log_in_lies_open_in_the_store(service, redirect):
    query = {name: value for name, (value,) in parse_qs(urlsplit(redirect.url).query).items()}
    kept = repr(attrs.asdict(service.stored(redirect.login)))
    for secret in (query["state"].partition(".")[2], query["nonce"]):
        assert secret not in kept
        assert secret not in repr(redirect)


def test_two_log_ins_share_nothing(service, space):
    one, other = (service.stored(service.logins.redirect(space.guid).login) for _ in range(2))
    assert one.guid != other.guid
    assert one.secret_hash != other.secret_hash


def test_a_log_in_is_recorded(service, redirect):
    event = service.events[-1]
    assert (event.event, event.actor) == ("login.redirect", "stranger")
    assert (event.subject, event.at) == (redirect.login, service.clock.now())


def test_so_many_log_ins_are_begun_in_a_minute(service, space):
    narrow = service.but(policy=attrs.evolve(STANDARD, redirect_rate=2))
    for _ in range(2):
        narrow.logins.redirect(space.guid)
    before = service.records()
    with pytest.raises(TooOften) as caught:
        narrow.logins.redirect(space.guid)
    assert caught.value.reason == "redirect_rate"
    assert service.records() == before
    assert service.last_event() == ("login.redirect", "too_often")
    other = service.new_app_space("Other staff", idp=service.idp.settings())
    narrow.logins.redirect(other.guid)


def test_a_log_in_is_kept_for_as_long_again_as_it_may_take(service, redirect):
    login = service.stored(redirect.login)
    assert login.keep_until == login.deadline + STANDARD.login_life


def test_there_is_no_log_in_where_the_origin_says_who_its_users_are(service):
    with pytest.raises(WrongKind):
        service.logins.redirect(service.app_space.guid)
    assert service.last_event() == ("login.redirect", "wrong_kind")


def test_there_is_no_log_in_for_what_is_no_app_space(service, space):
    for guid in (mint(0, bytes(15)), service.company.guid):
        with pytest.raises(NotFound):
            service.logins.redirect(guid)


def test_no_log_in_begins_while_the_provider_is_down(service, space):
    service.idp.down = True
    before = service.records()
    with pytest.raises(IdentityUnavailable):
        service.logins.redirect(space.guid)
    assert service.records() == before


# Finishing


def test_a_log_in_invites_the_users_device(service, space, redirect, back):
    invitation = service.logins.authenticate(back.state, back.code, issuer=back.issuer)
    account, binding = invitation.account, service.stored(invitation.binding)
    assert account == service.store.account(space.guid, "carol")
    assert (account.issuer, account.vouched_at) == (back.issuer, service.clock.now())
    assert (binding.state, binding.origin) == (BindingState.INVITED, None)
    assert binding.token_hash == keys.token_hash(invitation.token.partition(".")[2])
    assert service.stored(redirect.login).state is LoginState.USED
    assert [event.event for event in service.events[-2:]] == [
        "login.authenticate",
        "binding.invite",
    ]
    assert service.events[-1].actor == "idp"
    phone = service.complete(invitation, service.phone())
    assert phone.pending() == ()


def test_the_grant_is_sealed_for_the_account(service, space, back):
    account = service.logins.authenticate(back.state, back.code).account
    grant = service.ports.sealer.open(account.sealed_grant, f"grant:{account.guid}")
    assert grant
    assert grant not in account.sealed_grant


def test_a_second_device_of_the_user_joins_the_account(service, space):
    one, other = (service.log_in(space, "carol") for _ in range(2))
    assert one.device.bond.account == other.device.bond.account
    assert one.guid != other.guid


def test_a_state_serves_once(service, redirect, back):
    service.logins.authenticate(back.state, back.code)
    again = service.idp.log_in(redirect.url, "carol")
    act = partial(service.logins.authenticate, again.state, again.code)
    assert refused(service, act, WrongState) == set()


def test_of_many_returns_with_one_state_one_counts(service, redirect, meeting, at_once):
    returns = [service.idp.log_in(redirect.url, "carol") for _ in range(4)]
    racing = service.but(store=meeting(service.store, 4))
    outcomes = at_once(
        *(partial(racing.logins.authenticate, back.state, back.code) for back in returns)
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "Invitation",
        *["WrongState"] * 3,
    ]


def test_a_wrong_state_secret_spends_nothing(service, redirect, back):
    for secret in ("", "A" * 43, back.state.partition(".")[2] + "A"):
        act = partial(service.logins.authenticate, f"{redirect.login}.{secret}", back.code)
        assert refused(service, act, WrongToken) == set()
    service.logins.authenticate(back.state, back.code)


@pytest.mark.parametrize("became", ["used", "late", "expired"])
def test_a_wrong_state_secret_learns_nothing_of_the_log_in(service, redirect, back, became):
    if became == "used":
        service.logins.authenticate(back.state, back.code)
    else:
        service.clock.jump(redirect.deadline)
    if became == "expired":
        service.logins.expire()
    act = partial(service.logins.authenticate, f"{redirect.login}.wrong", back.code)
    assert refused(service, act, WrongToken) == set()


def test_states_that_are_none_of_ours_all_look_the_same(service, space, back):
    for state in ("", "nonsense", f"{mint(0, bytes(15))}.secret", f"{space.guid}.secret"):
        act = partial(service.logins.authenticate, state, back.code)
        assert refused(service, act, WrongToken) == set()


@pytest.mark.parametrize("code", ["", "x" * 4097])
def test_a_code_has_to_fit(service, back, code):
    act = partial(service.logins.authenticate, back.state, code)
    assert refused(service, act, InvalidField) == set()


def test_a_log_in_may_take_as_long_as_the_policy_says(service, redirect, back):
    service.clock.jump(redirect.deadline)
    act = partial(service.logins.authenticate, back.state, back.code)
    assert refused(service, act, DeadlinePassed) == set()
    service.clock.jump(redirect.deadline - TICK)
    act()


def test_the_log_in_is_spent_before_the_code_is_exchanged(service, redirect, back):
    spent = []

    class Looking:
        def __getattr__(self, name):
            return getattr(service.idp, name)

        def exchange(self, settings, **what):
            spent.append(service.stored(redirect.login).state)
            return service.idp.exchange(settings, **what)

    service.but(identity=Looking()).logins.authenticate(back.state, back.code)
    assert spent == [LoginState.USED]


def test_a_refused_code_spends_the_log_in_and_makes_no_account(service, space, redirect, back):
    act = partial(service.logins.authenticate, back.state, "another code")
    assert refused(service, act, IdentityWithdrawn) == {redirect.login}
    assert refused(service, act, WrongState) == set()
    assert service.store.account(space.guid, "carol") is None


def test_a_code_of_another_log_in_is_refused(service, space, redirect, back):
    other = service.idp.log_in(service.logins.redirect(space.guid).url, "carol")
    act = partial(service.logins.authenticate, back.state, other.code)
    assert refused(service, act, IdentityWithdrawn) == {redirect.login}


def test_a_provider_that_is_down_has_spent_the_log_in_all_the_same(service, redirect, back):
    service.idp.down = True
    with pytest.raises(IdentityUnavailable):
        service.logins.authenticate(back.state, back.code)
    service.idp.down = False
    act = partial(service.logins.authenticate, back.state, back.code)
    assert refused(service, act, WrongState) == set()


def test_another_issuers_word_is_refused(service, redirect, back):
    class Liar(FakeIdentityProvider):
        def exchange(self, settings, **what):
            return Identity(issuer="https://other.example", subject="carol")

    lied_to = service.but(identity=Liar(service.entropy))
    act = partial(lied_to.logins.authenticate, back.state, back.code)
    assert refused(service, act, WrongIssuer) == {redirect.login}


def test_a_subject_of_another_issuer_does_not_take_over_the_account(service, space):
    """The App Space moved to another provider, where somebody else is called carol."""
    service.log_in(space, "carol")
    other = FakeIdentityProvider(service.entropy, issuer="https://other.example")
    moved = attrs.evolve(space, version=2, idp=other.settings())
    service.store.commit((Change(space, moved),), (), "move")
    there = service.but(identity=other)
    other.admit("carol")
    back = other.log_in(there.logins.redirect(space.guid).url, "carol")
    before = service.store.account(space.guid, "carol")
    with pytest.raises(WrongIssuer):
        there.logins.authenticate(back.state, back.code)
    assert service.last_event() == ("binding.invite", "wrong_issuer")
    assert service.store.account(space.guid, "carol") == before


def test_a_subject_has_to_fit(service, space):
    subject = "x" * 257
    service.idp.admit(subject)
    back = service.idp.log_in(service.logins.redirect(space.guid).url, subject)
    with pytest.raises(InvalidField):
        service.logins.authenticate(back.state, back.code)


def test_s18_a_locked_account_is_not_invited(service, space, back):
    account = service.log_in(space, "carol").device.bond.account
    service.accounts.lock(account)
    with pytest.raises(AccountLocked):
        service.logins.authenticate(back.state, back.code)
    assert service.last_event() == ("binding.invite", "account_locked")


def test_an_account_has_as_many_devices_as_the_policy_allows(service, space, back):
    service.log_in(space, "carol")
    narrow = service.but(policy=attrs.evolve(STANDARD, bindings_limit=1))
    with pytest.raises(TooManyBindings):
        narrow.logins.authenticate(back.state, back.code)


# Expiring


def test_a_log_in_expires_at_its_deadline_and_not_before(service, redirect, back):
    service.clock.jump(redirect.deadline - TICK)
    assert service.logins.expire() == 0
    service.clock.jump(redirect.deadline)
    assert service.logins.expire() == 1
    assert service.stored(redirect.login).state is LoginState.EXPIRED
    assert service.last_event() == ("login.expire", "")
    assert service.logins.expire() == 0
    act = partial(service.logins.authenticate, back.state, back.code)
    assert refused(service, act, WrongState) == set()


def test_a_used_log_in_does_not_expire(service, redirect, back):
    service.logins.authenticate(back.state, back.code)
    service.clock.jump(redirect.deadline)
    assert service.logins.expire() == 0
    assert service.stored(redirect.login).state is LoginState.USED
