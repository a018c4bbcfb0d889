"""Commands of a device and its account: bind it, show its status, lock the account, unbind."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

import counterseal_http as http
import counterseal_server as server
from counterseal import device as devices
from counterseal import models
from counterseal.models.guid import parse
from counterseal.wire.link import read_link
from counterseal.wire.members import write_record
from counterseal.wire.visible import Name
from counterseal_demo import device_cli
from counterseal_demo.device_command import REQUIREMENT
from counterseal_demo.device_options import (
    AS_JSON,
    HOME,
    load_trusted,
    new_pin,
    open_device,
    open_home,
    read_guid,
)
from counterseal_demo.device_output import (
    announce_account,
    warn_of_lookalikes,
)
from counterseal_demo.device_words import say
from counterseal_demo.new_device_command import show_comparison_code
from counterseal_server.plainly import Unusable, plainly
from counterseal_server.printing import print_json, print_line

if TYPE_CHECKING:
    from counterseal.bindings.documents.device import LoggedIn, Peeked


@click.command()
@HOME
@click.option("--url", metavar="U", help="The public URL of the service; a link may have it.")
@click.option("--token", metavar="T", help="The session token.")
@click.option("--app-space", metavar="GUID", help="The App Space that the token must be for.")
@click.option("--link", metavar="URI", help="The bind link, instead of --token and --app-space.")
@click.option(
    "--idp",
    metavar="GUID",
    help="Log in at the Identity Provider of this App Space, instead of --token; its `returns`"
    " must contain http://127.0.0.1/counterseal.",
)
@click.option("--no-browser", is_flag=True, help="With --idp: print the URL, and open no browser.")
@click.option(
    "--replaces",
    metavar="GUID",
    help="Your device whose place the new one takes, after a log-in; with --idp on a terminal,"
    " the command asks.",
)
@click.option("--name", default="", metavar="N", help="The name of the device.")
@click.option(
    "--algorithm",
    type=click.Choice(("ES256", "EdDSA", "ML-DSA-44"), case_sensitive=False),
    default="ES256",
    show_default=True,
    help="The signature algorithm of its keys, which the service has to allow.",
)
@click.option("--yes", is_flag=True, help="Do not ask whether a look-alike is meant.")
def bind(
    home: str,
    url: str | None,
    *,
    token: str | None,
    app_space: str | None,
    link: str | None,
    idp: str | None,
    no_browser: bool,
    replaces: str | None,
    name: str,
    algorithm: str,
    yes: bool,
) -> None:
    """
    Bind a new device to an account.

    If its App Space looks like that of a device in a folder beside --home, the command says in what
    they differ, and asks.
    """
    with plainly(requirement=REQUIREMENT):
        tls = load_trusted()
        space = None if app_space is None else parse(app_space, field="app-space")
        replaced = None if replaces is None else parse(replaces, field="replaces")
        parsed_link = None if link is None else read_link(link)
        if url is None:
            url = None if parsed_link is None else parsed_link.service
        if url is None:
            raise Unusable("url: give --url, or a --link that has it")
        if idp is not None and token is None and link is None and space is None:
            space = parse(idp, field="idp")
            logged_in = _logged_in(url, space, browser=not no_browser, tls=tls)
            token = logged_in.token
            replaced = replaced or _choose_replaced(logged_in)
        elif idp is not None:
            raise Unusable("idp: use it without --token, --app-space and --link")
        elif parsed_link is not None and token is None and space is None:
            token, space = parsed_link.token, parsed_link.app_space
        elif parsed_link is not None or token is None:
            raise Unusable("token: give --token, with or without --app-space, or --link")
        invitation = device_cli.DeviceClient.read_invitation(url, token, tls=tls)
        announce_account(invitation)
        _confirm_lookalikes(home, url, invitation, yes=yes)
        pin = new_pin()
        bond = device_cli.DeviceClient.bind(
            open_home(home),
            url,
            token,
            space or invitation.app_space,
            pin=pin,
            name=name,
            algorithm=models.Algorithm(algorithm),
            replaces=replaced,
            language="" if invitation.languages is None else device_cli.read_language(),
            tls=tls,
        )
        print_line(say("bound", device=bond.device))
        if bond.confirm_by is not None:
            with open_device(home) as client:
                show_comparison_code(client, pin)


@click.command()
@HOME
@AS_JSON
def status(home: str, *, as_json: bool) -> None:
    """Show the status of this device at the service."""
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        document = write_record(client.status())
        if as_json:
            print_json(document)
        else:
            document = {"verifiedName": say("not_verified")} | document
            server.Screen().facts((name, Name(_plain(value))) for name, value in document.items())


@click.command()
@HOME
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def lock(home: str, *, yes: bool) -> None:
    """
    Lock your account at the service.

    No device of it answers or is asked any more, until an administrator unlocks it.
    """
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        if not yes:
            click.confirm(say("ask_lock"), abort=True, err=True)
        client.lock()
        print_line(say("locked"))


@click.command()
@HOME
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def unbind(home: str, *, yes: bool) -> None:
    """
    Revoke this device at the service, and delete its keys.

    Open questions stay open for the other devices of the account.
    """
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        if not yes:
            click.confirm(say("ask_unbind"), abort=True, err=True)
        client.unbind()
        print_line(say("unbound"))


def _confirm_lookalikes(home: str, url: str, invitation: Peeked, *, yes: bool) -> None:
    identity = devices.AppSpaceIdentity.of(url, invitation)
    lookalikes = device_cli.lookalikes_beside(open_home(home), identity)
    if not lookalikes:
        return
    warn_of_lookalikes(identity, lookalikes)
    if not yes:
        click.confirm(say("bind_lookalike"), abort=True, err=True)


def _logged_in(
    url: str, app_space: models.Guid, *, browser: bool, tls: http.Authorities | None
) -> LoggedIn:
    def show(address: str) -> None:
        print_line(say("log_in_at", address=address), err=True)
        if browser:
            click.launch(address)

    with closing(device_cli.DeviceCalls(url, device_cli.HttpTransport(tls=tls))) as calls:
        return device_cli.log_in(calls, app_space, show)


def _choose_replaced(logged_in: LoggedIn) -> models.Guid | None:
    """List the person's devices; return the one that is replaced, if a terminal can ask."""
    if not logged_in.devices:
        return None
    print_line(say("your_devices"), err=True)
    for device in logged_in.devices:
        moment = device.bound_at.isoformat(timespec="seconds")
        row = say("own_device", device=device.device, name=repr(device.name), moment=moment)
        print_line(row, err=True)
    if not _at_terminal():
        return None
    typed = click.prompt(
        say("ask_replaced"),
        default="",
        show_default=False,
        err=True,
    )
    return read_guid(typed) if typed else None


def _at_terminal() -> bool:
    return sys.stdin.isatty()


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
