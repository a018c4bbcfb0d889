"""`counterseal states`: print the transition tables of all charts, in three formats."""

from __future__ import annotations

import json
from typing import Any

import attrs
import click

from counterseal import CHARTS, markdown, mermaid, table
from counterseal.errors import InvalidField
from counterseal_server.plainly import plainly
from counterseal_server.printing import print_lines

FORMATS = ("md", "mermaid", "json")

JSON = "json"
MARKDOWN = "md"
_WRITERS = {MARKDOWN: markdown, "mermaid": mermaid}


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
        print_lines(tables(chart, form))


def tables(name: str | None, form: str) -> str:
    """
    Return the transition tables.

    Args:
        name: The name of a chart; None for all.
        form: `md`, `mermaid` or `json`.

    Raises:
        InvalidField: There is no chart of this name.
    """
    if name is not None and name not in CHARTS:
        raise InvalidField("chart", f"not one of {', '.join(CHARTS)}")
    names = list(CHARTS) if name is None else [name]
    if form == JSON:
        return json.dumps({each: _document(each) for each in names}, indent=2)
    writer = _WRITERS[form]
    if name is not None:
        return writer(CHARTS[name])
    comment = "## " if form == MARKDOWN else "%% "
    return "\n\n".join(f"{comment}{each}\n\n{writer(CHARTS[each])}" for each in names)


def _document(name: str) -> dict[str, Any]:
    chart = CHARTS[name]
    return {
        "initial": chart.initial.value,
        "finished": [state.value for state in chart.states if state in chart.finished],
        "rows": [attrs.asdict(row) for row in table(chart)],
    }
