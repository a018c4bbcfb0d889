"""`counterseal account`: support staff look up and change users."""

from __future__ import annotations

import click

import counterseal as cs
import counterseal_server as server
from counterseal import models
from counterseal.wire.members import format_time
from counterseal_server.commands.acting import (
    YES,
    confirm,
    guid,
    maybe_guid,
    opened,
    output_to,
    print_document,
)
from counterseal_server.commands.options import APP, CONFIG, DATA, OUT
from counterseal_server.plainly import Failed
from counterseal_server.printing import print_json

ACCOUNT = click.argument("account")
APP_SPACE = click.option(
    "--app-space",
    metavar="GUID",
    help="The App Space of the origin's own id; needed if there are several.",
)


@click.group()
def account() -> None:
    """
    Show, search, invite again, lock, revoke and erase users.

    ACCOUNT is a GUID (`privakeyId`), or the origin's own id of the user.
    With --app-space, it is always the origin's id. Each command prints one JSON object.
    """


@account.command()
@ACCOUNT
@APP_SPACE
@DATA
@CONFIG
def show(account: str, app_space: str | None, data: str | None, config: str | None) -> None:
    """Print an ACCOUNT and all its devices, past ones included."""
    with opened(data, config) as runtime:
        _print_user(runtime, _find_user(runtime, account, app_space))


@account.command("list")
@click.option("--app-space", metavar="GUID", help="Only its users; by default, those of all.")
@click.option(
    "--bound/--unbound",
    default=None,
    help="Only users with a device, or only those without; by default, both.",
)
@DATA
@CONFIG
def list_(
    app_space: str | None, *, bound: bool | None, data: str | None, config: str | None
) -> None:
    """
    Print users, in no order, one JSON object a line; erased ones are left out.

    It reads the whole store, one of its 256 partitions after the other; the service may
    run. A suspended device counts as a device, an open invitation does not.
    """
    with opened(data, config) as runtime:
        space = maybe_guid(app_space, "app-space")
        if space is not None:
            cs.Administration(runtime.ports, runtime.policy, by=cs.OPERATOR).get(
                space, models.AppSpace
            )
        clock, unreadable = runtime.ports.clock, 0
        for accounts, flaws in server.read_accounts(
            runtime.records.inventory(clock), space, bound=bound
        ):
            unreadable += flaws
            for each in accounts:
                print_json(server.account_line(each, clock.now()), indent=None)
    if unreadable:
        raise Failed(
            f"store: the list is incomplete: {unreadable} of its records cannot be read;"
            " counterseal store check says which"
        )


@account.command()
@click.argument("prefix")
@click.option(
    "--app-space", metavar="GUID", help="Whose accounts; needed if there are several App Spaces."
)
@click.option(
    "--limit", type=int, default=100, show_default=True, help="The most that are printed."
)
@DATA
@CONFIG
def search(
    prefix: str, *, app_space: str | None, limit: int, data: str | None, config: str | None
) -> None:
    """
    Print accounts whose ids begin with PREFIX, in order, one JSON object a line.

    If PREFIX is the GUID of an account, that account comes first.
    """
    with opened(data, config) as runtime:
        space = server.app_space_of(runtime, maybe_guid(app_space, "app-space"))
        page = cs.Accounts(runtime.ports, runtime.policy).search(
            space, prefix, limit=limit, by=cs.OPERATOR
        )
        for each in page.accounts:
            print_json(server.account_line(each, runtime.ports.clock.now()), indent=None)


@account.command()
@ACCOUNT
@APP_SPACE
@DATA
@CONFIG
def requests(account: str, app_space: str | None, data: str | None, config: str | None) -> None:
    """
    Print what an ACCOUNT is asked and was asked last, newest first, one JSON object a line.

    `reason` is why the person refused. Do not say `pressured` to anybody who is with the person.
    """
    with opened(data, config) as runtime:
        challenges = cs.Challenges(runtime.ports, runtime.policy)
        user = _find_user(runtime, account, app_space)
        for challenge in challenges.list_of_account(user, by=cs.OPERATOR):
            print_json(server.account_request_document(challenge), indent=None)


@account.command("invite-again")
@click.argument("invitation", metavar="GUID")
@APP
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@OUT
@DATA
@CONFIG
def invite_again(
    invitation: str,
    *,
    app: str | None,
    as_json: bool,
    out: str | None,
    data: str | None,
    config: str | None,
) -> None:
    """
    Make an origin's invitation anew: print a link and a QR code.

    GUID is the invitation's; `counterseal account show` lists it among the devices. The
    earlier link no longer works. Anybody who has the new one can bind a device to the account:
    make sure who it is. With --out, the link is in one JSON object.
    """
    with opened(data, config) as runtime, output_to(out) as write_document:
        server.demand_app(app)
        invitations = cs.Invitations(runtime.ports, runtime.policy)
        renewed_invitation = invitations.renew(guid(invitation, "guid"), by=cs.OPERATOR)
        if as_json or out is not None:
            document = server.invitation_document(renewed_invitation, runtime.settings, app)
            write_document(document)
        else:
            server.print_invitation(renewed_invitation, runtime.settings, app)


@account.command()
@ACCOUNT
@APP_SPACE
@DATA
@CONFIG
def lock(account: str, app_space: str | None, data: str | None, config: str | None) -> None:
    """Lock an ACCOUNT: it gets no questions, cannot answer, and cannot bind a device."""
    with opened(data, config) as runtime:
        guid = _find_user(runtime, account, app_space)
        cs.Accounts(runtime.ports, runtime.policy).lock(guid, by=cs.OPERATOR)
        _print_user(runtime, guid)


@account.command()
@ACCOUNT
@APP_SPACE
@DATA
@CONFIG
def unlock(account: str, app_space: str | None, data: str | None, config: str | None) -> None:
    """Unlock an ACCOUNT, and reset its count of wrong codes."""
    with opened(data, config) as runtime:
        guid = _find_user(runtime, account, app_space)
        cs.Accounts(runtime.ports, runtime.policy).unlock(guid, by=cs.OPERATOR)
        _print_user(runtime, guid)


@account.command()
@ACCOUNT
@APP_SPACE
@YES
@DATA
@CONFIG
def revoke(
    account: str, app_space: str | None, *, yes: bool, data: str | None, config: str | None
) -> None:
    """Revoke all devices and open invitations of an ACCOUNT."""
    with opened(data, config) as runtime:
        guid = _find_user(runtime, account, app_space)
        confirm(f"Revoke all devices of account {guid}?", yes=yes)
        cs.Accounts(runtime.ports, runtime.policy).revoke_all(guid, by=cs.OPERATOR)
        _print_user(runtime, guid)


@account.command()
@ACCOUNT
@APP_SPACE
@YES
@DATA
@CONFIG
def erase(
    account: str, app_space: str | None, *, yes: bool, data: str | None, config: str | None
) -> None:
    """
    Erase an ACCOUNT and its personal data, permanently.

    Its devices are revoked, and its open questions are cancelled.
    """
    with opened(data, config) as runtime:
        guid = _find_user(runtime, account, app_space)
        confirm(f"Erase account {guid} permanently?", yes=yes)
        remaining = cs.Accounts(runtime.ports, runtime.policy).erase(guid, by=cs.OPERATOR)
        at = None if remaining.erased_at is None else format_time(remaining.erased_at)
        print_document({"privakeyId": remaining.guid, "erasedAt": at})


def _find_user(runtime: server.Runtime, account: str, app_space: str | None) -> models.Guid:
    return server.find_user(runtime, account, maybe_guid(app_space, "app-space"))


def _print_user(runtime: server.Runtime, guid: models.Guid) -> None:
    print_document(
        server.user_document(
            *cs.Accounts(runtime.ports, runtime.policy).get_with_devices(guid, by=cs.OPERATOR)
        )
    )
