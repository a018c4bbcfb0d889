"""
SQLite: account ids in a full-text index (FTS5), whose words are three characters in a row each.

A text has the App Space before the id, as three characters that ids hardly have, so a search reads
only what both have. The index has no copy of the texts, and its rows have the records' numbers, in
whose order it returns them without sorting. What is deleted leaves its pages at once, by
`secure-delete`, where SQLite is 3.42 or newer.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from contextlib import closing

from sqlalchemy import text

from counterseal.models import Guid
from counterseal.models.record import fold_case
from counterseal_sql.commits import IndexedAccount, PartsChange
from counterseal_sql.connections import Connection
from counterseal_sql.failures import FullTextMissing
from counterseal_sql.prepared import PageReader, Rows, Statement

_PRIVATE_USE = 0xF0000
_NUL, _STAND_IN = "\x00", "\ufffe"
"""The index ends a text at U+0000; what is found by another character is compared anyway."""

_PROBE = "CREATE VIRTUAL TABLE probe USING fts5(text, tokenize='trigram case_sensitive 1')"
_ADD = Statement(
    text("""
INSERT INTO counterseal_id_texts (rowid, text)
SELECT number, :text FROM counterseal_records WHERE guid = :guid
""")
)
_IS_INDEXED = """
    SELECT 1 FROM counterseal_id_texts AS id_text
    WHERE id_text.counterseal_id_texts MATCH :name AND id_text.rowid = {number}
"""
_READ_INDEXED = Statement(text(_IS_INDEXED.format(number=":number")))
# The index counts a row less for each that is deleted, whether or not it has it.
_REMOVE = Statement(
    text(f"""
INSERT INTO counterseal_id_texts (counterseal_id_texts, rowid, text)
SELECT 'delete', record.number, :text FROM counterseal_records AS record
WHERE record.guid = :guid AND EXISTS ({_IS_INDEXED.format(number="record.number")})
""")  # noqa: S608 (its own text)
)
_SELECT = Statement(
    text("""
SELECT record.number, record.body
FROM counterseal_id_texts AS id_text
JOIN counterseal_records AS record ON record.number = id_text.rowid
WHERE id_text.counterseal_id_texts MATCH :expression AND id_text.rowid > :after
    AND record.kind = 'account'
ORDER BY id_text.rowid
LIMIT :limit
""")
)


def change_parts(connection: Connection, change: PartsChange) -> None:
    """Write to the index that the id of an account has changed, or is searched no longer."""
    if change.old is not None:
        app_space, account_id = change.old
        values = {"guid": change.guid, "text": _text(app_space, account_id)}
        connection.count(_REMOVE, [values | {"name": _quoted(_name(app_space))}])
    if change.new is not None:
        connection.count(_ADD, [{"guid": change.guid, "text": _text(*change.new)}])


def page_reader(connection: Connection, app_space: Guid, part: str) -> PageReader:
    """Return what reads accounts of the App Space whose id may contain *part*, in one statement."""
    expression = " AND ".join(map(_quoted, (_name(app_space), _indexed(part))))

    def read_page(after: int, limit: int) -> Rows:
        return connection.rows(_SELECT, {"expression": expression, "after": after, "limit": limit})

    return read_page


def misindexed(connection: Connection, accounts: Iterable[IndexedAccount]) -> set[int]:
    """Return the numbers of those that the index lacks, and of the erased ones that it has."""
    return {
        account.number
        for account in accounts
        if bool(
            connection.rows(
                _READ_INDEXED,
                {"name": _quoted(_name(account.app_space)), "number": account.number},
            )
        )
        == (account.account_id is None)
    }


def require_full_text() -> None:
    """
    Do nothing if this SQLite can have such an index.

    Raises:
        FullTextMissing: It cannot.
    """
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute(_PROBE)
        except sqlite3.OperationalError as error:
            raise FullTextMissing(
                f"SQLite {sqlite3.sqlite_version} lacks FTS5 with its tokenizer trigram: use a"
                " Python whose SQLite is built with FTS5, and 3.34 or newer; nothing was changed"
            ) from error


def _quoted(phrase: str) -> str:
    return '"' + phrase.replace('"', '""') + '"'


def _text(app_space: Guid, account_id: str) -> str:
    return _name(app_space) + _indexed(account_id)


def _name(app_space: Guid) -> str:
    """Return three characters of a private area that stand for the App Space."""
    value = hashlib.blake2b(app_space.encode(), digest_size=6).digest()
    numbers = (int.from_bytes(value[index : index + 2], "big") for index in (0, 2, 4))
    # The last two code points of the area are no characters.
    return "".join(chr(_PRIVATE_USE + number % 0xFFFE) for number in numbers)


def _indexed(account_id: str) -> str:
    folded = fold_case(account_id).replace(_NUL, _STAND_IN)
    return folded.encode("utf-8", "replace").decode()
