"""Users, as support staff name them on the command line."""

from __future__ import annotations

from counterseal import Accounts, Directory
from counterseal.errors import InvalidField
from counterseal.models import AppSpace, Company, Guid
from counterseal.models.guid import parse
from counterseal_server.house import House


def named(house: House, account: str, app_space: Guid | None) -> Guid:
    """
    Return the GUID of an account.

    Args:
        house: The service.
        account: Its GUID, or the origin's own id of it.
        app_space: Where it is an origin's own id; None takes a GUID for one, and all else for
            an id in the only App Space there is.

    Raises:
        AccountUnknown: The App Space has no such account.
        NotFound: There is no such App Space.
        InvalidField: The App Space has to be said, or the id does not fit.
        Unavailable: A port failed.
    """
    if app_space is None:
        try:
            return parse(account, field="account")
        except InvalidField:
            app_space = _only(Directory(house.ports, house.policy))
    return Accounts(house.ports, house.policy).find(app_space, account).guid


def _only(directory: Directory) -> Guid:
    spaces = [
        space.guid
        for company in directory.list(None, Company)
        for space in directory.list(company.guid, AppSpace)
    ]
    if not spaces:
        raise InvalidField("app-space", "there is none: is it the right database?")
    if len(spaces) != 1:
        raise InvalidField(
            "app-space", f"there are {len(spaces)}: give --app-space GUID, as admin list says"
        )
    return spaces[0]
