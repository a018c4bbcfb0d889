"""
The command `counterseal`.

Exit codes: 0 is success; 1 is a failure, and one line on standard error says why;
2 is unusable input, and one line says which part of it.

A command imports what it needs when it runs, so that help and version are fast.
"""

from __future__ import annotations

import click

from counterseal_server.commands import join
from counterseal_server.plainly import Unusable, plainly
from counterseal_server.printing import print_json, print_lines

FORMATS = ("md", "mermaid", "json")


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="counterseal-server", prog_name="counterseal")
@click.pass_context
def main(context: click.Context) -> None:
    """Ask a person about one concrete action and bring back a signed answer."""
    if context.invoked_subcommand is None:
        print_lines(context.get_help())


@main.command()
@click.argument("receipt")
@click.option("--jwks", metavar="FILE", help="Trust the keys of this JWK Set, and no others.")
@click.option("--thumbprint", metavar="T", help="Trust the key with this RFC 7638 thumbprint.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(receipt: str, jwks: str | None, thumbprint: str | None, *, as_json: bool) -> None:
    """
    Verify the file RECEIPT, offline; - reads standard input.

    It is the receipt of an answer, or the use receipt of an action.

    Without --jwks or --thumbprint, a receipt can only be consistent: an attacker who
    changed it may have signed it again.
    Exit code 1 means that it was changed, or signed by a key that is not trusted.
    """
    if jwks is not None and thumbprint is not None:
        raise Unusable("thumbprint: give it or --jwks, not both")
    with plainly():
        from counterseal_server import files, receipts  # noqa: PLC0415 (a fast start)
        from counterseal_server.screen import Screen  # noqa: PLC0415

        trusted = () if jwks is None else receipts.read_jwks(jwks)
        expected = None if thumbprint is None else receipts.read_thumbprint(thumbprint)
        data = files.read(receipt, field="receipt", limit=receipts.FILE_LIMIT)
        checked_receipt = receipts.check_any_receipt(data, trusted=trusted, thumbprint=expected)
        if as_json:
            print_json(receipts.document(checked_receipt))
        else:
            receipts.show(Screen(), checked_receipt)


@main.command()
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
        from counterseal_server.states import tables  # noqa: PLC0415 (a fast start)

        print_lines(tables(chart, form))


join(main)
