"""Calls: a request as the call of one operation, and no byte more than is allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote

import attrs

from counterseal.errors import InvalidField
from counterseal_web.bodies import take_body
from counterseal_web.messages import Request
from counterseal_web.operations import Operation
from counterseal_web.settings import Settings

TYPE_LIMIT = 128
"""Characters of a media type that are read, and cached; a client may send more."""

PARAMETERS = 16
"""Of one query; no operation knows as many."""

PATH_SAFE = "/-._~!$&'()*+,;=:@"
"""What a path segment may hold as it is (RFC 3986, 3.3)."""

_MALFORMED = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PARAMETER = re.compile(r';\s*([^\s;="]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]*)')


@attrs.frozen(kw_only=True)
class Call:
    """
    One call of an operation.

    Attributes:
        method: Upper case.
        uri: The full public address, as configured, with the query as it was sent.
        root: The part of *uri* before the operation's own path.
        names: What the path holds, by name.
        query: The query's parameters; none is there twice.
        media_type: Of the body, lower case and without parameters.
        document: The body's content, with no other names than the operation takes; empty until
            they are verified, and where there is none.
        authorization, proof: The headers that say who is calling.
        headers: All, as they came, where a message signature is among them; else none.
    """

    method: str
    uri: str
    root: str
    names: Mapping[str, str] = attrs.field(factory=dict)
    query: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    body: bytes = attrs.field(default=b"", repr=False)
    document: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    media_type: str = ""
    charset: str = "utf-8"
    authorization: str = attrs.field(default="", repr=False)
    proof: str = attrs.field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    idempotency_key: str | None = attrs.field(default=None, repr=False)

    def parameter(self, name: str) -> str:
        """
        Return a parameter of the query.

        Raises:
            InvalidField: It is missing or empty.
        """
        value = self.query.get(name)
        if not value:
            raise InvalidField(name, "missing or empty")
        return value


def read_call(
    request: Request, operation: Operation, names: Mapping[str, str], settings: Settings
) -> Call:
    """
    Return *request* as a call of *operation*.

    Args:
        request: As it was received.
        operation: Which one its path and method name.
        names: What its path holds, by name.
        settings: How the service is reached.

    Raises:
        BodyTooLargeError: The body is longer than the settings allow; one byte more was read at
            most.
        BrokenBodyError: The body did not come whole, or its length is malformed.
        InvalidField: The query is no text, or malformed, or has a parameter twice, which is named.
    """
    headers = request.headers
    body = take_body(request, settings.body_limit)
    media_type, charset = _media_type(headers.get("content-type", "")[:TYPE_LIMIT])
    path = request.path
    if names or path != operation.path:  # else there is nothing to quote
        path = quote(path, safe=PATH_SAFE)
    query = _text(request.query)
    uri = settings.public_url + path
    return Call(
        method=request.method,
        uri=f"{uri}?{query}" if query else uri,
        root=settings.public_url + path.removesuffix(operation.filled(names)),
        names=names,
        query=_parameters(query),
        body=body,
        media_type=media_type,
        charset=charset,
        authorization=headers.get("authorization", ""),
        proof=headers.get("counterseal-proof", ""),
        # Only a message signature covers other headers.
        headers=tuple(headers.items()) if "signature-input" in headers else (),
        idempotency_key=headers.get("idempotency-key"),
    )


def _text(query: bytes) -> str:
    # Not every client writes `ë` as `%C3%AB`; what is signed is what was sent.
    try:
        return query.decode()
    except UnicodeDecodeError:
        raise InvalidField("query", "not UTF-8") from None


@lru_cache(maxsize=128)
def _media_type(text: str) -> tuple[str, str]:
    kind, _, _ = text.partition(";")
    charsets = [
        value.strip('"').lower()
        for name, value in _PARAMETER.findall(text[len(kind) :])
        if name.lower() == "charset"
    ]
    # Several together are the name of none.
    return kind.strip().lower(), ", ".join(charsets) if charsets else "utf-8"


def _parameters(query: str) -> dict[str, str]:
    if not query:
        return {}
    if _MALFORMED.search(query):
        raise InvalidField("query", "a percent sign without two hexadecimal digits")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS)
    except ValueError:
        raise InvalidField("query", "not UTF-8, or too many parameters") from None
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name in parameters:
            raise InvalidField(name, "given twice")
        parameters[name] = value
    return parameters
