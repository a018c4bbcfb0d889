"""The file of a software device: whole or not at all, and its owner's only."""

import base64
import json
import os
import stat
from pathlib import Path

import attrs
import pytest

from counterseal.device import SoftwareDevice, load, save
from counterseal.device.wrapping import unwrap
from counterseal.errors import InvalidField
from counterseal.models import Algorithm
from counterseal.testing.world import PIN


@pytest.fixture
def phone(service):
    return service.bind("alice")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "device.json"


def loaded(service, path):
    return load(path, clock=service.clock, entropy=service.entropy)


def same(one: SoftwareDevice, other: SoftwareDevice) -> bool:
    """Private keys have no equality of their own."""
    return (
        one.device_key.pkcs8() == other.device_key.pkcs8()
        and one.device_key.public == other.device_key.public
        and (one.strong_key, one.bond) == (other.strong_key, other.bond)
    )


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.EDDSA])
def test_what_was_saved_is_loaded(service, path, algorithm):
    phone = service.bind("alice", algorithm=algorithm)
    save(phone.device, path)
    again = loaded(service, path)
    assert same(again, phone.device)
    asked = service.ask("alice", "Pay?").challenge
    assert attrs.evolve(phone, device=again).answer(asked).approved


def test_a_device_that_is_not_bound_yet_is_saved_too(service, path):
    device = service.phone().device
    save(device, path)
    again = loaded(service, path)
    assert again.bond is None
    assert same(again, device)


def test_when_the_services_keys_were_endorsed_is_saved_too(service, phone, path):
    phone.device.bond = attrs.evolve(phone.device.bond, keys_at=1_900_000_000)
    save(phone.device, path)
    assert loaded(service, path).bond.keys_at == 1_900_000_000


def test_an_rsa_device_is_saved_too(service, rsa_phone, path):
    save(rsa_phone.device, path)
    again = loaded(service, path)
    assert same(again, rsa_phone.device)
    assert unwrap(again.strong_key, PIN, service.entropy).public.algorithm is Algorithm.PS256


def test_the_file_is_its_owners_only(service, phone, path):
    old = os.umask(0)
    try:
        save(phone.device, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.chmod(0o644)
        save(phone.device, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(old)


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.EDDSA])
def test_nothing_public_of_the_strong_key_lies_in_the_file(service, path, algorithm):
    """Else whoever steals the file could tell a right PIN from a wrong one by himself."""
    phone = service.bind("alice", algorithm=algorithm)
    save(phone.device, path)
    text = path.read_text()
    strong = unwrap(phone.device.strong_key, PIN, service.entropy)
    public = json.loads(strong.public.jwk)
    raw = [base64.urlsafe_b64decode(public[name] + "==") for name in ("x", "y") if name in public]
    for told in (strong.public.thumbprint, PIN):
        assert told not in text
    for name in ("x", "y"):
        assert public.get(name, "not there") not in text
    for number in (*raw, strong.scalar()):
        assert number.hex() not in text
        assert base64.urlsafe_b64encode(number).rstrip(b"=").decode() not in text


class Unwritable:
    """A device that cannot be written, half-way through."""

    def __init__(self, device):
        self._device = device

    def __getattr__(self, name):
        if name == "bond":
            raise OSError("the disk is full")
        return getattr(self._device, name)


def test_a_writing_that_fails_leaves_the_old_file_and_no_other(service, phone, path):
    save(phone.device, path)
    before = path.read_bytes()
    phone.rotate()
    with pytest.raises(OSError, match="disk"):
        save(Unwritable(phone.device), path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_writing_that_fails_at_the_last_step_leaves_no_half_file(service, phone, tmp_path):
    """The place of the file is taken by a folder."""
    path = tmp_path / "device.json"
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        save(phone.device, path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_newer_file_replaces_the_older(service, phone, path):
    save(phone.device, path)
    phone.rotate()
    save(phone.device, path)
    assert same(loaded(service, path), phone.device)
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_not_there(service, tmp_path):
    with pytest.raises(FileNotFoundError):
        loaded(service, tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError):
        save(service.phone().device, tmp_path / "nowhere" / "device.json")


def spoil(path, place, value):
    document = json.loads(path.read_text())
    *way, last = place
    inner = document
    for name in way:
        inner = inner[name]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("version",), 2),
        (("version",), ...),
        (("deviceKey",), ...),
        (("deviceKey",), []),
        (("deviceKey", "pkcs8"), "AAAA"),
        (("deviceKey", "pkcs8"), "not base64!"),
        (("deviceKey", "pkcs8"), 1),
        (("deviceKey", "algorithm"), "HS256"),
        (("deviceKey", "algorithm"), "RS256"),
        (("deviceKey", "kid"), ""),
        (("strongKey", "algorithm"), "none"),
        (("strongKey", "wrapping"), "plain"),
        (("strongKey", "cost"), 3),
        (("strongKey", "cost"), 2**30),
        (("strongKey", "salt"), "a"),
        (("strongKey", "wrapped"), ...),
        (("bond", "device"), "nobody"),
        (("bond", "account"), 1),
        (("bond", "appSpace"), ...),
        (("bond", "serviceKeys"), {"keys": []}),
        (("bond", "serviceKeys"), {"keys": [{"kty": "oct"}]}),
        (("bond", "keysAt"), "soon"),
        (("bond", "keysAt"), ...),
        (("bond",), "none"),
    ],
    ids=str,
)
def test_a_file_that_was_not_written_by_this_software_is_refused(
    service, phone, path, place, value
):
    save(phone.device, path)
    spoil(path, place, value)
    with pytest.raises(InvalidField):
        loaded(service, path)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b'"x"', b"{", b"\xff", b'{"a":1,"a":1}'])
def test_a_file_that_is_something_else_is_refused(service, path, content):
    Path(path).write_bytes(content)
    with pytest.raises(InvalidField):
        loaded(service, path)


def test_a_refusal_holds_nothing_of_the_file(service, phone, path):
    save(phone.device, path)
    secret = json.loads(path.read_text())["deviceKey"]["pkcs8"]
    spoil(path, ("deviceKey", "algorithm"), "RS256")
    with pytest.raises(InvalidField) as caught:
        loaded(service, path)
    assert secret not in str(caught.value)
    assert caught.value.__suppress_context__
