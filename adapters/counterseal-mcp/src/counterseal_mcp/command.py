"""The command `counterseal-mcp`: the MCP server on standard input and output, or on HTTP."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from counterseal import CountersealError, Unavailable
from counterseal.errors import InvalidField
from counterseal_client import AskedTooOften
from counterseal_mcp.approvals import Approvals
from counterseal_mcp.http_server import PATH, HttpAddress, http_server
from counterseal_mcp.invitations import require_full_origin
from counterseal_mcp.pending_requests import PendingRequests
from counterseal_mcp.server import CALLS, WAITS, create_server
from counterseal_mcp.settings import KEY_VARIABLE, TOKEN_VARIABLE, Settings, read_settings

DESCRIPTION = f"""\
An MCP server: an agent asks a person to approve one action, and uses the approval once.
It speaks on standard input and output unless --http is given.
The origin's key is in the file that key_file names, or in {KEY_VARIABLE}."""

TIMEOUT_AT_START = timedelta(seconds=1)
"""Of each attempt to ask about the origin: meanwhile the MCP client waits for the server."""

log = logging.getLogger(__name__)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = argparse.ArgumentParser(
        "counterseal-mcp",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config", metavar="FILE", type=Path, required=True, help="the settings, in TOML"
    )
    parser.add_argument(
        "--http",
        metavar="HOST:PORT",
        help=f"serve streamable HTTP at {PATH}; needs token_file or {TOKEN_VARIABLE}, "
        "unless the address is a loopback address",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="read the settings, say what is wrong or which keys are trusted, and end; with "
        "invite, ask the service whether the origin may invite",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the status is 2 where a setting is wrong."""
    options = parser().parse_args(arguments)
    # Standard output is the protocol's.
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(message)s"
    )
    logging.getLogger("counterseal_mcp").setLevel(logging.INFO)
    try:
        settings = read_settings(options.config, os.environ)
        address = None if options.http is None else HttpAddress.read(options.http)
        if address is not None:
            address.require_protected(settings)
        server = create_server(settings, make_approvals(settings))
        if settings.invite:
            _require_full_origin(settings, checks=options.check)
        if options.check:
            for key in settings.trust.keys:
                print(f"trusts {key.thumbprint}")  # noqa: T201
            return 0
        if address is None:
            anyio.run(_serve_stdio, server)
        else:
            _serve_http(server, settings, address)
    except CountersealError as error:
        print(f"counterseal-mcp: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def make_approvals(settings: Settings) -> Approvals:
    """
    Make what the tools of a server with these settings use.

    Raises:
        InvalidField: A setting is malformed.
        StateUnavailable: The folder of pending requests cannot be made.
    """
    return Approvals(
        client=settings.client(connections=CALLS + WAITS),
        trust=settings.trust,
        pending_requests=PendingRequests(settings.state),
    )


def _require_full_origin(settings: Settings, *, checks: bool) -> None:
    """Refuse an origin that may not invite; one that serves starts while the service is down."""
    (account_id,) = settings.accounts
    client = settings.client() if checks else settings.client(timeout=TIMEOUT_AT_START)
    try:
        with client:
            require_full_origin(client, account_id)
    except (Unavailable, AskedTooOften) as error:
        if checks:
            reason = "cannot be reached: " if isinstance(error, Unavailable) else ""
            raise InvalidField("service", f"{reason}{error}") from None
        log.warning("invite: whether the origin may invite is not known: %s", error)


async def _serve_stdio(server: Server[Any]) -> None:
    async with stdio_server() as (read_stream, write_stream):
        await server.run(read_stream, write_stream, server.create_initialization_options())


def _serve_http(server: Server[Any], settings: Settings, address: HttpAddress) -> None:
    listener, address = address.listen()
    log.info("serves http://%s%s", address.text, PATH)
    http_server(server, settings, address).run(sockets=[listener])
