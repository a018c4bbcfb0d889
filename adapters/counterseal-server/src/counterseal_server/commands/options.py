"""Options that several commands share, and the settings from them and the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import click

import counterseal_server as server

STORE = f"{__name__}.store"
"""The key of `--store` in the context, since no command has it as an argument."""

Command: TypeAlias = Callable[..., Any]


def _note(context: click.Context, _: click.Parameter, value: str | None) -> None:
    context.meta[STORE] = value


def DATA(command: Command) -> Command:  # noqa: N802 (it stands where options stand)
    """Add `--data` and `--store` to *command*."""
    folder = click.option("--data", metavar="DIR", help="The folder for the database and the keys.")
    records = click.option(
        "--store",
        metavar="URL",
        expose_value=False,
        callback=_note,
        help="The URL of the store; by default a SQLite file in --data. Put a URL with a password"
        " into the environment, as COUNTERSEAL_STORE.",
    )
    return folder(records(command))


CONFIG = click.option(
    "--config",
    metavar="FILE",
    envvar="COUNTERSEAL_CONFIG",
    help="A settings file, in TOML.",
)

APP = click.option(
    "--app",
    metavar="URL",
    help="The app in the browser that the link opens, in place of the service's own.",
)

CX = click.option(
    "--cx", is_flag=True, help="The origin's programs are written for a Privakey CX service."
)

OUT = click.option(
    "--out",
    metavar="FILE",
    help="Write to this new file, which only its owner can read, instead of printing.",
)
"""For each command that creates secrets, which are shown only once."""

OVERLAP = click.option(
    "--overlap",
    metavar="SPAN",
    default="0s",
    show_default=True,
    help="How long the old secret stays valid beside the new one, like 24h.",
)


def configured(config: str | None, **flags: Any) -> server.Settings:
    """
    Return the settings.

    Args:
        config: The file of `--config`.
        flags: The flags of the command line; None for one that was not given.

    Raises:
        InvalidField: A name is unknown, or a value is invalid.
    """
    return sourced(config, **flags)[0]


def sourced(
    config: str | None, **flags: Any
) -> tuple[server.Settings, Mapping[str, server.SourcedValue]]:
    """
    Return the settings, and those that are set with their sources.

    Args:
        config: The file of `--config`.
        flags: The flags of the command line; None for one that was not given.

    Raises:
        InvalidField: A name is unknown, or a value is invalid.
    """
    file = None if config is None else Path(config)
    sourced_values = server.gathered(_with_store(flags), os.environ, file)
    return server.build_settings(sourced_values), sourced_values


def _with_store(flags: dict[str, Any]) -> dict[str, Any]:
    return flags | {"store": click.get_current_context().meta.get(STORE)}
