"""The admin API: the calls of an administrator (privakey-wire 2.3, and the rest of the tenancy)."""

from __future__ import annotations

from functools import partial

from counterseal_web import admin_calls as calls
from counterseal_web import delivery_calls as deliveries
from counterseal_web import key_calls as keys
from counterseal_web import support_calls as support
from counterseal_web.operations import NOTHING, Audience, Operation

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

ACCOUNT_ID = {"accountId": "What the App Space's origins call the account."}
WITHIN = {
    "companyGuid": "Those of this company.",
    "appSpaceGuid": "Those of this App Space.",
}

REFUSED = ("not_found", "forbidden")
"""What every call may be told."""

_call = partial(Operation, audience=Audience.ADMIN, refuses=REFUSED)
_user_device = partial(
    Operation,
    gives={200: "UserDevice"},
    audience=Audience.ADMIN,
    refuses=(*REFUSED, "wrong_state", "wrong_authority"),
)

ADMIN_API = (
    _call(
        "newCompany",
        "POST",
        f"{COMPANIES}/new",
        calls.new_company,
        {201: "Company"},
        takes="NewCompany",
    ),
    _call("getCompanies", "GET", COMPANIES, calls.companies, {200: "Companies"}),
    _call("getCompany", "GET", COMPANY, calls.company, {200: "Company"}),
    _call(
        "editCompany", "PATCH", COMPANY, calls.edit_company, {200: "Company"}, takes="NewCompany"
    ),
    _call(
        "newAppSpace",
        "POST",
        f"{SPACES}/new",
        calls.new_app_space,
        {201: "AppSpace"},
        takes="NewAppSpace",
    ),
    _call("getAppSpaces", "GET", SPACES, calls.app_spaces, {200: "AppSpaces"}),
    _call("getAppSpace", "GET", SPACE, calls.app_space, {200: "AppSpace"}),
    _call(
        "editAppSpace",
        "PATCH",
        SPACE,
        calls.edit_app_space,
        {200: "AppSpace"},
        takes="AppSpaceEdit",
        refuses=(*REFUSED, "wrong_kind"),
    ),
    _call(
        "newOrigin", "POST", f"{ORIGINS}/new", calls.new_origin, {201: "Origin"}, takes="NewOrigin"
    ),
    _call("getOrigins", "GET", ORIGINS, calls.origins, {200: "Origins"}),
    _call("getOrigin", "GET", ORIGIN, calls.origin, {200: "Origin"}),
    _call("editOrigin", "PATCH", ORIGIN, calls.edit_origin, {200: "Origin"}, takes="OriginEdit"),
    _call(
        "issueKey",
        "POST",
        f"{ORIGIN}/keyManagement",
        keys.issue_key,
        {200: "IssuedKey"},
        takes="NewKey",
    ),
    _call("revokeKeys", "DELETE", f"{ORIGIN}/keyManagement", keys.revoke_keys, NOTHING),
    _call(
        "issueCallbackSecret",
        "POST",
        f"{ORIGIN}/callbackSecret",
        keys.issue_callback_secret,
        {200: "CallbackSecret"},
        takes="Overlap",
    ),
    _call(
        "newCallback",
        "POST",
        f"{CALLBACKS}/new",
        calls.new_callback,
        {201: "AllowedCallback"},
        takes="NewCallback",
    ),
    _call("getCallbacks", "GET", CALLBACKS, calls.callbacks, {200: "AllowedCallbacks"}),
    _call(
        "getCallback", "GET", f"{CALLBACKS}/{{callback}}", calls.callback, {200: "AllowedCallback"}
    ),
    _call("deleteCallback", "DELETE", f"{CALLBACKS}/{{callback}}", calls.drop_callback, NOTHING),
    _call(
        "getDeadDeliveries",
        "GET",
        f"{ORIGIN}/deadDeliveries",
        deliveries.dead_deliveries,
        {200: "Deliveries"},
        query={"limit": "At most how many."},
    ),
    _call("getDelivery", "GET", DELIVERY, deliveries.delivery, {200: "Delivery"}),
    _call(
        "requeueDelivery",
        "POST",
        f"{DELIVERY}/requeue",
        deliveries.requeue_delivery,
        {200: "Delivery"},
        refuses=(*REFUSED, "wrong_state"),
    ),
    _call(
        "findAccount",
        "GET",
        ACCOUNTS,
        support.find_account,
        {200: "User"},
        needs=ACCOUNT_ID,
        refuses=(*REFUSED, "unreachable"),
    ),
    _call("lookAtAccount", "GET", ACCOUNT, support.look_at_account, {200: "User"}),
    _call("lockAccount", "POST", f"{ACCOUNT}/lock", support.lock_account, {200: "Account"}),
    _call("unlockAccount", "POST", f"{ACCOUNT}/unlock", support.unlock_account, {200: "Account"}),
    _user_device("suspendDevice", "POST", f"{DEVICE}/suspend", support.suspend_device),
    _user_device("resumeDevice", "POST", f"{DEVICE}/resume", support.resume_device),
    _user_device("endDevice", "POST", f"{DEVICE}/revoke", support.end_device),
    _call("revokeDevices", "POST", f"{ACCOUNT}/revoke", support.revoke_devices, {200: "Account"}),
    _call("eraseAccount", "DELETE", ACCOUNT, support.erase_account, NOTHING),
    _call("newAdmin", "POST", f"{ADMINS}/new", keys.new_admin, {201: "AdminKey"}, takes="NewAdmin"),
    _call("getAdmins", "GET", ADMINS, keys.admins, {200: "Administrators"}, query=WITHIN),
    _call("getAdmin", "GET", ADMIN, keys.one_admin, {200: "Administrator"}),
    _call(
        "rotateAdmin",
        "POST",
        f"{ADMIN}/keyManagement",
        keys.rotate_admin,
        {200: "AdminKey"},
        takes="NewAdminKey",
    ),
    _call("revokeAdmin", "DELETE", f"{ADMIN}/keyManagement", keys.revoke_admin, NOTHING),
)
