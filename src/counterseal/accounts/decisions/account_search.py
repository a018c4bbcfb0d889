"""
Searches for accounts: by the beginning of their ids, by a part of them, or by a whole GUID.

A page of accounts whose ids begin with a text is in the order of their ids. Of those whose ids
contain it, the account that has it as its id comes first, and the others follow, oldest first.
"""

from __future__ import annotations

import attrs

from counterseal._input_limits import limit_fits, text_fits
from counterseal._plan import (
    Decision,
    Records,
    Tools,
    account_of,
    accounts_from,
    accounts_with,
    require,
)
from counterseal.accounts.records import Account
from counterseal.errors import InvalidField
from counterseal.models.guid import parse
from counterseal.tenancy.decisions.authorization import permission_to
from counterseal.tenancy.records import Administrator, AppSpace
from counterseal.tenancy.rules.authorization import Permission

PART_LENGTH = 3
"""The fewest characters of a part of an account id: fewer are in too many ids."""


@attrs.frozen(kw_only=True)
class AccountSearch:
    """
    What an administrator searches for.

    Attributes:
        text: The beginning or a part of an account id, or the whole GUID of an account.
        after: `after` of the page before; None for the first page.
        limit: The most accounts of the page.
    """

    text: str
    after: str | None
    limit: int


@attrs.frozen(kw_only=True)
class AccountPage:
    """
    One page of the accounts that were searched for.

    Attributes:
        accounts: In order.
        after: What the search for the next page begins after; None if this is the last one.
    """

    accounts: tuple[Account, ...]
    after: str | None


async def search(
    stored: Records, tools: Tools, by: Administrator, query: AccountSearch
) -> Decision[AccountPage]:
    """
    Decide to return to an administrator a page of the accounts of an App Space.

    Args:
        stored: The App Space, and the record whose whole GUID is searched for, if there is one.
        by: Who searches.
        query: What for.
    """
    app_space = require(stored[0], AppSpace)
    await permission_to(Permission.USERS, by, app_space)
    text_fits(query.text, tools.policy.account_id_bytes, "prefix", empty=True)
    return await _search_beginning(stored, tools, app_space, query)


async def search_part(
    stored: Records, tools: Tools, by: Administrator, query: AccountSearch, *, finds_parts: bool
) -> Decision[AccountPage]:
    """
    Decide to return to an administrator the accounts of an App Space whose ids contain a text.

    Args:
        stored: The App Space, and the record whose whole GUID is searched for, if there is one.
        by: Who searches.
        query: What for.
        finds_parts: Whether the store can; if not, the ids begin with the text, exactly.
    """
    app_space = require(stored[0], AppSpace)
    await permission_to(Permission.USERS, by, app_space)
    text_fits(query.text, tools.policy.account_id_bytes, "part")
    if len(query.text) < PART_LENGTH:
        raise InvalidField("part", f"shorter than {PART_LENGTH} characters")
    if not finds_parts:
        return await _search_beginning(stored, tools, app_space, query)
    limit_fits(query.limit)
    after = parse(query.after, field="after") if query.after else None
    by_guid = _by_guid(stored, app_space)
    first = by_guid if query.after is None else ()
    if query.after is None and not by_guid:
        exact = await account_of(app_space.guid, query.text)
        first = () if exact is None or exact.erased_at is not None else (exact,)
    accounts = await accounts_with(app_space.guid, query.text, after, query.limit + 1)
    page = accounts[: query.limit - len(first)]
    has_more = len(page) < len(accounts)
    next_after = (page[-1].guid if page else "") if has_more else None
    page = tuple(
        account
        for account in page
        if query.text not in ({account.guid} if by_guid else {account.account_id})
    )
    return Decision(result=AccountPage(accounts=first + page, after=next_after))


async def _search_beginning(
    stored: Records, tools: Tools, app_space: AppSpace, query: AccountSearch
) -> Decision[AccountPage]:
    text_fits(query.after, tools.policy.account_id_bytes, "after", empty=True)
    limit_fits(query.limit)
    # One more than the page has, which says whether there is another page.
    accounts = await accounts_from(app_space.guid, query.text, query.after, query.limit + 1)
    first = _by_guid(stored, app_space) if query.after is None else ()
    return Decision(result=_page(first, accounts, query))


def _by_guid(stored: Records, app_space: AppSpace) -> tuple[Account, ...]:
    """Return the account of the App Space whose whole GUID is searched for, if there is one."""
    return tuple(
        record
        for record in stored[1:]
        if isinstance(record, Account)
        and record.app_space == app_space.guid
        and record.erased_at is None
    )


def _page(
    by_guid: tuple[Account, ...], accounts: tuple[Account, ...], query: AccountSearch
) -> AccountPage:
    """Return the page; an account whose own GUID is searched for comes before the others."""
    first = tuple(one for one in by_guid if not one.account_id.startswith(query.text))
    found_accounts = accounts[: query.limit - len(first)]
    after = (
        (found_accounts[-1].account_id if found_accounts else "")
        if len(found_accounts) < len(accounts)
        else None
    )
    return AccountPage(accounts=first + found_accounts, after=after)
