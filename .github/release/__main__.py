"""The commands of a release: `python -m release COMMAND`, as nox and the workflow run them."""

import argparse
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from release.packages import ROOT, python_packages
from release.version import assemble_changelog, problems_of_tag, write_version

OTHER_MACHINE = {
    "LC_ALL": "C",
    "PYTHONHASHSEED": "77",
    "TZ": "Asia/Kathmandu",
}
"""What differs in the second build, besides the path, the umask, and when it runs."""


def main() -> int:
    """Run the command, and return its exit status."""
    parser = argparse.ArgumentParser(prog="release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    version = commands.add_parser("version", help="write a version wherever it is")
    version.add_argument("version", help="such as 1.2.3 or 1.2.3rc1")
    tag = commands.add_parser("tag", help="refuse a tag that the commit is not ready for")
    tag.add_argument("tag", help="such as v1.2.3")
    build = commands.add_parser("build", help="build all files of the commit")
    build.add_argument("target", type=Path, help="the folder to write; it is emptied first")
    build.add_argument("--twice", action="store_true", help="compare with a second clone's files")
    check = commands.add_parser("check", help="check the files, and use the wheels alone")
    check.add_argument("target", type=Path, help="the folder that build wrote")
    lowest = commands.add_parser(
        "lowest", help="find the lowest release that a dependency may have"
    )
    lowest.add_argument("name", help="of the dependency")
    lowest.add_argument(
        "words", nargs="*", help="after --, for pytest; else all tests of its users"
    )
    chosen = parser.parse_args()
    if chosen.command == "version":
        write_version(chosen.version)
        assemble_changelog(chosen.version, datetime.now(UTC).date().isoformat())
        return 0
    if chosen.command == "tag":
        # Before anything is installed.
        return failed(problems_of_tag(chosen.tag))
    if chosen.command == "lowest":
        return say_lowest(chosen.name, chosen.words)
    if chosen.command == "build":
        return build_once_or_twice(chosen.target.resolve(), twice=chosen.twice)
    return check_files(chosen.target.resolve())


def failed(problems: list[str]) -> int:
    """Print *problems*, and return the exit status."""
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def build_once_or_twice(target: Path, *, twice: bool) -> int:
    """Build, and perhaps build from another clone too; files that differ are a failure."""
    # Other commands run where these imports are not installed.
    from release.archives import differences  # noqa: PLC0415
    from release.build import build  # noqa: PLC0415
    from release.commit import Commit  # noqa: PLC0415

    commit = Commit.checked_out(ROOT)
    for line in commit.uncommitted():
        print(f"not released, since it is not committed: {line}")
    build(commit, target)
    files = sorted(target.iterdir())
    size = sum(path.stat().st_size for path in files)
    print(f"built {len(files)} files, {size:,} bytes, in {target}")
    if not twice:
        return 0
    with tempfile.TemporaryDirectory(prefix="another-folder-of-another-length-") as name:
        clone, second = Path(name) / "clone", Path(name) / "files"
        subprocess.run(["git", "clone", "--quiet", "--no-local", ROOT, clone], check=True)
        command = [sys.executable, "-m", "release", "build", second]
        environment = dict(os.environ) | OTHER_MACHINE
        subprocess.run(command, cwd=clone, env=environment, umask=0o077, check=True)
        different = differences(target, second)
    if not different:
        print(f"a second clone gave the same bytes: {len(files)} files")
    return failed([f"differs in a second clone: {name}" for name in different])


def check_files(target: Path) -> int:
    """Check each file, install the wheels alone, and use them."""
    from release.files import problems  # noqa: PLC0415
    from release.installation import (  # noqa: PLC0415
        install,
        modules,
        requirement,
        use,
        use_library,
    )

    wrong = problems(target)
    if wrong:
        return failed(wrong)
    print(f"checked {len(list(target.iterdir()))} files")
    with tempfile.TemporaryDirectory(prefix="counterseal-wheels-") as name:
        work = Path(name)
        constraints = work / "constraints.txt"
        command = ["uv", "export", "--frozen", "--quiet", "--no-hashes", "--all-packages"]
        options = ["--all-extras", "--no-default-groups", "--no-emit-workspace"]
        subprocess.run(
            [*command, *options, f"--output-file={constraints}"],
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        library = install([*target.glob("counterseal-*.whl")], constraints, work / "library")
        wheels = [requirement(wheel) for wheel in sorted(target.glob("*.whl"))]
        everything = install(wheels, constraints, work / "everything")
        for sentence in chain(use_library(library), use(everything, modules(target))):
            print(sentence, flush=True)
    return 0


def say_lowest(name: str, words: list[str]) -> int:
    """Print the lowest release of a dependency that passes, beside what our packages ask for."""
    from release.lowest import IndexOfPip, SuiteOfUsers, find_lowest, users  # noqa: PLC0415

    asking = users(name, python_packages())
    if not asking:
        return failed([f"no package of ours asks for {name}"])
    for package, requirement in asking:
        print(f"{package.name} asks for {requirement}")
    with tempfile.TemporaryDirectory(prefix="counterseal-lowest-") as folder:
        suite = SuiteOfUsers(asking, Path(folder) / "environment", words)
        version = find_lowest(name, IndexOfPip(), suite, lambda line: print(line, flush=True))
    if version is None:
        return failed([f"{name}: the newest release fails"])
    print(f"{name}: the lowest is {version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
