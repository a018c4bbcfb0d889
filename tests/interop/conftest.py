"""A running service for programs of others: see `running_service`."""

import sys
from itertools import count
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "adapters" / "counterseal-server" / "tests"))
sys.path.insert(0, str(Path(__file__).parent))

from program import Receiver
from running_service import running_service

ACCOUNTS = count(1)


@pytest.fixture(scope="session")
def _receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def receiver(_receiver):
    """Return a program's end of callbacks and pings: `url`, `received`, and what it replies."""
    _receiver.as_new()
    return _receiver


@pytest.fixture(scope="session")
def service(tmp_path_factory, _receiver):
    """Return a running service with CIBA, one for all tests of a process."""
    with running_service(
        tmp_path_factory.mktemp("service"), _receiver.url, CIBA="yes", KEYCLOAK="yes"
    ) as service:
        yield service


@pytest.fixture
def account_id():
    """Return the id of an account that no other test has."""
    return f"user-{next(ACCOUNTS)}"


@pytest.fixture
def phone(service, account_id):
    """Return a bound device of `account_id`."""
    phone = service.phone(account_id)
    yield phone
    phone.close()
