"""
Account search: in every App Space within the person's reach, one after the other.

A page has accounts of as few App Spaces as it needs, and searches a limited number of them. The
next page goes on in the App Space, and after the account, that the address names.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from counterseal import Accounts
from counterseal.errors import InvalidField
from counterseal.models import Account, Guid
from counterseal_portal.visit import Visit

AT_MOST = 20
"""App Spaces that are searched for one page: each takes a few queries."""


@attrs.frozen(kw_only=True)
class FoundAccounts:
    """
    The accounts of one page.

    Attributes:
        accounts: In the order of the App Spaces.
        next_terms: What the address of the next page has besides; nothing if this is the last one.
        by_part: Whether any part of an id is compared, and not its beginning.
        problem: What to say if there are none.
    """

    accounts: tuple[Account, ...]
    next_terms: Mapping[str, str]
    by_part: bool
    problem: str


def search_hint(accounts: Accounts) -> str:
    """Return what the search finds, for people."""
    if accounts.finds_parts:
        return (
            "Any part of the customer number or user name, in upper or lower case. Fewer than"
            f" {accounts.part_length} characters find how it begins."
        )
    return (
        "The customer number or user name, or how it begins, in the same case."
        " This store finds accounts by the beginning of their id only."
    )


def find_accounts(
    visit: Visit, app_spaces: tuple[Guid, ...], term: str, limit: int
) -> FoundAccounts:
    """
    Return one page of the accounts that *term* finds in *app_spaces*, as the address says which.

    Raises:
        InvalidField: The address names a place where no search goes on.
        NotFound: There is no such App Space.
        Foreign: An App Space is out of the person's reach.
    """
    use_case = visit.service.accounts
    finds_parts = use_case.finds_parts and len(term) >= use_case.part_length
    search = use_case.search_part if finds_parts else use_case.search
    at = visit.query.get("at", "")
    if at and at not in app_spaces:
        raise InvalidField("at", "Begin the search again.")
    after = visit.query.get("after")
    found_accounts: list[Account] = []
    next_terms: dict[str, str] = {}
    begin = app_spaces.index(Guid(at)) if at else 0
    for number, app_space in enumerate(app_spaces[begin:]):
        missing = limit - len(found_accounts)
        if number == AT_MOST or not missing:
            next_terms = {"at": app_space}
            break
        account_page = search(app_space, term, after=after, limit=missing, by=visit.admin)
        found_accounts += account_page.accounts
        if account_page.after is not None:
            next_terms = {"at": app_space, "after": account_page.after}
            break
        after = None
    return FoundAccounts(
        accounts=tuple(found_accounts),
        next_terms=next_terms,
        by_part=finds_parts,
        problem=_problem(use_case, finds_parts=finds_parts, is_last=not next_terms),
    )


def _problem(accounts: Accounts, *, finds_parts: bool, is_last: bool) -> str:
    where = "" if is_last else f" in these {AT_MOST} App Spaces"
    if finds_parts:
        return f"No account{where} has this in its id."
    problem = f"No account{where} begins like this. Upper and lower case matter."
    if accounts.finds_parts:
        problem += (
            f" From {accounts.part_length} characters on, any part of an id is found, in any case."
        )
    return problem
