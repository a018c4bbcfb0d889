"""What the tests share: a Firebase on loopback, a service account of it, and notifiers for it."""

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
    """Return the service account's key; making one takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def firebase(key):
    """Return a Firebase that knows the service account."""
    made = Firebase(key.public_key())
    yield made
    made.close()


@pytest.fixture
def key_file(key, firebase):
    """Return the account's key file, as Firebase's console gives it."""
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
            "token_uri": f"{firebase.url}/token",
        }
    ).encode()


class Still:
    """A clock that stands still."""

    def now(self):
        return datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def new_notifier(firebase, key_file):
    """Return a factory of notifiers that may reach loopback."""
    made = []

    def make(url=firebase.url, **more):
        guard = Guard(allow_http=True, allow_private=True, ports=None)
        account = read_service_account(key_file)
        made.append(FcmNotifier(account, Still(), base_url=url, guard=guard, **more))
        return made[-1]

    yield make
    firebase.over.set()
    for notifier in made:
        notifier.close()
