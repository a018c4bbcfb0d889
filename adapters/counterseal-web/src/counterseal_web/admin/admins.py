"""Admins: the calls of an administrator for administrators, their links and their sessions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import counterseal as cs
from counterseal.models import Admin, AdminRole, Guid, Scheme
from counterseal.wire.members import format_time, read_text
from counterseal_web.admin.documents import admin_document, session_document
from counterseal_web.admin.paths import (
    ADMIN,
    ADMINS,
    SESSION,
    WITHIN,
    admin_operation,
)
from counterseal_web.calls import Call
from counterseal_web.members import (
    read_choice,
    read_flag,
    read_guid,
    read_optional_choice,
    read_seconds,
)
from counterseal_web.messages import Reply
from counterseal_web.operations import NOTHING
from counterseal_web.service import Service


def create_admin(service: Service, call: Call, admin: Admin) -> Reply:
    """
    Create an administrator, for `life` seconds or as long as the one who asks.

    A `company_admin` has its `companyGuid`, or says `allCompanies`; the others have their
    `appSpaceGuid`.
    """
    body = call.document
    issued = service.credentials(by=admin).create_admin(
        read_text(body, "name"),
        role=read_choice(body.get("role"), AdminRole, "role"),
        company=_parent(body, "companyGuid"),
        app_space=_parent(body, "appSpaceGuid"),
        all_companies=read_flag(body, "allCompanies") or False,
        life=read_seconds(body, "life"),
        scheme=read_optional_choice(body, Scheme, "keyType") or Scheme.HMAC,
    )
    return Reply(
        status=HTTPStatus.CREATED,
        document=_secret_document(issued),
        headers={"Location": f"{call.root}/admin/api/admins/{issued.guid}"},
    )


def create_person(service: Service, call: Call, admin: Admin) -> Reply:
    """
    Create an administrator who is a person: without a key, for log-ins to the portal.

    It is in force for `life` seconds, or as long as the one who asks.
    """
    body = call.document
    person = service.credentials(by=admin).create_person(
        read_text(body, "name"),
        role=read_choice(body.get("role"), AdminRole, "role"),
        company=_parent(body, "companyGuid"),
        app_space=_parent(body, "appSpaceGuid"),
        all_companies=read_flag(body, "allCompanies") or False,
        life=read_seconds(body, "life"),
    )
    return Reply(
        status=HTTPStatus.CREATED,
        document=admin_document(person),
        headers={"Location": f"{call.root}/admin/api/admins/{person.guid}"},
    )


def create_link(service: Service, call: Call, admin: Admin) -> Reply:
    """
    Create a one-time link with which an administrator registers a passkey at the portal.

    Every earlier link ends, opened or not: no browser registers a passkey by it any more.
    """
    issued = service.sessions.create_link(_admin(call), by=admin)
    return Reply(
        document={
            "adminGuid": issued.admin.guid,
            "sessionGuid": issued.session.guid,
            "token": issued.token,
            "validUntil": format_time(issued.session.deadline),
        }
    )


def list_sessions(service: Service, call: Call, admin: Admin) -> Reply:
    """Return where an administrator is logged in, and the open link, oldest first."""
    sessions = service.sessions.list(_admin(call), by=admin)
    return Reply(document=[session_document(each) for each in sessions])


def revoke_session(service: Service, call: Call, admin: Admin) -> Reply:
    """End a session or a link of an administrator."""
    service.sessions.revoke(read_guid(call.names["session"], "session"), by=admin)
    return Reply(status=HTTPStatus.NO_CONTENT)


def list_admins(service: Service, call: Call, admin: Admin) -> Reply:
    """Return the administrators of an App Space, of a company, or of all companies."""
    parent = _parent(call.query, "appSpaceGuid") or _parent(call.query, "companyGuid")
    records = service.administration(by=admin).list(parent, Admin)
    return Reply(document=[admin_document(each) for each in records])


def get_admin(service: Service, call: Call, admin: Admin) -> Reply:
    """Return an administrator."""
    record = service.administration(by=admin).get(_admin(call), Admin)
    return Reply(document=admin_document(record))


def rotate_admin(service: Service, call: Call, admin: Admin) -> Reply:
    """Create a secret of an administrator; an older one ends after `overlap` seconds."""
    body = call.document
    issued = service.credentials(by=admin).rotate_admin(
        _admin(call),
        scheme=read_optional_choice(body, Scheme, "keyType"),
        overlap=read_seconds(body, "overlap") or timedelta(0),
    )
    return Reply(document=_secret_document(issued))


def revoke_admin(service: Service, call: Call, admin: Admin) -> Reply:
    """Revoke an administrator's secrets."""
    service.credentials(by=admin).revoke_admin(_admin(call))
    return Reply(status=HTTPStatus.NO_CONTENT)


def _secret_document(issued: cs.IssuedSecret) -> dict[str, str]:
    return {"adminGuid": issued.guid, "keyType": issued.scheme.value, "key": issued.secret}


def _admin(call: Call) -> Guid:
    return read_guid(call.names["admin"], "admin")


def _parent(members: Mapping[str, Any], name: str) -> Guid | None:
    return None if members.get(name) is None else read_guid(read_text(members, name), name)


ADMINISTRATOR_API = (
    admin_operation(
        "newAdmin", "POST", f"{ADMINS}/new", create_admin, {201: "AdminKey"}, takes="NewAdmin"
    ),
    admin_operation("getAdmins", "GET", ADMINS, list_admins, {200: "Administrators"}, query=WITHIN),
    admin_operation("getAdmin", "GET", ADMIN, get_admin, {200: "Administrator"}),
    admin_operation(
        "rotateAdmin",
        "POST",
        f"{ADMIN}/keyManagement",
        rotate_admin,
        {200: "AdminKey"},
        takes="NewAdminKey",
    ),
    admin_operation(
        "newPerson",
        "POST",
        f"{ADMINS}/newPerson",
        create_person,
        {201: "Administrator"},
        takes="NewPerson",
    ),
    admin_operation("newLink", "POST", f"{ADMIN}/link", create_link, {200: "AdminLink"}),
    admin_operation("getSessions", "GET", f"{ADMIN}/sessions", list_sessions, {200: "Sessions"}),
    admin_operation("revokeSession", "DELETE", SESSION, revoke_session, NOTHING),
    admin_operation("revokeAdmin", "DELETE", f"{ADMIN}/keyManagement", revoke_admin, NOTHING),
)
