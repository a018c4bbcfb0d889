"""Archives with the same bytes wherever they are made, and the sums of files."""

import gzip
import hashlib
import tarfile
from pathlib import Path

SUMS = "SHA256SUMS"


def pack(folder: Path, archive: Path, epoch: int) -> None:
    """
    Write the files of *folder* into *archive*, a compressed tar file.

    Entries are sorted; times are *epoch*, and owners and modes those of nobody in particular.
    """

    def neutral(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = epoch
        entry.mode = 0o755 if entry.isdir() else 0o644
        return entry

    with (
        archive.open("wb") as file,
        gzip.GzipFile("", "wb", 9, file, mtime=epoch) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as entries,
    ):
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            entries.add(path, name, recursive=False, filter=neutral)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_sums(folder: Path) -> None:
    """Write the SHA-256 of each file of *folder* as `sha256sum --check` reads it."""
    files = sorted(path for path in folder.iterdir() if path.name != SUMS)
    lines = [f"{sha256(path)}  {path.name}\n" for path in files]
    (folder / SUMS).write_text("".join(lines), "ascii")


def wrong_sums(folder: Path) -> list[str]:
    """Return the names of the files that differ from the sums, or that one of both lacks."""
    lines = (folder / SUMS).read_text("ascii").splitlines()
    expected = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    present = {path.name: sha256(path) for path in folder.iterdir() if path.name != SUMS}
    names = sorted(expected.keys() | present.keys())
    return [name for name in names if expected.get(name) != present.get(name)]


def differences(first: Path, second: Path) -> list[str]:
    """Return the names of the files that differ in two folders, or that one of both lacks."""
    sums = [{path.name: sha256(path) for path in folder.iterdir()} for folder in (first, second)]
    names = sorted(sums[0].keys() | sums[1].keys())
    return [name for name in names if sums[0].get(name) != sums[1].get(name)]
