"""What the device commands print of questions and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import counterseal_server as server
from counterseal import device as devices
from counterseal.wire.members import write_record
from counterseal.wire.visible import Name
from counterseal_demo import device_cli
from counterseal_server.printing import print_json, print_line

if TYPE_CHECKING:
    from counterseal.bindings.documents.device import AnswerReply, Bond, Peeked

NOT_VERIFIED = "none: this company is not verified"


def owner_rows(names: Peeked | Bond | devices.AppSpaceIdentity) -> list[tuple[str, str]]:
    """Return labels and values that say whose an account is, the verified name first."""
    rows = [("Verified name", names.verified_name or NOT_VERIFIED)]
    if names.company_name is not None:
        rows.append(("Company", names.company_name))
    return rows


def announce_account(invitation: Peeked) -> None:
    """Print whose account a device is about to be bound to, on standard error."""
    rows = [("App Space", invitation.app_space_name), *owner_rows(invitation)]
    for label, value in rows:
        print_line(f"{label}: {value}", err=True)
    if invitation.account_id is not None:
        print_line(Name(f"Account id: {invitation.account_id}"), err=True)


def show_question(client: device_cli.DeviceClient, document: dict[str, Any]) -> None:
    """Print a question for a person, and whose it is, as the service last said."""
    screen = server.Screen()
    screen.heading(f"Question {document['challenge']}")
    bond = client.device.bond
    owner = [] if bond is None else owner_rows(bond)
    server.show_challenge(screen, document, in_local_time=True, owner=owner)


def announce(text: str) -> None:
    """Print *text*, what the command is about to do, on standard error."""
    print_line(text, err=True)


def warn_of_lookalikes(
    identity: devices.AppSpaceIdentity, lookalikes: tuple[devices.Lookalike, ...]
) -> None:
    """Print what App Spaces the one of `announce_account` looks like, on standard error."""
    print_line(f"Service: {urlsplit(identity.url).netloc}", err=True)
    for lookalike in lookalikes:
        existing = lookalike.existing
        names = f"{lookalike.name!r} looks like {lookalike.existing_name!r}"
        print_line(f"Warning: {names} of a device that you have:", err=True)
        rows = [("App Space", existing.app_space_name or ""), *owner_rows(existing)]
        for label, value in [*rows, ("Service", urlsplit(existing.url).netloc)]:
            print_line(f"  {label}: {value}", err=True)


def show_ending(client: device_cli.DeviceClient, reply: AnswerReply, *, as_json: bool) -> None:
    """
    Print how a question ended, after its receipt was verified.

    Raises:
        ReceiptChanged: The receipt is not consistent, or belongs to another reply.
        ServiceRefused: The service refused to return its keys.
        ServiceUnreachable: It did not reply, or its reply is invalid.
    """
    if as_json:
        print_json(write_record(reply))
        return
    receipt = client.receipt(reply)
    verdict = "approved" if reply.approved else "not approved"
    print_line(f"{reply.state.value}, {verdict}")
    if receipt is None:
        print_line("receipt: signed by a key that no pinned key endorses")
    else:
        print_line(f"receipt: number {receipt.number}, valid")
