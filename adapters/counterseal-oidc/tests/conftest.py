"""Providers, real and fake, and adapters that may call loopback addresses."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest
from flask import Flask
from joserfc.jwk import ECKey, RSAKey

from counterseal import STANDARD
from counterseal.memory import memory_ports
from counterseal.models import ClientAuth, IdpSettings
from counterseal_flask import Settings, create_blueprints
from counterseal_http import Guard
from counterseal_oidc import OidcIdentityProvider
from counterseal_testing import FakeService, FrozenClock

sys.path.insert(0, str(Path(__file__).parent))

from oidc_http import BASE, HttpService
from oidc_loopback import CLIENT, Loopback
from oidc_real import REDIRECT, running

SECRET = "a client secret: with ~ + % & signs"


class RecordingProvider(OidcIdentityProvider):
    """The adapter, which also records the identities."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.identities = []

    def exchange(self, *args, **more):
        self.identities.append(super().exchange(*args, **more))
        return self.identities[-1]


class ShiftedClock:
    """The machine's clock, plus an offset."""

    def __init__(self):
        self.offset = timedelta(0)

    def now(self):
        return datetime.now(UTC) + self.offset


@pytest.fixture(scope="session")
def local_ports():
    """Return the ports that adapters need: a sealer and entropy."""
    return memory_ports()


@pytest.fixture
def new_adapter(local_ports):
    """Return a factory of adapters that may call loopback addresses."""
    adapters = []

    def make(clock, **more):
        guard = more.pop("guard", Guard(allow_http=True, allow_private=True, ports=None))
        adapters.append(
            OidcIdentityProvider(
                local_ports.sealer, clock, local_ports.entropy, guard=guard, **more
            )
        )
        return adapters[-1]

    yield make
    for adapter in adapters:
        adapter.close()


@pytest.fixture
def sealed(local_ports):
    """Return a function that seals a secret for settings."""

    def seal(settings, secret):
        return attrs.evolve(
            settings,
            sealed_secret=local_ports.sealer.seal(secret.encode(), settings.secret_context),
        )

    return seal


# --- real


@pytest.fixture(scope="session")
def client_secret():
    """Return the secret of the real provider's clients."""
    return SECRET


@pytest.fixture(scope="session")
def client_key():
    """Return the key of the client that authenticates by `private_key_jwt`."""
    return ECKey.generate_key("P-256", {"kid": "ours", "alg": "ES256", "use": "sig"})


@pytest.fixture(scope="session")
def provider_keys():
    """Return keys that the provider may change to."""
    return [RSAKey.generate_key(2048, {"kid": f"p{n}", "use": "sig"}) for n in range(2)]


@pytest.fixture(scope="session")
def clients(client_key):
    """Return the metadata of clients, one for each way to authenticate."""
    base = {
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "backchannel_logout_uri": "here",
    }
    return [
        base | {"client_id": "public", "token_endpoint_auth_method": "none"},
        *(
            base
            | {"client_id": method, "client_secret": SECRET, "token_endpoint_auth_method": method}
            for method in ("client_secret_basic", "client_secret_post")
        ),
        base
        | {
            "client_id": "with_sessions",
            "client_secret": SECRET,
            "token_endpoint_auth_method": "client_secret_basic",
            "backchannel_logout_session_required": True,
        },
        base
        | {
            "client_id": "private_key_jwt",
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [client_key.as_dict(private=False)]},
        },
    ]


@pytest.fixture(scope="session")
def real(clients, provider_keys):
    """Return a real provider; it takes a second to start."""
    jwks = {"keys": [provider_keys[0].as_dict(private=True)]}
    with running(clients, jwks) as provider:
        yield provider


@pytest.fixture
def shifted_clock():
    """Return a clock that agrees with the real provider's."""
    return ShiftedClock()


@pytest.fixture
def adapter(new_adapter, shifted_clock):
    """Return an adapter for real providers."""
    return new_adapter(shifted_clock)


@pytest.fixture
def settings(client_key, sealed):
    """Return a factory of settings for a real provider's clients."""

    def make(provider, auth=ClientAuth.BASIC, **more):
        client = "public" if auth is ClientAuth.NONE else auth.value
        settings = IdpSettings(
            issuer=provider.url,
            client_id=client,
            redirect_uri=REDIRECT,
            client_auth=auth,
            **{"scopes": ("openid", "offline_access"), **more},
        )
        if auth is ClientAuth.NONE:
            return settings
        secret = SECRET
        if auth is ClientAuth.PRIVATE_KEY:
            secret = json.dumps(client_key.as_dict(private=True))
        return sealed(settings, secret)

    return make


# --- fake


@pytest.fixture
def frozen_clock():
    """Return a clock that only tests advance."""
    return FrozenClock()


@pytest.fixture
def loopback(frozen_clock):
    """Return a fake provider."""
    provider = Loopback(frozen_clock)
    yield provider
    provider.close()


@pytest.fixture
def space(loopback):
    """Return settings for the fake provider."""
    return IdpSettings(issuer=loopback.url, client_id=CLIENT, redirect_uri=REDIRECT)


@pytest.fixture
def relying_party(new_adapter, frozen_clock):
    """Return an adapter for the fake provider."""
    return new_adapter(frozen_clock)


# --- over HTTP


@pytest.fixture
def new_service(request):
    """Return a factory of services over HTTP; *now* sets their clock."""

    def make(now=None, *, policy=STANDARD, administration=False, **more):
        def adapters(ports):
            if now is not None:
                ports.clock.jump(now)
            guard = more.pop("guard", Guard(allow_http=True, allow_private=True, ports=None))
            provider = RecordingProvider(
                ports.sealer, ports.clock, ports.entropy, guard=guard, **more
            )
            request.addfinalizer(provider.close)
            return attrs.evolve(ports, identity=provider)

        world = FakeService(policy=policy, adapters=adapters)
        app = Flask("auth")
        settings = Settings(public_url=BASE, administration=administration)
        for blueprint in create_blueprints(world.ports, world.policy, settings):
            app.register_blueprint(blueprint)
        return HttpService(world, app)

    return make
