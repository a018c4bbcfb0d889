"""Options that several commands share, and the settings that they and the environment give."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:  # a fast start
    from counterseal_server.settings import Settings

DATA = click.option("--data", metavar="DIR", help="The folder of everything that is kept.")
CONFIG = click.option(
    "--config",
    metavar="FILE",
    envvar="COUNTERSEAL_CONFIG",
    help="Settings, in TOML.",
)

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

    return settings(flags, os.environ, None if config is None else Path(config))


def explained(config: str | None, **flags: Any) -> str:
    """
    Return the settings as text, with where each comes from.

    Args:
        config: The file of `--config`.
        flags: What the command line said; None for what it did not.

    Raises:
        InvalidField: A name is unknown, or a value does not fit.
    """
    from counterseal_server.configuration import gathered, settled  # noqa: PLC0415 (a fast start)
    from counterseal_server.effective import effective  # noqa: PLC0415

    given = gathered(flags, os.environ, None if config is None else Path(config))
    return effective(settled(given), given)
