"""
The runtime: all adapters of the service, created from the settings.

Open it in the process that uses it: connections do not survive a fork.
Every method that uses the store raises `Unavailable` if it does not respond.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import Self

import counterseal as cs
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
from counterseal_keys import KeyFiles, sealing_key_id
from counterseal_server.attestation import PasskeyVerifier
from counterseal_server.authorities import AddedAuthorities
from counterseal_server.callback_sender import LateCallbackSender
from counterseal_server.channels import channels
from counterseal_server.full_store import FullStore
from counterseal_server.head_memory import head_memory
from counterseal_server.providers import Providers
from counterseal_server.records import opened
from counterseal_server.records.records import Records
from counterseal_server.settings import Settings

FORGET_AFTER = timedelta(hours=1)
"""Longer than the clocks of our machines differ."""


class Runtime:
    """
    The ports of the service, and the connections to close after use.

    Attributes:
        settings: The settings.
        ports: All ports.
        policy: The policy of the service.
        authorities: The authorities that the certificates of called servers need.
        channels: The channels for push messages.
        passkeys: The verifier of passkeys that browsers register.
        records: The store.
        keys: The master keys and the signing keys.

    Raises:
        InvalidField: The store's address is invalid.
        UnfitUrl: It is of an unknown kind.
        UnfitMasterKey: The environment's master key is not 32 bytes in base64.
        Unavailable: A Redis cluster did not name its servers.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.policy: cs.Policy = settings.serving_policy
        clock, entropy = SystemClock(), SystemEntropy()
        self.keys = KeyFiles(
            settings.keys_folder,
            entropy,
            clock,
            master_key=settings.master_key,
            master_key_file=settings.master_key_file,
        )
        self.authorities = AddedAuthorities(settings.ca_file, clock)
        tls = self.authorities.load
        self._sender = LateCallbackSender(settings, clock, tls=tls)
        self.channels = channels(settings, clock, entropy, tls=tls)
        self.passkeys = PasskeyVerifier(settings)
        self._providers = Providers(settings, self.keys.sealer, clock, entropy, tls=tls)
        self.records: Records = opened(settings.store_address)
        audit = MemoryAudit()
        self.full_store = FullStore()
        self.ports: cs.Ports = self.records.joined(
            cs.Ports(
                # The adapters in memory that store something are replaced below.
                store=MemoryStore(audit),
                replay=MemoryReplayGuard(clock),
                counters=MemoryCounters(clock),
                idempotency=MemoryIdempotency(),
                audit=audit,
                notifier=self.channels,
                identity=self._providers,
                attestation=self.passkeys,
                sender=self._sender,
                wake=MemoryWake(),
                signer=self.keys.signer,
                sealer=self.keys.sealer,
                clock=clock,
                entropy=entropy,
            )
        )
        self.ports = self.full_store.watch(self.ports)

    @cached_property
    def head_memory(self) -> cs.HeadMemory:
        """What remembers the audit log's newest signed head; the data folder has to exist."""
        return head_memory(self.settings.data)

    def audit_chain(self) -> cs.AuditChain:
        """
        Return the audit log's chain, with what is remembered of it.

        Raises:
            InvalidField: What is remembered cannot be read, and the data folder not be written.
        """
        return cs.AuditChain(self.ports, self.policy, self.head_memory)

    def prepare(self) -> None:
        """
        Check keys, certificates, channels and store before the first request; migrate a database.

        Raises:
            InvalidField: `ca_file`, a setting of a channel or one for passkeys is invalid, or
                there is no database.
            SignerUnavailable: The signing keys are missing, or another master key sealed them.
            FullTextMissing: SQLite was built without FTS5.
            SchemaTooNew: A newer release has migrated the database.
            KeyspaceTooNew: A newer release has upgraded the keys of Redis.
            UnfitServer: A Redis server is too old, or may drop keys.
        """
        self.keys.signer.jwks()
        self.authorities.read()
        self.channels.open()
        self.passkeys.open()
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
        """
        if not cs.Administration(self.ports, self.policy, by=cs.OPERATOR).list(None, Company):
            raise InvalidField(
                "store",
                "there is no company in it, though there are keys in"
                f" {self.keys.signer.path.parent}:"
                " is it another one, or lost? Put it back, or set COUNTERSEAL_STORE as it is for"
                " the service; for a new service with these keys, run counterseal init",
            )

    def opens(self) -> bool:
        """
        Return whether the present master keys can open the secrets in the store.

        Raises:
            MasterKeyMissing: There is no master key.
            SealBroken: A stored secret is not an envelope of this software.
        """
        key_ids = {key.id for key in self.keys.master_keys.load()}
        admins = cs.Administration(self.ports, self.policy, by=cs.OPERATOR).list(None, Admin)
        sealed_secrets = [one.sealed for admin in admins for one in admin.credentials if one.sealed]
        return all(sealing_key_id(sealed) in key_ids for sealed in sealed_secrets)

    def forget(self) -> int:
        """Delete records whose retention is over; return how many."""
        return self.records.forget(self.ports.clock.now() - FORGET_AFTER)

    def close(self) -> None:
        """Close the connections; running attempts end by themselves."""
        self._sender.close()
        self.channels.close()
        self._providers.close()
        self.records.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
