"""What the device commands share: options, the folder, the PIN."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import click

import counterseal_http as http
import counterseal_server as server
from counterseal import models
from counterseal.models.guid import parse
from counterseal_demo import device_cli
from counterseal_demo.device_words import say

CA_FILE = f"{__name__}.ca_file"
"""The key of `--ca-file` in the context, since no command has it as an argument."""

Command: TypeAlias = Callable[..., Any]


def _keep_ca_file(context: click.Context, _: click.Parameter, value: str | None) -> None:
    context.meta[CA_FILE] = value


def HOME(command: Command) -> Command:  # noqa: N802 (it stands where options stand)
    """Add `--home` and `--ca-file` to *command*."""
    folder = click.option(
        "--home",
        metavar="DIR",
        envvar="COUNTERSEAL_HOME",
        default="~/.counterseal",
        show_default=True,
        help="The folder of the device.",
    )
    authorities = click.option(
        "--ca-file",
        metavar="FILE",
        envvar="COUNTERSEAL_CA_FILE",
        expose_value=False,
        callback=_keep_ca_file,
        help="Certificates, PEM, that the device trusts beside the machine's: for the service, and"
        " for the documents of actions.",
    )
    return folder(authorities(command))


REASON = click.option(
    "--reason",
    type=click.Choice(("declined", "not_mine", "wrong_details", "pressured", "other")),
    help="Why you refuse; the service and who asks learn it, and no device shows it.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def open_device(home: str) -> device_cli.DeviceClient:
    """
    Return the device in the folder *home*; close it at the end.

    Raises:
        InvalidField: The folder has no device, or the file of `--ca-file` cannot be used.
        OSError: The folder cannot be read.
    """
    return device_cli.DeviceClient(open_home(home), tls=load_trusted())


def load_trusted() -> http.Authorities | None:
    """
    Return the authorities of `--ca-file` beside the machine's; None if it is not given.

    Raises:
        InvalidField: The file cannot be used.
    """
    file = click.get_current_context().meta.get(CA_FILE)
    if file is None:
        return None
    authorities = server.AddedAuthorities(Path(file), server.SystemClock(), field="ca-file")
    authorities.read()
    return authorities.load


def open_home(home: str) -> device_cli.Home:
    """Return the folder *home*, which may not exist yet."""
    return device_cli.Home(Path(home).expanduser())


def read_guid(text: str) -> models.Guid:
    """
    Return the GUID that a person typed.

    Raises:
        InvalidField: *text* is not a GUID of a service.
    """
    return parse(text, field="guid")


def read_reason(word: str | None) -> models.RefusalReason | None:
    """Return the reason that a person chose, if they chose one."""
    return None if word is None else models.RefusalReason(word)


def ask_pin() -> str:
    """Return the PIN of the environment, or the one that the person types."""
    return os.environ.get("COUNTERSEAL_PIN") or prompted(say("pin"))


def new_pin(variable: str = "COUNTERSEAL_PIN") -> str:
    """Return the PIN of the environment's *variable*, or the one that the person types twice."""
    pin = os.environ.get(variable)
    return pin or str(
        click.prompt(say("new_pin"), hide_input=True, confirmation_prompt=say("repeat_pin"))
    )


def prompted(what: str) -> str:
    """Return what the person types, which is not shown."""
    return str(click.prompt(what, hide_input=True))
