"""Delivery calls: what is done when an administrator sees to an origin's callbacks."""

from __future__ import annotations

from counterseal.models import Admin
from counterseal_web.admin_documents import delivery_document
from counterseal_web.admin_places import delivery_of, origin_of
from counterseal_web.calls import Call
from counterseal_web.members import number
from counterseal_web.messages import Reply
from counterseal_web.service import Service

AT_ONCE = 100


def dead_deliveries(service: Service, call: Call, admin: Admin) -> Reply:
    """Return an origin's dead callbacks, oldest first; those beyond `limit` are left out."""
    limit = number(call.query, "limit")
    dead = service.callbacks.list_dead(
        origin_of(service, call, admin).guid, AT_ONCE if limit is None else limit, by=admin
    )
    return Reply(document=[delivery_document(each) for each in dead])


def delivery(service: Service, call: Call, admin: Admin) -> Reply:
    """Return how the delivery of a callback stands."""
    return Reply(document=delivery_document(delivery_of(service, call, admin)))


def requeue_delivery(service: Service, call: Call, admin: Admin) -> Reply:
    """Queue a dead callback again."""
    held = delivery_of(service, call, admin)
    return Reply(document=delivery_document(service.callbacks.requeue(held.guid, by=admin)))
