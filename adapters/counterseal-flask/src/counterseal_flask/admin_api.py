"""The admin API: the calls of an administrator (privakey-wire 2.3, and the rest of the tenancy)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from counterseal_flask import admin_calls as calls
from counterseal_flask import key_calls
from counterseal_flask.messages import Reply
from counterseal_flask.operations import Audience, Operation, Payload

COMPANIES = "/admin/api/companies"
COMPANY = f"{COMPANIES}/{{company}}"
APP_SPACES = f"{COMPANY}/appSpaces"
APP_SPACE = f"{APP_SPACES}/{{app_space}}"
ORIGINS = f"{APP_SPACE}/requestOrigins"
ORIGIN = f"{ORIGINS}/{{origin}}"
CALLBACKS = f"{ORIGIN}/callbacks"
ADMINS = "/admin/api/admins"
ADMIN = f"{ADMINS}/{{admin}}"

OK = 200
CREATED = 201
NOTHING: dict[int, str | None] = {204: None}

WITHIN = {
    "companyGuid": "Those of this company.",
    "appSpaceGuid": "Those of this App Space.",
}


def _call(
    name: str,
    where: str,
    summary: str,
    handler: Callable[..., Reply],
    gives: dict[int, str | None],
    **more: Any,
) -> Operation:
    method, path = where.split(" ")
    if "takes" in more:
        more["payload"] = Payload.JSON
    return Operation(
        id=name,
        method=method,
        path=path,
        audience=Audience.ADMIN,
        summary=summary,
        handler=handler,
        gives=gives,
        refuses=("not_found", "forbidden"),
        **more,
    )


ADMIN_API = (
    _call(
        "newCompany",
        f"POST {COMPANIES}/new",
        "Create a company.",
        calls.new_company,
        {CREATED: "Company"},
        takes="NewCompany",
    ),
    _call(
        "getCompanies",
        f"GET {COMPANIES}",
        "The companies that the administrator sees.",
        calls.companies,
        {OK: "Companies"},
    ),
    _call("getCompany", f"GET {COMPANY}", "A company.", calls.company, {OK: "Company"}),
    _call(
        "editCompany",
        f"PATCH {COMPANY}",
        "Give a company another name.",
        calls.edit_company,
        {OK: "Company"},
        takes="NewCompany",
    ),
    _call(
        "newAppSpace",
        f"POST {APP_SPACES}/new",
        "Create a `simple` App Space.",
        calls.new_app_space,
        {CREATED: "AppSpace"},
        takes="NewAppSpace",
    ),
    _call(
        "getAppSpaces",
        f"GET {APP_SPACES}",
        "A company's App Spaces.",
        calls.app_spaces,
        {OK: "AppSpaces"},
    ),
    _call("getAppSpace", f"GET {APP_SPACE}", "An App Space.", calls.app_space, {OK: "AppSpace"}),
    _call(
        "editAppSpace",
        f"PATCH {APP_SPACE}",
        "Edit an App Space; what is not said stays, and an empty text takes a brand's part away.",
        calls.edit_app_space,
        {OK: "AppSpace"},
        takes="AppSpaceEdit",
    ),
    _call(
        "newOrigin",
        f"POST {ORIGINS}/new",
        "Create an origin; its codes are echoed and it takes wildcards, unless it is said.",
        calls.new_origin,
        {CREATED: "Origin"},
        takes="NewOrigin",
    ),
    _call(
        "getOrigins", f"GET {ORIGINS}", "An App Space's origins.", calls.origins, {OK: "Origins"}
    ),
    _call("getOrigin", f"GET {ORIGIN}", "An origin.", calls.origin, {OK: "Origin"}),
    _call(
        "editOrigin",
        f"PATCH {ORIGIN}",
        "Edit an origin; what is not said stays.",
        calls.edit_origin,
        {OK: "Origin"},
        takes="OriginEdit",
    ),
    _call(
        "issueKey",
        f"POST {ORIGIN}/keyManagement",
        "Make an origin's secret; an older one of this type ends after `overlap` seconds, or now.",
        key_calls.issue_key,
        {OK: "IssuedKey"},
        takes="NewKey",
    ),
    _call(
        "revokeKeys",
        f"DELETE {ORIGIN}/keyManagement",
        "Revoke an origin's secrets; the origin stays.",
        key_calls.revoke_keys,
        NOTHING,
    ),
    _call(
        "issueCallbackSecret",
        f"POST {ORIGIN}/callbackSecret",
        "Make the secret that signs an origin's callbacks; an older one signs beside it for "
        "`overlap` seconds.",
        key_calls.issue_callback_secret,
        {OK: "CallbackSecret"},
        takes="Overlap",
    ),
    _call(
        "newCallback",
        f"POST {CALLBACKS}/new",
        "Put an address, or with `callbackType` 2 a WebAuthn domain, on the allow-list.",
        calls.new_callback,
        {CREATED: "AllowedCallback"},
        takes="NewCallback",
    ),
    _call(
        "getCallbacks",
        f"GET {CALLBACKS}",
        "An origin's allow-list.",
        calls.callbacks,
        {OK: "AllowedCallbacks"},
    ),
    _call(
        "getCallback",
        f"GET {CALLBACKS}/{{callback}}",
        "An entry of the allow-list.",
        calls.callback,
        {OK: "AllowedCallback"},
    ),
    _call(
        "deleteCallback",
        f"DELETE {CALLBACKS}/{{callback}}",
        "Take an entry off the allow-list.",
        calls.drop_callback,
        NOTHING,
    ),
    _call(
        "newAdmin",
        f"POST {ADMINS}/new",
        "Create an administrator, for `life` seconds or as long as the one who asks.",
        key_calls.new_admin,
        {CREATED: "AdminKey"},
        takes="NewAdmin",
    ),
    _call(
        "getAdmins",
        f"GET {ADMINS}",
        "The administrators of an App Space, of a company, or of all companies.",
        key_calls.admins,
        {OK: "Administrators"},
        query=WITHIN,
    ),
    _call(
        "getAdmin", f"GET {ADMIN}", "An administrator.", key_calls.one_admin, {OK: "Administrator"}
    ),
    _call(
        "rotateAdmin",
        f"POST {ADMIN}/keyManagement",
        "Make an administrator's secret; an older one ends after `overlap` seconds, or now.",
        key_calls.rotate_admin,
        {OK: "AdminKey"},
        takes="Overlap",
    ),
    _call(
        "revokeAdmin",
        f"DELETE {ADMIN}/keyManagement",
        "Revoke an administrator's secrets.",
        key_calls.revoke_admin,
        NOTHING,
    ),
)
