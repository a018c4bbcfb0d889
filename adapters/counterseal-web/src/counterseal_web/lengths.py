"""Lengths: what a request announces of its body; every face and every reader decides by it."""

from __future__ import annotations

import re

from counterseal_web.problems import BodyTooLargeError, BrokenBodyError

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
