"""OpenAPI 3.1: the description of all calls, made from the tables that make their routes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import msgspec

from counterseal import Policy
from counterseal.models.guid import SHAPE
from counterseal.narrowing import FIELDS
from counterseal_web.admin import ADMIN_API
from counterseal_web.admin.schemas import ADMIN_SCHEMAS
from counterseal_web.calls import Call
from counterseal_web.devices import DEVICE_API
from counterseal_web.inputs import MEDIA_TYPES
from counterseal_web.members import MOMENT
from counterseal_web.messages import JSON, PROBLEM, Reply, encode
from counterseal_web.operations import Audience, Operation, Payload
from counterseal_web.origins import ORIGIN_API
from counterseal_web.problems import STATUS_BY_PUBLIC_CODE
from counterseal_web.router import NAME
from counterseal_web.schemas import SCHEMAS, question_schema
from counterseal_web.service import Service

Document = dict[str, Any]

WIRE = "docs/reference/wire.md in the source of Counterseal"

SCHEMES: dict[str, Document] = {
    "basic": {"type": "http", "scheme": "basic", "description": "GUID and secret of an origin."},
    "cx1": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": f"CX1-HMAC-SHA256; see {WIRE}, Authorization of an origin.",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Signature",
        "description": "With `Signature-Input` and `Content-Digest`: RFC 9421, in the profile"
        f" of {WIRE}, Message signatures.",
    },
    "proof": {
        "type": "apiKey",
        "in": "header",
        "name": "Counterseal-Proof",
        "description": f"A device proof, a compact JWS; see {WIRE}, Device proofs.",
    },
}

SECURITY: dict[Audience, list[Document]] = {
    Audience.ORIGIN: [{"basic": []}, {"cx1": []}, {"signature": []}],
    Audience.DEVICE: [{"proof": []}],
    Audience.ADMIN: [{"cx1": []}, {"signature": []}],
    Audience.ANYBODY: [],
}

NUMBER: Document = {"type": "string", "pattern": "^[0-9]{1,4}$"}
GUIDS: Document = {"type": "string", "pattern": f"^({SHAPE}(,{SHAPE})*)?$"}
SETTING = f"({'|'.join(FIELDS)})"
SETTINGS: Document = {"type": "string", "pattern": f"^({SETTING}(,{SETTING})*)?$"}
PARAMETERS: dict[str, Document] = {
    "wait": NUMBER,
    "limit": NUMBER,
    "known": GUIDS,
    "names": SETTINGS,
    "prefix": {"type": "string"},
    "reason": {"type": "string"},
    "subject": {"type": "string", "pattern": f"^{SHAPE}$"},
    "event": {"type": "string", "pattern": r"^[a-z_]{1,32}\.[a-z_]{0,32}$"},
    "since": {"type": "string", "pattern": f"^{MOMENT}$"},
    "until": {"type": "string", "pattern": f"^{MOMENT}$"},
}
"""What a parameter of the query looks like, where it is not any text."""

ALWAYS = ("invalid_field", "too_large", "internal", "unavailable")
"""Problems of every call."""


LOCATION: Document = {
    "Location": {"description": "The address of what is there now.", "schema": {"type": "string"}}
}
RETRY_AFTER: Document = {
    "Retry-After": {
        "description": "Seconds to wait before the next call.",
        "schema": {"type": "integer", "minimum": 1},
    }
}
CHALLENGES: Document = {
    "WWW-Authenticate": {
        "description": "The schemes of the call (RFC 9110, 11.6.1).",
        "schema": {"type": "string"},
    },
    "Accept-Signature": {
        "description": "How to sign the message (RFC 9421, 5.1).",
        "schema": {"type": "string"},
    },
}
PROBLEM_HEADERS: dict[int, Document] = {
    HTTPStatus.UNAUTHORIZED: CHALLENGES,
    HTTPStatus.TOO_MANY_REQUESTS: RETRY_AFTER,
    HTTPStatus.SERVICE_UNAVAILABLE: RETRY_AFTER,
}
CREATED_OR_MOVED = frozenset({HTTPStatus.CREATED, HTTPStatus.SEE_OTHER})


def _webhook(name: str, summary: str, schema: str) -> Document:
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "description": "Signed as Standard Webhooks 1.0 says; it may come twice."
            f" See {WIRE}, Callbacks.",
            "parameters": [
                {
                    "name": header,
                    "in": "header",
                    "required": required,
                    "description": meaning,
                    "schema": {"type": "string"},
                }
                for header, required, meaning in (
                    ("webhook-id", True, "The same at every attempt."),
                    ("webhook-timestamp", True, "The attempt's time, seconds since the epoch."),
                    ("webhook-signature", False, "Absent if the origin has no callback secret."),
                )
            ],
            "requestBody": {
                "required": True,
                "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
            },
            "responses": {
                "2XX": {"description": "Recorded."},
                "410": {"description": "Not wanted: the service sends it no more."},
                "default": {"description": "Not recorded: the service sends it again later."},
            },
        }
    }


WEBHOOKS: Document = {
    "requestEnded": _webhook(
        "requestEnded", "Sent to the request's `callback` when it has ended.", "Request"
    ),
    "accountEvent": _webhook(
        "accountEvent",
        "Sent to the origin's `eventsUrl`: what happened to an account. A later event of an account"
        " is not sent before the earlier one is delivered or dead.",
        "AccountEvent",
    ),
}


def openapi(operations: Iterable[Operation], root: str, policy: Policy) -> Document:
    """
    Return the description.

    Args:
        operations: What to describe.
        root: The public address before the paths.
        policy: What the service allows.
    """
    paths: dict[str, Document] = defaultdict(dict)
    for operation in operations:
        paths[operation.path][operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Counterseal", "version": "1"},
        "servers": [{"url": root}],
        "paths": dict(paths),
        "webhooks": WEBHOOKS,
        "components": {
            "schemas": SCHEMAS
            | ADMIN_SCHEMAS
            | {"Question": question_schema(policy.buttons_limit)},
            "securitySchemes": SCHEMES,
        },
    }


def _operation(operation: Operation) -> Document:
    described: Document = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.audience.value],
        "security": SECURITY[operation.audience],
        "parameters": _parameters(operation),
        "responses": _successes(operation) | _problems(operation),
    }
    if operation.takes is not None:
        schema = {"$ref": f"#/components/schemas/{operation.takes}"}
        described["requestBody"] = {
            "required": True,
            "content": {name: {"schema": schema} for name in MEDIA_TYPES[operation.payload]},
        }
    return described


def _parameters(operation: Operation) -> list[Document]:
    parameters: list[Document] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in NAME.findall(operation.path)
    ]
    parameters += [
        {
            "name": name,
            "in": "query",
            "required": name in operation.needs,
            "description": meaning,
            "schema": PARAMETERS.get(name, {"type": "string", "minLength": 1}),
        }
        for name, meaning in (*operation.needs.items(), *operation.query.items())
    ]
    if operation.by_key:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "The same key with the same body does the same thing once.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 256},
            }
        )
    return parameters


def _successes(operation: Operation) -> Document:
    responses: Document = {}
    for status, name in operation.gives.items():
        response: Document = {"description": HTTPStatus(status).phrase}
        if name is not None:
            schema = {"$ref": f"#/components/schemas/{name}"}
            response["content"] = {operation.media_type: {"schema": schema}}
        headers = _success_headers(operation)
        if headers:
            response["headers"] = headers
        responses[str(status)] = response
    return responses


def _success_headers(operation: Operation) -> Document:
    # One that creates says where, also if it was there already.
    location = LOCATION if CREATED_OR_MOVED & operation.gives.keys() else {}
    return location | (RETRY_AFTER if "wait" in operation.query else {})


def statuses(operation: Operation) -> frozenset[int]:
    """Return every status that the description says of *operation*."""
    return frozenset(map(int, (*operation.gives, *_by_status(operation))))


def _by_status(operation: Operation) -> dict[int, list[str]]:
    words = {*ALWAYS, *operation.refuses}
    if operation.audience in {Audience.ORIGIN, Audience.ADMIN}:
        words.add("unauthorized")
    if operation.payload is not Payload.NONE:
        words.add("unsupported_media_type")
    by_status: dict[int, list[str]] = defaultdict(list)
    for word in sorted(words):
        by_status[STATUS_BY_PUBLIC_CODE[word]].append(word)
    return by_status


def _problems(operation: Operation) -> Document:
    by_status = _by_status(operation)
    return {
        str(int(status)): {
            "description": ", ".join(f"`{word}`" for word in by_status[status]),
            "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        | ({"headers": PROBLEM_HEADERS[status]} if status in PROBLEM_HEADERS else {})
        for status in sorted(by_status)
    }


def describe(service: Service, call: Call) -> Reply:
    """Return this description: every call that is served."""
    administration = service.settings.administration
    return Reply(document=_described(call.root, service.policy, administration=administration))


# Anybody may call it, and it is the same each time. A host that mounts the API has few roots.
@lru_cache(maxsize=16)
def _described(root: str, policy: Policy, *, administration: bool) -> msgspec.Raw:
    served = (*OPERATIONS, *ADMIN_API) if administration else OPERATIONS
    return msgspec.Raw(encode(openapi(served, root, policy)))


DESCRIPTION = Operation(
    "describe", "GET", "/openapi.json", describe, {200: "Description"}, audience=Audience.ANYBODY
)

OPERATIONS = (*ORIGIN_API, *DEVICE_API, DESCRIPTION)
"""Every call but those of administrators; the service's own are also served under `/api`."""
