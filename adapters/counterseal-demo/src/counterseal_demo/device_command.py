"""`counterseal-device`: a software device to try things out."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from counterseal_demo import device_upkeep_command, listen_command, new_device_command
from counterseal_demo.device_options import (
    AS_JSON,
    HOME,
    REASON,
    REQUIREMENT,
    ask_pin,
    load_trusted,
    new_pin,
    open_device,
    open_home,
    prompted,
    read_guid,
    read_reason,
)
from counterseal_demo.device_output import (
    NOT_VERIFIED,
    announce,
    announce_account,
    show_ending,
    show_question,
    warn_of_lookalikes,
)
from counterseal_server.plainly import Unusable, plainly
from counterseal_server.printing import print_json, print_line

if TYPE_CHECKING:  # a fast start
    from counterseal.bindings.documents.device import LoggedIn, Peeked
    from counterseal.models import Guid
    from counterseal_http import Authorities


@click.group()
def device() -> None:
    """
    Use a software device: bind it, show questions, answer.

    The command asks for the PIN, unless it is in COUNTERSEAL_PIN.
    """


for command in (
    *new_device_command.COMMANDS,
    *device_upkeep_command.COMMANDS,
    listen_command.listen,
):
    device.add_command(command)


@device.command()
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
        from counterseal.models import Algorithm  # noqa: PLC0415 (a fast start)
        from counterseal.models.guid import parse  # noqa: PLC0415 (a fast start)
        from counterseal.wire.link import read_link  # noqa: PLC0415
        from counterseal_demo.device_cli import DeviceClient  # noqa: PLC0415

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
        invitation = DeviceClient.read_invitation(url, token, tls=tls)
        announce_account(invitation)
        _confirm_lookalikes(home, url, invitation, yes=yes)
        pin = new_pin()
        bond = DeviceClient.bind(
            open_home(home),
            url,
            token,
            space or invitation.app_space,
            pin=pin,
            name=name,
            algorithm=Algorithm(algorithm),
            replaces=replaced,
            tls=tls,
        )
        print_line(f"bound: device {bond.device}")
        if bond.confirm_by is not None:
            with open_device(home) as client:
                new_device_command.show_comparison_code(client, pin)


@device.command()
@HOME
@click.option(
    "--wait",
    type=click.IntRange(0, 3600),
    default=0,
    metavar="SECONDS",
    help="Wait for a question if there is none.",
)
@AS_JSON
def pending(home: str, *, wait: int, as_json: bool) -> None:
    """Show the open questions, oldest first."""
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        waiting = client.await_pending(wait) if wait else client.pending()
        if as_json:
            print_json({"requests": waiting})
            return
        if not waiting:
            print_line("There are no open questions.")
        for document in waiting:
            show_question(client, document)


@device.command()
@click.argument("guid")
@HOME
@AS_JSON
def show(guid: str, home: str, *, as_json: bool) -> None:
    """Show the question GUID."""
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        document = client.fetch_display(read_guid(guid))
        if as_json:
            print_json(document)
        else:
            show_question(client, document)


@device.command()
@click.argument("guid")
@HOME
@click.option("--button", type=int, required=True, metavar="N", help="The first button is 0.")
@click.option("--code", metavar="C", help="The matching code, if one is needed.")
@REASON
@AS_JSON
def answer(
    guid: str, home: str, *, button: int, code: str | None, reason: str | None, as_json: bool
) -> None:
    """Answer the question GUID."""
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        reply = client.answer(
            read_guid(guid),
            button,
            code=code,
            ask_pin=ask_pin,
            ask_code=lambda: prompted("Code"),
            announce=announce,
            reason=read_reason(reason),
        )
        show_ending(client, reply, as_json=as_json)


@device.command()
@click.argument("guid")
@HOME
@REASON
@AS_JSON
def disown(guid: str, home: str, *, reason: str | None, as_json: bool) -> None:
    """Report that you did not cause the question GUID."""
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        reply = client.disown(read_guid(guid), reason=read_reason(reason))
        show_ending(client, reply, as_json=as_json)


@device.command()
@HOME
@AS_JSON
def status(home: str, *, as_json: bool) -> None:
    """Show the status of this device at the service."""
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        from counterseal.wire.members import write_record  # noqa: PLC0415 (a fast start)
        from counterseal_server.screen import Screen  # noqa: PLC0415

        document = write_record(client.status())
        if as_json:
            print_json(document)
        else:
            document = {"verifiedName": NOT_VERIFIED} | document
            Screen().facts((name, _plain(value)) for name, value in document.items())


@device.command()
@HOME
@AS_JSON
def history(home: str, *, as_json: bool) -> None:
    """Show the questions that ended last, newest first."""
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        from counterseal.wire.members import write_record  # noqa: PLC0415 (a fast start)

        ended = client.history()
        if as_json:
            print_json(write_record(ended))
            return
        if not ended.requests:
            print_line("No question has ended.")
        for request in ended.requests:
            where = "here" if request.answered_here else "not here"
            verdict = "approved" if request.approved else "not approved"
            time = request.ended_at.isoformat(timespec="seconds")
            print_line(f"{time} {request.guid} {request.state.value}, {verdict}, {where}")


@device.command()
@HOME
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def lock(home: str, *, yes: bool) -> None:
    """
    Lock your account at the service.

    No device of it answers or is asked any more, until an administrator unlocks it.
    """
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        if not yes:
            click.confirm("Lock the account? You cannot unlock it.", abort=True, err=True)
        client.lock()
        print_line("locked: only an administrator of the service can unlock the account")


@device.command()
@HOME
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def unbind(home: str, *, yes: bool) -> None:
    """
    Revoke this device at the service, and delete its keys.

    Open questions stay open for the other devices of the account.
    """
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        if not yes:
            click.confirm("Unbind this device for good?", abort=True, err=True)
        client.unbind()
        print_line("unbound: the keys are deleted")


def _confirm_lookalikes(home: str, url: str, invitation: Peeked, *, yes: bool) -> None:
    from counterseal.device import AppSpaceIdentity  # noqa: PLC0415 (a fast start)
    from counterseal_demo.device_cli import lookalikes_beside  # noqa: PLC0415

    identity = AppSpaceIdentity.of(url, invitation)
    lookalikes = lookalikes_beside(open_home(home), identity)
    if not lookalikes:
        return
    warn_of_lookalikes(identity, lookalikes)
    if not yes:
        click.confirm("Bind it all the same?", abort=True, err=True)


def _logged_in(url: str, app_space: Guid, *, browser: bool, tls: Authorities | None) -> LoggedIn:
    from contextlib import closing  # noqa: PLC0415 (a fast start)

    from counterseal_demo.device_cli import DeviceCalls, log_in  # noqa: PLC0415
    from counterseal_http.devices import HttpTransport  # noqa: PLC0415

    def show(address: str) -> None:
        print_line(f"Log in at {address}", err=True)
        if browser:
            click.launch(address)

    with closing(DeviceCalls(url, HttpTransport(tls=tls))) as calls:
        return log_in(calls, app_space, show)


def _choose_replaced(logged_in: LoggedIn) -> Guid | None:
    """List the person's devices; return the one that is replaced, if a terminal can ask."""
    if not logged_in.devices:
        return None
    print_line("Your devices:", err=True)
    for device in logged_in.devices:
        bound_at = device.bound_at.isoformat(timespec="seconds")
        print_line(f"{device.device} {device.name!r}, since {bound_at}", err=True)
    if not _at_terminal():
        return None
    typed = click.prompt(
        "GUID of the one that this one replaces, or nothing",
        default="",
        show_default=False,
        err=True,
    )
    return read_guid(typed) if typed else None


def _at_terminal() -> bool:
    return sys.stdin.isatty()


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
