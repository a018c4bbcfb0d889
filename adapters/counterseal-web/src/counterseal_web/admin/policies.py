"""Policies: what counts in an App Space and for an origin, and what each narrows, as schemas."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any

import attrs

from counterseal.errors import InvalidField
from counterseal.models import Admin, Algorithm, AppSpacePolicy, Guid, Level, OriginPolicy
from counterseal.narrowing import FIELDS
from counterseal.tenancy.documents import effective_document
from counterseal_web.admin.paths import (
    ORIGIN,
    SPACE,
    admin_operation,
    app_space_of,
    origin_of,
)
from counterseal_web.calls import Call
from counterseal_web.messages import Reply
from counterseal_web.schemas import FLAG, TEXT, Schema
from counterseal_web.service import Service

NAMES = {"names": "The settings to return, with commas between; without it, all of them."}


def get_app_space_policy(service: Service, call: Call, admin: Admin) -> Reply:
    """Return what counts of the policy in an App Space, setting by setting, and who decided it."""
    app_space = app_space_of(service, call, admin)
    return _effective(service, call, admin, app_space.guid, None)


def get_origin_policy(service: Service, call: Call, admin: Admin) -> Reply:
    """Return what counts of the policy when an origin acts, setting by setting, and who decided."""
    origin = origin_of(service, call, admin)
    return _effective(service, call, admin, origin.app_space, origin.guid)


def _effective(
    service: Service, call: Call, admin: Admin, app_space: Guid, origin: Guid | None
) -> Reply:
    names = _read_names(call.query.get("names"))
    settings = service.administration(by=admin).effective_policy(app_space, origin)
    return Reply(document=[effective_document(each) for each in settings if each.name in names])


def _read_names(text: str | None) -> frozenset[str]:
    if not text:
        return frozenset(FIELDS)
    names = frozenset(text.split(","))
    if not names <= FIELDS.keys():
        raise InvalidField("names", "not all of them settings of the policy")
    return names


def _value_schema(field: attrs.Attribute[Any]) -> Schema:
    metadata: Mapping[str, Any] = field.metadata
    match field.default:
        case bool():
            return FLAG
        case timedelta():
            low, high = metadata["low"].total_seconds(), metadata["high"].total_seconds()
            return {"type": "integer", "minimum": int(low), "maximum": int(high)}
        case int():
            return {"type": "integer", "minimum": metadata["low"], "maximum": metadata["high"]}
        case Enum():
            return {"enum": [member.value for member in type(field.default)]}
    members = metadata["members"] or Algorithm
    schema: Schema = {"type": "array", "items": {"enum": [member.value for member in members]}}
    return schema if metadata["members"] else schema | {"minItems": 1}


def _own_policy(kind: type[OriginPolicy]) -> dict[str, Schema]:
    return {
        field.name: _value_schema(FIELDS[field.name])
        | {"description": FIELDS[field.name].metadata["reason"]}
        for field in attrs.fields(kind)
    }


def policy_schema(kind: type[OriginPolicy]) -> Schema:
    """Return what an App Space or an origin narrows, as it is read."""
    return {"type": "object", "properties": _own_policy(kind), "additionalProperties": False}


def policy_edit_schema(kind: type[OriginPolicy]) -> Schema:
    """Return what an App Space or an origin changes of what it narrows; null takes one back."""
    properties = {
        name: {"anyOf": [schema, {"type": "null"}]} for name, schema in _own_policy(kind).items()
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


LEVEL: Schema = {"enum": [level.value for level in Level]}
ANY_VALUE: Schema = {"type": ["integer", "number", "boolean", "string", "array", "null"]}

POLICY_SCHEMAS: dict[str, Schema] = {
    "AppSpacePolicy": policy_schema(AppSpacePolicy),
    "OriginPolicy": policy_schema(OriginPolicy),
    "EffectiveSetting": {
        "type": "object",
        "properties": {
            "name": TEXT,
            "value": ANY_VALUE | {"description": "What counts; a duration is in seconds."},
            "decidedBy": LEVEL,
            "boundedBy": {
                "type": ["string", "null"],
                "description": "The setting that this one had to follow.",
            },
            "service": ANY_VALUE,
            "appSpace": ANY_VALUE | {"description": "What the App Space says; null is nothing."},
            "origin": ANY_VALUE | {"description": "What the origin says; null is nothing."},
        },
        "required": [
            "name",
            "value",
            "decidedBy",
            "boundedBy",
            "service",
            "appSpace",
            "origin",
        ],
    },
    "EffectivePolicy": {
        "type": "array",
        "items": {"$ref": "#/components/schemas/EffectiveSetting"},
    },
}

POLICY_API = (
    admin_operation(
        "getAppSpacePolicy",
        "GET",
        f"{SPACE}/policy",
        get_app_space_policy,
        {200: "EffectivePolicy"},
        query=NAMES,
    ),
    admin_operation(
        "getOriginPolicy",
        "GET",
        f"{ORIGIN}/policy",
        get_origin_policy,
        {200: "EffectivePolicy"},
        query=NAMES,
    ),
)
