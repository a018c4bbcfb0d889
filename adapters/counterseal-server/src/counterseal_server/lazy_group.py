"""
Groups of commands whose modules load when a command runs: help and completion need none of them.

A module of commands imports what it needs at its top. What is not installed is named when one of
its commands is called, and not before.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

import click
from click.shell_completion import CompletionItem

import counterseal_server as server


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

        One whose modules are not installed has its summary as help, and fails when it is called.
        """
        if cmd_name in self.lazy_commands:
            return self._load(cmd_name)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names and summaries of the commands, and load none."""
        del ctx
        summaries = self._summaries()
        width = formatter.width - 6 - max(map(len, summaries))
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, click.Command(name, help=summary).get_short_help_str(width))
                    for name, summary in summaries.items()
                ]
            )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the names that *incomplete* begins, with their summaries, and load none."""
        names = [
            CompletionItem(name, help=summary)
            for name, summary in self._summaries().items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def _summaries(self) -> dict[str, str]:
        loaded = {name: command.get_short_help_str() for name, command in self.commands.items()}
        lazy = {name: command.summary for name, command in self.lazy_commands.items()}
        return dict(sorted((loaded | lazy).items()))

    def _load(self, name: str) -> click.Command:
        location = self.lazy_commands[name]
        try:
            module = import_module(location.module)
        except ModuleNotFoundError as error:
            failure = server.missing(error, location.requirement)
            return _unavailable(name, location.summary, failure)
        command: click.Command = getattr(module, location.name)
        return command


def _unavailable(name: str, summary: str, failure: click.ClickException) -> click.Command:
    def fail() -> NoReturn:
        raise failure

    return click.Command(
        name,
        callback=fail,
        help=f"{summary}\n\n{failure.message}.",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
