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
    """Return this description: every call that is served."""
    served = (*OPERATIONS, *ADMIN_API) if service.settings.administration else OPERATIONS
    return Reply(document=openapi(served, asked.root))


DESCRIPTION = Operation(
    "describe", "GET", "/openapi.json", describe, {200: "Description"}, audience=Audience.ANYBODY
)

OPERATIONS = (*SERVICE_API, *DEVICE_API, DESCRIPTION)
"""Every call but those of administrators; the service's own are also served under `/api`."""
