"""
Wiring: the adapters, the tenancy and the use cases of this process, made at their first use.

A server that forks, and a test runner that gives the alias another database, each get others.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import attrs
from sqlalchemy import URL

import counterseal as cs
from counterseal.memory import memory_ports
from counterseal.models import RelyingParty
from counterseal_django.configuration import Configuration, configuration
from counterseal_django.store import StoreDatabase, address_of_alias, connect_to
from counterseal_keys import KeyFiles
from counterseal_sql import with_sql
from counterseal_web import Application, Service


class Approvals:
    """
    Counterseal in this process, for the one origin of the project.

    Attributes:
        configuration: What `settings.COUNTERSEAL` says.
        service: Every use case, such as `service.challenges`.
        party: The origin in its App Space: who asks.
        application: The HTTP API over `service`.
    """

    def __init__(self, config: Configuration, service: Service, party: RelyingParty) -> None:
        self.configuration = config
        self.service = service
        self.party = party
        self.application = Application(service)

    def account_id(self, user: Any) -> str:
        """Return the id that the account of *user* has in the App Space."""
        return self.configuration.account_id(user)

    def has_device(self, user: Any) -> bool:
        """
        Tell whether *user* has a device that can be asked.

        Raises:
            InvalidField: The account id does not fit.
            Unavailable: The store failed.
        """
        return self.service.accounts.has_device(self.party, self.account_id(user))

    def invite(self, user: Any) -> str:
        """
        Return the link that opens the browser device and binds it to *user*, for a few minutes.

        It is a secret: anyone with it can approve for *user*. Show it on a page of *user*'s own
        session that nobody stores, never in a mail or a log.

        Raises:
            AccountLocked: The account is locked.
            InvalidField: The account id does not fit.
            Unavailable: The store failed.
        """
        invitation = self.service.invitations.invite(self.party, self.account_id(user))
        settings = self.service.settings
        return invitation.link(public_url=settings.public_url, app_url=settings.app_url)

    def devices_link(self, user: Any) -> str:  # noqa: ARG002 (the app knows its accounts itself)
        """Return the address of the browser device, where *user* answers and sees the devices."""
        return f"{self.service.settings.app_url}/"

    def close(self) -> None:
        """End what waits."""
        self.service.close()


def approvals() -> Approvals:
    """
    Return the one of this process; its first call makes it, and needs the tables and the keys.

    Raises:
        UnfitSettings: `settings.COUNTERSEAL` does not fit.
        UnfitDatabase: The alias does not fit.
        StoreOutsideTest: A test has no store.
        SettingDiffers: The tenancy is stored with another name; `field` says which.
        Unavailable: The store or the keys failed.
    """
    return _process.approvals()


class _Process:
    """What one process has; a child after a fork has another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: tuple[Configuration, URL, StoreDatabase, Approvals] | None = None

    def approvals(self) -> Approvals:
        config, url = configuration(), address_of_alias()
        made = self._made
        if made is not None and made[0] is config and made[1] == url:
            return made[3]
        with self._lock:
            made = self._made
            if made is None or made[0] is not config or made[1] != url:
                self._close()
                database = connect_to(url, config.connections)
                made = self._made = (config, url, database, make_approvals(config, database))
            return made[3]

    def _close(self) -> None:
        if self._made is not None:
            _, _, database, approvals_of_before = self._made
            self._made = None
            approvals_of_before.close()
            database.close()


def make_ports(config: Configuration, database: StoreDatabase) -> cs.Ports:
    """Return the adapters of the project: its database, its keys, and what `PORTS` puts in."""
    ports = memory_ports()
    keys = KeyFiles(config.keys, ports.entropy, ports.clock)
    ports = attrs.evolve(ports, signer=keys.signer, sealer=keys.sealer)
    return config.ports(with_sql(ports, database))


def make_approvals(config: Configuration, database: StoreDatabase) -> Approvals:
    """Return Counterseal on *database*; the first call of all creates the tenancy."""
    ports = make_ports(config, database)
    party = cs.Administration(ports, config.policy, by=cs.OPERATOR).ensure_tenancy(
        config.tenancy, company=config.company, app_space=config.app_space, origin=config.origin
    )
    service = Service(ports, config.policy, config.http, call=database.call)
    return Approvals(config, service, party)


_process = _Process()
_of_parents: list[_Process] = []
"""Never used again, and never freed: their connections are shared with the parent's."""


def _after_fork() -> None:
    global _process  # noqa: PLW0603 (the one of this process)
    _of_parents.append(_process)
    _process = _Process()


os.register_at_fork(after_in_child=_after_fork)
