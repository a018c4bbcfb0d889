"""Origins: the calls of an administrator for origins, their secrets, callbacks and deliveries."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

from counterseal.models import (
    Admin,
    CallbackType,
    Clients,
    DeliveryMode,
    NewOrigin,
    Origin,
    OriginChanges,
    Scheme,
)
from counterseal.tenancy.documents import read_settings
from counterseal.wire.members import read_optional_text, read_text
from counterseal_web.admin.documents import (
    backchannel_document,
    callback_document,
    delivery_document,
    origin_document,
)
from counterseal_web.admin.editable import read_changes
from counterseal_web.admin.paths import (
    CALLBACKS,
    DEAD_DELIVERIES,
    DELIVERY,
    ORIGIN,
    ORIGINS,
    REFUSED,
    admin_operation,
    app_space_of,
    created,
    delivery_of,
    entry_of,
    origin_of,
)
from counterseal_web.calls import Call
from counterseal_web.members import (
    read_choice,
    read_flag,
    read_guid,
    read_moment,
    read_number,
    read_object,
    read_optional_choice,
    read_seconds,
)
from counterseal_web.messages import Reply
from counterseal_web.operations import NOTHING
from counterseal_web.service import Service

AT_ONCE = 100


def create_origin(service: Service, call: Call, admin: Admin) -> Reply:
    """Create an origin, for CX clients unless the body says otherwise."""
    body = call.document
    settings = {"clients": Clients.CX} | read_changes(body, NewOrigin)
    origin = service.administration(by=admin).create_origin(
        app_space_of(service, call, admin).guid, read_text(body, "name"), **settings
    )
    return created(call, origin.guid, origin_document(origin))


def list_origins(service: Service, call: Call, admin: Admin) -> Reply:
    """Return an App Space's origins."""
    records = service.administration(by=admin).list(app_space_of(service, call, admin).guid, Origin)
    return Reply(document=[origin_document(each) for each in records])


def get_origin(service: Service, call: Call, admin: Admin) -> Reply:
    """Return an origin."""
    origin = origin_of(service, call, admin)
    return Reply(document=origin_document(origin))


def edit_origin(service: Service, call: Call, admin: Admin) -> Reply:
    """Edit an origin; members that are left out change nothing."""
    edited = service.administration(by=admin).edit_origin(
        origin_of(service, call, admin).guid,
        policy=read_settings(read_object(call.document, "policy")),
        **read_changes(call.document, OriginChanges),
    )
    return Reply(document=origin_document(edited))


def issue_key(service: Service, call: Call, admin: Admin) -> Reply:
    """Create a secret of an origin; an older one of this type ends after `overlap` seconds."""
    body = call.document
    scheme = read_choice(body.get("keyType"), Scheme, "keyType")
    issued = service.credentials(by=admin).issue(
        origin_of(service, call, admin).guid,
        scheme,
        overlap=read_seconds(body, "overlap") or timedelta(0),
    )
    return Reply(
        document={
            "requestOriginGuid": issued.guid,
            "keyType": issued.scheme.value,
            "key": issued.secret,
        }
    )


def revoke_keys(service: Service, call: Call, admin: Admin) -> Reply:
    """Revoke an origin's secrets; the origin stays."""
    service.credentials(by=admin).revoke(origin_of(service, call, admin).guid)
    return Reply(status=HTTPStatus.NO_CONTENT)


def revoke_key(service: Service, call: Call, admin: Admin) -> Reply:
    """Revoke one secret of an origin; the others stay, and one that has ended stays ended."""
    origin = origin_of(service, call, admin)
    key = read_guid(call.names["key"], "key")
    service.credentials(by=admin).revoke_credential(origin.guid, key)
    return Reply(status=HTTPStatus.NO_CONTENT)


def issue_callback_secret(service: Service, call: Call, admin: Admin) -> Reply:
    """Create the secret that signs an origin's callbacks; an older one also signs for a while."""
    overlap = read_seconds(call.document, "overlap") or timedelta(0)
    guid = origin_of(service, call, admin).guid
    secret = service.credentials(by=admin).issue_webhook_key(guid, overlap=overlap)
    return Reply(document={"requestOriginGuid": guid, "callbackSecret": secret})


def register_client(service: Service, call: Call, admin: Admin) -> Reply:
    """
    Make an origin a client of OpenID Connect CIBA; without `jwks`, its keys stay.

    So does `endpointAudiences`, if it is left out.

    A `jwks_uri` is not taken: the service fetches no keys of clients.
    """
    body = call.document
    origin = service.backchannel_clients(by=admin).register(
        origin_of(service, call, admin).guid,
        mode=read_choice(body.get("mode"), DeliveryMode, "mode"),
        notification_endpoint=read_optional_text(body, "notificationEndpoint"),
        jwks=None if body.get("jwks") is None else read_object(body, "jwks"),
        endpoint_audiences=read_flag(body, "endpointAudiences"),
    )
    return Reply(document=backchannel_document(origin))


def get_client(service: Service, call: Call, admin: Admin) -> Reply:
    """Return how an origin is a client of OpenID Connect CIBA."""
    return Reply(document=backchannel_document(origin_of(service, call, admin)))


def unregister_client(service: Service, call: Call, admin: Admin) -> Reply:
    """Make an origin a client of OpenID Connect CIBA no longer."""
    service.backchannel_clients(by=admin).unregister(origin_of(service, call, admin).guid)
    return Reply(status=HTTPStatus.NO_CONTENT)


def allow_callback(service: Service, call: Call, admin: Admin) -> Reply:
    """Add a URL to the allow-list, or with `callbackType` 2 a WebAuthn domain."""
    body = call.document
    url = read_text(body, "callbackUrl")
    kind = read_optional_choice(body, CallbackType, "callbackType") or CallbackType.ADDRESS
    guid = origin_of(service, call, admin).guid
    origin = service.administration(by=admin).allow_callback(guid, url, kind=kind)
    entry = next(each for each in origin.entries if each.type is kind and each.is_spelled(url))
    return created(call, entry.guid, callback_document(entry))


def list_callbacks(service: Service, call: Call, admin: Admin) -> Reply:
    """Return an origin's allow-list."""
    origin = origin_of(service, call, admin)
    return Reply(document=[callback_document(entry) for entry in origin.entries])


def get_callback(service: Service, call: Call, admin: Admin) -> Reply:
    """Return an entry of the allow-list."""
    entry = entry_of(origin_of(service, call, admin), call)
    return Reply(document=callback_document(entry))


def forbid_callback(service: Service, call: Call, admin: Admin) -> Reply:
    """Remove an entry from the allow-list."""
    origin = origin_of(service, call, admin)
    entry = entry_of(origin, call)
    service.administration(by=admin).forbid_entry(origin.guid, entry.guid)
    return Reply(status=HTTPStatus.NO_CONTENT)


def list_dead_deliveries(service: Service, call: Call, admin: Admin) -> Reply:
    """Return an origin's dead callbacks, oldest first; those beyond `limit` are left out."""
    limit = read_number(call.query, "limit")
    dead = service.callbacks.list_dead(
        origin_of(service, call, admin).guid, AT_ONCE if limit is None else limit, by=admin
    )
    return Reply(document=[delivery_document(each) for each in dead])


def list_all_dead_deliveries(service: Service, call: Call, admin: Admin) -> Reply:
    """
    Return the dead callbacks of all origins that the administrator reaches, oldest first.

    Those beyond `limit` are left out. `since` is about when a callback was created: when it died
    is not stored.
    """
    query = call.query
    limit, app_space = read_number(query, "limit"), query.get("appSpaceGuid")
    dead = service.callbacks.list_all_dead(
        AT_ONCE if limit is None else limit,
        app_space=None if app_space is None else read_guid(app_space, "appSpaceGuid"),
        since=read_moment(query, "since"),
        by=admin,
    )
    return Reply(document=[delivery_document(each) for each in dead])


def get_delivery(service: Service, call: Call, admin: Admin) -> Reply:
    """Return the state of a callback's delivery."""
    return Reply(document=delivery_document(delivery_of(service, call, admin)))


def requeue_delivery(service: Service, call: Call, admin: Admin) -> Reply:
    """Queue a dead callback again."""
    delivery = delivery_of(service, call, admin)
    return Reply(document=delivery_document(service.callbacks.requeue(delivery.guid, by=admin)))


ADMINISTERED_ORIGIN_API = (
    admin_operation(
        "newOrigin", "POST", f"{ORIGINS}/new", create_origin, {201: "Origin"}, takes="NewOrigin"
    ),
    admin_operation("getOrigins", "GET", ORIGINS, list_origins, {200: "Origins"}),
    admin_operation("getOrigin", "GET", ORIGIN, get_origin, {200: "Origin"}),
    admin_operation(
        "editOrigin", "PATCH", ORIGIN, edit_origin, {200: "Origin"}, takes="OriginEdit"
    ),
    admin_operation(
        "issueKey",
        "POST",
        f"{ORIGIN}/keyManagement",
        issue_key,
        {200: "IssuedKey"},
        takes="NewKey",
    ),
    admin_operation("revokeKeys", "DELETE", f"{ORIGIN}/keyManagement", revoke_keys, NOTHING),
    admin_operation("revokeKey", "DELETE", f"{ORIGIN}/keyManagement/{{key}}", revoke_key, NOTHING),
    admin_operation(
        "issueCallbackSecret",
        "POST",
        f"{ORIGIN}/callbackSecret",
        issue_callback_secret,
        {200: "CallbackSecret"},
        takes="Overlap",
    ),
    admin_operation(
        "registerClient",
        "POST",
        f"{ORIGIN}/ciba",
        register_client,
        {200: "BackchannelClient"},
        takes="NewBackchannelClient",
    ),
    admin_operation("getClient", "GET", f"{ORIGIN}/ciba", get_client, {200: "BackchannelClient"}),
    admin_operation("unregisterClient", "DELETE", f"{ORIGIN}/ciba", unregister_client, NOTHING),
    admin_operation(
        "newCallback",
        "POST",
        f"{CALLBACKS}/new",
        allow_callback,
        {201: "AllowedCallback"},
        takes="NewCallback",
    ),
    admin_operation("getCallbacks", "GET", CALLBACKS, list_callbacks, {200: "AllowedCallbacks"}),
    admin_operation(
        "getCallback", "GET", f"{CALLBACKS}/{{callback}}", get_callback, {200: "AllowedCallback"}
    ),
    admin_operation(
        "deleteCallback", "DELETE", f"{CALLBACKS}/{{callback}}", forbid_callback, NOTHING
    ),
    admin_operation(
        "getDeadDeliveries",
        "GET",
        f"{ORIGIN}/deadDeliveries",
        list_dead_deliveries,
        {200: "Deliveries"},
        query={"limit": "At most how many."},
    ),
    admin_operation(
        "getAllDeadDeliveries",
        "GET",
        DEAD_DELIVERIES,
        list_all_dead_deliveries,
        {200: "Deliveries"},
        query={
            "appSpaceGuid": "Only those of origins of this App Space.",
            "since": "Only those created at or after this time, such as `2030-01-31T09:00:00Z`.",
            "limit": "At most how many.",
        },
    ),
    admin_operation("getDelivery", "GET", DELIVERY, get_delivery, {200: "Delivery"}),
    admin_operation(
        "requeueDelivery",
        "POST",
        f"{DELIVERY}/requeue",
        requeue_delivery,
        {200: "Delivery"},
        refuses=(*REFUSED, "wrong_state"),
    ),
)
