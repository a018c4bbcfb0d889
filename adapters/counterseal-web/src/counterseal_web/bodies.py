"""Bodies: how long one may be and of which type; every face and every reader decides by it."""

from __future__ import annotations

import re

from counterseal_web.messages import Request
from counterseal_web.problems import BodyTooLargeError, BrokenBodyError, UnsupportedMediaTypeError

_LENGTH = re.compile(r"0*([0-9]*)")

LONGEST = 10**18
"""Bytes; a longer body is announced as one of so many, which is more than any limit."""


def read_length(text: str) -> int | None:
    """
    Return the bytes that a `Content-Length` announces (RFC 9110, 8.6); None if it is missing.

    Args:
        text: The header's value; empty if it is missing. Several values are malformed.

    Raises:
        BrokenBodyError: *text* is malformed.
    """
    if not text:
        return None
    match = _LENGTH.fullmatch(text)
    if match is None:
        raise BrokenBodyError
    digits = match[1]
    # Python refuses to read a number of thousands of digits.
    return int(digits or "0") if len(digits) < len(str(LONGEST)) else LONGEST


def require_length(length: int | None, limit: int) -> None:
    """
    Refuse a body that is announced as longer than *limit*.

    Args:
        length: What `read_length` returned.
        limit: Bytes of the longest body that is taken.

    Raises:
        BodyTooLargeError: It is.
    """
    if length is not None and length > limit:
        raise BodyTooLargeError


def take_body(request: Request, limit: int) -> bytes:
    """
    Return the body of *request*, which is then used up.

    Args:
        request: As it was received.
        limit: Bytes of the longest body that is taken; one byte more is read at most.

    Raises:
        BodyTooLargeError: It is longer.
        BrokenBodyError: It did not come whole, or its length is malformed.
    """
    require_length(read_length(request.headers.get("content-length", "")), limit)
    body = request.read_body(limit + 1)
    if len(body) > limit:
        raise BodyTooLargeError
    return body


def require_media_type(request: Request, media_type: str) -> None:
    """
    Require that the body of *request* is of a type.

    Raises:
        UnsupportedMediaTypeError: It is of another one.
    """
    received_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if received_type != media_type:
        raise UnsupportedMediaTypeError((media_type,), f"not {media_type}")
