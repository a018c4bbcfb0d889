"""Create a service: its keys, its database, and the first company with its origin."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import attrs

from counterseal import OPERATOR, Administration, Policy, Ports
from counterseal.errors import InvalidField
from counterseal.memory import memory_ports
from counterseal.models import Admin, Clients, Company, Scheme
from counterseal_keys import private_files
from counterseal_server.administration import Tenants
from counterseal_server.faces import PORTAL
from counterseal_server.head_memory import FileHeadMemory, chain_all
from counterseal_server.portal_links import create_link
from counterseal_server.runtime import Runtime

ADMIN = "first administrator"
"""The last record that is created: a service that never had one is not complete."""

EXISTS = "there is a company already; this is for new services"
INTERRUPTED = (
    "init was interrupted: there is a company, and no administrator. Create what is missing with"
    " counterseal admin; or delete the keys and the store, and run init again"
)


@attrs.frozen(kw_only=True)
class ServiceDraft:
    """
    The company, App Space, origin and administrator that a new service gets.

    Attributes:
        scheme: The origin's: `basic`, `hmac` or `signature`.
        admin_scheme: The first administrator's: `hmac` or `signature`; None is `signature` if the
            origin's is, else `hmac`.
        clients: The kind of the origin's programs.
        callbacks: Entries of the origin's allow-list.
    """

    company: str
    app_space: str
    origin: str
    scheme: str
    admin_scheme: str | None = None
    clients: Clients
    callbacks: tuple[str, ...] = ()


def service_exists(runtime: Runtime) -> bool:
    """
    Return whether there is a service with the keys of *runtime*.

    A store of an older release is not migrated: that release may still run.

    Raises:
        InvalidField: There are keys, but no company in the store: it may be lost, and a new service
            must not take its place unnoticed; or a creation was interrupted.
        SealBroken: The master key is not available.
        Unavailable: The database did not respond.
    """
    if not runtime.keys.signer.path.exists():
        return False
    schema = runtime.records.schema()
    if schema.present is not None and schema.is_outdated:
        return True
    runtime.prepare_records()
    runtime.demand_company()
    if not Administration(runtime.ports, runtime.policy, by=OPERATOR).list(None, Admin):
        raise InvalidField("data", INTERRUPTED)
    return True


def create_service(runtime: Runtime, draft: ServiceDraft) -> dict[str, Any]:
    """
    Create a service, and return the document that is printed once, with its secrets.

    Keys and a database of an earlier, interrupted attempt are used.

    Raises:
        InvalidField: There is a company already, or a value of the draft is invalid; or the portal
            is set and cannot be served.
        Refused: A value of the draft is invalid.
        SealBroken: The master key is not available.
        Unavailable: The database did not respond.
        OSError: A file cannot be written.
    """
    PORTAL.require(runtime.settings)
    # In memory first: an invalid draft leaves nothing behind.
    _populated(memory_ports(), runtime.policy, draft)
    # One process at a time, and no new keys beside records that other keys have sealed: a
    # service that lost its keys would start, but open no secret, and nobody would trust it.
    with _alone(runtime):
        runtime.records.create()
        administration = Administration(runtime.ports, runtime.policy, by=OPERATOR)
        if administration.list(None, Company):
            complete = administration.list(None, Admin)
            raise InvalidField("data", EXISTS if complete else INTERRUPTED)
        runtime.keys.create_missing()
        # Of an earlier attempt, or of a service whose store was deleted.
        FileHeadMemory(runtime.settings.data).forget()
        document = _populated(runtime.ports, runtime.policy, draft)
    if runtime.settings.portal:
        # With it the first administrator registers a passkey, and logs in to the portal.
        document["adminLink"] = create_link(runtime, document["adminGuid"])["link"]
    # From the first events on, it is found if somebody deletes the signed head.
    chain_all(runtime.audit_chain())
    return document


def _alone(runtime: Runtime) -> AbstractContextManager[None]:
    folder = runtime.settings.data
    if runtime.keys.signer.path.exists() and not os.access(folder, os.W_OK):
        # Nothing in it can change: its keys were created elsewhere.
        return nullcontext()
    return private_files.lock(private_files.make_folder(folder))


def _populated(ports: Ports, policy: Policy, draft: ServiceDraft) -> dict[str, Any]:
    tenants = Tenants(ports, policy)
    administration = tenants.administration
    with _called("company"):
        company = administration.create_company(draft.company)
    with _called("app-space"):
        app_space = administration.create_app_space(company.guid, draft.app_space)
    with _called("origin"):
        origin = tenants.origin(app_space.guid, draft.origin, draft.scheme, clients=draft.clients)
    for entry in draft.callbacks:
        administration.allow_callback(origin["requestOriginGuid"], entry)
    admin = tenants.credentials.create_admin(ADMIN, all_companies=True, scheme=_admin_scheme(draft))
    return {
        "companyGuid": company.guid,
        "appSpaceGuid": app_space.guid,
        **origin,
        "adminGuid": admin.guid,
        "adminKey": admin.secret,
    }


def _admin_scheme(draft: ServiceDraft) -> Scheme:
    if draft.admin_scheme is not None:
        return Scheme(draft.admin_scheme)
    return Scheme.SIGNATURE if Scheme(draft.scheme) is Scheme.SIGNATURE else Scheme.HMAC


@contextmanager
def _called(option: str) -> Iterator[None]:
    """Name the invalid one of the three names in the error."""
    try:
        yield
    except InvalidField as error:
        raise InvalidField(option, error.problem) from error
