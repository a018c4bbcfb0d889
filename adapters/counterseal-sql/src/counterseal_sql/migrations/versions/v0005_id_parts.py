"""
Accounts are searched by a part of their ids: SQLite gets a full-text index, PostgreSQL a table.

In the index, an id follows three characters that stand for its App Space. In the table, a key
stands for three characters in a row of an id, in an App Space. The case of both is folded.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

BATCH = 1_000
"""Accounts that are read at once."""

SECURE_DELETE = (3, 42)
"""The SQLite in which an index can lose what is deleted at once."""

INDEX = """
    CREATE VIRTUAL TABLE counterseal_id_texts
    USING fts5(text, content='', columnsize=0, tokenize='trigram case_sensitive 1')
"""
DELETE_SECURELY = """
    INSERT INTO counterseal_id_texts (counterseal_id_texts, rank) VALUES ('secure-delete', 1)
"""
ADD_TEXT = "INSERT INTO counterseal_id_texts (rowid, text) VALUES (:number, :text)"
# Rows that are sent as one value are inserted several times as fast.
ADD_PARTS = """
    INSERT INTO counterseal_id_parts (part, number)
    SELECT CAST(value ->> 0 AS bigint), CAST(value ->> 1 AS bigint)
    FROM json_array_elements(CAST(:rows AS json)) AS value
"""


def upgrade() -> None:
    """Make the index or the table, and add each account that has not been erased."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        op.execute(INDEX)
        if sqlite3.sqlite_version_info >= SECURE_DELETE:
            op.execute(DELETE_SECURELY)
        for accounts in _accounts():
            texts = [{"number": number, "text": _text(*key)} for number, *key in accounts]
            connection.execute(sa.text(ADD_TEXT), texts)
    else:
        op.create_table(
            "counterseal_id_parts",
            sa.Column("part", sa.BigInteger, nullable=False),
            sa.Column("number", sa.BigInteger, nullable=False),
        )
        for accounts in _accounts():
            parts = sorted((part, number) for number, *key in accounts for part in _parts(*key))
            connection.execute(sa.text(ADD_PARTS), {"rows": json.dumps(parts)})
        # An index of rows that are there is made in one go.
        op.create_primary_key(
            "counterseal_id_parts_pkey", "counterseal_id_parts", ["part", "number"]
        )


def _accounts() -> Iterator[list[tuple[int, str, str]]]:
    """Yield the number of each account's record, its App Space, and its id, case folded."""
    records = sa.table(
        "counterseal_records", *map(sa.column, ("number", "kind", "body", "search_key"))
    )
    page = (
        sa.select(records.c.number, records.c.body)
        .where(
            records.c.kind == "account",
            records.c.search_key.is_not(None),
            records.c.number > sa.bindparam("after"),
        )
        .order_by(records.c.number)
        .limit(BATCH)
    )
    last = -1
    while rows := op.get_bind().execute(page, {"after": last}).all():
        last = rows[-1].number
        accounts = []
        for row in rows:
            try:
                fields = json.loads(row.body)["fields"]
                app_space, account_id = fields["app_space"], fields["account_id"].casefold()
            except (ValueError, LookupError, TypeError, AttributeError):
                # `counterseal store check` reports a body that cannot be read.
                continue
            accounts.append((row.number, app_space, account_id))
        if accounts:
            yield accounts


def _text(app_space: str, folded: str) -> str:
    value = hashlib.blake2b(app_space.encode(), digest_size=6).digest()
    numbers = (int.from_bytes(value[index : index + 2], "big") for index in (0, 2, 4))
    name = "".join(chr(0xF0000 + number % 0xFFFE) for number in numbers)
    return name + folded.replace("\x00", "\ufffe").encode("utf-8", "replace").decode()


def _parts(app_space: str, folded: str) -> set[int]:
    key = bytes.fromhex(app_space.replace("-", ""))
    texts = (folded[begin : begin + 3] for begin in range(len(folded) - 2))
    encoded = (text.encode("utf-8", "surrogatepass") for text in texts)
    digests = (hashlib.blake2b(text, digest_size=8, key=key).digest() for text in encoded)
    return {int.from_bytes(value, "big", signed=True) for value in digests}
