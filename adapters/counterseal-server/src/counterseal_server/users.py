"""Find users by what support staff type on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from counterseal import OPERATOR, Accounts, Administration
from counterseal.errors import InvalidField
from counterseal.models import Account, AppSpace, BindingState, Company, Guid
from counterseal.models.guid import PARTITIONS, parse
from counterseal_records import Inventory
from counterseal_server.runtime import Runtime


def find_user(runtime: Runtime, account: str, app_space: Guid | None) -> Guid:
    """
    Return the GUID of an account.

    Args:
        runtime: The service.
        account: Its GUID, or the origin's own id of it.
        app_space: The App Space of an origin's own id. With None, *account* may be a GUID, or
            an id in the only App Space.

    Raises:
        AccountUnknown: The App Space has no such account.
        NotFound: There is no such App Space.
        InvalidField: The App Space is missing, or the id is invalid.
        Unavailable: A port failed.
    """
    if app_space is None:
        try:
            return parse(account, field="account")
        except InvalidField:
            app_space = app_space_of(runtime, None)
    return Accounts(runtime.ports, runtime.policy).find(app_space, account, by=OPERATOR).guid


def app_space_of(runtime: Runtime, app_space: Guid | None) -> Guid:
    """
    Return *app_space*, or the only App Space besides the portal's own if it is None.

    Raises:
        InvalidField: It is None, and there is not one App Space.
        Unavailable: A port failed.
    """
    if app_space is not None:
        return app_space
    return _only(Administration(runtime.ports, runtime.policy, by=OPERATOR))


def read_accounts(
    inventory: Inventory, app_space: Guid | None, *, bound: bool | None
) -> Iterator[tuple[tuple[Account, ...], int]]:
    """
    Yield the accounts of each partition, with the number of unreadable records.

    No more than one partition is in memory, as for `counterseal store check`.

    Args:
        inventory: The inventory of the store.
        app_space: Its accounts only; None for all.
        bound: Whether they have a device; None for both. Erased accounts are left out.

    Raises:
        Unavailable: The store did not answer.
    """
    for contents in inventory.read_partitions(range(PARTITIONS)):
        accounts = (one.record for one in contents.records if isinstance(one.record, Account))
        yield (
            tuple(
                account
                for account in accounts
                if account.erased_at is None
                and app_space in {None, account.app_space}
                and bound in {None, bool(account.bound_devices)}
            ),
            len(contents.violations),
        )


def account_line(account: Account, now: datetime) -> dict[str, Any]:
    """Return what `account list` and `account search` print of an account at *now*."""
    return {
        "accountId": account.account_id,
        "privakeyId": account.guid,
        "appSpaceGuid": account.app_space,
        "devices": len(account.bound_devices),
        "invited": any(
            device.state is BindingState.INVITED and now < device.deadline
            for device in account.devices
        ),
        "locked": account.locked_at is not None,
    }


def _only(administration: Administration) -> Guid:
    spaces = [
        space.guid
        for company in administration.list(None, Company)
        if not company.reserved
        for space in administration.list(company.guid, AppSpace)
    ]
    if not spaces:
        raise InvalidField("app-space", "there is none: is it the right database?")
    if len(spaces) != 1:
        raise InvalidField(
            "app-space", f"there are {len(spaces)}: give --app-space GUID, as admin list says"
        )
    return spaces[0]
