"""
Wiring: the adapters, the tenancy and the use cases of this process, made at their first use.

A process that was forked makes others, and so does a test whose alias has another database.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import Any

import attrs
from sqlalchemy import URL

import counterseal as cs
from counterseal.memory import memory_ports
from counterseal.models import RelyingParty
from counterseal_asgi import AsgiApplication, closing_on_signal
from counterseal_django.configuration import Configuration, configuration
from counterseal_django.site_actions import SITE_ACTIONS
from counterseal_django.store import (
    StoreDatabase,
    address_of_alias,
    connect_to,
    require_test_store,
    with_alias,
)
from counterseal_keys import KeyFiles
from counterseal_keys.key_files import MASTER_FILE, SIGNING_FILE
from counterseal_web import Application, Service

KEY_NAMES = (MASTER_FILE, SIGNING_FILE)
"""The files in the folder of the keys."""


class Approvals:
    """
    Counterseal in this process, for the one origin of the project.

    Args:
        config: What `settings.COUNTERSEAL` says.
        service: The use cases.
        party: Who asks.
        database: Where the records are; None for a fake in memory.

    Attributes:
        configuration: What `settings.COUNTERSEAL` says.
        service: Every use case, such as `service.challenges`.
        party: The origin in its App Space: who asks.
        database: Where the records are; None for a fake in memory.
    """

    def __init__(
        self,
        config: Configuration,
        service: Service,
        party: RelyingParty,
        database: StoreDatabase | None,
    ) -> None:
        self.configuration = config
        self.service = service
        self.party = party
        self.database = database
        self._signals = ExitStack()
        self._watches_signals = False

    @cached_property
    def application(self) -> Application:
        """Return the HTTP API, for threads."""
        return Application(self.service)

    @cached_property
    def asgi_application(self) -> AsgiApplication:
        """Return the HTTP API, for an event loop."""
        return AsgiApplication(self.service)

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
        with self.service.call():
            return self.service.accounts.has_device(self.party, self.account_id(user))

    def invite(self, user: Any) -> str:
        """
        Return the link that opens the browser device and binds it to *user*, for a few minutes.

        It is a secret: anyone with it can approve for *user*. Show it on a page of the user's own
        session that nobody stores, never in a mail or a log.

        Raises:
            AccountLocked: The account is locked.
            InvalidField: The account id does not fit.
            Unavailable: The store failed.
        """
        with self.service.call():
            invitation = self.service.invitations.invite(self.party, self.account_id(user))
        return self.service.bind_link(invitation)

    def devices_link(self, user: Any) -> str:  # noqa: ARG002 (the app knows its accounts itself)
        """Return the address of the browser device, where *user* answers and sees the devices."""
        return f"{self.service.settings.app_url}/"

    def close_on_signal(self) -> None:
        """End what waits when the process of this event loop gets SIGINT or SIGTERM."""
        if not self._watches_signals:
            self._watches_signals = True
            self._signals.enter_context(closing_on_signal(self.service))

    def close(self) -> None:
        """End what waits, and close the connections."""
        self.service.close()
        if self.database is not None:
            self.database.close()


def key_files(config: Configuration) -> KeyFiles:
    """Return the keys of the service."""
    ports = memory_ports()
    return KeyFiles(config.keys, ports.entropy, ports.clock)


def has_keys(config: Configuration) -> bool:
    """Tell whether the folder has the files of the keys."""
    return all((config.keys / name).exists() for name in KEY_NAMES)


def make_approvals(config: Configuration, database: StoreDatabase) -> Approvals:
    """
    Return Counterseal on *database*; the first call of all creates the tenancy.

    Raises:
        SettingDiffers: The tenancy is stored with another name; `field` says which.
        Unavailable: The store failed.
    """
    keys = key_files(config)
    ports = attrs.evolve(
        memory_ports(), signer=keys.signer, sealer=keys.sealer, actions=SITE_ACTIONS
    )
    ports = config.ports(with_alias(ports, database))
    party = cs.Administration(ports, config.policy, by=cs.OPERATOR).ensure_tenancy(
        config.tenancy, company=config.company, app_space=config.app_space, origin=config.origin
    )
    service = Service(ports, config.policy, config.http, call=database.call)
    return Approvals(config, service, party, database)


class _Process:
    """What one process has made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: tuple[Configuration, URL, Approvals] | None = None
        self.fakes: list[Approvals] = []

    def approvals(self) -> Approvals:
        """Return those of the settings and of the alias as they are now."""
        if self.fakes:
            return self.fakes[-1]
        config, url = configuration(), address_of_alias()
        require_test_store(url)
        current = self._current
        if current is not None and current[0] == config and current[1] == url:
            return current[2]
        with self._lock:
            current = self._current
            if current is None or current[0] != config or current[1] != url:
                self.close()
                database = connect_to(url, config.connections)
                current = self._current = (config, url, make_approvals(config, database))
            return current[2]

    def close(self) -> None:
        """Close them."""
        if self._current is not None:
            approvals_of_before = self._current[2]
            self._current = None
            approvals_of_before.close()


_process = _Process()
_of_parents: list[_Process] = []
"""Never used again, and never freed: their connections are shared with the parent process."""


def approvals() -> Approvals:
    """
    Return those of this process; the first call makes them, and needs the tables and the keys.

    Raises:
        UnfitSettings: `settings.COUNTERSEAL` does not fit.
        UnfitDatabase: The alias does not fit.
        StoreOutsideTest: A test has no store.
        SettingDiffers: The tenancy is stored with another name; `field` says which.
        Unavailable: The store or the keys failed.
    """
    return _process.approvals()


def close_approvals() -> None:
    """Close those of this process; the next call of `approvals` makes others."""
    _process.close()


@contextmanager
def replaced_approvals(fake: Approvals) -> Iterator[Approvals]:
    """Let `approvals` return *fake*."""
    _process.fakes.append(fake)
    try:
        yield fake
    finally:
        _process.fakes.remove(fake)


def _after_fork() -> None:
    global _process  # noqa: PLW0603 (the one of this process)
    _of_parents.append(_process)
    _process = _Process()


os.register_at_fork(after_in_child=_after_fork)
