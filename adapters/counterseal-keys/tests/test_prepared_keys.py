"""Signing keys that are published before they sign: any sequence of changes, crashes, and races."""

import json
import stat
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal import keys as core_keys
from counterseal.bindings.documents.enrolment import verify_keyset
from counterseal.challenges.documents.receipt import verify_receipt
from counterseal.errors import IssuerUntrusted, SignerUnavailable
from counterseal.memory import SystemEntropy
from counterseal.models import Algorithm
from counterseal_keys import KeyFiles, KeyPrepared, KeyState, PublishedKey
from counterseal_testing.clock import FrozenClock
from counterseal_testing.service import FakeService

ENTROPY = SystemEntropy()
MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock():
    return FrozenClock()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "keys"


@pytest.fixture
def key_files(folder, clock):
    created = KeyFiles(folder, ENTROPY, clock)
    created.create_missing()
    return created


def states(key_files):
    return [(key.public.kid, key.state.value) for key in key_files.signer.published_keys()]


def stored(folder):
    return json.loads((folder / "signing.json").read_bytes())


def store(folder, document):
    (folder / "signing.json").write_text(json.dumps(document))


class Model:
    """Which key is in which state: the rules in lists of ids, without any file."""

    def __init__(self, first):
        self.signing, self.prepared, self.retired = first, [], []

    def prepare(self, kid):
        assert not self.prepared
        self.prepared = [kid]

    def rotate(self, kid):
        assert self.prepared in ([], [kid])
        self.retired.insert(0, self.signing)
        self.signing, self.prepared = kid, []

    def remove(self, kid):
        (self.prepared if kid in self.prepared else self.retired).remove(kid)

    def states(self):
        return [
            (self.signing, "signing"),
            *((kid, "prepared") for kid in self.prepared),
            *((kid, "retired") for kid in self.retired),
        ]


class Run:
    """One service on key files, the model beside it, and every receipt so far."""

    def __init__(self, folder):
        self.folder = folder
        self.service = FakeService(adapters=self.with_keys)
        self.model = Model(self.key_files.signer.jwks()[0].kid)
        self.alice = self.service.bind("alice")
        self.receipts = []
        self.cached = self.key_files.signer.jwks()

    def with_keys(self, ports):
        self.key_files = KeyFiles(self.folder, ENTROPY, ports.clock)
        self.key_files.create_missing()
        return attrs.evolve(ports, signer=self.key_files.signer, sealer=self.key_files.sealer)

    def prepare(self):
        if not self.model.prepared:
            self.model.prepare(self.another_process().prepare_signing_key().kid)
            return
        before = (self.folder / "signing.json").read_bytes()
        with pytest.raises(KeyPrepared):
            self.another_process().prepare_signing_key()
        assert (self.folder / "signing.json").read_bytes() == before

    def rotate(self):
        was_prepared, published = list(self.model.prepared), self.key_files.signer.jwks()
        self.model.rotate(self.another_process().rotate_signing_key().kid)
        if was_prepared:
            # A verifier that fetched the set before the rotation needs no other one.
            verify_receipt(self.sign(), trusted=published)

    def remove(self):
        document = stored(self.folder)
        if len(document["keys"]) > 1:
            self.model.remove(document["keys"].pop()["kid"])
            store(self.folder, document)

    def reseal(self):
        self.another_process().rotate_master_key()

    def sign(self):
        self.service.clock.advance(timedelta(minutes=20))
        published = self.key_files.signer.jwks()
        challenge = self.service.ask("alice", "Pay?").challenge
        receipt = self.alice.answer(challenge).outcome.receipt
        issuer = verify_receipt(receipt, trusted=published).issuer
        assert issuer.kid == self.model.signing
        self.receipts.append((issuer.kid, receipt))
        return receipt

    def another_process(self):
        self.service.clock.advance(MINUTE)
        return KeyFiles(self.folder, ENTROPY, self.service.clock)

    def check(self):
        published = self.key_files.signer.jwks()
        assert states(self.key_files) == self.model.states()
        assert [key.kid for key in published] == [kid for kid, _ in self.model.states()]
        for kid in self.model.prepared:
            with pytest.raises(SignerUnavailable):
                self.key_files.signer.sign(kid, b"data")
        for kid in (self.model.signing, *self.model.retired):
            assert self.key_files.signer.sign(kid, b"data")
        for kid, receipt in self.receipts:
            if kid in {self.model.signing, *self.model.retired}:
                verify_receipt(receipt, trusted=published)
            else:
                with pytest.raises(IssuerUntrusted):
                    verify_receipt(receipt, trusted=published)


@given(st.lists(st.sampled_from(["prepare", "rotate", "remove", "reseal", "sign"]), max_size=12))
def test_one_key_signs_and_it_is_never_a_prepared_one(changes):
    with tempfile.TemporaryDirectory() as name:
        run = Run(Path(name, "keys"))
        for change in changes:
            getattr(run, change)()
            run.check()
        run.sign()
        run.check()


def test_since_says_when_a_key_came_into_its_state(key_files, clock):
    start = clock.now()
    (first,) = key_files.signer.jwks()
    prepared_at = clock.advance(MINUTE)
    prepared = key_files.prepare_signing_key(Algorithm.EDDSA)
    assert key_files.signer.published_keys() == (
        PublishedKey(first, KeyState.SIGNING, start),
        PublishedKey(prepared, KeyState.PREPARED, prepared_at),
    )

    rotated_at = clock.advance(MINUTE)
    assert key_files.rotate_signing_key() == prepared
    assert key_files.signer.published_keys() == (
        PublishedKey(prepared, KeyState.SIGNING, rotated_at),
        PublishedKey(first, KeyState.RETIRED, rotated_at),
    )


def test_a_new_key_has_the_algorithm_of_the_one_before_unless_another_is_named(key_files):
    assert key_files.prepare_signing_key(Algorithm.EDDSA).algorithm is Algorithm.EDDSA
    assert key_files.rotate_signing_key().algorithm is Algorithm.EDDSA
    assert key_files.prepare_signing_key().algorithm is Algorithm.EDDSA
    assert key_files.rotate_signing_key(Algorithm.EDDSA).algorithm is Algorithm.EDDSA


def test_a_prepared_key_of_another_algorithm_does_not_rotate(key_files, folder):
    key_files.prepare_signing_key(Algorithm.EDDSA)
    before = (folder / "signing.json").read_bytes()

    with pytest.raises(KeyPrepared, match="EdDSA"):
        key_files.rotate_signing_key(Algorithm.ES256)

    assert (folder / "signing.json").read_bytes() == before


def test_a_file_of_an_older_release_loads_unchanged(key_files, folder, clock):
    old = key_files.signer.jwks()[0]
    new = key_files.rotate_signing_key()
    document = stored(folder)
    for entry in document["keys"]:
        assert entry.pop("since")
        assert entry.keys() == {"kid", "algorithm", "sealed"}
    store(folder, document)
    before = (folder / "signing.json").read_bytes()

    older = KeyFiles(folder, ENTROPY, clock)
    assert older.signer.published_keys() == (
        PublishedKey(new, KeyState.SIGNING, None),
        PublishedKey(old, KeyState.RETIRED, None),
    )
    assert (folder / "signing.json").read_bytes() == before

    prepared = older.prepare_signing_key()
    assert [key.since for key in older.signer.published_keys()] == [None, clock.now(), None]
    assert older.signer.jwks() == (new, prepared, old)


CHANGES = {
    "signing.json.nickname": lambda document: document.update(nickname="x"),
    "signing.json.keys[1].nickname": lambda document: document["keys"][1].update(nickname="x"),
    "signing.json.keys[1].State": lambda document: document["keys"][1].update(State="prepared"),
    "signing.json.keys[1].state": lambda document: document["keys"][1].update(state="signing"),
    "signing.json.keys[0].state": lambda document: document["keys"][0].update(state="prepared"),
    "signing.json.keys[2].state": lambda document: document["keys"][2].update(state="prepared"),
    "signing.json.keys[2].since": lambda document: document["keys"][2].update(since="2026-01-01"),
    "signing.json.keys[0].since": lambda document: document["keys"][0].update(since=None),
    "signing.json.keys[0].kid": lambda document: document["keys"][0].pop("kid"),
    "signing.json.keys[0]": lambda document: document["keys"][0].update(algorithm="none"),
    "signing.json.keys": lambda document: document["keys"].clear(),
    "signing.json": lambda document: document.update(version=2, other=1),
}


@pytest.mark.parametrize("field", CHANGES)
def test_what_the_file_may_not_have_is_named(key_files, folder, clock, field):
    key_files.rotate_signing_key()
    key_files.prepare_signing_key()
    document = stored(folder)
    CHANGES[field](document)
    store(folder, document)

    with pytest.raises(SignerUnavailable) as raised:
        KeyFiles(folder, ENTROPY, clock).signer.jwks()

    assert f"{field}: " in str(raised.value)


def test_a_set_whose_signing_key_was_removed_does_not_load(key_files, folder, clock):
    key_files.prepare_signing_key()
    document = stored(folder)
    del document["keys"][0]
    store(folder, document)

    with pytest.raises(SignerUnavailable, match=r"keys\[0\]\.state"):
        KeyFiles(folder, ENTROPY, clock).signer.jwks()


def test_a_prepared_key_endorses_the_set_and_nothing_else(folder):
    run = Run(folder)
    run.prepare()
    signing, prepared = run.key_files.signer.jwks()

    endorsed = run.service.keysets.endorse(run.alice.call("/device/keys", method="GET"))

    for key in (signing, prepared):
        assert verify_keyset(endorsed[key.kid], pinned=(key,)) == (signing, prepared)
    run.alice.device.adopt(endorsed[signing.kid])
    run.rotate()
    run.alice.device.check(run.sign())
    run.prepare()
    prepared = run.key_files.signer.jwks()[1]
    receipt = core_keys.read(run.receipts[-1][1], limit=100_000)
    for data in (b"", b"\xff", receipt.signed, endorsed[signing.kid].encode()):
        with pytest.raises(SignerUnavailable):
            run.key_files.signer.sign(prepared.kid, data)


def test_a_prepared_key_is_sealed_by_a_new_master_key_and_stays_prepared(key_files, folder, clock):
    key_files.prepare_signing_key()
    before = key_files.signer.published_keys()

    key_files.rotate_master_key()

    assert key_files.sealed_by_newest()
    newest = (folder / "master.key").read_text().split()[0]
    alone = KeyFiles(folder, ENTROPY, clock, master_key=newest)
    assert alone.signer.published_keys() == before


PROGRAM = """
import os, sys
from pathlib import Path
from counterseal.memory import SystemClock, SystemEntropy
from counterseal_keys import KeyFiles, KeyPrepared
key_files = KeyFiles(Path(sys.argv[1]), SystemEntropy(), SystemClock())
key_files.signer.jwks()
"""

CRASH = """
def crash(*_):
    os._exit(9)
Path.replace = crash
getattr(key_files, sys.argv[2])()
"""

CONTEND = """
print("ready", flush=True)
sys.stdin.readline()
for _ in range(10):
    try:
        print("prepared", key_files.prepare_signing_key().kid)
    except KeyPrepared:
        print("refused", "-")
    if sys.argv[2] == "rotate":
        print("rotated", key_files.rotate_signing_key().kid)
"""


def start(folder, program, argument):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM + program, str(folder), argument],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("before", "change"),
    [
        (None, "prepare_signing_key"),
        (None, "rotate_signing_key"),
        ("prepare_signing_key", "rotate_signing_key"),
    ],
)
def test_a_crash_before_the_file_is_replaced_leaves_the_old_one(
    key_files, folder, clock, before, change
):
    if before is not None:
        getattr(key_files, before)()
    old = (folder / "signing.json").read_bytes()

    crashed = start(folder, CRASH, change)
    crashed.communicate()

    assert crashed.returncode == 9
    assert (folder / "signing.json").read_bytes() == old
    (unfinished,) = folder.glob(".signing.json.*")
    assert stat.S_IMODE(unfinished.stat().st_mode) == 0o600
    getattr(KeyFiles(folder, ENTROPY, clock), change)()
    assert (folder / "signing.json").read_bytes() != old
    assert stat.S_IMODE((folder / "signing.json").stat().st_mode) == 0o600


def contend(folder, argument):
    """Let two processes change the keys at once; return what both printed, as pairs."""
    processes = [start(folder, CONTEND, argument) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    printed = "".join(process.communicate()[0] for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    return [tuple(line.split()) for line in printed.splitlines()]


def test_of_two_processes_one_prepares_a_key(key_files, folder):
    (first,) = key_files.signer.jwks()

    printed = contend(folder, "prepare")

    ((_, kid),) = [line for line in printed if line[0] == "prepared"]
    assert printed.count(("refused", "-")) == 19
    assert states(key_files) == [(first.kid, "signing"), (kid, "prepared")]


def test_two_processes_at_once_lose_no_key(key_files, folder):
    (first,) = key_files.signer.jwks()

    printed = contend(folder, "rotate")

    created = {first.kid, *(kid for name, kid in printed if name != "refused")}
    rotated = [kid for name, kid in printed if name == "rotated"]
    assert len(set(rotated)) == len(rotated) == 20
    assert {kid for kid, _ in states(key_files)} == created
    assert states(key_files)[0][1] == "signing"
    # Each prepared key was rotated to, and by one process.
    assert {kid for name, kid in printed if name == "prepared"} <= set(rotated)
    assert len(key_files.signer.jwks()) == 21
