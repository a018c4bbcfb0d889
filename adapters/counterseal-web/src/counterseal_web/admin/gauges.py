"""Gauges: the call of an administrator for the numbers of users, challenges and callbacks."""

from __future__ import annotations

from collections.abc import Mapping

from counterseal.models import Admin, Gauge, GaugeKey
from counterseal_web.admin.paths import GAUGES, admin_operation
from counterseal_web.calls import Call
from counterseal_web.members import read_guid
from counterseal_web.messages import Reply
from counterseal_web.schemas import COUNT, GUID, Schema
from counterseal_web.service import Service


def get_gauges(service: Service, call: Call, admin: Admin) -> Reply:
    """
    Return how many users and origins are active, challenges pending, and callbacks queued or dead.

    Each number is of one App Space, and of one of its origins where it concerns one; what is not
    there is zero. Commits keep the numbers, so nothing is counted for the call. A challenge counts
    as pending until a worker has expired it.
    """
    app_space = call.query.get("appSpaceGuid")
    gauges = service.gauges.read(
        app_space=None if app_space is None else read_guid(app_space, "appSpaceGuid"), by=admin
    )
    return Reply(document=gauges_document(gauges))


def gauges_document(gauges: Mapping[GaugeKey, int]) -> Mapping[str, object]:
    """Return *gauges* as the reply has them, in order."""
    ordered = sorted(gauges, key=lambda key: (key.app_space or "", key.origin or "", key.gauge))
    return {"gauges": [_gauge_document(key, gauges[key]) for key in ordered]}


def _gauge_document(key: GaugeKey, count: int) -> dict[str, object]:
    names = {"appSpaceGuid": key.app_space, "requestOriginGuid": key.origin}
    present = {name: guid for name, guid in names.items() if guid is not None}
    return present | {"gauge": key.gauge.value, "count": count}


GAUGE_SCHEMAS: dict[str, Schema] = {
    "Gauge": {
        "type": "object",
        "properties": {
            "appSpaceGuid": GUID,
            "requestOriginGuid": GUID,
            "gauge": {"enum": [gauge.value for gauge in Gauge]},
            "count": COUNT,
        },
        "required": ["gauge", "count"],
    },
    "Gauges": {
        "type": "object",
        "properties": {
            "gauges": {"type": "array", "items": {"$ref": "#/components/schemas/Gauge"}}
        },
        "required": ["gauges"],
    },
}

GAUGE_API = (
    admin_operation(
        "getGauges",
        "GET",
        GAUGES,
        get_gauges,
        {200: "Gauges"},
        query={"appSpaceGuid": "Only the numbers of this App Space."},
    ),
)
