"""What the tests share: providers, real and forged, and adapters that may reach loopback."""

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
from counterseal.testing import FakeService, FrozenClock
from counterseal_flask import Settings, create_blueprints
from counterseal_http import Guard
from counterseal_oidc import OidcIdentityProvider

sys.path.insert(0, str(Path(__file__).parent))

from oidc_http import BASE, Served
from oidc_loopback import CLIENT, Loopback
from oidc_real import REDIRECT, running

SECRET = "a client secret: with ~ + % & signs"


class Listening(OidcIdentityProvider):
    """The adapter, which also keeps whom it was told of."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.heard = []

    def exchange(self, *args, **more):
        self.heard.append(super().exchange(*args, **more))
        return self.heard[-1]


class Shifted:
    """The machine's clock, so much ahead."""

    def __init__(self):
        self.ahead = timedelta(0)

    def now(self):
        return datetime.now(UTC) + self.ahead


@pytest.fixture(scope="session")
def machine():
    """Return the ports that adapters need besides: a sealer and luck."""
    return memory_ports()


@pytest.fixture
def new_adapter(machine):
    """Return a factory of adapters that may reach loopback."""
    made = []

    def make(clock, **more):
        guard = more.pop("guard", Guard(allow_http=True, allow_private=True, ports=None))
        made.append(
            OidcIdentityProvider(machine.sealer, clock, machine.entropy, guard=guard, **more)
        )
        return made[-1]

    yield make
    for adapter in made:
        adapter.close()


@pytest.fixture
def sealed(machine):
    """Return settings with a secret that is sealed for them."""

    def seal(settings, secret):

        return attrs.evolve(
            settings, sealed_secret=machine.sealer.seal(secret.encode(), settings.secret_context)
        )

    return seal


# --- real


@pytest.fixture(scope="session")
def client_secret():
    """Return what the real provider's clients authenticate with."""
    return SECRET


@pytest.fixture(scope="session")
def client_key():
    """Return the key of the client that signs for itself."""
    return ECKey.generate_key("P-256", {"kid": "ours", "alg": "ES256", "use": "sig"})


@pytest.fixture(scope="session")
def provider_keys():
    """Return keys that the provider may change to."""
    return [RSAKey.generate_key(2048, {"kid": f"p{n}", "use": "sig"}) for n in range(2)]


@pytest.fixture(scope="session")
def clients(client_key):
    """Return what providers know: a client for each way of authenticating."""
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
def shifted():
    """Return a clock that goes with the provider's."""
    return Shifted()


@pytest.fixture
def adapter(new_adapter, shifted):
    """Return an adapter for real providers."""
    return new_adapter(shifted)


@pytest.fixture
def settings(client_key, sealed):
    """Return a factory of settings for a real provider's clients."""

    def make(provider, auth=ClientAuth.BASIC, **more):
        client = "public" if auth is ClientAuth.NONE else auth.value
        made = IdpSettings(
            issuer=provider.url,
            client_id=client,
            redirect_uri=REDIRECT,
            client_auth=auth,
            **{"scopes": ("openid", "offline_access"), **more},
        )
        if auth is ClientAuth.NONE:
            return made
        secret = SECRET
        if auth is ClientAuth.PRIVATE_KEY:
            secret = json.dumps(client_key.as_dict(private=True))
        return sealed(made, secret)

    return make


# --- forged


@pytest.fixture
def frozen():
    """Return a clock that stands still."""
    return FrozenClock()


@pytest.fixture
def loopback(frozen):
    """Return a provider that lies as it is told."""
    made = Loopback(frozen)
    yield made
    made.close()


@pytest.fixture
def space(loopback):
    """Return settings for the provider that lies."""
    return IdpSettings(issuer=loopback.url, client_id=CLIENT, redirect_uri=REDIRECT)


@pytest.fixture
def relying(new_adapter, frozen):
    """Return an adapter for the provider that lies."""
    return new_adapter(frozen)


# --- over HTTP


@pytest.fixture
def new_served(request):
    """Return a factory of services that serve, at the machine's time or at a time of their own."""

    def make(now=None, *, policy=STANDARD, administration=False, **more):
        def adapters(ports):
            if now is not None:
                ports.clock.jump(now)
            guard = more.pop("guard", Guard(allow_http=True, allow_private=True, ports=None))
            made = Listening(ports.sealer, ports.clock, ports.entropy, guard=guard, **more)
            request.addfinalizer(made.close)
            return attrs.evolve(ports, identity=made)

        world = FakeService(policy=policy, adapters=adapters)
        app = Flask("auth")
        settings = Settings(public_url=BASE, administration=administration)
        for blueprint in create_blueprints(world.ports, world.policy, settings):
            app.register_blueprint(blueprint)
        return Served(world, app)

    return make
