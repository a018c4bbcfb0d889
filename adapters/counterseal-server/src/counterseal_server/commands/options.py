"""Options that several commands share, and the settings that they and the environment give."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

if TYPE_CHECKING:  # a fast start
    from counterseal_server.settings import Settings

STORE = f"{__name__}.store"
"""Where a context keeps what `--store` said: of every command, and an argument of none."""

Command: TypeAlias = Callable[..., Any]


def _note(context: click.Context, _: click.Parameter, value: str | None) -> None:
    context.meta[STORE] = value


def DATA(command: Command) -> Command:  # noqa: N802 (it stands where options stand)
    """Let *command* be told where everything is."""
    folder = click.option("--data", metavar="DIR", help="The folder of everything that is kept.")
    records = click.option(
        "--store",
        metavar="URL",
        expose_value=False,
        callback=_note,
        help="Where the records are; a SQLite file in --data by default. A URL with a password"
        " belongs into the environment, as COUNTERSEAL_STORE.",
    )
    return folder(records(command))


CONFIG = click.option(
    "--config",
    metavar="FILE",
    envvar="COUNTERSEAL_CONFIG",
    help="Settings, in TOML.",
)

CX = click.option(
    "--cx", is_flag=True, help="The origin's programs were written for a Privakey CX service."
)

OUT = click.option(
    "--out",
    metavar="FILE",
    help="Where to write instead of printing: a new file, which only its owner can read.",
)
"""Of each command that makes secrets and tells them this once."""

OVERLAP = click.option(
    "--overlap",
    metavar="SPAN",
    default="0s",
    show_default=True,
    help="How long the old secret stays good beside the new one, like 24h.",
)


def configured(config: str | None, **flags: Any) -> Settings:
    """
    Return the settings.

    Args:
        config: The file of `--config`.
        flags: What the command line said; None for what it did not.

    Raises:
        InvalidField: A name is unknown, or a value does not fit.
    """
    from counterseal_server.configuration import settings  # noqa: PLC0415 (a fast start)

    return settings(_with_store(flags), os.environ, None if config is None else Path(config))


def explained(config: str | None, **flags: Any) -> str:
    """
    Return the settings as text, with where each comes from.

    Args:
        config: The file of `--config`.
        flags: What the command line said; None for what it did not.

    Raises:
        InvalidField: A name is unknown, or a value does not fit.
    """
    from counterseal_server.configuration import build_settings, gathered  # noqa: PLC0415 (a fast start)
    from counterseal_server.effective import effective  # noqa: PLC0415

    file = None if config is None else Path(config)
    sourced_values = gathered(_with_store(flags), os.environ, file)
    return effective(build_settings(sourced_values), sourced_values)


def _with_store(flags: dict[str, Any]) -> dict[str, Any]:
    return flags | {"store": click.get_current_context().meta.get(STORE)}
