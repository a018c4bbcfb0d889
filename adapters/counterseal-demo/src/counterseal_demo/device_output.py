"""What the device commands print of questions and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from counterseal_server.printing import print_json, print_line

if TYPE_CHECKING:  # a fast start
    from counterseal.device import AppSpaceIdentity, Lookalike
    from counterseal.wire.device import AnswerReply
    from counterseal_demo.device_cli import DeviceClient


def show_question(document: dict[str, Any]) -> None:
    """Print a question for a person."""
    from counterseal_server import display  # noqa: PLC0415 (a fast start)
    from counterseal_server.screen import Screen  # noqa: PLC0415

    screen = Screen()
    screen.heading(f"Question {document['challenge']}")
    display.show(screen, document, in_local_time=True)


def announce(text: str) -> None:
    """Print *text*, what the command is about to do, on standard error."""
    print_line(text, err=True)


def warn_of_lookalikes(identity: AppSpaceIdentity, lookalikes: tuple[Lookalike, ...]) -> None:
    """Print, on standard error, in what an App Space differs from those that it looks like."""
    print_line("This looks like an App Space that you have a device of.", err=True)
    print_line(f"To bind:  {_describe(identity)}", err=True)
    for lookalike in lookalikes:
        print_line(f"You have: {_describe(lookalike.existing)}", err=True)


def _describe(identity: AppSpaceIdentity) -> str:
    company = "" if identity.company_name is None else f" of {identity.company_name!r}"
    verified = "not verified by the service"
    if identity.verified_name is not None:
        verified = f"verified by the service: {identity.verified_name!r}"
    return f"{identity.app_space_name!r}{company}, {verified}, at {urlsplit(identity.url).netloc}"


def show_ending(client: DeviceClient, reply: AnswerReply, *, as_json: bool) -> None:
    """
    Print how a question ended, after its receipt was verified.

    Raises:
        ReceiptChanged: The receipt is not consistent, or belongs to another reply.
        ServiceRefused: The service refused to return its keys.
        ServiceUnreachable: It did not reply, or its reply is invalid.
    """
    from counterseal.wire.members import write_record  # noqa: PLC0415 (a fast start)

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
