"""
Paths: load the records that the path of an administrator's call names.

The core decides what the administrator may see. Here, a path is only compared with the records:
each one must belong to the one before it, or the path names nothing.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus

from counterseal.errors import NotFound
from counterseal.models import (
    Account,
    Admin,
    AppSpace,
    Binding,
    Callback,
    CallbackEntry,
    Guid,
    Origin,
)
from counterseal_web.calls import Call
from counterseal_web.members import read_guid
from counterseal_web.messages import Reply
from counterseal_web.operations import Audience, Operation
from counterseal_web.service import Service

COMPANIES = "/admin/api/companies"
COMPANY = f"{COMPANIES}/{{company}}"
SPACES = f"{COMPANY}/appSpaces"
SPACE = f"{SPACES}/{{app_space}}"
ORIGINS = f"{SPACE}/requestOrigins"
ORIGIN = f"{ORIGINS}/{{origin}}"
CALLBACKS = f"{ORIGIN}/callbacks"
DELIVERY = f"{ORIGIN}/deliveries/{{delivery}}"
ACCOUNTS = f"{SPACE}/accounts"
ACCOUNT = f"{ACCOUNTS}/{{account}}"
DEVICE = f"{ACCOUNT}/devices/{{device}}"
ADMINS = "/admin/api/admins"
ADMIN = f"{ADMINS}/{{admin}}"
SESSION = "/admin/api/sessions/{session}"
AUDIT = "/admin/api/audit"
GAUGES = "/admin/api/gauges"
DEAD_DELIVERIES = "/admin/api/deadDeliveries"

ACCOUNT_ID = {"accountId": "What the App Space's origins call the account."}
WITHIN = {
    "companyGuid": "Those of this company.",
    "appSpaceGuid": "Those of this App Space.",
}

REFUSED = ("not_found", "forbidden")
"""Problems of every call."""

admin_operation = partial(Operation, audience=Audience.ADMIN, refuses=REFUSED)
"""A call of administrators."""


def company_of(call: Call) -> Guid:
    """
    Return the company's GUID.

    Raises:
        NotFound: It is not a GUID.
    """
    return read_guid(call.names["company"], "company")


def app_space_of(service: Service, call: Call, admin: Admin) -> AppSpace:
    """
    Return the App Space.

    Raises:
        NotFound: There is none in this company that the administrator may know of.
        Unavailable: A port failed.
    """
    guid = read_guid(call.names["app_space"], "app_space")
    app_space = service.administration(by=admin).get(guid, AppSpace)
    if app_space.company != company_of(call):
        raise NotFound
    return app_space


def origin_of(service: Service, call: Call, admin: Admin) -> Origin:
    """
    Return the origin.

    Raises:
        NotFound: There is none in this App Space that the administrator may know of.
        RoleLacking: The administrator has nothing to do with origins.
        Unavailable: A port failed.
    """
    space = app_space_of(service, call, admin)
    origin = service.administration(by=admin).get(read_guid(call.names["origin"], "origin"), Origin)
    if origin.app_space != space.guid:
        raise NotFound
    return origin


def entry_of(origin: Origin, call: Call) -> CallbackEntry:
    """
    Return an entry of the origin's allow-list.

    Raises:
        NotFound: It has none of this name.
    """
    guid = read_guid(call.names["callback"], "callback")
    for entry in origin.entries:
        if entry.guid == guid:
            return entry
    raise NotFound


def delivery_of(service: Service, call: Call, admin: Admin) -> Callback:
    """
    Return the delivery of a callback.

    Raises:
        NotFound: The origin has none that the administrator may know of.
        RoleLacking: The administrator has nothing to do with origins.
        Unavailable: A port failed.
    """
    origin = origin_of(service, call, admin)
    delivery = service.callbacks.get(read_guid(call.names["delivery"], "delivery"), by=admin)
    if delivery.origin != origin.guid:
        raise NotFound
    return delivery


def account_of(service: Service, call: Call, admin: Admin) -> tuple[Account, tuple[Binding, ...]]:
    """
    Return the account, and every device that it ever had.

    Raises:
        NotFound: There is none in this App Space that the administrator may know of.
        Unavailable: A port failed.
    """
    space = app_space_of(service, call, admin)
    account, devices = service.accounts.get_with_devices(
        read_guid(call.names["account"], "account"), by=admin
    )
    if account.app_space != space.guid:
        raise NotFound
    return account, devices


def device_of(service: Service, call: Call, admin: Admin) -> Binding:
    """
    Return the device.

    Raises:
        NotFound: This account has none that the administrator may know of.
        Unavailable: A port failed.
    """
    guid = read_guid(call.names["device"], "device")
    _, devices = account_of(service, call, admin)
    for device in devices:
        if device.guid == guid:
            return device
    raise NotFound


def created(call: Call, guid: Guid, document: dict[str, object]) -> Reply:
    """
    Return the reply to a call whose path ends with `/new`.

    Args:
        call: The call.
        guid: Of the record that it has created.
        document: The record.
    """
    collection = call.uri.partition("?")[0].removesuffix("/new")
    return Reply(
        status=HTTPStatus.CREATED, document=document, headers={"Location": f"{collection}/{guid}"}
    )
