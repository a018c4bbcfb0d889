"""`counterseal audit`: move the audit log out of the store."""

from __future__ import annotations

import click

from counterseal_server.commands.options import CONFIG, DATA, configured
from counterseal_server.plainly import plainly
from counterseal_server.printing import print_line


@click.group()
def audit() -> None:
    """Move the audit log out of the store, where it only grows."""


@audit.command()
@click.argument("file")
@click.option("--keep", is_flag=True, help="Keep the lines in the store too.")
@DATA
@CONFIG
def archive(file: str, *, keep: bool, data: str | None, config: str | None) -> None:
    """
    Append the audit log to FILE, and delete from the store what FILE safely contains.

    Each line is one event as JSON. The service may run. If you interrupt the command, the
    next run may write the last lines a second time.
    """
    with plainly():
        from counterseal_records import write  # noqa: PLC0415 (a fast start)
        from counterseal_server import files  # noqa: PLC0415
        from counterseal_server.runtime import Runtime  # noqa: PLC0415

        count = 0
        with Runtime(configured(config, data=data)) as runtime:
            runtime.prepare_records()
            for page in runtime.records.inventory(runtime.ports.clock).pages():
                lines = "".join(f"{write(event)}\n" for event in page.events)
                files.append(file, lines.encode("ascii"), field="file")
                if not keep:
                    page.drop()
                count += len(page.events)
        print_line(f"lines: {count}")
