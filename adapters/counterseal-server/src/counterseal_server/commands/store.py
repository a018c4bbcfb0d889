"""`counterseal store`: what is kept is looked after."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import click

from counterseal_server.commands.options import CONFIG, DATA, configured
from counterseal_server.plainly import Failed, plainly
from counterseal_server.printing import print_line

if TYPE_CHECKING:  # a fast start
    from counterseal_server.records import Records

IN_ENVIRONMENT = "env:"
NAME_BYTES = 16


@click.group()
def store() -> None:
    """Look after what is kept."""


@store.command()
@DATA
@CONFIG
def purge(data: str | None, config: str | None) -> None:
    """
    Drop what need not be kept any more: the policy's `retention` says how long.

    A running service does so every ten minutes.
    """
    with plainly():
        from counterseal_server.runtime import Runtime  # noqa: PLC0415 (a fast start)

        with Runtime(configured(config, data=data)) as runtime:
            runtime.prepare()
            count = runtime.forget()
        print_line(f"dropped: {count}")


@store.command()
@DATA
@CONFIG
def check(data: str | None, config: str | None) -> None:
    """
    Look whether all that is kept fits together.

    The service may run meanwhile. The exit code is 1 if something does not fit; nothing is changed.
    """
    with plainly():
        from counterseal_records import check as looked_at  # noqa: PLC0415 (a fast start)
        from counterseal_server.runtime import Runtime  # noqa: PLC0415
        from counterseal_server.screen import progress  # noqa: PLC0415

        with Runtime(configured(config, data=data)) as runtime, progress("partitions") as done:
            runtime.prepare_records()
            clock = runtime.ports.clock
            records, flaws = looked_at(lambda: runtime.records.inventory(clock), clock, done)
        for flaw in flaws:
            print_line(f"{flaw.subject}: {flaw.problem}")
        if flaws:
            raise Failed(f"store: {len(flaws)} things do not fit together")
        print_line(f"records: {records}, and all of them fit together")


@store.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def copy(source: str, target: str) -> None:
    """
    Copy all records, and the audit log, into a store that is empty.

    FROM and TO are addresses as --store takes them; env:NAME is the one in that variable, for an
    address with a password. Stop the service first. A copy that was broken off is taken up by the
    same command.
    """
    with plainly():
        from counterseal.memory import SystemClock, SystemEntropy  # noqa: PLC0415 (a fast start)
        from counterseal_records import CopyProgress, copy_store  # noqa: PLC0415
        from counterseal_server.records import opened  # noqa: PLC0415
        from counterseal_server.screen import progress  # noqa: PLC0415

        clock, entropy = SystemClock(), SystemEntropy()
        with (
            closing(opened(_address(source))) as source_records,
            closing(opened(_address(target))) as new,
            progress("partitions") as done,
        ):
            _prepare_source(source_records)
            new.create()
            steps = copy_store(
                source_records.inventory(clock),
                new.inventory(clock),
                lambda: entropy.token(NAME_BYTES).hex(),
            )
            last = CopyProgress(0, 0, 0)
            for last in steps:
                done(last.partitions)
        if not last.records:
            raise Failed("store: there is nothing to copy")
        print_line(f"records: {last.records}; lines of the audit log: {last.events}")


def _prepare_source(records: Records) -> None:
    from counterseal.errors import InvalidField  # noqa: PLC0415 (a fast start)

    try:
        records.prepare()
    except InvalidField as error:
        raise InvalidField("FROM", error.problem) from error


def _address(text: str) -> str:
    if not text.startswith(IN_ENVIRONMENT):
        return text
    from counterseal.errors import InvalidField  # noqa: PLC0415 (a fast start)

    name = text.removeprefix(IN_ENVIRONMENT)
    if not os.environ.get(name):
        raise InvalidField(name, "not in the environment")
    return os.environ[name]
