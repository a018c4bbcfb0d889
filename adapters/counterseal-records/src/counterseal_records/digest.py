"""
Keys of any text, as 32 bytes.

Texts that origins choose can hold what a column cannot, or not in every database:
U+0000, lone surrogates, more bytes than an index takes.
Columns would also compare them by the database's collation, and show them to whoever looks.
"""

from __future__ import annotations

import hashlib
from json.encoder import encode_basestring_ascii

from counterseal.models import Guid

ROOT = ""
"""The owner of a list that nobody owns: in a column, NULL is found under nothing."""


def digest(*parts: str) -> bytes:
    """Return the SHA-256 of *parts*, of which no two lists have the same."""
    # As JSON, without the encoder that json.dumps makes for each list.
    text = ", ".join(map(encode_basestring_ascii, parts))
    return hashlib.sha256(f"[{text}]".encode()).digest()


def natural_key(app_space: Guid, account_id: str) -> bytes:
    """Return what an account is found by, besides its GUID."""
    return digest(app_space, account_id)
