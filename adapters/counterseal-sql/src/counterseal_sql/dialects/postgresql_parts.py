"""
PostgreSQL: the parts of account ids as rows of a table, each of three characters in a row.

A search is two statements. The first one counts the rows of the part's keys, each up to a limit.
The second one reads the rows of the rarest key in order, leaves out those that lack the next two,
and joins the accounts. So where most ids with these keys have the part, a page reads about as many
rows as it returns. At worst, it reads all rows of the rarest key: of the ids that share three
characters with the part.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import bindparam, func, literal, select, text, union_all

from counterseal.models import Account, Guid
from counterseal_records import KINDS, part_keys
from counterseal_sql.commits import IndexedAccount, PartsChange
from counterseal_sql.connections import Connection
from counterseal_sql.prepared import PageReader, Rows, Statement
from counterseal_sql.schema import ID_PARTS, RECORDS

KEYS = 16
"""The most keys of a part that are counted."""
COUNTED = 1_000
"""The most rows that are counted of a key."""
COMPARED = 3
"""How many of the rarest keys an account has to have to be read."""


@cache
def _count(keys: int) -> Statement:
    """Return the statement that counts the rows of so many keys."""
    counts = (
        select(func.count())
        .select_from(
            select(ID_PARTS.c.number)
            .where(ID_PARTS.c.part == bindparam(f"part{index}"))
            .limit(COUNTED)
            .subquery()
        )
        .scalar_subquery()
        for index in range(keys)
    )
    return Statement(
        union_all(*(select(literal(index), count) for index, count in enumerate(counts)))
    )


_rarest = ID_PARTS.alias("rarest")
_others = tuple(ID_PARTS.alias(f"other{index}").c for index in range(1, COMPARED))
_SELECT = Statement(
    select(RECORDS.c.number, RECORDS.c.body)
    .join(_rarest, _rarest.c.number == RECORDS.c.number)
    .where(
        _rarest.c.part == bindparam("part0"),
        _rarest.c.number > bindparam("after"),
        RECORDS.c.kind == KINDS[Account].name,
        # A subquery of one value is looked up for each row; a join might read all rows.
        *(
            select(other.number)
            .where(other.part == bindparam(f"part{index}"), other.number == _rarest.c.number)
            .scalar_subquery()
            .is_not(None)
            for index, other in enumerate(_others, start=1)
        ),
    )
    .order_by(_rarest.c.number)
    .limit(bindparam("limit"))
)

# A subquery of one value is looked up for each part; a join might read all rows.
_SELECT_LACKING = Statement(
    text("""
SELECT DISTINCT account.number
FROM json_to_recordset(CAST(:accounts AS json)) AS account (number bigint, parts bigint[])
CROSS JOIN LATERAL unnest(account.parts) AS expected (part)
WHERE (
    SELECT number FROM counterseal_id_parts AS id_part
    WHERE id_part.part = expected.part AND id_part.number = account.number
) IS NULL
""")
)


def changed_keys(change: PartsChange) -> dict[str, Any]:
    """Return the keys that an account gets and loses, as the statement of a commit needs them."""
    old_keys = frozenset() if change.old is None else part_keys(*change.old)
    keys = frozenset() if change.new is None else part_keys(*change.new)
    return {
        "guid": change.guid,
        "added": sorted(keys - old_keys),
        "removed": sorted(old_keys - keys),
    }


def page_reader(connection: Connection, app_space: Guid, part: str) -> PageReader:
    """Return what reads accounts of the App Space whose id may contain *part*."""
    keys = sorted(part_keys(app_space, part))[:KEYS]
    counts = connection.rows(
        _count(len(keys)), {f"part{index}": key for index, key in enumerate(keys)}
    )
    rarest = [keys[index] for index, _ in sorted(counts, key=lambda row: row[1])]
    values = {f"part{index}": rarest[min(index, len(rarest) - 1)] for index in range(COMPARED)}

    def read_page(after: int, limit: int) -> Rows:
        return connection.rows(_SELECT, {**values, "after": after, "limit": limit})

    return read_page


def misindexed(connection: Connection, accounts: Iterable[IndexedAccount]) -> set[int]:
    """
    Return the numbers of those of which the index lacks a part.

    Erased accounts are not looked for: the parts of a number are in no index.
    """
    expected = [
        {
            "number": account.number,
            "parts": list(part_keys(account.app_space, account.account_id)),
        }
        for account in accounts
        if account.account_id is not None
    ]
    return {
        number for (number,) in connection.rows(_SELECT_LACKING, {"accounts": json.dumps(expected)})
    }
