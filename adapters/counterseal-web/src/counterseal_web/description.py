"""The description: every call in one table, and the call that returns it as OpenAPI."""

from __future__ import annotations

from counterseal_web.admin_api import ADMIN_API
from counterseal_web.calls import Call
from counterseal_web.device_api import DEVICE_API
from counterseal_web.messages import Reply
from counterseal_web.openapi import openapi
from counterseal_web.operations import Audience, Operation
from counterseal_web.service import Service
from counterseal_web.service_api import SERVICE_API


def describe(service: Service, call: Call) -> Reply:
    """Return this description: every call that is served."""
    served = (*OPERATIONS, *ADMIN_API) if service.settings.administration else OPERATIONS
    return Reply(document=openapi(served, call.root))


DESCRIPTION = Operation(
    "describe", "GET", "/openapi.json", describe, {200: "Description"}, audience=Audience.ANYBODY
)

OPERATIONS = (*SERVICE_API, *DEVICE_API, DESCRIPTION)
"""Every call but those of administrators; the service's own are also served under `/api`."""
