"""
The runtime: every port of the service, put together from the settings.

It is opened in the process that uses it: connections do not survive a fork.
"""

from __future__ import annotations

from datetime import timedelta
from types import TracebackType
from typing import Self

from counterseal import OPERATOR, Administration, Policy, Ports
from counterseal.errors import InvalidField
from counterseal.memory import (
    MemoryAudit,
    MemoryCounters,
    MemoryIdempotency,
    MemoryReplayGuard,
    MemoryStore,
    MemoryWake,
    SystemClock,
    SystemEntropy,
)
from counterseal.models import Admin, Company
from counterseal_http import HttpCallbackSender
from counterseal_keys import KeyFiles, sealing_key_id
from counterseal_server.callback_reach import callback_guard, callback_policy
from counterseal_server.channels import channels
from counterseal_server.providers import Providers
from counterseal_server.records import Records, opened
from counterseal_server.settings import Settings

FORGET_AFTER = timedelta(hours=1)
"""Longer than any clock of ours is wrong."""


class Runtime:
    """
    The ports of the service, and what has to be closed after use.

    Attributes:
        settings: What it was made from.
        ports: Every port.
        policy: What the service allows.
        channels: By what it sends push messages.
        records: Where they are.
        keys: The master keys and the signing keys.

    Raises:
        InvalidField: The address of the records does not fit.
        UnfitUrl: It is of another kind.
        UnfitMasterKey: The environment's master key is not 32 bytes in base64.
        Unavailable: A Redis cluster did not say which servers it has.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.policy: Policy = callback_policy(settings)
        clock, entropy = SystemClock(), SystemEntropy()
        self.keys = KeyFiles(
            settings.keys_folder,
            entropy,
            master_key=settings.master_key,
            master_key_file=settings.master_key_file,
        )
        self._sender = HttpCallbackSender(
            callback_guard(settings), clock, connections=max(1, settings.senders)
        )
        self.channels = channels(settings, clock, entropy)
        self._providers = Providers(settings, self.keys.sealer, clock, entropy)
        self.records: Records = opened(
            settings.database_file if settings.store is None else settings.store
        )
        audit = MemoryAudit()
        self.ports: Ports = self.records.joined(
            Ports(
                # Those in memory that store something give way at once.
                store=MemoryStore(audit),
                replay=MemoryReplayGuard(clock),
                counters=MemoryCounters(clock),
                idempotency=MemoryIdempotency(),
                audit=audit,
                notifier=self.channels,
                identity=self._providers,
                sender=self._sender,
                wake=MemoryWake(),
                signer=self.keys.signer,
                sealer=self.keys.sealer,
                clock=clock,
                entropy=entropy,
            )
        )

    def prepare(self) -> None:
        """
        Look at what has to be there before anybody is served, and migrate a database.

        Raises:
            InvalidField: What a channel is made from does not fit, or there is no database.
            SignerUnavailable: The signing keys are not there, or another master key sealed them.
            SchemaTooNew: A newer release has been at the database.
            UnfitServer: A Redis server is too old, or may drop keys.
            Unavailable: The store did not answer.
        """
        self.keys.signer.jwks()
        self.channels.open()
        self.prepare_records()

    def prepare_records(self) -> None:
        """Migrate a database, and look at servers of Redis; errors as in `prepare`."""
        try:
            self.records.prepare()
        except InvalidField as error:
            raise InvalidField(
                error.field,
                f"{error.problem}: is COUNTERSEAL_STORE not set as it is for the service?"
                " A new service begins with counterseal init",
            ) from error

    def demand_company(self) -> None:
        """
        Require a company in the store: a lost or wrong store would look like a new one.

        Raises:
            InvalidField: There is none, though there are keys.
            Unavailable: The store did not answer.
        """
        if not Administration(self.ports, self.policy, by=OPERATOR).list(None, Company):
            raise InvalidField(
                "store",
                "there is no company in it, though there are keys in"
                f" {self.keys.signer.path.parent}:"
                " is it another one, or lost? Put it back, or set COUNTERSEAL_STORE as it is for"
                " the service; for a new service with these keys, run counterseal init",
            )

    def opens(self) -> bool:
        """
        Tell whether the master keys of now have sealed what the first administrators sign with.

        Raises:
            MasterKeyMissing: There is none.
            SealBroken: What is stored is no envelope of this software.
            Unavailable: The store did not answer.
        """
        key_ids = {key.id for key in self.keys.master_keys.load()}
        admins = Administration(self.ports, self.policy, by=OPERATOR).list(None, Admin)
        sealed_secrets = [one.sealed for admin in admins for one in admin.credentials if one.sealed]
        return all(sealing_key_id(sealed) in key_ids for sealed in sealed_secrets)

    def forget(self) -> int:
        """
        Drop what need not be kept any more; return how much.

        Raises:
            Unavailable: The store did not answer.
        """
        return self.records.forget(self.ports.clock.now() - FORGET_AFTER)

    def close(self) -> None:
        """Close the connections; attempts that run come to their own end."""
        self._sender.close()
        self.channels.close()
        self._providers.close()
        self.records.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
