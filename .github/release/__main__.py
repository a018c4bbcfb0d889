"""The commands of a release: `python -m release COMMAND`, as nox and the workflow run them."""

import argparse
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from release.version import assemble_changelog, problems_of_tag, write_version


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
    # What a command needs may not be installed where others run.
    if chosen.command == "lowest":
        return failed(import_module("release.lowest").say_lowest(chosen.name, chosen.words))
    target = chosen.target.resolve()
    if chosen.command == "build":
        return failed(import_module("release.clones").build(target, twice=chosen.twice))
    return failed(import_module("release.wheels").check(target))


def failed(problems: list[str]) -> int:
    """Print *problems*, and return the exit status."""
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
