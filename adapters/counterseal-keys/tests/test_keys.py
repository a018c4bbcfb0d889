"""Key files: the kit's contracts, rotation while others run, and what the files show."""

import base64
import json
import stat
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from counterseal.errors import SealBroken, SignerUnavailable
from counterseal.memory import SystemClock, SystemEntropy
from counterseal.models import Algorithm
from counterseal_keys import (
    FileSealer,
    FileSigner,
    KeyFiles,
    KeysExist,
    MasterKeyInEnvironment,
    MasterKeyMissing,
    MasterKeys,
    UnfitMasterKey,
    private_files,
)
from counterseal_testing import contracts

ENTROPY = SystemEntropy()
CLOCK = SystemClock()


def text(byte):
    return base64.b64encode(bytes([byte]) * 32).decode()


def signer_in(folder, algorithm=Algorithm.ES256):
    master = MasterKeys(None, folder / "master.key")
    if not master.path.exists():
        master.create(ENTROPY)
    signer = FileSigner(folder / "signing.json", FileSealer(master, ENTROPY), ENTROPY, CLOCK)
    if not signer.path.exists():
        signer.create(algorithm)
    return signer


@pytest.fixture
def keys(tmp_path):
    return tmp_path / "keys"


class TestFileSigner(contracts.SignerContract):
    can_rotate = True

    @pytest.fixture(params=[Algorithm.ES256, Algorithm.EDDSA], ids=lambda kind: kind.value)
    def new_signer(self, request, keys):
        return lambda: signer_in(keys, request.param)

    @pytest.fixture(params=["no file", "another master key", "no file of ours", "no JSON"])
    def broken_signer(self, request, keys):
        def broken():
            signer = signer_in(keys)
            if request.param == "no file":
                signer.path.unlink()
            elif request.param == "another master key":
                (keys / "master.key").write_text(text(7))
            else:
                signer.path.write_text("{}" if request.param == "no file of ours" else "?")
            return FileSigner(
                signer.path,
                FileSealer(MasterKeys(None, keys / "master.key"), ENTROPY),
                ENTROPY,
                CLOCK,
            )

        return broken

    def rotate(self, signer):
        signer.rotate()


class TestFileSealer(contracts.SealerContract):
    @pytest.fixture(params=["environment", "file"])
    def new_sealer(self, request, keys):
        environment = text(1) if request.param == "environment" else None
        if environment is None:
            MasterKeys(None, keys / "master.key").create(ENTROPY)
        return lambda: FileSealer(MasterKeys(environment, keys / "master.key"), ENTROPY)

    @pytest.fixture
    def broken_sealer(self, keys):
        return lambda: FileSealer(MasterKeys(None, keys / "master.key"), ENTROPY)


def test_the_newest_master_key_seals_and_the_old_ones_open(keys):
    file = keys / "master.key"
    MasterKeys(None, file).create(ENTROPY)
    running = FileSealer(MasterKeys(None, file), ENTROPY)
    old = running.seal(b"plain", "context")

    MasterKeys(None, file).create(ENTROPY)  # another process

    new = running.seal(b"plain", "context")
    assert new[1:9] != old[1:9]
    assert running.open(old, "context") == running.open(new, "context") == b"plain"
    newest = file.read_text().split()[0]
    with pytest.raises(SealBroken):
        FileSealer(MasterKeys(newest, keys / "none"), ENTROPY).open(old, "context")


def test_the_environment_comes_before_the_file(keys):
    file = keys / "master.key"
    MasterKeys(None, file).create(ENTROPY)
    old = FileSealer(MasterKeys(None, file), ENTROPY).seal(b"plain", "context")

    both = FileSealer(MasterKeys(text(1), file), ENTROPY)

    assert both.open(old, "context") == b"plain"
    alone = FileSealer(MasterKeys(f" {text(2)},\n{text(1)} ", keys / "none"), ENTROPY)
    assert alone.open(both.seal(b"plain", "context"), "context") == b"plain"


@pytest.mark.parametrize(
    "environment", [text(1)[:-4], text(1) + "A", "Zoë", "c2VjcmV0", f"{text(1)};"]
)
def test_what_is_no_key_is_refused_and_not_shown(environment, keys):
    with pytest.raises(UnfitMasterKey) as raised:
        MasterKeys(environment, keys / "master.key")
    assert environment not in str(raised.value)
    assert "COUNTERSEAL_MASTER_KEY" in str(raised.value)


@pytest.mark.parametrize("data", [b"c2VjcmV0", b"Zo\xc3\xab"])
def test_a_file_that_holds_no_key_is_named(data, keys):
    keys.mkdir()
    file = keys / "master.key"
    file.write_bytes(data)
    with pytest.raises(UnfitMasterKey) as raised:
        MasterKeys(None, file).load()
    assert str(file) in str(raised.value)
    assert "c2VjcmV0" not in str(raised.value)


def test_signing_keys_without_their_master_key_name_the_file_that_lacks_it(keys):
    signer_in(keys)
    (keys / "master.key").unlink()
    sealer = FileSealer(MasterKeys(None, keys / "master.key"), ENTROPY)
    with pytest.raises(SignerUnavailable) as raised:
        FileSigner(keys / "signing.json", sealer, ENTROPY, CLOCK).jwks()
    assert str(keys / "master.key") in str(raised.value)


def test_without_any_key_there_is_none(keys):
    with pytest.raises(MasterKeyMissing):
        MasterKeys("", keys / "master.key").load()
    assert "master.key" in repr(MasterKeys(text(1), keys / "master.key"))
    assert text(1) not in repr(MasterKeys(text(1), keys / "master.key").load())


def test_another_process_notices_a_rotation(keys):
    running, other = signer_in(keys), signer_in(keys)
    (old,) = running.jwks()

    new = other.rotate(Algorithm.EDDSA)

    assert running.jwks() == (new, old)
    assert running.sign(old.kid, b"data")
    assert new.algorithm is Algorithm.EDDSA


def test_signing_keys_are_sealed_anew(keys):
    signer = signer_in(keys)
    before = json.loads(signer.path.read_bytes())["keys"][0]["sealed"]
    public = signer.jwks()
    MasterKeys(None, keys / "master.key").create(ENTROPY)

    signer.reseal()

    assert json.loads(signer.path.read_bytes())["keys"][0]["sealed"] != before
    newest = (keys / "master.key").read_text().split()[0]
    (keys / "master.key").write_text(newest)
    assert signer_in(keys).jwks() == public


def test_keys_are_made_once(keys):
    signer = signer_in(keys)
    with pytest.raises(KeysExist):
        signer.create(Algorithm.ES256)


def test_only_the_owner_reads_them(keys):
    signer_in(keys)
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in keys.iterdir()}
    assert modes == {"master.key": 0o600, "signing.json": 0o600, ".lock": 0o600}


def test_a_folder_that_exists_is_left_as_it_is(keys):
    """It may be one that others need, such as /etc or /tmp."""
    keys.mkdir()
    keys.chmod(0o1777)
    signer_in(keys)
    assert stat.S_IMODE(keys.stat().st_mode) == 0o1777
    assert {stat.S_IMODE(file.stat().st_mode) for file in keys.iterdir()} == {0o600}


def test_a_write_that_fails_changes_nothing(keys, monkeypatch):
    signer = signer_in(keys)
    before = signer.path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(private_files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        signer.rotate()

    assert signer.path.read_bytes() == before
    assert sorted(file.name for file in keys.iterdir()) == [".lock", "master.key", "signing.json"]


def test_a_signer_without_its_folder_is_out_of_reach(keys):
    sealer = FileSealer(MasterKeys(text(1), keys / "master.key"), ENTROPY)
    with pytest.raises(SignerUnavailable):
        FileSigner(keys / "signing.json", sealer, ENTROPY, CLOCK).jwks()


def test_twenty_at_once_create_one_master_key_and_one_signing_key(keys):
    everybody_ready = threading.Barrier(20)

    def create(_):
        key_files = KeyFiles(keys, ENTROPY, CLOCK)
        everybody_ready.wait()
        key_files.create_missing()
        return key_files.signer.jwks()

    with ThreadPoolExecutor(20) as threads:
        results = set(threads.map(create, range(20)))

    assert len(results) == 1
    assert len((keys / "master.key").read_text().split()) == 1


def test_keys_that_exist_are_not_replaced(keys):
    key_files = KeyFiles(keys, ENTROPY, CLOCK)
    key_files.create_missing()
    before = {file.name: file.read_bytes() for file in keys.iterdir()}

    KeyFiles(keys, ENTROPY, CLOCK).create_missing(Algorithm.EDDSA)

    assert {file.name: file.read_bytes() for file in keys.iterdir()} == before


def test_a_lost_master_key_is_not_replaced_by_another(keys):
    KeyFiles(keys, ENTROPY, CLOCK).create_missing()
    (keys / "master.key").unlink()

    with pytest.raises(SignerUnavailable) as raised:
        KeyFiles(keys, ENTROPY, CLOCK).create_missing()

    assert str(keys / "master.key") in str(raised.value)
    assert not (keys / "master.key").exists()


def test_a_master_key_of_the_environment_needs_no_file(keys):
    key_files = KeyFiles(keys, ENTROPY, CLOCK, master_key=text(1))
    key_files.create_missing()

    assert not (keys / "master.key").exists()
    assert key_files.sealed_by_newest()


def test_the_folder_of_a_given_master_key_is_left_as_it_is(keys, tmp_path):
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o755)
    (secrets / "master_key").write_text(text(1))
    key_files = KeyFiles(keys, ENTROPY, CLOCK, master_key_file=secrets / "master_key")

    key_files.create_missing()

    assert key_files.sealed_by_newest()
    assert [path.name for path in secrets.iterdir()] == ["master_key"]
    assert secrets.stat().st_mode & 0o777 == 0o755


def test_a_rotated_master_key_seals_the_signing_keys(keys):
    key_files = KeyFiles(keys, ENTROPY, CLOCK)
    key_files.create_missing()
    public = key_files.signer.jwks()

    key_files.rotate_master_key()

    assert key_files.sealed_by_newest()
    newest = (keys / "master.key").read_text().split()[0]
    assert KeyFiles(keys, ENTROPY, CLOCK, master_key=newest).signer.jwks() == public


def test_a_new_master_key_in_the_environment_has_sealed_nothing_yet(keys):
    KeyFiles(keys, ENTROPY, CLOCK).create_missing()

    key_files = KeyFiles(keys, ENTROPY, CLOCK, master_key=text(1))

    assert not key_files.sealed_by_newest()
    key_files.signer.reseal()
    assert key_files.sealed_by_newest()


def test_no_file_renews_a_master_key_of_the_environment(keys):
    key_files = KeyFiles(keys, ENTROPY, CLOCK, master_key=text(1))
    key_files.create_missing()

    with pytest.raises(MasterKeyInEnvironment, match="COUNTERSEAL_MASTER_KEY") as raised:
        key_files.rotate_master_key()

    assert text(1) not in str(raised.value)
    assert not (keys / "master.key").exists()


def test_nothing_is_rotated_where_the_signing_keys_do_not_open(keys):
    KeyFiles(keys, ENTROPY, CLOCK).create_missing()
    (keys / "master.key").write_text(text(7))
    key_files = KeyFiles(keys, ENTROPY, CLOCK)

    with pytest.raises(SignerUnavailable):
        key_files.rotate_signing_key()
    with pytest.raises(SignerUnavailable):
        key_files.rotate_master_key()

    assert (keys / "master.key").read_text() == text(7)
