"""The command that notifies a person of questions: a device with a push address of its own."""

from __future__ import annotations

import signal
import threading
from typing import Any

import click

import counterseal_server as server
from counterseal_demo import device_cli
from counterseal_demo.device_options import (
    HOME,
    ask_pin,
    open_device,
    prompted,
    read_guid,
)
from counterseal_demo.device_output import announce, show_ending, show_question
from counterseal_demo.device_words import say
from counterseal_server.plainly import Failed, Unusable, plainly
from counterseal_server.printing import print_line

REQUIREMENT = "counterseal-demo[listen]"
"""The package to install if a module is missing."""


@click.command()
@HOME
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="0 is a free port.")
@click.option("--answer", is_flag=True, help="Ask for the button of each question.")
@click.option("--once", is_flag=True, help="End after the first question.")
def listen(home: str, *, port: int, answer: bool, once: bool) -> None:
    """
    Show each question when the service pushes it, until Ctrl-C.

    The command listens at 127.0.0.1 for Web Push, and registers its address while it runs. The
    service has to run on this machine with COUNTERSEAL_ALLOW_PRIVATE_PUSHES, for development.
    """
    with plainly(requirement=REQUIREMENT), open_device(home) as client:
        vapid_key = client.status().web_push_key
        if vapid_key is None:
            raise Unusable("service: it sends no Web Push: it has no webpush_contact")
        now = client.device.clock.now
        with device_cli.PushReceiver(vapid_key, server.SystemEntropy(), now, port=port) as receiver:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, _interrupt)
            try:
                device_cli.add_address(client, receiver.address)
                print_line(say("listening", origin=receiver.origin))
                _show_pushes(client, receiver, answer=answer, once=once)
            except KeyboardInterrupt:
                pass
            finally:
                device_cli.remove_address(client, receiver.address.value)
            print_line(say("listened"))


def _show_pushes(
    client: device_cli.DeviceClient, receiver: device_cli.PushReceiver, *, answer: bool, once: bool
) -> None:
    while True:
        push = receiver.next()
        try:
            is_question = _show_push(client, push, answer=answer)
        except click.ClickException as failure:
            failure.show()  # the next question may do
            is_question = True
        if is_question and once:
            return


def _show_push(
    client: device_cli.DeviceClient, push: device_cli.ReceivedPush, *, answer: bool
) -> bool:
    """Show what *push* is about, and tell whether it is a question."""
    kind, guid = push.data.get("type"), push.data.get("requestGuid", "")
    if kind != "request":
        print_line(f"{kind}: {push.title}: {push.body} {guid}".rstrip())
        return False
    with plainly(requirement=REQUIREMENT):
        # A push proves nothing: what is shown is what the service says to this device.
        document = client.fetch_display(read_guid(guid))
        show_question(client, document)
        if answer:
            _answer(client, document)
    return True


def _answer(client: device_cli.DeviceClient, document: dict[str, Any]) -> None:
    button = click.prompt(say("button"), default="", show_default=False)
    if not button:
        return
    if not (button.isascii() and button.isdigit()):
        raise Failed("button: not a number; the first button is 0")
    reply = client.answer(
        document["challenge"],
        int(button),
        code=None,
        ask_pin=ask_pin,
        ask_code=lambda: prompted(say("code")),
        announce=announce,
    )
    show_ending(client, reply, as_json=False)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
