"""Admin places: what the path of an administrator's call names, each inside of the one before."""

from __future__ import annotations

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
from counterseal_web.bodies import named
from counterseal_web.calls import Call
from counterseal_web.service import Service


def company_of(call: Call) -> Guid:
    """
    Return the company's GUID.

    Raises:
        NotFound: It is none.
    """
    return named(call.names["company"], "company")


def app_space_of(service: Service, call: Call, admin: Admin) -> AppSpace:
    """
    Return the App Space.

    Raises:
        NotFound: There is none in this company that the administrator may know of.
        Unavailable: A port failed.
    """
    guid = named(call.names["app_space"], "app_space")
    held = service.administration(by=admin).get(guid, AppSpace)
    if held.company != company_of(call):
        raise NotFound
    return held


def origin_of(service: Service, call: Call, admin: Admin) -> Origin:
    """
    Return the origin.

    Raises:
        NotFound: There is none in this App Space that the administrator may know of.
        RoleLacking: The administrator has nothing to do with origins.
        Unavailable: A port failed.
    """
    space = app_space_of(service, call, admin)
    held = service.administration(by=admin).get(named(call.names["origin"], "origin"), Origin)
    if held.app_space != space.guid:
        raise NotFound
    return held


def entry_of(origin: Origin, call: Call) -> CallbackEntry:
    """
    Return an entry of the origin's allow-list.

    Raises:
        NotFound: It has none of this name.
    """
    guid = named(call.names["callback"], "callback")
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
    held = service.callbacks.get(named(call.names["delivery"], "delivery"), by=admin)
    if held.origin != origin.guid:
        raise NotFound
    return held


def account_of(service: Service, call: Call, admin: Admin) -> tuple[Account, tuple[Binding, ...]]:
    """
    Return the account, and every device that it ever had.

    Raises:
        NotFound: There is none in this App Space that the administrator may know of.
        Unavailable: A port failed.
    """
    space = app_space_of(service, call, admin)
    held, devices = service.accounts.get_with_devices(
        named(call.names["account"], "account"), by=admin
    )
    if held.app_space != space.guid:
        raise NotFound
    return held, devices


def device_of(service: Service, call: Call, admin: Admin) -> Binding:
    """
    Return the device.

    Raises:
        NotFound: This account has none that the administrator may know of.
        Unavailable: A port failed.
    """
    guid = named(call.names["device"], "device")
    _, devices = account_of(service, call, admin)
    for device in devices:
        if device.guid == guid:
            return device
    raise NotFound
