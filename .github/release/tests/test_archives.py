"""Archives have the same bytes wherever they are made; sums find each change."""

import os
import subprocess
import tarfile

import pytest
from release.archives import differences, pack, write_sums, wrong_sums

EPOCH = 1_800_000_000


def fill(folder, names, mode):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text of {name}", "utf-8")
        path.chmod(mode)
    return folder


def test_neither_order_nor_mode_nor_time_nor_name_changes_an_archive(tmp_path):
    names = ["b.html", "a/z.js", "a/b.css", "c.txt"]
    first = fill(tmp_path / "first", names, 0o644)
    second = fill(tmp_path / "second-of-another-length", reversed(names), 0o700)
    os.utime(second / "c.txt", (1, 1))
    pack(first, tmp_path / "x.tar.gz", EPOCH)
    pack(second, tmp_path / "another.tar.gz", EPOCH)
    assert (tmp_path / "x.tar.gz").read_bytes() == (tmp_path / "another.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "x.tar.gz") as archive:
        entries = archive.getmembers()
    assert [each.name for each in entries] == ["a", "a/b.css", "a/z.js", "b.html", "c.txt"]
    assert {each.mtime for each in entries} == {EPOCH}
    assert {(each.uid, each.gid, each.uname, each.gname) for each in entries} == {(0, 0, "", "")}


def test_another_byte_or_time_is_another_archive(tmp_path):
    folder = fill(tmp_path / "folder", ["a"], 0o644)
    pack(folder, tmp_path / "1", EPOCH)
    pack(folder, tmp_path / "2", EPOCH + 1)
    (folder / "a").write_text("text of b", "utf-8")
    pack(folder, tmp_path / "3", EPOCH)
    assert len({(tmp_path / name).read_bytes() for name in "123"}) == 3


@pytest.fixture
def files(tmp_path):
    folder = fill(tmp_path / "files", ["a.whl", "b.tgz"], 0o644)
    write_sums(folder)
    return folder


def test_sums_are_what_the_program_of_every_system_reads(files):
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    ended = subprocess.run(command, cwd=files, check=True, capture_output=True, encoding="utf-8")
    assert ended.stdout == "a.whl: OK\nb.tgz: OK\n"
    assert wrong_sums(files) == []


def test_each_change_is_found(files):
    (files / "a.whl").write_text("other", "utf-8")
    (files / "b.tgz").unlink()
    (files / "c").write_text("more", "utf-8")
    assert wrong_sums(files) == ["a.whl", "b.tgz", "c"]


def test_two_folders_differ_by_name_and_by_bytes(tmp_path):
    first = fill(tmp_path / "first", ["a", "b", "c"], 0o644)
    second = fill(tmp_path / "second", ["a", "b", "d"], 0o644)
    (second / "b").write_text("other", "utf-8")
    assert differences(first, first) == []
    assert differences(first, second) == ["b", "c", "d"]
