"""Admin schemas: what the bodies of administrators' calls and of their replies look like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from counterseal.models import (
    LIVING_SESSIONS,
    AdminRole,
    AppSpaceChanges,
    AppSpacePolicy,
    CallbackState,
    CallbackType,
    ClientAuth,
    DeadReason,
    DeliveryMode,
    EditableMember,
    MemberKind,
    NewAppSpace,
    NewOrigin,
    OriginChanges,
    OriginPolicy,
    RefusalReason,
    Scheme,
    SessionState,
    editable_members,
)
from counterseal_web.admin.audit import AUDIT_SCHEMAS
from counterseal_web.admin.editable import shown_name
from counterseal_web.admin.gauges import GAUGE_SCHEMAS
from counterseal_web.admin.policies import POLICY_SCHEMAS, policy_edit_schema
from counterseal_web.members import LONGEST
from counterseal_web.messages import PNG
from counterseal_web.schemas import (
    ACCOUNT,
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

NULL: Schema = {"type": "null"}
NO_GUID: Schema = {"anyOf": [GUID, NULL]}
NO_MOMENT: Schema = {"anyOf": [MOMENT, NULL]}
NO_TEXT: Schema = {"type": ["string", "null"]}
SECONDS: Schema = {"type": "integer", "minimum": 0, "maximum": LONGEST}
KEY_TYPE: Schema = {"enum": [each.value for each in Scheme]}
SIGNING: Schema = {"enum": [each.value for each in Scheme if each is not Scheme.BASIC]}
"""How an administrator authenticates."""

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
BASE64: Schema = {"contentMediaType": PNG, "contentEncoding": "base64"}


def _takes(*needed: str, **members: Schema) -> Schema:
    """Return an object with no other members; null is nothing for what is not *needed*."""
    properties = {
        name: schema if name in needed else {"anyOf": [schema, NULL]}
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


def _value_schema(member: EditableMember) -> Schema:
    """Return what a value may be that clears nothing."""
    choices: Schema = {"enum": [choice.value for choice in member.choices]}
    schemas: dict[MemberKind, Schema] = {
        MemberKind.TEXT: VISIBLE if member.size and not member.cleared else NAME,
        MemberKind.FLAG: FLAG,
        MemberKind.NUMBER: {"type": "integer", "minimum": 1, "maximum": member.most},
        MemberKind.CHOICE: choices,
        MemberKind.CHOICES: {"type": "array", "items": choices},
        MemberKind.TEXTS: LIST,
        MemberKind.PICTURE: TEXT | BASE64,
    }
    schema = schemas[member.kind] | {"description": member.help}
    if not member.pattern:
        return schema
    pattern: Schema = {"pattern": f"^{member.pattern}$"}
    if member.kind is MemberKind.TEXTS:
        return schema | {"items": TEXT | pattern, "maxItems": member.most}
    return schema | pattern


def _change_schema(member: EditableMember) -> Schema:
    """Return what a value may be, also one that clears it."""
    schema = _value_schema(member)
    if not member.cleared or member.kind is MemberKind.TEXTS:
        return schema
    description = f"{member.help} An empty text: {member.cleared}."
    return {"anyOf": [schema, {"const": ""}], "description": description}


def _shown_schema(member: EditableMember) -> Schema:
    """Return what is shown of it."""
    schema = _value_schema(member)
    if member.kind in {MemberKind.TEXT, MemberKind.PICTURE}:
        schema = TEXT | {"description": member.help}
    is_optional = member.cleared and not member.display and member.kind is not MemberKind.TEXTS
    return {"anyOf": [schema, NULL]} if is_optional else schema


def _grouped(
    kind: type[Any], describe: Callable[[EditableMember], Schema], enclose: Callable[..., Schema]
) -> dict[str, Schema]:
    """Return the schema of each editable member of *kind*, or of the object around it."""
    groups: dict[str, dict[str, Schema]] = {}
    for member in editable_members(kind).values():
        name = shown_name(member) if describe is _shown_schema else member.wire
        outer, _, inner = name.partition(".")
        groups.setdefault(outer if inner else "", {})[inner or outer] = describe(member)
    return groups.pop("") | {name: enclose(**members) for name, members in groups.items()}


APP_SPACE_MEMBERS = _grouped(AppSpaceChanges, _shown_schema, _gives)
"""What is shown of an App Space; where its passkeys are used is one member."""


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
        **_grouped(NewAppSpace, _value_schema, _takes),
    ),
    "AppSpaceEdit": _takes(
        idp=IDP,
        policy=policy_edit_schema(AppSpacePolicy),
        **_grouped(AppSpaceChanges, _change_schema, _takes),
    ),
    "NewOrigin": _takes("name", name=VISIBLE, **_grouped(NewOrigin, _value_schema, _takes)),
    "OriginEdit": _takes(
        policy=policy_edit_schema(OriginPolicy), **_grouped(OriginChanges, _change_schema, _takes)
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
        idpType={"enum": ["simple", "oidc"]},
        idp={"anyOf": [PROVIDER, NULL]},
        policy=_ref("AppSpacePolicy"),
        **APP_SPACE_MEMBERS | {"passkeys": {"anyOf": [APP_SPACE_MEMBERS["passkeys"], NULL]}},
        createdAt=MOMENT,
    ),
    "AppSpaces": _each("AppSpace"),
    "Origin": _gives(
        requestOriginGuid=GUID,
        appSpaceGuid=GUID,
        keys=_each("OriginKey"),
        policy=_ref("OriginPolicy"),
        **_grouped(OriginChanges, _shown_schema, _gives),
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
