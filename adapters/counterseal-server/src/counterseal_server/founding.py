"""Founding a service: its keys, its database, and the first company with all it needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs

from counterseal import OPERATOR, Administration, Policy, Ports
from counterseal.errors import InvalidField
from counterseal.memory import memory_ports
from counterseal.models import Clients, Company, Scheme
from counterseal_keys import private_files
from counterseal_server.administration import Tenants
from counterseal_server.house import House

ADMIN = "first administrator"


@attrs.frozen(kw_only=True)
class Wish:
    """
    What is to be founded.

    Attributes:
        scheme: The origin's: `basic`, `hmac` or `signature`.
        admin_scheme: The first administrator's: `hmac` or `signature`; None is `signature` if the
            origin's is, else `hmac`.
        clients: For which programs the origin is set up.
        callbacks: Entries of the origin's allow-list.
    """

    company: str
    app_space: str
    origin: str
    scheme: str
    admin_scheme: str | None = None
    clients: Clients
    callbacks: tuple[str, ...] = ()


def found(house: House, wish: Wish) -> dict[str, Any]:
    """
    Found a service, and return what is told once.

    What an earlier try left unfinished is used again.

    Raises:
        InvalidField: There is a company already, or something of the wish does not fit.
        Refused: Something of the wish does not fit.
        SealBroken: The master key is out of reach.
        Unavailable: The database did not answer.
        OSError: A file cannot be written.
    """
    # In memory first: a wish that does not fit leaves nothing behind.
    _populated(memory_ports(), house.policy, wish)
    # One process at a time, and no keys beside records that others have sealed: a service that
    # has lost its keys would come up again, and neither open what is there nor be believed.
    with private_files.lock(private_files.make_folder(house.settings.data)):
        house.records.prepare()
        if Administration(house.ports, house.policy, by=OPERATOR).list(None, Company):
            raise InvalidField("data", "there is a company already; this is for new services")
        house.keys.create_missing()
        return _populated(house.ports, house.policy, wish)


def _populated(ports: Ports, policy: Policy, wish: Wish) -> dict[str, Any]:
    act = Tenants(ports, policy)
    administration = act.administration
    with _called("company"):
        company = administration.create_company(wish.company)
    with _called("app-space"):
        app_space = administration.create_app_space(company.guid, wish.app_space)
    with _called("origin"):
        origin = act.origin(app_space.guid, wish.origin, wish.scheme, clients=wish.clients)
    for entry in wish.callbacks:
        administration.allow_callback(origin["requestOriginGuid"], entry)
    admin = act.credentials.create_admin(ADMIN, all_companies=True, scheme=_admin_scheme(wish))
    return {
        "companyGuid": company.guid,
        "appSpaceGuid": app_space.guid,
        **origin,
        "adminGuid": admin.guid,
        "adminKey": admin.secret,
    }


def _admin_scheme(wish: Wish) -> Scheme:
    if wish.admin_scheme is not None:
        return Scheme(wish.admin_scheme)
    return Scheme.SIGNATURE if Scheme(wish.scheme) is Scheme.SIGNATURE else Scheme.HMAC


@contextmanager
def _called(option: str) -> Iterator[None]:
    """Three names are given: say which of them does not fit."""
    try:
        yield
    except InvalidField as error:
        raise InvalidField(option, error.problem) from error
