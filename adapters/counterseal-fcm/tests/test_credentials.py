"""The key file of a service account; errors do not contain its text."""

import json

import pytest

from counterseal.errors import InvalidField
from counterseal_fcm import read_service_account


def test_a_valid_key_file(key_file):
    account = read_service_account(key_file)
    assert account.project == "push-test"
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
def test_a_key_file_with_a_wrong_or_missing_member_is_refused(key_file, changes):
    members = {**json.loads(key_file), **changes}
    present = {name: value for name, value in members.items() if value is not None}
    with pytest.raises(InvalidField) as error:
        read_service_account(json.dumps(present).encode())
    assert "canary" not in str(error.value)
    assert error.value.field == "credentials"


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b" " * 70_000], ids=len)
def test_other_data_is_refused(data):
    with pytest.raises(InvalidField):
        read_service_account(data)
