"""
GUIDs: version 8 UUIDs (RFC 9562, 5.8) whose first byte names the record's partition.

A GUID is a name, not a secret.
The partition lets a store find any record by one request, and read due records by partition.
"""

from __future__ import annotations

import hashlib
import re
from typing import NewType

from counterseal.errors import InvalidField

Guid = NewType("Guid", str)
"""36 characters of lower-case UUID text."""

PARTITIONS = 256
ENTROPY_BYTES = 15
"""Bytes of randomness that `mint` takes: all but the partition's byte."""

SHAPE = "[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
"""A regular expression for the text of one GUID."""

_SHAPE = re.compile(SHAPE)

_VARIANTS = "89ab89ab89ab89ab"
"""The first digit of byte 8 by its random one: the two highest bits are 10 (RFC 9562, 4.1)."""


def mint(partition: int, entropy: bytes) -> Guid:
    """Make the GUID of a new record in *partition*, 0 to 255, from 15 bytes of Entropy."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"a GUID takes {ENTROPY_BYTES} bytes of entropy")
    text = (bytes([partition]) + entropy).hex()
    variant = _VARIANTS[entropy[7] >> 4]
    return Guid(f"{text[:8]}-{text[8:12]}-8{text[13:16]}-{variant}{text[17:20]}-{text[20:]}")


def derive_guid(partition: int, text: str) -> Guid:
    """Return the GUID derived from *text*: always the same for the same partition and text."""
    return mint(partition, hashlib.sha256(text.encode()).digest()[:ENTROPY_BYTES])


def parse(text: object, *, field: str) -> Guid:
    """Read a GUID from outside; what is not a GUID in canonical form is InvalidField of *field*."""
    if not isinstance(text, str) or not _SHAPE.fullmatch(text):
        raise InvalidField(field, "not a GUID of this service")
    return Guid(text)


def partition_of(guid: Guid) -> int:
    """Return the partition that *guid* names, 0 to 255."""
    return int(guid[:2], 16)


def account_partition(app_space: Guid, account_id: str) -> int:
    """Return the partition of the account and all its records, 0 to 255."""
    # The GUID's length is fixed, so no two pairs hash the same text.
    return hashlib.sha256(f"{app_space}{account_id}".encode()).digest()[0]


OPERATORS_PARTITION = 0

OPERATORS_COMPANY = derive_guid(OPERATORS_PARTITION, "operators company")
"""The company of the service itself."""
OPERATORS = derive_guid(OPERATORS_PARTITION, "operators app space")
"""The App Space whose accounts are administrators; an account's id is the administrator's GUID."""
PORTAL_ORIGIN = derive_guid(OPERATORS_PARTITION, "operators portal")
"""The origin of the portal there, which has no secret: only the service itself acts as it."""

RESERVED = frozenset({OPERATORS_COMPANY, OPERATORS, PORTAL_ORIGIN})
"""The tenancy records that nobody but the service itself edits or acts for."""
