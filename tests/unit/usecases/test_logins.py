"""Binding through an Identity Provider: a state and a code serve once."""

from datetime import timedelta
from functools import partial
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

from counterseal import STANDARD, keys
from counterseal.errors import (
    AccountLocked,
    AccountTaken,
    DeadlinePassed,
    IdentityUnavailable,
    IdentityWithdrawn,
    InvalidField,
    NotFound,
    ReturnForbidden,
    SealBroken,
    TooManyBindings,
    TooOften,
    WrongIssuer,
    WrongKind,
    WrongState,
    WrongToken,
)
from counterseal.models import OPERATOR, BindingState, Change, Identity, LoginState
from counterseal.models.guid import mint
from counterseal_testing.identity import APP_RETURN, FakeIdentityProvider

TICK = timedelta(microseconds=1)


@pytest.fixture
def space(service):
    service.idp.admit("carol")
    return service.new_app_space("Staff", idp=service.idp.settings())


@pytest.fixture
def redirect(service, space):
    return service.logins.redirect(space.guid, APP_RETURN)


@pytest.fixture
def back(service, redirect):
    """What the browser brings back."""
    return service.idp.log_in(redirect.url, "carol")


def refused(service, call, refusal):
    """See *call* refused and recorded, and nothing changed but the log-in it may have spent."""
    before = service.records()
    with pytest.raises(refusal):
        call()
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
    stored_text = repr(attrs.asdict(service.stored(redirect.login)))
    for secret in (query["state"].partition(".")[2], query["nonce"]):
        assert secret not in stored_text
        assert secret not in repr(redirect)


def test_two_log_ins_share_nothing(service, space):
    one, other = (
        service.stored(service.logins.redirect(space.guid, APP_RETURN).login) for _ in range(2)
    )
    assert one.guid != other.guid
    assert one.secret_hash != other.secret_hash


def test_a_log_in_is_recorded(service, redirect):
    event = service.events[-1]
    assert (event.event, event.actor) == ("login.redirect", "stranger")
    assert (event.subject, event.at) == (redirect.login, service.clock.now())


def test_the_limit_of_log_ins_a_minute_is_enforced(service, space):
    narrow = service.but(policy=attrs.evolve(STANDARD, redirect_rate=2))
    for _ in range(2):
        narrow.logins.redirect(space.guid, APP_RETURN)
    before = service.records()
    with pytest.raises(TooOften) as caught:
        narrow.logins.redirect(space.guid, APP_RETURN)
    assert caught.value.reason == "redirect_rate"
    assert service.records() == before
    assert service.last_event() == ("login.redirect", "too_often")
    other = service.new_app_space("Other staff", idp=service.idp.settings())
    narrow.logins.redirect(other.guid, APP_RETURN)


def test_a_log_in_is_stored_for_as_long_again_as_it_may_take(service, redirect):
    login = service.stored(redirect.login)
    assert login.keep_until == login.deadline + STANDARD.login_life


def test_there_is_no_log_in_where_the_origin_says_who_its_users_are(service):
    with pytest.raises(WrongKind):
        service.logins.redirect(service.app_space.guid, APP_RETURN)
    assert service.last_event() == ("login.redirect", "wrong_kind")


def test_there_is_no_log_in_for_what_is_no_app_space(service, space):
    for guid in (mint(0, bytes(15)), service.company.guid):
        with pytest.raises(NotFound):
            service.logins.redirect(guid, APP_RETURN)


def test_no_log_in_begins_while_the_provider_is_down(service, space):
    service.idp.down = True
    before = service.records()
    with pytest.raises(IdentityUnavailable):
        service.logins.redirect(space.guid, APP_RETURN)
    assert service.records() == before


# Finishing


def test_a_log_in_invites_the_users_device(service, space, redirect, back):
    invitation = service.logins.authenticate(
        back.state, back.code, redirect.app_secret, issuer=back.issuer
    )
    account, binding = invitation.account, service.stored(invitation.binding)
    assert account == service.store.account(space.guid, "carol")
    assert (account.issuer, account.confirmed_at) == (back.issuer, service.clock.now())
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


def test_the_grant_is_sealed_for_the_account(service, space, redirect, back):
    account = service.logins.authenticate(back.state, back.code, redirect.app_secret).account
    grant = service.ports.sealer.open(account.sealed_grant, f"grant:{account.guid}")
    assert grant
    assert grant not in account.sealed_grant


def test_a_second_device_of_the_user_joins_the_account(service, space):
    one, other = (service.log_in(space, "carol") for _ in range(2))
    assert one.device.bond.account == other.device.bond.account
    assert one.guid != other.guid


def test_a_state_serves_once(service, redirect, back):
    service.logins.authenticate(back.state, back.code, redirect.app_secret)
    again = service.idp.log_in(redirect.url, "carol")
    call = partial(service.logins.authenticate, again.state, again.code, redirect.app_secret)
    assert refused(service, call, WrongState) == set()


def test_of_many_returns_with_one_state_one_counts(service, redirect, meeting, at_once):
    returns = [service.idp.log_in(redirect.url, "carol") for _ in range(4)]
    racing = service.but(store=meeting(service.store, 4))
    outcomes = at_once(
        *(
            partial(racing.logins.authenticate, back.state, back.code, redirect.app_secret)
            for back in returns
        )
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "Invitation",
        *["WrongState"] * 3,
    ]


def test_a_wrong_state_secret_spends_nothing(service, redirect, back):
    for secret in ("", "A" * 43, back.state.partition(".")[2] + "A"):
        call = partial(
            service.logins.authenticate,
            f"{redirect.login}.{secret}",
            back.code,
            redirect.app_secret,
        )
        assert refused(service, call, WrongToken) == set()
    service.logins.authenticate(back.state, back.code, redirect.app_secret)


@pytest.mark.parametrize("became", ["used", "late", "expired"])
def test_a_wrong_state_secret_learns_nothing_of_the_log_in(service, redirect, back, became):
    if became == "used":
        service.logins.authenticate(back.state, back.code, redirect.app_secret)
    else:
        service.clock.jump(redirect.deadline)
    if became == "expired":
        service.logins.expire()
    call = partial(
        service.logins.authenticate, f"{redirect.login}.wrong", back.code, redirect.app_secret
    )
    assert refused(service, call, WrongToken) == set()


def test_states_that_are_none_of_ours_all_look_the_same(service, space, redirect, back):
    for state in ("", "nonsense", f"{mint(0, bytes(15))}.secret", f"{space.guid}.secret"):
        call = partial(service.logins.authenticate, state, back.code, redirect.app_secret)
        assert refused(service, call, WrongToken) == set()


@pytest.mark.parametrize("code", ["", "x" * 4097])
def test_a_code_too_long_or_empty_is_refused(service, redirect, back, code):
    call = partial(service.logins.authenticate, back.state, code, redirect.app_secret)
    assert refused(service, call, InvalidField) == set()


def test_a_log_in_may_take_as_long_as_the_policy_says(service, redirect, back):
    service.clock.jump(redirect.deadline)
    call = partial(service.logins.authenticate, back.state, back.code, redirect.app_secret)
    assert refused(service, call, DeadlinePassed) == set()
    service.clock.jump(redirect.deadline - TICK)
    call()


def test_the_log_in_is_spent_before_the_code_is_exchanged(service, redirect, back):
    spent = []

    class ObservingProvider:
        def __getattr__(self, name):
            return getattr(service.idp, name)

        def exchange(self, settings, **what):
            spent.append(service.stored(redirect.login).state)
            return service.idp.exchange(settings, **what)

    service.but(identity=ObservingProvider()).logins.authenticate(
        back.state, back.code, redirect.app_secret
    )
    assert spent == [LoginState.USED]


def test_a_refused_code_spends_the_log_in_and_makes_no_account(service, space, redirect, back):
    call = partial(service.logins.authenticate, back.state, "another code", redirect.app_secret)
    assert refused(service, call, IdentityWithdrawn) == {redirect.login}
    assert refused(service, call, WrongState) == set()
    assert service.store.account(space.guid, "carol") is None


def test_a_code_of_another_log_in_is_refused(service, space, redirect, back):
    other = service.idp.log_in(service.logins.redirect(space.guid, APP_RETURN).url, "carol")
    call = partial(service.logins.authenticate, back.state, other.code, redirect.app_secret)
    assert refused(service, call, IdentityWithdrawn) == {redirect.login}


def test_a_provider_that_is_down_has_spent_the_log_in_all_the_same(service, redirect, back):
    service.idp.down = True
    with pytest.raises(IdentityUnavailable):
        service.logins.authenticate(back.state, back.code, redirect.app_secret)
    service.idp.down = False
    call = partial(service.logins.authenticate, back.state, back.code, redirect.app_secret)
    assert refused(service, call, WrongState) == set()


def test_another_issuers_word_is_refused(service, redirect, back):
    class Liar(FakeIdentityProvider):
        def exchange(self, settings, **what):
            return Identity(issuer="https://other.example", subject="carol")

    lied_to = service.but(identity=Liar(service.entropy))
    call = partial(lied_to.logins.authenticate, back.state, back.code, redirect.app_secret)
    assert refused(service, call, WrongIssuer) == {redirect.login}


def test_a_subject_of_another_issuer_does_not_take_over_the_account(service, space):
    """The App Space moved to another provider, where somebody else is called carol."""
    service.log_in(space, "carol")
    other = FakeIdentityProvider(service.entropy, issuer="https://other.example")
    moved = attrs.evolve(space, version=2, idp=other.settings())
    service.store.commit((Change(space, moved),), (), "move")
    there = service.but(identity=other)
    other.admit("carol")
    redirect = there.logins.redirect(space.guid, APP_RETURN)
    back = other.log_in(redirect.url, "carol")
    before = service.store.account(space.guid, "carol")
    with pytest.raises(WrongIssuer):
        there.logins.authenticate(back.state, back.code, redirect.app_secret)
    assert service.last_event() == ("binding.invite", "wrong_issuer")
    assert service.store.account(space.guid, "carol") == before


def test_a_subject_too_long_is_refused(service, space):
    subject = "x" * 257
    service.idp.admit(subject)
    redirect = service.logins.redirect(space.guid, APP_RETURN)
    back = service.idp.log_in(redirect.url, subject)
    with pytest.raises(InvalidField):
        service.logins.authenticate(back.state, back.code, redirect.app_secret)


def test_s18_a_locked_account_is_not_invited(service, space, redirect, back):
    account = service.log_in(space, "carol").device.bond.account
    service.accounts.lock(account, by=OPERATOR)
    with pytest.raises(AccountLocked):
        service.logins.authenticate(back.state, back.code, redirect.app_secret)
    assert service.last_event() == ("binding.invite", "account_locked")


def test_an_account_has_as_many_devices_as_the_policy_allows(service, space, redirect, back):
    service.log_in(space, "carol")
    policy = attrs.evolve(STANDARD, bindings_limit=1, device_replacement=False)
    narrow = service.but(policy=policy)
    with pytest.raises(TooManyBindings):
        narrow.logins.authenticate(back.state, back.code, redirect.app_secret)


# Expiring


def test_a_log_in_expires_at_its_deadline_and_not_before(service, redirect, back):
    service.clock.jump(redirect.deadline - TICK)
    assert service.logins.expire() == 0
    service.clock.jump(redirect.deadline)
    assert service.logins.expire() == 1
    assert service.stored(redirect.login).state is LoginState.EXPIRED
    assert service.last_event() == ("login.expire", "")
    assert service.logins.expire() == 0
    call = partial(service.logins.authenticate, back.state, back.code, redirect.app_secret)
    assert refused(service, call, WrongState) == set()


def test_a_used_log_in_does_not_expire(service, redirect, back):
    service.logins.authenticate(back.state, back.code, redirect.app_secret)
    service.clock.jump(redirect.deadline)
    assert service.logins.expire() == 0
    assert service.stored(redirect.login).state is LoginState.USED


# Whose log-in it is


def test_state_and_code_without_the_apps_secret_bind_nothing(service, redirect, back):
    """Another app has the same scheme: it learns state and code, and not the secret."""
    for guess in ("", "A" * 43, redirect.app_secret + "A", redirect.app_secret.lower()):
        call = partial(service.logins.authenticate, back.state, back.code, guess)
        assert refused(service, call, WrongToken) == set()
    service.logins.authenticate(back.state, back.code, redirect.app_secret)


@pytest.mark.parametrize("became", ["used", "late", "expired"])
def test_who_did_not_begin_learns_nothing_of_the_log_in(service, redirect, back, became):
    if became == "used":
        service.logins.authenticate(back.state, back.code, redirect.app_secret)
    else:
        service.clock.jump(redirect.deadline)
    if became == "expired":
        service.logins.expire()
    call = partial(service.logins.authenticate, back.state, back.code, "caught")
    assert refused(service, call, WrongToken) == set()


def test_a_log_ins_address_sent_to_a_victim_binds_nothing(service, space):
    """Mallory begins, and carol follows the address: the code comes back to carol's own app."""
    mallorys = service.logins.redirect(space.guid, APP_RETURN)
    back = service.idp.log_in(mallorys.url, "carol")
    address = service.logins.relay_response(back.state, {"code": back.code, "iss": back.issuer})
    assert address.startswith(f"{APP_RETURN}?")
    assert mallorys.app_secret not in address
    # Carol's app has begun nothing, or something else, and what Mallory has lacks the code.
    carols = service.logins.redirect(space.guid, APP_RETURN)
    for code, secret in ((back.code, carols.app_secret), (back.code, "")):
        call = partial(service.logins.authenticate, back.state, code, secret)
        assert refused(service, call, WrongToken) == set()
    call = partial(service.logins.authenticate, back.state, "guess", mallorys.app_secret)
    assert refused(service, call, IdentityWithdrawn) == {mallorys.login}
    assert service.store.account(space.guid, "carol") is None


def test_the_secret_lies_nowhere_and_is_no_part_of_the_address(service, redirect):
    login = service.stored(redirect.login)
    assert login.holder_hash == keys.token_hash(redirect.app_secret)
    assert redirect.app_secret not in redirect.url
    assert redirect.app_secret not in repr(attrs.asdict(login)) + repr(redirect)


def test_state_and_code_swapped_between_two_app_spaces_bind_nothing(service, space):
    other_space = service.new_app_space("Other staff", idp=service.idp.settings("other"))
    begun = [service.logins.redirect(one.guid, APP_RETURN) for one in (space, other_space)]
    backs = [service.idp.log_in(one.url, "carol") for one in begun]
    for mine, theirs in ((0, 1), (1, 0)):
        call = partial(
            service.logins.authenticate,
            backs[mine].state,
            backs[mine].code,
            begun[theirs].app_secret,
        )
        assert refused(service, call, WrongToken) == set()
        call = partial(
            service.logins.authenticate,
            backs[mine].state,
            backs[theirs].code,
            begun[mine].app_secret,
        )
        assert refused(service, call, IdentityWithdrawn) == {begun[mine].login}
    assert service.store.account(space.guid, "carol") is None
    assert service.store.account(other_space.guid, "carol") is None


def test_users_are_taken_back_only_where_the_app_space_says(service, space):
    before = service.records()
    for there in ("https://evil.example/login", "", f"{APP_RETURN}/more", "javascript:alert(1)"):
        with pytest.raises(ReturnForbidden):
            service.logins.redirect(space.guid, there)
        assert service.last_event() == ("login.redirect", "return_forbidden")
    assert service.records() == before


def test_a_provider_may_send_users_to_the_app_itself(service):
    idp = attrs.evolve(service.idp.settings(), redirect_uri="", returns=("http://127.0.0.1/back",))
    space = service.new_app_space("Desktop", idp=idp)
    service.idp.admit("carol")
    redirect = service.logins.redirect(space.guid, "http://127.0.0.1:40001/back")
    query = parse_qs(urlsplit(redirect.url).query)
    assert query["redirect_uri"] == ["http://127.0.0.1:40001/back"]
    redirect_uris = []

    class ObservingProvider:
        def __getattr__(self, name):
            return getattr(service.idp, name)

        def exchange(self, settings, **what):
            redirect_uris.append(settings.redirect_uri)
            return service.idp.exchange(settings, **what)

    back = service.idp.log_in(redirect.url, "carol")
    service.but(identity=ObservingProvider()).logins.authenticate(
        back.state, back.code, redirect.app_secret
    )
    assert redirect_uris == ["http://127.0.0.1:40001/back"]


# What the provider sends to the service


def test_a_return_is_carried_on_to_the_app_and_spends_nothing(service, redirect, back):
    before = service.records()
    response = {"code": back.code, "iss": back.issuer, "session_state": "x", "state": "y"}
    address = service.logins.relay_response(back.state, response)
    address, _, query = address.partition("?")
    assert address == APP_RETURN
    assert parse_qs(query) == {
        "state": [back.state],
        "code": [back.code],
        "iss": [back.issuer],
    }
    assert service.records() == before
    service.logins.authenticate(back.state, back.code, redirect.app_secret)


def test_the_app_learns_that_the_provider_refused(service, back):
    address = service.logins.relay_response(back.state, {"error": "access_denied"})
    assert parse_qs(address.partition("?")[2])["error"] == ["access_denied"]


def test_no_browser_is_sent_anywhere_for_a_state_that_is_none_of_ours(service, redirect, back):
    name = redirect.login
    for state in ("", "nonsense", name, f"{name}.guess", f"{mint(0, bytes(15))}.x"):
        with pytest.raises(WrongToken):
            service.logins.relay_response(state, {"code": back.code})
        assert service.last_event() == ("login.relay", "wrong_token")


def test_no_browser_is_sent_anywhere_late_or_with_too_much(service, redirect, back):
    with pytest.raises(InvalidField):
        service.logins.relay_response(back.state, {"code": "x" * 4097})
    service.clock.jump(redirect.deadline)
    with pytest.raises(DeadlinePassed):
        service.logins.relay_response(back.state, {"code": back.code})


# The id of the account


class ClaimFacts:
    """The provider, by whose word everybody is called *account_id*."""

    def __init__(self, idp, account_id):
        self._idp = idp
        self._account_id = account_id

    def __getattr__(self, name):
        return getattr(self._idp, name)

    def exchange(self, settings, **what):
        return attrs.evolve(self._idp.exchange(settings, **what), account_id=self._account_id)


def test_a_claim_may_become_the_account_id(service, space, redirect, back):
    claiming = service.but(identity=ClaimFacts(service.idp, "employee 7"))
    account = claiming.logins.authenticate(back.state, back.code, redirect.app_secret).account
    assert (account.account_id, account.subject) == ("employee 7", "carol")
    assert service.store.account(space.guid, "carol") is None
    service.logins.revalidate(account.guid)


def test_an_account_id_that_another_identity_has_is_refused(service, space, redirect, back):
    claiming = service.but(identity=ClaimFacts(service.idp, "employee 7"))
    claiming.logins.authenticate(back.state, back.code, redirect.app_secret)
    service.idp.admit("mallory")
    before = service.store.account(space.guid, "employee 7")
    again = service.logins.redirect(space.guid, APP_RETURN)
    theirs = service.idp.log_in(again.url, "mallory")
    with pytest.raises(AccountTaken):
        claiming.logins.authenticate(theirs.state, theirs.code, again.app_secret)
    assert service.last_event() == ("binding.invite", "account_taken")
    assert service.store.account(space.guid, "employee 7") == before


def test_an_invitation_outlives_a_provider_that_fails_when_it_is_asked_again(service, space):
    phone = service.log_in(space, "carol")
    service.idp.withdraw("carol")
    with pytest.raises(IdentityWithdrawn):
        service.logins.revalidate(phone.device.bond.account)
    service.idp.admit("carol")

    class Failing:
        def __getattr__(self, name):
            return getattr(service.idp, name)

        def revalidate(self, settings, identity, *, company):
            raise IdentityUnavailable

    redirect = service.logins.redirect(space.guid, APP_RETURN)
    back = service.idp.log_in(redirect.url, "carol")
    failing = service.but(identity=Failing())
    invitation = failing.logins.authenticate(back.state, back.code, redirect.app_secret)
    assert service.stored(phone.guid).state is BindingState.SUSPENDED
    service.complete(invitation, service.phone())
    service.logins.revalidate(phone.device.bond.account)
    assert service.stored(phone.guid).state is BindingState.ACTIVE


def test_a_log_in_whose_sealed_secrets_do_not_open_is_not_spent(service, space):
    class Broken:
        def seal(self, plain, context):
            raise SealBroken

        open = seal

    redirect = service.logins.redirect(space.guid, APP_RETURN)
    service.idp.admit("carol")
    back = service.idp.log_in(redirect.url, "carol")
    with pytest.raises(SealBroken):
        service.but(sealer=Broken()).logins.authenticate(back.state, back.code, redirect.app_secret)
    invitation = service.logins.authenticate(back.state, back.code, redirect.app_secret)
    assert invitation.account.account_id == "carol"
