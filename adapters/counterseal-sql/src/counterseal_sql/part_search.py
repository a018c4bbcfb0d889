"""
Accounts that are searched by a part of their ids.

A dialect's index returns the accounts whose id may contain the part, in the order of their rows,
page by page. They are compared here: in the index, other characters may stand for those of the id.
"""

from __future__ import annotations

from sqlalchemy import bindparam, select

from counterseal.models import Account, Guid
from counterseal.models.record import fold_case
from counterseal_records import KINDS, read_as
from counterseal_sql.database import Database
from counterseal_sql.prepared import Statement
from counterseal_sql.schema import RECORDS

GROWTH = 4
"""How many times as many accounts are read next, if too few of those that were read fit."""
MOST = 1_000
"""The most accounts that are read at once."""

_AFTER = Statement(
    select(RECORDS.c.number, RECORDS.c.body).where(
        RECORDS.c.guid == bindparam("guid"), RECORDS.c.kind == KINDS[Account].name
    )
)


def find_accounts(
    database: Database, app_space: Guid, part: str, after: Guid | None, limit: int
) -> tuple[Account, ...]:
    """
    Return the accounts of the App Space whose id contains *part*, in the order of their rows.

    Args:
        database: Has them.
        app_space: Whose accounts.
        part: At least three characters.
        after: The account after which the page begins; None for the first page. Nothing comes
            after what is no account of the App Space.
        limit: The most accounts.
    """
    folded_part = fold_case(part)
    accounts: list[Account] = []
    number, size = 0, limit
    with database.reading() as connection:
        if after is not None:
            rows = connection.rows(_AFTER, {"guid": after})
            if not rows or read_as(Account, rows[0][1]).app_space != app_space:
                return ()
            number = rows[0][0]
        read_page = database.dialect.part_reader(connection, app_space, part)
        while len(accounts) < limit:
            rows = read_page(number, size)
            accounts += (
                account
                for account in (read_as(Account, body) for _, body in rows)
                if account.app_space == app_space and folded_part in fold_case(account.account_id)
            )
            if len(rows) < size:
                break
            number, size = rows[-1][0], min(GROWTH * size, MOST)
    return tuple(accounts[:limit])
