"""Accounts: the calls of an administrator for a user and its devices."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import partial
from http import HTTPStatus

from counterseal.accounts.documents import account_document, device_document
from counterseal.bindings.documents.device import InvitedDevice
from counterseal.errors import InvalidField
from counterseal.models import Admin
from counterseal.wire.members import write_record
from counterseal_web.admin.documents import account_request_document, user_document
from counterseal_web.admin.paths import (
    ACCOUNT,
    ACCOUNT_ID,
    ACCOUNTS,
    DEVICE,
    REFUSED,
    account_of,
    admin_operation,
    app_space_of,
    device_of,
)
from counterseal_web.calls import Call
from counterseal_web.members import read_number
from counterseal_web.messages import Reply
from counterseal_web.operations import NOTHING, Audience, Operation
from counterseal_web.service import Service

AT_ONCE = 100
"""Accounts of a page, unless `limit` says otherwise."""

_user_device = partial(
    Operation,
    gives={200: "UserDevice"},
    audience=Audience.ADMIN,
    refuses=(*REFUSED, "wrong_state", "wrong_authority"),
)


def find_account(service: Service, call: Call, admin: Admin) -> Reply:
    """Return the account that an App Space knows by this id, with its devices."""
    space = app_space_of(service, call, admin)
    account = service.accounts.find(space.guid, call.parameter("accountId"), by=admin)
    return Reply(document=user_document(*service.accounts.get_with_devices(account.guid, by=admin)))


def search_accounts(service: Service, call: Call, admin: Admin) -> Reply:
    """Return a page of the accounts whose ids begin with `prefix`, in the order of code points."""
    limit = read_number(call.query, "limit")
    page = service.accounts.search(
        app_space_of(service, call, admin).guid,
        call.query.get("prefix", ""),
        after=_read_position(call.query.get("after")),
        limit=AT_ONCE if limit is None else limit,
        by=admin,
    )
    return Reply(
        document={
            "accounts": [account_document(each) for each in page.accounts],
            "after": _write_position(page.after),
        }
    )


def get_account(service: Service, call: Call, admin: Admin) -> Reply:
    """Return an account with all its devices, past ones included, oldest first."""
    return Reply(document=user_document(*account_of(service, call, admin)))


def list_account_requests(service: Service, call: Call, admin: Admin) -> Reply:
    """Return what an account is asked and was asked last, newest first."""
    account, _ = account_of(service, call, admin)
    challenges = service.challenges.list_of_account(account.guid, by=admin)
    return Reply(document=[account_request_document(each) for each in challenges])


def lock_account(service: Service, call: Call, admin: Admin) -> Reply:
    """Lock an account: it gets no questions, cannot answer, and cannot bind a device."""
    account, _ = account_of(service, call, admin)
    return Reply(document=account_document(service.accounts.lock(account.guid, by=admin)))


def unlock_account(service: Service, call: Call, admin: Admin) -> Reply:
    """Unlock an account, and reset its count of wrong codes."""
    account, _ = account_of(service, call, admin)
    return Reply(document=account_document(service.accounts.unlock(account.guid, by=admin)))


def revoke_devices(service: Service, call: Call, admin: Admin) -> Reply:
    """Revoke all devices and open invitations of an account."""
    account, _ = account_of(service, call, admin)
    return Reply(document=account_document(service.accounts.revoke_all(account.guid, by=admin)))


def erase_account(service: Service, call: Call, admin: Admin) -> Reply:
    """Erase an account and its personal data, permanently."""
    account, _ = account_of(service, call, admin)
    service.accounts.erase(account.guid, by=admin)
    return Reply(status=HTTPStatus.NO_CONTENT)


def suspend_device(service: Service, call: Call, admin: Admin) -> Reply:
    """Suspend a device until it is resumed."""
    device = device_of(service, call, admin)
    return Reply(document=device_document(service.devices.suspend(device.guid, by=admin)))


def resume_device(service: Service, call: Call, admin: Admin) -> Reply:
    """Resume a device that an administrator suspended."""
    device = device_of(service, call, admin)
    return Reply(document=device_document(service.devices.resume(device.guid, by=admin)))


def revoke_device(service: Service, call: Call, admin: Admin) -> Reply:
    """Revoke a device, or an open invitation, permanently."""
    device = device_of(service, call, admin)
    return Reply(document=device_document(service.devices.revoke(device.guid, by=admin)))


def renew_invitation(service: Service, call: Call, admin: Admin) -> Reply:
    """Make an origin's invitation anew; the earlier link no longer works."""
    device = device_of(service, call, admin)
    invitation = service.invitations.renew(device.guid, by=admin)
    link = service.bind_link(invitation, display_name=invitation.account.account_id)
    invited_device = InvitedDevice(
        device=invitation.binding,
        token=invitation.token,
        expires_at=invitation.deadline,
        link=link,
    )
    return Reply(document=write_record(invited_device))


def _write_position(after: str | None) -> str | None:
    # A letter comes first, since the position before the first id is an empty text.
    return None if after is None else urlsafe_b64encode(b"a" + after.encode()).decode()


def _read_position(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        position = urlsafe_b64decode(text).decode()[1:]
    except ValueError:
        position = ""
    # Base64 in Python overlooks characters that are none of it.
    if _write_position(position) != text:
        raise InvalidField("after", "not what a page before returned")
    return position


ACCOUNT_API = (
    admin_operation(
        "findAccount",
        "GET",
        ACCOUNTS,
        find_account,
        {200: "User"},
        needs=ACCOUNT_ID,
        refuses=(*REFUSED, "unreachable"),
    ),
    admin_operation(
        "searchAccounts",
        "GET",
        f"{ACCOUNTS}/search",
        search_accounts,
        {200: "AccountPage"},
        query={
            "prefix": "The beginning of their ids, or a whole GUID; by default all accounts.",
            "after": "`after` of the page before; by default, the first page.",
            "limit": "At most how many.",
        },
    ),
    admin_operation("lookAtAccount", "GET", ACCOUNT, get_account, {200: "User"}),
    admin_operation(
        "listAccountRequests",
        "GET",
        f"{ACCOUNT}/requests",
        list_account_requests,
        {200: "AccountRequests"},
    ),
    admin_operation("lockAccount", "POST", f"{ACCOUNT}/lock", lock_account, {200: "Account"}),
    admin_operation("unlockAccount", "POST", f"{ACCOUNT}/unlock", unlock_account, {200: "Account"}),
    _user_device("suspendDevice", "POST", f"{DEVICE}/suspend", suspend_device),
    _user_device("resumeDevice", "POST", f"{DEVICE}/resume", resume_device),
    _user_device("endDevice", "POST", f"{DEVICE}/revoke", revoke_device),
    admin_operation(
        "renewInvitation",
        "POST",
        f"{DEVICE}/renew",
        renew_invitation,
        {200: "InvitedDevice"},
        refuses=(
            *REFUSED,
            "wrong_state",
            "wrong_kind",
            "deadline_passed",
            "unreachable",
            "too_many_bindings",
        ),
    ),
    admin_operation("revokeDevices", "POST", f"{ACCOUNT}/revoke", revoke_devices, {200: "Account"}),
    admin_operation("eraseAccount", "DELETE", ACCOUNT, erase_account, NOTHING),
)
