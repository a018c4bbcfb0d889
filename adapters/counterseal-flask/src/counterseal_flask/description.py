"""The description: every call in one table, and the call that returns it as OpenAPI."""

from __future__ import annotations

from counterseal_flask.admin_api import ADMIN_API
from counterseal_flask.device_api import DEVICE_API
from counterseal_flask.messages import Message, Reply
from counterseal_flask.openapi import openapi
from counterseal_flask.operations import Audience, Operation
from counterseal_flask.service import Service
from counterseal_flask.service_api import SERVICE_API


def describe(service: Service, asked: Message) -> Reply:
    """Return the description of every call that is served."""
    served = (*OPERATIONS, *ADMIN_API) if service.settings.administration else OPERATIONS
    return Reply(document=openapi(served, asked.root))


DESCRIPTION = Operation(
    id="describe",
    method="GET",
    path="/openapi.json",
    audience=Audience.ANYBODY,
    summary="This description.",
    handler=describe,
    gives={200: "Description"},
)

OPERATIONS = (*SERVICE_API, *DEVICE_API, DESCRIPTION)
"""Every call but those of administrators; the service's own are also served under `/api`."""
