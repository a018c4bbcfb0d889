"""Commands of counterseal-demo that `counterseal` forwards to."""

from __future__ import annotations

import importlib

import click

from counterseal_server.plainly import Failed

PACKAGE = "counterseal_demo"


class Forwarded(click.Command):
    """
    A command of counterseal-demo; its module is imported when it runs.

    Args:
        name: The command's name.
        summary: Its line in the help of `counterseal`.
    """

    def __init__(self, name: str, summary: str) -> None:
        super().__init__(name, short_help=summary)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: object,
    ) -> click.Context:
        """
        Return the context of the forwarded command.

        Raises:
            Failed: The package is not installed.
        """
        command = self._load()
        return command.make_context(info_name, args, parent, **extra)

    def _load(self) -> click.Command:
        try:
            module = importlib.import_module(f"{PACKAGE}.{self.name}_command")
        except ModuleNotFoundError as error:
            if error.name != PACKAGE:
                raise
            raise Failed(
                f"counterseal {self.name} is not installed: this needs counterseal-demo"
            ) from None
        command: click.Command = getattr(module, str(self.name))
        return command


demo = Forwarded("demo", "Bind, ask, answer and verify, then try ten forgeries.")
device = Forwarded("device", "Use a software device: bind it, show questions, answer.")
relay = Forwarded("relay", "Receive the push messages of a service, to try out a relay.")
