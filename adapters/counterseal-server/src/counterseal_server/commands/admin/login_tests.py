"""Test log-ins at an App Space's Identity Provider."""

from __future__ import annotations

import click

import counterseal_server as server
from counterseal_server.commands.acting import guid, opened, print_document
from counterseal_server.commands.options import CONFIG, DATA
from counterseal_server.printing import print_line


@click.command("test-login")
@click.argument("app_space", metavar="GUID")
@DATA
@CONFIG
def test_login(app_space: str, *, data: str | None, config: str | None) -> None:
    """
    Log in at the Identity Provider of the App Space GUID, as a user would.

    Open the address in a browser, log in, and enter the address at which the browser ends;
    it shows no page. Prints who the user would be, or which check failed, with exit code 1.
    No account is made, nobody is invited, and nothing is bound.
    """
    with opened(data, config) as runtime:
        result = server.run_test(runtime, guid(app_space, "guid"), _enter_address)
        print_document(server.result_document(result))
    if result.refusal:
        raise click.exceptions.Exit(1)


def _enter_address(url: str, redirect_uri: str) -> str:
    """Show where to log in, and return the address at which the browser ends."""
    print_line(f"The provider has to know the redirect URI {redirect_uri}", err=True)
    print_line("Log in at:", err=True)
    print_line(url, err=True)
    address: str = click.prompt("The address at which the browser ends", err=True)
    return address
