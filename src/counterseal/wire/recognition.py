"""
Recognition: the members of replies by which a person recognises an account and whose it is.

None of them is signed, and none is in a display document. Each may be missing, as an older release
leaves it out:

| member | value |
|---|---|
| `companyName` | the name of the App Space's company, which its administrators choose |
| `verifiedName` | the name that an operator has given the company; missing if it is not verified |
| `accountId` | the id of the account |
| `accountName` | what the service calls the account, see `account_name` |
| `appSpaceColor`, `appSpaceLogo` | `#RRGGBB`, and the SHA-256 of the logo, see `logo_path` |
"""

from __future__ import annotations

from typing import Any

from counterseal import ijson
from counterseal.errors import InvalidField
from counterseal.models import Account, AppSpace, Company, Guid
from counterseal.wire.members import OPTIONAL_TEXT, member

COLOR = member("appSpaceColor", OPTIONAL_TEXT, omitted=True)
LOGO = member("appSpaceLogo", OPTIONAL_TEXT, omitted=True)
COMPANY_NAME = member("companyName", OPTIONAL_TEXT, omitted=True)
VERIFIED_NAME = member("verifiedName", OPTIONAL_TEXT, omitted=True)
ACCOUNT_ID = member("accountId", OPTIONAL_TEXT, omitted=True)
ACCOUNT_NAME = member("accountName", OPTIONAL_TEXT, omitted=True)

ACCOUNT_NAME_LIMIT = 256
"""The most characters of a `displayName` that names an account."""


def logo_path(app_space: Guid, digest: str) -> str:
    """Return where the service has an App Space's logo, below its address."""
    return f"/device/logo/{app_space}/{digest}"


def account_name(account: Account) -> str:
    """
    Return what the service calls an account on its devices.

    It is the `displayName` of the `userInfo` that its origin has stored, or else the account id.
    """
    try:
        document = ijson.parse(account.user_info, field="userInfo")
    except InvalidField:
        return account.account_id
    members = document if isinstance(document, dict) else {}
    name = members.get("displayName")
    if isinstance(name, str) and name.strip() and len(name) <= ACCOUNT_NAME_LIMIT:
        return name
    return account.account_id


def names_of(app_space: AppSpace, company: Company, account: Account | None) -> dict[str, Any]:
    """Return the names of an account and of whose it is, as replies to a device have them."""
    return {
        "app_space_name": app_space.name,
        "company_name": company.name,
        "verified_name": company.verified_name,
        "account_id": None if account is None else account.account_id,
        "account_name": None if account is None else account_name(account),
    }
