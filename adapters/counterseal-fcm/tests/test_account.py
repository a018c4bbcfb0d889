"""The key file: read as Firebase gives it, and refused in words that repeat nothing of it."""

import json

import pytest

from counterseal.errors import InvalidField
from counterseal_fcm import read_service_account


def test_a_good_one(key_file):
    account = read_service_account(key_file)
    assert account.project == "bell-test"
    assert "PRIVATE" not in repr(account)
    assert account.credentials.scopes == ["https://www.googleapis.com/auth/firebase.messaging"]


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "authorized_user"},
        {"project_id": ""},
        {"project_id": None},
        {"private_key": "canary"},
        {"private_key": 7},
        {"client_email": None},
        {"token_uri": None},
    ],
    ids=str,
)
def test_one_that_lacks_something(key_file, changes):
    members = {**json.loads(key_file), **changes}
    without = {name: value for name, value in members.items() if value is not None}
    with pytest.raises(InvalidField) as refused:
        read_service_account(json.dumps(without).encode())
    assert "canary" not in str(refused.value)
    assert refused.value.field == "credentials"


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b" " * 70_000], ids=len)
def test_what_is_no_key_file(data):
    with pytest.raises(InvalidField):
        read_service_account(data)
