"""The commands of a release: `python -m release COMMAND`, as nox and the workflow run them."""

import argparse
import sys
from datetime import UTC, datetime

from release.version import assemble_changelog, problems_of_tag, write_version


def main() -> int:
    """Run the command, and return its exit status."""
    parser = argparse.ArgumentParser(prog="release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    version = commands.add_parser("version", help="write a version wherever it is")
    version.add_argument("version", help="such as 1.2.3 or 1.2.3rc1")
    tag = commands.add_parser("tag", help="refuse a tag that the commit is not ready for")
    tag.add_argument("tag", help="such as v1.2.3")
    chosen = parser.parse_args()
    if chosen.command == "version":
        write_version(chosen.version)
        assemble_changelog(chosen.version, datetime.now(UTC).date().isoformat())
        return 0
    problems = problems_of_tag(chosen.tag)
    print(*problems, sep="\n", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
