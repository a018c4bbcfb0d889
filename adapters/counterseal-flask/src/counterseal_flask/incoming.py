"""Incoming: what Flask has received, as a message, and no byte more than is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header

from counterseal.errors import InvalidField
from counterseal_web.messages import Message
from counterseal_web.operations import Operation
from counterseal_web.settings import Settings

PROOF_HEADER = "Counterseal-Proof"
KEY_HEADER = "Idempotency-Key"

AUTHORIZATION, SIGNATURE_INPUT, PROOF, KEY = (
    f"HTTP_{name.upper().replace('-', '_')}"
    for name in ("Authorization", "Signature-Input", PROOF_HEADER, KEY_HEADER)
)
"""Where WSGI has them."""

TYPE_LIMIT = 128
"""Characters of a media type that are looked at, and kept: anybody may send one, of any length."""

PARAMETERS = 16
"""Of one query; no call knows as many."""

PATH_SAFE = "/-._~!$&'()*+,;=:@"
"""What a path segment may hold as it is (RFC 3986, 3.3)."""


def message(
    request: Request, operation: Operation, names: dict[str, str], settings: Settings
) -> Message:
    """
    Return *request* as a message.

    Raises:
        RequestEntityTooLarge: The body is longer than the settings allow; one byte more was read
            at most.
        InvalidField: The query is no text, or has a parameter twice.
    """
    # Werkzeug cuts a body of unknown length off at its maximum without a word.
    request.max_content_length = settings.body_limit + 1
    body = request.get_data(cache=True)
    if len(body) > settings.body_limit:
        raise RequestEntityTooLarge
    environ = request.environ
    media_type, charset = _media_type(environ.get("CONTENT_TYPE", "")[:TYPE_LIMIT])
    path = quote(request.path, safe=PATH_SAFE)
    query = _text(request.query_string)
    uri = settings.public_url + path
    return Message(
        method=request.method,
        uri=f"{uri}?{query}" if query else uri,
        root=settings.public_url + path.removesuffix(operation.filled(names)),
        names=names,
        query=_parameters(query),
        body=body,
        media_type=media_type,
        charset=charset,
        authorization=environ.get(AUTHORIZATION, ""),
        proof=environ.get(PROOF, ""),
        # Nobody else looks at them but who checks a message signature.
        headers=tuple(request.headers.items()) if SIGNATURE_INPUT in environ else (),
        idempotency_key=environ.get(KEY),
    )


def respelled(environ: Mapping[str, Any]) -> bool:
    """
    Tell whether Werkzeug makes another path of what was sent: of several slashes in front, one.

    Who guards a path in front of the service, or signs it, means that path and no other.
    """
    return str(environ.get("PATH_INFO", "")).startswith("//")


def _text(query: bytes) -> str:
    # Not every client writes `ë` as `%C3%AB`; what is signed is what was sent.
    try:
        return query.decode()
    except UnicodeDecodeError:
        raise InvalidField("query", "not UTF-8") from None


@lru_cache(maxsize=128)
def _media_type(text: str) -> tuple[str, str]:
    kind, parameters = parse_options_header(text)
    return kind.lower(), parameters.get("charset", "utf-8").lower()


def _parameters(query: str) -> dict[str, str]:
    if not query:
        return {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS)
    except ValueError:
        raise InvalidField("query", "not UTF-8, or too many parameters") from None
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise InvalidField("query", "a parameter given twice")
    return parameters
