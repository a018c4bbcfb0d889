"""`counterseal init` and `counterseal invite`: create a service, and invite devices."""

from __future__ import annotations

import click

import counterseal_server as server
from counterseal import models
from counterseal_server.commands.acting import output_to
from counterseal_server.commands.options import APP, CONFIG, CX, DATA, OUT, configured
from counterseal_server.plainly import plainly
from counterseal_server.printing import print_line


@click.command()
@DATA
@CONFIG
@click.option("--company", required=True, metavar="C", help="The name of the tenant.")
@click.option("--app-space", required=True, metavar="A", help="The name of the app.")
@click.option("--origin", required=True, metavar="O", help="The name of the server that asks.")
@click.option(
    "--auth",
    type=click.Choice(["basic", "hmac", "signature"]),
    required=True,
    help="How the origin authenticates: Basic, CX1 or RFC 9421.",
)
@click.option(
    "--admin-auth",
    type=click.Choice(["hmac", "signature"]),
    help="How the first administrator signs: CX1 or RFC 9421."
    " By default RFC 9421 if the origin uses it, else CX1.",
)
@click.option(
    "--callback",
    "callbacks",
    metavar="URL",
    multiple=True,
    help="A URL that callbacks may go to, https if it has no scheme; may be repeated.",
)
@click.option(
    "--once",
    is_flag=True,
    help="Succeed without a change if the service exists already.",
)
@OUT
@CX
def init(
    data: str | None,
    config: str | None,
    *,
    company: str,
    app_space: str,
    origin: str,
    auth: str,
    admin_auth: str | None,
    callbacks: tuple[str, ...],
    once: bool,
    out: str | None,
    cx: bool,
) -> None:
    """
    Create a new service with one company, one App Space and one origin.

    Prints one JSON object, or writes it to --out. Its secrets are shown only once.
    """
    with plainly():
        draft = server.ServiceDraft(
            company=company,
            app_space=app_space,
            origin=origin,
            scheme=auth,
            admin_scheme=admin_auth,
            clients=models.Clients.CX if cx else models.Clients.CURRENT,
            callbacks=callbacks,
        )
        with server.Runtime(configured(config, data=data)) as runtime:
            if once and server.service_exists(runtime):
                print_line("there is a service already: nothing was changed", err=True)
                return
            with output_to(out) as write_document:
                write_document(server.create_service(runtime, draft))
            for entry in callbacks:
                server.warn_of_obstacle(runtime.settings, entry)


@click.command()
@click.argument("account")
@DATA
@CONFIG
@click.option("--origin", metavar="GUID", help="The origin of the user, if there are several.")
@APP
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@OUT
def invite(
    account: str,
    data: str | None,
    config: str | None,
    origin: str | None,
    *,
    app: str | None,
    as_json: bool,
    out: str | None,
) -> None:
    """
    Invite a device of ACCOUNT: print a link and a QR code.

    Anybody who has the link can bind a device to the account. With --out, the link is in
    one JSON object.
    """
    with (
        plainly(),
        server.Runtime(configured(config, data=data)) as runtime,
        output_to(out) as write_document,
    ):
        runtime.prepare()
        runtime.demand_company()
        server.demand_app(app)
        invitation = server.invite(runtime, account, origin)
        if as_json or out is not None:
            write_document(server.invitation_document(invitation, runtime.settings, app))
        else:
            server.print_invitation(invitation, runtime.settings, app)
