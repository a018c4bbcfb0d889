"""What the device commands print of questions and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import counterseal_server as server
from counterseal import device as devices
from counterseal.wire.members import write_record
from counterseal.wire.visible import Name
from counterseal_demo import device_cli
from counterseal_demo.device_words import language, say
from counterseal_server.printing import print_json, print_line

if TYPE_CHECKING:
    from counterseal.bindings.documents.device import AnswerReply, Bond, Peeked


def owner_rows(names: Peeked | Bond | devices.AppSpaceIdentity) -> list[tuple[str, str]]:
    """Return labels and values that say whose an account is, the verified name first."""
    rows = [(say("verified_name"), names.verified_name or say("not_verified"))]
    if names.company_name is not None:
        rows.append((say("company"), names.company_name))
    return rows


def announce_account(invitation: Peeked) -> None:
    """Print whose account a device is about to be bound to, on standard error."""
    rows = [(say("account_at"), invitation.app_space_name), *owner_rows(invitation)]
    for label, value in rows:
        print_line(f"{label}: {value}", err=True)
    if invitation.account_id is not None:
        print_line(Name(f"{say('account_id')}: {invitation.account_id}"), err=True)


def show_question(client: device_cli.DeviceClient, document: dict[str, Any]) -> None:
    """Print a question for a person, and whose it is, as the service last said."""
    screen = server.Screen()
    screen.heading(say("question", guid=document["challenge"]))
    bond = client.device.bond
    owner = [] if bond is None else owner_rows(bond)
    server.show_challenge(screen, document, in_local_time=True, owner=owner, language=language())


def announce(text: str) -> None:
    """Print *text*, what the command is about to do, on standard error."""
    print_line(text, err=True)


def warn_of_lookalikes(
    identity: devices.AppSpaceIdentity, lookalikes: tuple[devices.Lookalike, ...]
) -> None:
    """Print what App Spaces the one of `announce_account` looks like, on standard error."""
    print_line(f"{say('service')}: {urlsplit(identity.url).netloc}", err=True)
    for lookalike in lookalikes:
        existing = lookalike.existing
        names = {"name": repr(lookalike.name), "existing": repr(lookalike.existing_name)}
        print_line(say("looks_like", **names), err=True)
        rows = [(say("account_at"), existing.app_space_name or ""), *owner_rows(existing)]
        for label, value in [*rows, (say("service"), urlsplit(existing.url).netloc)]:
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
    verdict = say("approved" if reply.approved else "not_approved")
    print_line(f"{reply.state.value}, {verdict}")
    if receipt is None:
        print_line(say("receipt_untrusted"))
    else:
        print_line(say("receipt_valid", number=receipt.number))
