"""The whole flow, with the core, at a real provider: bound, asked, withdrawn, back again."""

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
from counterseal.testing import FakeService
from counterseal.testing.identity import APP_RETURN
from counterseal_http import Guard
from counterseal_oidc import OidcIdentityProvider
from counterseal_oidc.errors import CodeRefused, MixedUp

ACTIVE = (BindingState.ACTIVE, None)
BY_IDP = (BindingState.SUSPENDED, Authority.IDP)


@pytest.fixture
def world(request):
    """Return a service whose Identity Provider is the real one, at the machine's time."""

    def adapters(ports):
        ports.clock.jump(datetime.now(UTC))
        guard = Guard(allow_http=True, allow_private=True, ports=None)
        made = OidcIdentityProvider(ports.sealer, ports.clock, ports.entropy, guard=guard)
        request.addfinalizer(made.close)
        return attrs.evolve(ports, identity=made)

    return FakeService(adapters=adapters)


@pytest.fixture
def new_space(world, settings, client_secret):
    """Return a factory of App Spaces whose users a real provider knows."""

    def make(provider, auth=ClientAuth.BASIC):
        made = attrs.evolve(settings(provider, auth), returns=(APP_RETURN,), sealed_secret=b"")
        secret = world.ports.sealer.seal(client_secret.encode(), made.secret_context)
        return world.new_app_space("Staff", idp=attrs.evolve(made, sealed_secret=secret))

    return make


@pytest.fixture(autouse=True)
def _as_before(real):
    yield
    real.steer(enable="zoe", down=False)


def began(world, space, provider, subject="zoe"):
    redirect = world.logins.redirect(space.guid, APP_RETURN)
    return redirect, provider.log_in(redirect.url, subject)


def invited(world, space, provider):
    redirect, back = began(world, space, provider)
    return world.logins.authenticate(back.state, back.code, redirect.app_secret, issuer=back.issuer)


def bound(world, space, provider):
    return world.complete(invited(world, space, provider), world.phone())


def standing(world, phone):
    binding = _stored(world, phone.guid)
    return binding.state, binding.suspended_by


def _stored(world, guid):
    (record,) = world.ports.store.get(guid)
    return record


def asked(world, space):
    origin = world.new_origin(space, "Shop")
    return origin, world.ask("zoe", "Pay 10 EUR to Adam?", origin=origin).challenge.guid


def test_from_the_log_in_to_the_callback(world, new_space, real):
    space = new_space(real)
    zoe = bound(world, space, real)
    account = _stored(world, zoe.device.bond.account)
    assert (account.issuer, account.account_id) == (real.url, "zoe")

    origin, challenge = asked(world, space)
    zoe.answer(zoe.fetch(challenge))
    assert world.challenges.status(origin, challenge).approved
    # The word of the log-in is believed for minutes, and asked for again after that.
    refreshed = real.requests("/token")
    world.clock.advance(world.policy.revalidation_life)
    _, challenge = asked(world, space)
    zoe.answer(zoe.fetch(challenge))
    assert real.requests("/token") == refreshed + 1


def test_a_state_serves_once_and_only_whom_it_was_given(world, new_space, real):
    space = new_space(real)
    redirect, back = began(world, space, real)
    stranger, _ = began(world, space, real)
    with pytest.raises(WrongToken):
        # The redirect was caught by another app, or the address opened by a victim.
        world.logins.authenticate(back.state, back.code, stranger.app_secret, issuer=back.issuer)
    invitation = world.logins.authenticate(
        back.state, back.code, redirect.app_secret, issuer=back.issuer
    )
    assert invitation.account.account_id == "zoe"
    with pytest.raises(WrongState):
        world.logins.authenticate(back.state, back.code, redirect.app_secret, issuer=back.issuer)


def test_two_app_spaces_whose_answers_were_swapped_bind_nobody(world, new_space, real, clients):
    with running(clients, {"keys": [rsa("other").as_dict(private=True)]}) as other:
        ours, theirs = new_space(real), new_space(other)
        (mine, my_back), (its, its_back) = began(world, ours, real), began(world, theirs, other)
        with pytest.raises(MixedUp):
            world.logins.authenticate(
                my_back.state, its_back.code, mine.app_secret, issuer=its_back.issuer
            )
        with pytest.raises(CodeRefused):
            world.logins.authenticate(
                its_back.state, my_back.code, its.app_secret, issuer=its_back.issuer
            )
        assert world.ports.store.account(ours.guid, "zoe") is None
        assert world.ports.store.account(theirs.guid, "zoe") is None


def test_who_is_disabled_answers_nothing_until_a_new_log_in(world, new_space, real):
    space = new_space(real)
    zoe = bound(world, space, real)
    real.steer(disable="zoe")
    world.clock.advance(world.policy.revalidation_life)
    _, challenge = asked(world, space)
    with pytest.raises(IdentityWithdrawn):
        zoe.fetch(challenge)
    assert standing(world, zoe) == BY_IDP
    real.steer(enable="zoe")
    with pytest.raises(BindingInactive):
        zoe.fetch(challenge)
    invited(world, space, real)
    assert standing(world, zoe) == ACTIVE
    zoe.answer(zoe.fetch(challenge))


def test_a_logout_at_the_provider_suspends_at_once_and_once(world, new_space, real):
    space = new_space(real)
    zoe = bound(world, space, real)
    token = real.logout_token(space.idp.client_id, "zoe")
    world.logins.log_out(space.guid, token)
    assert standing(world, zoe) == BY_IDP
    with pytest.raises(Replayed):
        world.logins.log_out(space.guid, token)
    invited(world, space, real)
    assert standing(world, zoe) == ACTIVE


def test_a_provider_that_is_down_approves_nothing_and_suspends_nobody(world, new_space, real):
    space = new_space(real)
    zoe = bound(world, space, real)
    real.steer(down=True)
    world.clock.advance(world.policy.revalidation_life)
    _, challenge = asked(world, space)
    with pytest.raises(IdentityUnavailable):
        zoe.fetch(challenge)
    assert standing(world, zoe) == ACTIVE
    # Users of other App Spaces notice nothing.
    adam = world.bind("adam")
    adam.answer(adam.fetch(world.ask("adam", "Hello?").challenge.guid))
    real.steer(down=False)
    zoe.answer(zoe.fetch(challenge))


def test_the_provider_changes_its_keys_between_two_log_ins(world, new_space, real, provider_keys):
    old, new = (key.as_dict(private=True) for key in provider_keys)
    space = new_space(real)
    bound(world, space, real)
    try:
        real.steer(jwks={"keys": [new]})
        zoe = bound(world, space, real)
        assert standing(world, zoe) == ACTIVE
    finally:
        real.steer(jwks={"keys": [old]})
