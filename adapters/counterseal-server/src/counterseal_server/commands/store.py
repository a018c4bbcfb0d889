"""`counterseal store`: check, upgrade, copy and clean the store."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import click

import counterseal_server as server
from counterseal.errors import InvalidField
from counterseal.models.guid import PARTITIONS
from counterseal_server.commands.options import CONFIG, DATA, configured
from counterseal_server.plainly import Failed, plainly
from counterseal_server.printing import print_line

IN_ENVIRONMENT = "env:"
NAME_BYTES = 16
PARTITION = re.compile("[0-9]{1,3}|0x[0-9a-fA-F]{1,2}")
"""As `counterseal audit verify` prints it, or as GUIDs and the keys of Redis begin."""


PROGRESS = click.option(
    "--progress",
    "lines",
    is_flag=True,
    help="Print the progress to standard error where that is no terminal, too.",
)


@click.group()
def store() -> None:
    """Check, upgrade, copy and clean the store."""


@store.command()
@DATA
@CONFIG
def purge(data: str | None, config: str | None) -> None:
    """
    Delete records that ended longer ago than the policy's `retention`.

    A running service does the same every ten minutes.
    """
    with plainly():
        with server.Runtime(configured(config, data=data)) as runtime:
            runtime.prepare()
            count = runtime.forget()
        print_line(f"dropped: {count}")


@store.command()
@DATA
@CONFIG
def upgrade(data: str | None, config: str | None) -> None:
    """
    Migrate the stored records to this release.

    serve does the same when it starts. This is for a step before the processes start.
    """
    with plainly():
        with server.Runtime(configured(config, data=data)) as runtime:
            runtime.prepare_records()
            runtime.demand_company()
        print_line("the store has the schema of this release")


@store.command()
@DATA
@CONFIG
@click.option(
    "--partition",
    "texts",
    metavar="NUMBER",
    multiple=True,
    help="Check this partition only, 0 to 255; may be repeated. The first two characters of a GUID"
    " are its partition in hexadecimal: 0x5b is 91.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    metavar="N",
    help="How many processes share the work; by default one for a small store, and for a large one"
    " as many as this machine has cores, at most 8.",
)
@PROGRESS
def check(
    data: str | None,
    config: str | None,
    texts: tuple[str, ...],
    processes: int | None,
    *,
    lines: bool,
) -> None:
    """
    Check that the stored records are consistent.

    The service may run. Nothing is changed. The exit code is 1 if there is a problem.
    """
    with plainly():
        partitions = _partitions(texts)
        with (
            server.Runtime(configured(config, data=data)) as runtime,
            server.show_progress("partitions", lines=lines) as report,
        ):
            runtime.prepare_records()
            clock = runtime.ports.clock
            result = server.check_store(
                runtime.records.inventory(clock),
                runtime.settings.store_address,
                clock,
                report=report,
                partitions=partitions,
                processes=processes,
            )
        for violation in result.violations:
            print_line(f"{violation.subject}: {violation.problem}")
        if result.violations:
            raise Failed(f"store: {len(result.violations)} inconsistencies")
        where = ""
        if texts:
            names = ", ".join(map(str, partitions))
            where = f" in partition {names}" if len(partitions) == 1 else f" in partitions {names}"
        print_line(f"records: {result.records}{where}, all consistent")


@store.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option(
    "--data",
    metavar="DIR",
    help="The data folder of the service that will use TO.",
)
@PROGRESS
def copy(source: str, target: str, data: str | None, *, lines: bool) -> None:
    """
    Copy all records, and the audit log, into an empty store.

    FROM and TO are URLs as for --store. For a URL with a password, env:NAME names the
    variable that contains it. Stop the service first. The same command resumes a copy
    that was interrupted.

    The copy begins new chains of the audit log. --data notes that in the folder at the end:
    nothing is signed until `counterseal audit renew`. Leave it out for a copy that no service
    will use.
    """
    with plainly():
        clock, entropy = server.SystemClock(), server.SystemEntropy()
        if data is not None and not Path(data).is_dir():
            raise InvalidField("data", "no such folder")
        with (
            closing(server.opened(_address(source))) as source_records,
            closing(server.opened(_address(target))) as new,
            server.show_progress("partitions", lines=lines) as report,
        ):
            _prepare_source(source_records)
            old, inventory = source_records.inventory(clock), new.inventory(clock)
            # Before anything is written there: SQLite breaks a file that it writes by two names.
            server.require_different(old, inventory)
            new.create()
            steps = server.copy_store(old, inventory, lambda: entropy.token(NAME_BYTES).hex())
            last = server.CopyProgress(0, 0, 0)
            for last in steps:
                report(last.partitions)
        if not last.records:
            raise Failed("store: there is nothing to copy")
        print_line(f"records: {last.records}; lines of the audit log: {last.events}")
        if data is not None:
            server.FileHeadMemory(Path(data)).mark_replaced(clock.now())
            print_line("the audit log is not signed until you run counterseal audit renew")


def _prepare_source(records: server.Records) -> None:
    try:
        records.prepare()
    except InvalidField as error:
        raise InvalidField("FROM", error.problem) from error


def _partitions(texts: tuple[str, ...]) -> Sequence[int]:
    """Return the partitions that *texts* name, in order; all if there is none."""
    if not texts:
        return range(PARTITIONS)
    if not all(map(PARTITION.fullmatch, texts)):
        raise InvalidField("partition", "not a number like 91, or like 0x5b in hexadecimal")
    numbers = sorted({int(text, 0) if text.startswith("0x") else int(text) for text in texts})
    if numbers[-1] >= PARTITIONS:
        raise InvalidField("partition", f"not 0 to {PARTITIONS - 1}")
    return numbers


def _address(text: str) -> str:
    if not text.startswith(IN_ENVIRONMENT):
        return text
    name = text.removeprefix(IN_ENVIRONMENT)
    if not os.environ.get(name):
        raise InvalidField(name, "not in the environment")
    return os.environ[name]
