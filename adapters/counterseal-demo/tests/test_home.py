"""The device file: written whole or not at all, and only its owner can read it."""

import os
import stat

import pytest

from counterseal.errors import InvalidField
from counterseal.models import Algorithm
from counterseal_demo.device_cli.home import DEVICE_FILE, Home
from counterseal_keys import private_files

ES256 = Algorithm.ES256


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def home(folder):
    return Home(folder)


def have_equal_keys(one, other):
    """Private keys have no equality of their own."""
    return one.device_key.pkcs8() == other.device_key.pkcs8()


def test_what_was_stored_is_read_by_the_next_process(home, folder):
    device = home.new("2580", ES256)
    assert have_equal_keys(Home(folder).device(), device)
    assert have_equal_keys(Home(folder).new("2580", ES256), device)


def test_keys_of_another_algorithm_are_not_made_over_an_earlier_attempt(home):
    device = home.new("2580", ES256)
    with pytest.raises(InvalidField) as caught:
        home.new("2580", Algorithm.EDDSA)
    assert caught.value.field == "algorithm"
    assert have_equal_keys(home.device(), device)


def test_the_file_is_its_owners_only(home, folder):
    old = os.umask(0)
    try:
        device = home.new("2580", ES256)
        assert stat.S_IMODE((folder / DEVICE_FILE).stat().st_mode) == 0o600
        (folder / DEVICE_FILE).chmod(0o644)
        home.keep(device)
        assert stat.S_IMODE((folder / DEVICE_FILE).stat().st_mode) == 0o600
    finally:
        os.umask(old)


def test_a_disk_that_is_full_leaves_the_old_file_and_no_other(home, folder, monkeypatch):
    device = home.new("2580", ES256)
    before = (folder / DEVICE_FILE).read_bytes()

    def full(handle):
        raise OSError("the disk is full")

    monkeypatch.setattr(private_files.os, "fsync", full)
    with pytest.raises(OSError, match="disk"):
        home.keep(device)
    assert (folder / DEVICE_FILE).read_bytes() == before
    assert [path.name for path in folder.iterdir()] == [DEVICE_FILE]


def test_a_write_that_fails_at_the_last_step_leaves_no_half_file(home, folder):
    """A folder stands where the file would."""
    device = home.new("2580", ES256)
    (folder / DEVICE_FILE).unlink()
    (folder / DEVICE_FILE).mkdir()
    with pytest.raises(OSError, match="directory"):
        home.keep(device)
    assert [path.name for path in folder.iterdir()] == [DEVICE_FILE]


def test_a_newer_file_replaces_the_older(home, folder):
    home.new("2580", ES256)
    other = Home(folder.parent / "other").new("1379", ES256)
    home.keep(other)
    assert have_equal_keys(home.device(), other)
    assert [path.name for path in folder.iterdir()] == [DEVICE_FILE]


def test_a_file_that_is_not_there_is_a_device_that_is_not_bound(home):
    with pytest.raises(InvalidField, match="bind one first"):
        home.device()


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b'"x"', b"{", b"\xff", b'{"a":1,"a":1}'])
def test_a_file_that_is_something_else_is_refused(home, folder, content):
    home.new("2580", ES256)
    (folder / DEVICE_FILE).write_bytes(content)
    with pytest.raises(InvalidField, match="device file"):
        home.device()
