"""The command `counterseal-mcp`: the MCP server on standard input and output, or on HTTP."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio
from mcp.server.stdio import stdio_server

from counterseal import CountersealError
from counterseal_mcp.approvals import Approvals
from counterseal_mcp.pending_requests import PendingRequests
from counterseal_mcp.server import CALLS, WAITS, create_server
from counterseal_mcp.settings import KEY_VARIABLE, Settings, read_settings

DESCRIPTION = f"""\
An MCP server: an agent asks a person to approve one action, and uses the approval once.
It speaks on standard input and output unless --http is given.
The origin's key is in the file that key_file names, or in {KEY_VARIABLE}."""


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
        "--check", action="store_true", help="read the settings, say what is wrong, and end"
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
        approvals = make_approvals(settings)
    except CountersealError as error:
        print(f"counterseal-mcp: {error}", file=sys.stderr)  # noqa: T201
        return 2
    if not options.check:
        anyio.run(_serve, settings, approvals)
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


async def _serve(settings: Settings, approvals: Approvals) -> None:
    server = create_server(settings, approvals)
    async with stdio_server() as (read_stream, write_stream):
        await server.run(read_stream, write_stream, server.create_initialization_options())
