"""A fake Firebase on loopback, a service account of it, and notifiers for it."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from counterseal_fcm import FcmNotifier, read_service_account
from counterseal_http import Guard

sys.path.insert(0, str(Path(__file__).parent))

from fcm_loopback import EMAIL, PROJECT, Firebase


@pytest.fixture(scope="session")
def key():
    """Return the key of the service account; it takes a while to generate."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def server(key):
    """Return a fake Firebase that knows the service account."""
    server = Firebase(key.public_key())
    yield server
    server.close()


@pytest.fixture
def key_file(key, server):
    """Return the key file of the account, as Firebase's console creates it."""
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return json.dumps(
        {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "k1",
            "private_key": pem.decode(),
            "client_email": EMAIL,
            "token_uri": f"{server.url}/token",
        }
    ).encode()


class FixedClock:
    """A clock that does not move."""

    def now(self):
        return datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def new_notifier(server, key_file):
    """Return a factory of notifiers that may call loopback addresses."""
    notifiers = []

    def make(url=server.url, guard=None, **more):
        guard = guard or Guard(allow_http=True, allow_private=True, ports=None)
        account = read_service_account(key_file)
        notifiers.append(FcmNotifier(account, FixedClock(), base_url=url, guard=guard, **more))
        return notifiers[-1]

    yield make
    server.released.set()
    for notifier in notifiers:
        notifier.close()
