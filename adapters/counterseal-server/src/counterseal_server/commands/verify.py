"""`counterseal verify`: verify a receipt, offline."""

from __future__ import annotations

import click

import counterseal_server as server
from counterseal_server import files
from counterseal_server.plainly import Unusable, plainly
from counterseal_server.printing import print_json


@click.command()
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
        trusted = () if jwks is None else server.read_jwks(jwks)
        expected = None if thumbprint is None else server.read_thumbprint(thumbprint)
        data = files.read(receipt, field="receipt", limit=server.RECEIPT_FILE_LIMIT)
        checked_receipt = server.check_any_receipt(data, trusted=trusted, thumbprint=expected)
        if as_json:
            print_json(server.receipt_document(checked_receipt))
        else:
            server.show_receipt(server.Screen(), checked_receipt)
