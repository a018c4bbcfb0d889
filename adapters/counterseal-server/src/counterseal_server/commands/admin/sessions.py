"""Log-ins of administrators who are persons: one-time links, and sessions."""

from __future__ import annotations

import click

import counterseal_server as server
from counterseal_server.commands.acting import (
    YES,
    administering,
    confirm,
    guid,
    opened,
    output_to,
    print_document,
)
from counterseal_server.commands.options import CONFIG, DATA, OUT


@click.command()
@click.argument("administrator")
@OUT
@DATA
@CONFIG
def link(administrator: str, *, out: str | None, data: str | None, config: str | None) -> None:
    """
    Make a one-time link with which an ADMINISTRATOR registers a passkey.

    The person who opens it first logs in as the administrator. Every earlier link ends, opened
    or not. The devices are the passkeys, devices and open invitations that the administrator has
    already: revoke what is a stranger's by `counterseal binding revoke`.
    """
    with opened(data, config) as runtime, output_to(out) as write_document:
        admin = guid(administrator, "administrator")
        write_document(server.create_link_beside_devices(runtime, admin))


@click.command()
@click.argument("administrator")
@DATA
@CONFIG
def sessions(administrator: str, *, data: str | None, config: str | None) -> None:
    """Print where an ADMINISTRATOR is logged in, and the open link."""
    with administering(data, config) as tenants:
        print_document({"sessions": tenants.sessions(guid(administrator, "administrator"))})


@click.command()
@click.argument("session")
@YES
@DATA
@CONFIG
def revoke_session(session: str, *, yes: bool, data: str | None, config: str | None) -> None:
    """End a SESSION or a link of an administrator."""
    confirm("End the session?", yes=yes)
    with administering(data, config) as tenants:
        print_document({"sessionGuid": tenants.end_session(guid(session, "session"))})
