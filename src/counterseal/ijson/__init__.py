"""
I-JSON (RFC 7493): the strict reader and the canonical writer (RFC 8785).

Everything that is signed, and every document that comes from outside, passes here.
The reader refuses what two parsers could read differently:
duplicate members, NaN and infinities, nesting without end.
Reader and writer refuse what I-JSON cannot hold: lone surrogates, noncharacters,
integers beyond 2**53 - 1, members that are not text.
"""

from counterseal.ijson.reading import parse
from counterseal.ijson.soundness import DEPTH_LIMIT, INTEGER_LIMIT, Json, check, printable, whole
from counterseal.ijson.writing import canonical, compact, quoted

__all__ = [
    "DEPTH_LIMIT",
    "INTEGER_LIMIT",
    "Json",
    "canonical",
    "check",
    "compact",
    "parse",
    "printable",
    "quoted",
    "whole",
]
