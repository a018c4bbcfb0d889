"""The description of the HTTP API within the OpenAPI document of the app that it is mounted in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from counterseal.errors import InvalidField
from counterseal_web.admin import ADMIN_API
from counterseal_web.description import OPERATIONS, Document, openapi
from counterseal_web.service import Service

NAME = "counterseal"
"""Before each name of ours in the app's document, which has names of its own."""

REFERENCE = "#/components/schemas/"


def merge_description(document: Mapping[str, Any], service: Service, prefix: str) -> Document:
    """
    Return *document* with the calls of the HTTP API under *prefix*.

    Names of schemas, of security schemes, of operations and of tags begin with `counterseal`.

    Args:
        document: The app's own OpenAPI 3.1 document; it stays as it is.
        service: The use cases, and the settings, which say whether administrators are served.
        prefix: Where the API is mounted, such as `/auth`.

    Raises:
        InvalidField: *document* describes one of these paths already.
    """
    operations = (*OPERATIONS, *ADMIN_API) if service.settings.administration else OPERATIONS
    described = openapi(operations, service.settings.public_url, service.policy)
    paths = {
        prefix + path: {method: _rename(operation) for method, operation in methods.items()}
        for path, methods in described["paths"].items()
    }
    own_paths = document.get("paths", {})
    for path in paths:
        if path in own_paths:
            raise InvalidField("document", f"it has the path {path} already")
    components = dict(document.get("components", {}))
    for kind in ("schemas", "securitySchemes"):
        renamed = {
            f"{NAME}_{name}": _refer(value) for name, value in described["components"][kind].items()
        }
        components[kind] = {**components.get(kind, {}), **renamed}
    webhooks = {
        f"{NAME}_{name}": {method: _rename(operation) for method, operation in methods.items()}
        for name, methods in described["webhooks"].items()
    }
    return {
        **document,
        "paths": {**own_paths, **paths},
        "webhooks": {**document.get("webhooks", {}), **webhooks},
        "components": components,
    }


def _rename(operation: Document) -> Document:
    renamed: Document = _refer(operation)
    renamed["operationId"] = f"{NAME}_{operation['operationId']}"
    renamed["tags"] = [f"{NAME}: {tag}" for tag in operation.get("tags", ["webhook"])]
    if "security" in operation:
        renamed["security"] = [
            {f"{NAME}_{name}": scopes for name, scopes in scheme.items()}
            for scheme in operation["security"]
        ]
    return renamed


def _refer(value: Any) -> Any:
    """Return *value* with references to schemas by their names in the app's document."""
    if isinstance(value, dict):
        return {name: _refer(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_refer(item) for item in value]
    if isinstance(value, str) and value.startswith(REFERENCE):
        return f"{REFERENCE}{NAME}_{value.removeprefix(REFERENCE)}"
    return value
