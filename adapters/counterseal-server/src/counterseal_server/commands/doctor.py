"""`counterseal doctor`: check an installation, and say what to correct."""

from __future__ import annotations

from datetime import timedelta

import click

import counterseal_server as server
from counterseal_server.commands.options import CONFIG, DATA, sourced
from counterseal_server.plainly import Failed, plainly
from counterseal_server.printing import print_json, print_line


@click.command()
@DATA
@CONFIG
@click.option("--network", is_flag=True, help="Call the push services too.")
@click.option(
    "--timeout",
    type=click.IntRange(1, 600),
    default=20,
    show_default=True,
    metavar="SECONDS",
    help="How long all checks may take together.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(
    data: str | None, config: str | None, *, network: bool, timeout: int, as_json: bool
) -> None:
    """
    Check settings, keys, clock, store, audit log, clients, public URL, providers and channels.

    One line for each finding: ok, warning or error, and what to do. Nothing is changed, and no
    secret is printed. Run it as the user of the service, with its environment.

    Exit code 0: no error, perhaps warnings. 1: at least one error. 2: a setting is refused.
    """
    with plainly():
        settings, sourced_values = sourced(config, data=data)
        limit = timedelta(seconds=timeout)
        installation = server.Installation(
            settings=settings,
            sourced_values=sourced_values,
            network=network,
            timeout=min(limit / 2, timedelta(seconds=5)),
        )
        results = server.run_checks(installation, timeout=limit)
        if as_json:
            print_json(server.report_document(results, settings))
        else:
            for line in server.report_lines(results, settings):
                print_line(line)
        errors = server.count_states(results)["error"]
    if errors:
        raise Failed(f"doctor: {errors} {'errors' if errors > 1 else 'error'}")
