"""
Groups of commands whose modules load when a command runs: help and completion need none of them.

A module of commands imports what it needs at its top. What is not installed is named when one of
its commands is called, and not before.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem


class LazyCommand(NamedTuple):
    """
    Where a command is.

    Attributes:
        module: Its module.
        name: The name that it has in its module.
        summary: The first sentence of its help.
        requirement: What to install, whichever module is missing; None for the extra of
            counterseal-server that has the module.
    """

    module: str
    name: str
    summary: str
    requirement: str | None = None


class LazyGroup(click.Group):
    """
    A group that loads a command when it is called.

    Args:
        lazy_commands: The commands, by their names.
    """

    def __init__(
        self, *args: Any, lazy_commands: Mapping[str, LazyCommand], **settings: Any
    ) -> None:
        super().__init__(*args, **settings)
        self.lazy_commands = lazy_commands

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, sorted."""
        return sorted({*super().list_commands(ctx), *self.lazy_commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """
        Return a command, loaded; None if there is none of this name.

        Raises:
            Failed: A module that it needs is not installed.
        """
        if cmd_name in self.lazy_commands:
            return self._load(cmd_name)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names and summaries of the commands, and load none."""
        del ctx
        width = formatter.width - 6 - max(map(len, self.lazy_commands))
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, click.Command(name, help=command.summary).get_short_help_str(width))
                    for name, command in sorted(self.lazy_commands.items())
                ]
            )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the names that *incomplete* begins, with their summaries, and load none."""
        names = [
            CompletionItem(name, help=command.summary)
            for name, command in sorted(self.lazy_commands.items())
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def _load(self, name: str) -> click.Command:
        location = self.lazy_commands[name]
        try:
            module = import_module(location.module)
        except ModuleNotFoundError as error:
            # It loads parts of the core.
            from counterseal_server.plainly import missing  # noqa: PLC0415 (only a failure needs it)

            raise missing(error, location.requirement) from None
        command: click.Command = getattr(module, location.name)
        return command
