"""
The command `python -m counterseal_pwa`: writes the web app as a static site.

    python -m counterseal_pwa FOLDER --service https://auth.example.com > headers.conf

Standard output is the headers that the web server has to send, as directives of nginx.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from counterseal.errors import InvalidField
from counterseal_pwa.static_site import nginx_headers, write_site


def main(arguments: list[str] | None = None) -> int:
    """Write the site, print the headers, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m counterseal_pwa",
        description="Write the device in the browser as a static site for an address of its own.",
    )
    parser.add_argument("folder", type=Path, help="where to write the files")
    parser.add_argument("--service", required=True, metavar="URL", help="the service's public URL")
    parser.add_argument(
        "--documents",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a web origin from which the app may fetch documents of actions; repeatable",
    )
    options = parser.parse_args(arguments)
    try:
        names = write_site(options.folder, options.service, documents=options.documents)
    except (InvalidField, OSError) as error:
        parser.error(str(error))
    sys.stdout.write(nginx_headers(options.service, documents=options.documents))
    sys.stderr.write(f"{len(names)} files are in {options.folder}, for {options.service}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
