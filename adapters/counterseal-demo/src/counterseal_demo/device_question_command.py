"""Commands for questions: show them, answer them, and list those that ended."""

from __future__ import annotations

import click

from counterseal.wire.members import write_record
from counterseal_demo.device_command import REQUIREMENT
from counterseal_demo.device_options import (
    AS_JSON,
    HOME,
    REASON,
    ask_pin,
    open_device,
    prompted,
    read_guid,
    read_reason,
)
from counterseal_demo.device_output import (
    announce,
    show_ending,
    show_question,
)
from counterseal_demo.device_words import say
from counterseal_server.plainly import plainly
from counterseal_server.printing import print_json, print_line


@click.command()
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
            print_line(say("no_questions"))
        for document in waiting:
            show_question(client, document)


@click.command()
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


@click.command()
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
            ask_code=lambda: prompted(say("code")),
            announce=announce,
            reason=read_reason(reason),
        )
        show_ending(client, reply, as_json=as_json)


@click.command()
@click.argument("guid")
@HOME
@REASON
@AS_JSON
def disown(guid: str, home: str, *, reason: str | None, as_json: bool) -> None:
    """Report that you did not cause the question GUID."""
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        reply = client.disown(read_guid(guid), reason=read_reason(reason))
        show_ending(client, reply, as_json=as_json)


@click.command()
@HOME
@AS_JSON
def history(home: str, *, as_json: bool) -> None:
    """Show the questions that ended last, newest first."""
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        ended = client.history()
        if as_json:
            print_json(write_record(ended))
            return
        if not ended.requests:
            print_line(say("none_ended"))
        for request in ended.requests:
            where = say("here" if request.answered_here else "not_here")
            verdict = say("approved" if request.approved else "not_approved")
            time = request.ended_at.isoformat(timespec="seconds")
            print_line(f"{time} {request.guid} {request.state.value}, {verdict}, {where}")
