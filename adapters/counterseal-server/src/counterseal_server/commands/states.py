"""`counterseal states`: print the transition tables."""

from __future__ import annotations

import click

import counterseal_server as server
from counterseal_server.plainly import plainly
from counterseal_server.printing import print_lines

FORMATS = ("md", "mermaid", "json")


@click.command()
@click.argument("chart", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default=FORMATS[0],
    show_default=True,
    help="Markdown tables, Mermaid diagrams, or one JSON object.",
)
def states(chart: str | None, form: str) -> None:
    """Print all transition tables, or only that of CHART."""
    with plainly():
        print_lines(server.tables(chart, form))
