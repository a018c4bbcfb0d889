"""Admin schemas: what the bodies of administrators' calls and of their replies look like."""

from __future__ import annotations

from counterseal.models import (
    FINISHED,
    LIVING_SESSIONS,
    AccountEventKind,
    AdminRole,
    AppSpacePolicy,
    CallbackState,
    CallbackType,
    ClientAuth,
    Clients,
    Codes,
    DeadReason,
    DeliveryMode,
    HtmlUse,
    NewDeviceRule,
    OriginPolicy,
    OriginRole,
    RefusalReason,
    Scheme,
    SessionState,
    TokenForm,
)
from counterseal.models.clients import MOST_PENDING, MOST_QUESTIONS
from counterseal_web.admin.audit import AUDIT_SCHEMAS
from counterseal_web.admin.gauges import GAUGE_SCHEMAS
from counterseal_web.admin.policies import POLICY_SCHEMAS, policy_edit_schema
from counterseal_web.members import LONGEST
from counterseal_web.messages import PNG
from counterseal_web.schemas import (
    ACCOUNT,
    COLOR,
    COUNT,
    FLAG,
    GUID,
    MOMENT,
    NAME,
    REQUEST,
    TEXT,
    VISIBLE,
    Schema,
)

NO_GUID: Schema = {"anyOf": [GUID, {"type": "null"}]}
NO_MOMENT: Schema = {"anyOf": [MOMENT, {"type": "null"}]}
NO_TEXT: Schema = {"type": ["string", "null"]}
SECONDS: Schema = {"type": "integer", "minimum": 0, "maximum": LONGEST}
KEY_TYPE: Schema = {"enum": [each.value for each in Scheme]}
SIGNING: Schema = {"enum": [each.value for each in Scheme if each is not Scheme.BASIC]}
"""How an administrator authenticates."""

ORIGIN_ROLE: Schema = {
    "enum": [role.value for role in OriginRole],
    "description": "`asking`: it may only ask, and use what it was approved.",
}
CLIENTS: Schema = {"enum": [each.value for each in Clients]}
TOKEN_FORM: Schema = {"enum": [each.value for each in TokenForm]}
LIMIT: Schema = {"type": "integer", "minimum": 1}
CODES: Schema = {"enum": [each.value for each in Codes]}
NO_LIMIT: Schema = {"anyOf": [LIMIT, {"type": "null"}]}
STATES: Schema = {"type": "array", "items": {"enum": [each.value for each in FINISHED]}}
EVENT_KINDS: Schema = {
    "type": "array",
    "items": {"enum": [each.value for each in AccountEventKind]},
}
CALLBACK_TYPE: Schema = {
    "enum": [each.value for each in CallbackType],
    "description": "2: `callbackUrl` is a domain where passkeys are used, and no callback goes.",
}
ROLE: Schema = {"enum": [each.value for each in AdminRole]}
VERIFIED_NAME: Schema = {
    "type": "string",
    "maxLength": 64,
    "description": "At most 64 bytes, one line, all visible; an empty text takes it away.",
}
HTML: Schema = {"enum": [each.value for each in HtmlUse]}
UNIVERSAL_APP: Schema = FLAG | {
    "description": "For clients of a CX service: only stored and returned.",
}
NEW_DEVICES: Schema = {"enum": [each.value for each in NewDeviceRule]}
BASE64: Schema = {"contentMediaType": PNG, "contentEncoding": "base64"}
OTHER_COLOR: Schema = {"anyOf": [{"type": "string", "pattern": f"^$|{COLOR}"}, {"type": "null"}]}
"""An empty one removes it."""


def _brand(**members: Schema) -> Schema:
    return {"type": "object", "properties": members, "additionalProperties": False}


TEXTS: Schema = {
    "type": "object",
    "properties": dict.fromkeys(
        ("title", "body", "requestEnded", "deviceBound", "deviceRevoked", "deviceUnconfirmed"),
        NO_TEXT,
    ),
    "additionalProperties": False,
}


def _takes(*needed: str, **members: Schema) -> Schema:
    """Return an object with no other members; null is nothing for what is not *needed*."""
    properties = {
        name: schema if name in needed else {"anyOf": [schema, {"type": "null"}]}
        for name, schema in members.items()
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(needed),
        "additionalProperties": False,
    }


def _gives(**members: Schema) -> Schema:
    return {"type": "object", "properties": members, "required": list(members)}


LIST: Schema = {"type": "array", "items": TEXT}
PROVIDED: dict[str, Schema] = {
    "redirectUri": TEXT
    | {"description": "The service's own return; empty if users are sent to the app itself."},
    "returns": LIST | {"description": "Where the app may take its users back."},
    "scopes": LIST,
    "clientAuth": {"enum": [each.value for each in ClientAuth]},
    "algorithms": LIST,
    "accountClaim": NAME,
    "parameters": {"type": "object", "additionalProperties": TEXT},
}
IDP = _takes(
    issuer=NAME,
    clientId=NAME,
    clientSecret=NAME | {"writeOnly": True},
    **PROVIDED,
)
PROVIDER = _gives(issuer=TEXT, clientId=TEXT, hasClientSecret=FLAG, **PROVIDED)


def _each(name: str) -> Schema:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


ADMIN_SCHEMAS: dict[str, Schema] = {
    **POLICY_SCHEMAS,
    **AUDIT_SCHEMAS,
    **GAUGE_SCHEMAS,
    # What an administrator sends
    "NewCompany": _takes("name", name=VISIBLE),
    "VerifiedName": _takes("verifiedName", verifiedName=VERIFIED_NAME),
    "NewAppSpace": _takes(
        "name",
        name=VISIBLE,
        idpType={"enum": ["simple", "oidc"]},
        idp=IDP | {"required": ["issuer", "clientId"]},
        brandInfo=_takes(
            url=NAME, color={"type": "string", "pattern": COLOR}, logo={"type": "string", **BASE64}
        ),
        html=HTML,
        useUniversalApp=UNIVERSAL_APP,
    ),
    "AppSpaceEdit": _takes(
        name=VISIBLE,
        idp=IDP,
        brandInfo=_brand(url=NO_TEXT, color=OTHER_COLOR, logo=NO_TEXT | BASE64),
        html=HTML,
        useUniversalApp=UNIVERSAL_APP,
        notification=TEXTS,
        passkeys=_takes(rpId=NAME, origins=LIST),
        newDevices={"anyOf": [NEW_DEVICES, {"const": ""}]},
        deviceInvitations=FLAG,
        policy=policy_edit_schema(AppSpacePolicy),
    ),
    "NewOrigin": _takes(
        "name",
        name=VISIBLE,
        role=ORIGIN_ROLE,
        clients=CLIENTS,
        codes=CODES,
        wildcards=FLAG,
        sessionTokenForm=TOKEN_FORM,
    ),
    "OriginEdit": _takes(
        name=VISIBLE,
        role=ORIGIN_ROLE,
        clients=CLIENTS,
        codes=CODES,
        wildcards=FLAG,
        callbackStates=STATES,
        sessionTokenForm=TOKEN_FORM,
        pendingLimit=LIMIT | {"maximum": MOST_PENDING},
        askLimit=LIMIT | {"maximum": MOST_QUESTIONS},
        cooldown=FLAG,
        events={
            "anyOf": [EVENT_KINDS, {"const": ""}],
            "description": "Empty text: as the profile of `clients` says.",
        },
        eventsUrl=TEXT | {"description": "On the allow-list; empty for nowhere."},
        policy=policy_edit_schema(OriginPolicy),
    ),
    "NewCallback": _takes("callbackUrl", callbackUrl=NAME, callbackType=CALLBACK_TYPE),
    "NewBackchannelClient": _takes(
        "mode",
        mode={"enum": [mode.value for mode in DeliveryMode]},
        notificationEndpoint=NAME | {"description": "On the allow-list; with `ping` only."},
        jwks={
            "type": "object",
            "additionalProperties": True,
            "description": "A JWK Set (RFC 7517), each key with its `alg`.",
        },
        endpointAudiences=FLAG
        | {"description": "Whether what it signs may have an endpoint as `aud`; at first not."},
    ),
    "NewKey": _takes("keyType", keyType=KEY_TYPE, overlap=SECONDS),
    "Overlap": _takes(overlap=SECONDS),
    "NewAdmin": _takes(
        "name",
        "role",
        name=VISIBLE,
        role=ROLE,
        companyGuid=GUID,
        appSpaceGuid=GUID,
        allCompanies=FLAG,
        life=SECONDS | {"minimum": 1},
        keyType=SIGNING,
    ),
    "NewPerson": _takes(
        "name",
        "role",
        name=VISIBLE,
        role=ROLE,
        companyGuid=GUID,
        appSpaceGuid=GUID,
        allCompanies=FLAG,
        life=SECONDS | {"minimum": 1},
    ),
    "NewAdminKey": _takes(keyType=SIGNING, overlap=SECONDS),
    # What an administrator gets
    "Company": _gives(companyGuid=GUID, name=TEXT, verifiedName=NO_TEXT, createdAt=MOMENT),
    "Companies": _each("Company"),
    "AppSpace": _gives(
        appSpaceGuid=GUID,
        companyGuid=GUID,
        name=TEXT,
        idpType={"enum": ["simple", "oidc"]},
        idp={"anyOf": [PROVIDER, {"type": "null"}]},
        brandInfo=_brand(url=NO_TEXT, color=NO_TEXT, logoDigest=NO_TEXT),
        html=HTML,
        useUniversalApp=UNIVERSAL_APP,
        notification=TEXTS,
        passkeys={"anyOf": [_gives(rpId=TEXT, origins=LIST), {"type": "null"}]},
        newDevices={"anyOf": [NEW_DEVICES, {"type": "null"}]},
        deviceInvitations=FLAG,
        policy=_ref("AppSpacePolicy"),
        createdAt=MOMENT,
    ),
    "AppSpaces": _each("AppSpace"),
    "Origin": _gives(
        requestOriginGuid=GUID,
        appSpaceGuid=GUID,
        name=TEXT,
        role=ORIGIN_ROLE,
        keys=_each("OriginKey"),
        clients=CLIENTS,
        codes=CODES,
        wildcards=FLAG,
        callbackStates=STATES,
        sessionTokenForm=TOKEN_FORM,
        pendingLimit=NO_LIMIT,
        askLimit=NO_LIMIT,
        cooldown=FLAG,
        events=EVENT_KINDS,
        eventsUrl=NO_TEXT,
        policy=_ref("OriginPolicy"),
        callbacks=_each("AllowedCallback"),
        createdAt=MOMENT,
    ),
    "Origins": _each("Origin"),
    "AllowedCallback": _gives(callbackGuid=GUID, callbackUrl=TEXT, callbackType=CALLBACK_TYPE),
    "AllowedCallbacks": _each("AllowedCallback"),
    "Delivery": _gives(
        deliveryGuid=GUID | {"description": "Of a request also the `webhook-id` of each attempt."},
        requestGuid=NO_GUID,
        eventGuid=NO_GUID | {"description": "The entry of the log; null if it is a request's."},
        waitsFor=NO_GUID
        | {"description": "The delivery of the account's earlier event, until that is over."},
        requestOriginGuid=GUID,
        callbackUrl=TEXT,
        status={"enum": [each.value for each in CallbackState]},
        cause={"enum": [*(each.value for each in DeadReason), None]},
        attempts=COUNT,
        lastStatus={"type": ["integer", "null"]},
        nextAttemptAt=NO_MOMENT,
        createdAt=MOMENT,
    ),
    "Deliveries": _each("Delivery"),
    "Key": _gives(keyType=KEY_TYPE, createdAt=MOMENT, endsAt=NO_MOMENT),
    "OriginKey": _gives(keyGuid=GUID, keyType=KEY_TYPE, createdAt=MOMENT, endsAt=NO_MOMENT),
    "IssuedKey": _gives(requestOriginGuid=GUID, keyType=KEY_TYPE, key=TEXT),
    "BackchannelClient": _gives(
        requestOriginGuid=GUID,
        mode={"enum": [*(mode.value for mode in DeliveryMode), None]},
        notificationEndpoint=NO_TEXT,
        jwks={"type": ["object", "null"]},
        endpointAudiences=FLAG,
    ),
    "CallbackSecret": _gives(requestOriginGuid=GUID, callbackSecret=TEXT),
    "User": _gives(**ACCOUNT, devices=_each("UserDevice")),
    "AccountPage": _gives(
        accounts=_each("Account"),
        after=NO_TEXT | {"description": "Where the next page begins; null if there is none."},
    ),
    "AccountRequest": _gives(
        guid=GUID,
        requestOriginGuid=GUID,
        transactionId=NO_TEXT,
        content={
            "anyOf": [REQUEST["content"], {"type": "null"}],
            "description": "Null, as `transactionId` and `buttons`, for a role that may not read"
            " it: see `support_reads_content` of the policy.",
        },
        buttons={"anyOf": [REQUEST["buttons"], {"type": "null"}]},
        state=REQUEST["state"],
        issuedAt=MOMENT,
        expiresAt=MOMENT,
        endedAt=NO_MOMENT,
        buttonSelected={"anyOf": [COUNT, {"type": "null"}]},
        approved=FLAG,
        device=NO_GUID,
        reason={
            "enum": [*(each.value for each in RefusalReason), None],
            "description": "Why the person refused, if they said so. `pressured` is for staff"
            " only: do not say it to anybody who is with the person.",
        },
    ),
    "AccountRequests": _each("AccountRequest"),
    "AdminKey": _gives(adminGuid=GUID, keyType=SIGNING, key=TEXT),
    "Administrator": _gives(
        adminGuid=GUID,
        name=TEXT,
        role=ROLE,
        companyGuid=NO_GUID,
        appSpaceGuid=NO_GUID,
        keys=_each("Key"),
        endsAt=NO_MOMENT,
        createdAt=MOMENT,
    ),
    "Administrators": _each("Administrator"),
    "AdminLink": _gives(
        adminGuid=GUID,
        sessionGuid=GUID,
        token=TEXT
        | {"description": "The link is the portal's page `/portal/link`, `#` and this, once."},
        validUntil=MOMENT,
    ),
    "Session": _gives(
        sessionGuid=GUID,
        state={"enum": [state.value for state in SessionState if state in LIVING_SESSIONS]},
        browser=TEXT,
        createdAt=MOMENT,
        lastUsedAt=NO_MOMENT,
    ),
    "Sessions": _each("Session"),
}
