"""The whole flow with the core, at a real provider: bind, ask, withdraw, resume."""

from datetime import UTC, datetime

import attrs
import pytest
from oidc_loopback import rsa
from oidc_real import running

from counterseal.errors import (
    BindingInactive,
    IdentityUnavailable,
    IdentityWithdrawn,
    Replayed,
    WrongState,
    WrongToken,
)
from counterseal.models import Authority, BindingState, ClientAuth
from counterseal_http import Guard
from counterseal_oidc import OidcIdentityProvider
from counterseal_oidc.errors import CodeRefused, ResponseIssuer
from counterseal_testing import FakeService
from counterseal_testing.identity import APP_RETURN

ACTIVE = (BindingState.ACTIVE, None)
BY_IDP = (BindingState.SUSPENDED, Authority.IDP)


@pytest.fixture
def world(request):
    """Return a service with the real provider and the machine's time."""

    def adapters(ports):
        ports.clock.jump(datetime.now(UTC))
        guard = Guard(allow_http=True, allow_private=True, ports=None)
        provider = OidcIdentityProvider(ports.sealer, ports.clock, ports.entropy, guard=guard)
        request.addfinalizer(provider.close)
        return attrs.evolve(ports, identity=provider)

    return FakeService(adapters=adapters)


@pytest.fixture
def new_space(world, settings, client_secret):
    """Return a factory of App Spaces whose users log in at a real provider."""

    def make(provider, auth=ClientAuth.BASIC):
        idp = attrs.evolve(settings(provider, auth), returns=(APP_RETURN,), sealed_secret=b"")
        secret = world.ports.sealer.seal(client_secret.encode(), idp.secret_context)
        return world.new_app_space("Staff", idp=attrs.evolve(idp, sealed_secret=secret))

    return make


@pytest.fixture(autouse=True)
def _restore_provider(real):
    yield
    real.control(enable="zoe", down=False)


def begin_login(world, space, provider, subject="zoe"):
    redirect = world.logins.redirect(space.guid, APP_RETURN)
    return redirect, provider.log_in(redirect.url, subject)


def log_in(world, space, provider):
    redirect, back = begin_login(world, space, provider)
    return world.logins.authenticate(back.state, back.code, redirect.app_secret, issuer=back.issuer)


def bind(world, space, provider):
    return world.complete(log_in(world, space, provider), world.phone())


def state_of(world, phone):
    binding = _stored(world, phone.guid)
    return binding.state, binding.suspended_by


def _stored(world, guid):
    (record,) = world.ports.store.get(guid)
    return record


def ask(world, space):
    origin = world.new_origin(space, "Shop")
    return origin, world.ask("zoe", "Pay 10 EUR to Adam?", origin=origin).challenge.guid


def test_from_the_log_in_to_the_callback(world, new_space, real):
    space = new_space(real)
    zoe = bind(world, space, real)
    account = _stored(world, zoe.device.bond.account)
    assert (account.issuer, account.account_id) == (real.url, "zoe")

    origin, challenge = ask(world, space)
    zoe.answer(zoe.fetch(challenge))
    assert world.challenges.status(origin, challenge).approved
    # The log-in counts for some minutes; after that the provider is asked.
    refreshes = real.requests("/token")
    world.clock.advance(world.policy.revalidation_life)
    _, challenge = ask(world, space)
    zoe.answer(zoe.fetch(challenge))
    assert real.requests("/token") == refreshes + 1


def test_a_state_works_once_and_only_with_its_app_secret(world, new_space, real):
    space = new_space(real)
    redirect, back = begin_login(world, space, real)
    other_redirect, _ = begin_login(world, space, real)
    with pytest.raises(WrongToken):
        # Another app caught the redirect, or a victim opened the URL.
        world.logins.authenticate(
            back.state, back.code, other_redirect.app_secret, issuer=back.issuer
        )
    invitation = world.logins.authenticate(
        back.state, back.code, redirect.app_secret, issuer=back.issuer
    )
    assert invitation.account.account_id == "zoe"
    with pytest.raises(WrongState):
        world.logins.authenticate(back.state, back.code, redirect.app_secret, issuer=back.issuer)


def test_swapped_responses_of_two_app_spaces_bind_nobody(world, new_space, real, clients):
    with running(clients, {"keys": [rsa("other").as_dict(private=True)]}) as other:
        ours, theirs = new_space(real), new_space(other)
        (mine, my_back), (its, its_back) = (
            begin_login(world, ours, real),
            begin_login(world, theirs, other),
        )
        with pytest.raises(ResponseIssuer):
            world.logins.authenticate(
                my_back.state, its_back.code, mine.app_secret, issuer=its_back.issuer
            )
        with pytest.raises(CodeRefused):
            world.logins.authenticate(
                its_back.state, my_back.code, its.app_secret, issuer=its_back.issuer
            )
        assert world.ports.store.account(ours.guid, "zoe") is None
        assert world.ports.store.account(theirs.guid, "zoe") is None


def test_a_disabled_user_answers_nothing_until_a_new_log_in(world, new_space, real):
    space = new_space(real)
    zoe = bind(world, space, real)
    real.control(disable="zoe")
    world.clock.advance(world.policy.revalidation_life)
    _, challenge = ask(world, space)
    with pytest.raises(IdentityWithdrawn):
        zoe.fetch(challenge)
    assert state_of(world, zoe) == BY_IDP
    real.control(enable="zoe")
    with pytest.raises(BindingInactive):
        zoe.fetch(challenge)
    log_in(world, space, real)
    assert state_of(world, zoe) == ACTIVE
    zoe.answer(zoe.fetch(challenge))


def test_a_logout_at_the_provider_suspends_at_once_and_once(world, new_space, real):
    space = new_space(real)
    zoe = bind(world, space, real)
    token = real.logout_token(space.idp.client_id, "zoe")
    world.logins.log_out(space.guid, token)
    assert state_of(world, zoe) == BY_IDP
    with pytest.raises(Replayed):
        world.logins.log_out(space.guid, token)
    log_in(world, space, real)
    assert state_of(world, zoe) == ACTIVE


def test_a_provider_that_is_down_approves_nothing_and_suspends_nobody(world, new_space, real):
    space = new_space(real)
    zoe = bind(world, space, real)
    real.control(down=True)
    world.clock.advance(world.policy.revalidation_life)
    _, challenge = ask(world, space)
    with pytest.raises(IdentityUnavailable):
        zoe.fetch(challenge)
    assert state_of(world, zoe) == ACTIVE
    # Users of other App Spaces are not affected.
    adam = world.bind("adam")
    adam.answer(adam.fetch(world.ask("adam", "Hello?").challenge.guid))
    real.control(down=False)
    zoe.answer(zoe.fetch(challenge))


def test_the_provider_changes_its_keys_between_two_log_ins(world, new_space, real, provider_keys):
    old, new = (key.as_dict(private=True) for key in provider_keys)
    space = new_space(real)
    bind(world, space, real)
    try:
        real.control(jwks={"keys": [new]})
        zoe = bind(world, space, real)
        assert state_of(world, zoe) == ACTIVE
    finally:
        real.control(jwks={"keys": [old]})
