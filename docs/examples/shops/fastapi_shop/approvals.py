"""Counterseal in this shop: adapters, tenancy, and what the pages and the worker call."""

import os
from datetime import timedelta
from pathlib import Path

import attrs

import counterseal as cs
from counterseal.memory import memory_ports
from counterseal.models import Challenge
from counterseal.wire.link import BindLink, write_link
from counterseal_asgi import DEFAULT_THREADS, Service, Settings, aio, wait_for_end
from counterseal_keys import KeyFiles
from counterseal_sql import connect, with_sql

SHOP_URL = os.environ["SHOP_URL"]
PREFIX = "/auth"  # where the application is mounted: devices call SHOP_URL/auth/device/...

# Nothing is opened before it is used, so each process has connections of its own.
database = connect(os.environ["DATABASE_URL"], connections=DEFAULT_THREADS)
ports = memory_ports()
keys = KeyFiles(Path(os.environ["KEYS"]), ports.entropy, ports.clock)
ports = with_sql(attrs.evolve(ports, signer=keys.signer, sealer=keys.sealer), database)
policy = cs.STANDARD


class Approvals:
    """Binds devices of the shop's users, and asks these users."""

    def __init__(self):
        self.service = Service(ports, policy, Settings(public_url=SHOP_URL + PREFIX))
        # Use cases wait for the database: `aio` runs each call in a thread.
        self._invite = aio(self.service.invitations.invite)
        self._issue = aio(self.service.challenges.issue)
        self.expire_challenges = aio(self.service.challenges.expire)
        self.expire_invitations = aio(self.service.invitations.expire)

    async def start(self) -> None:
        """Create the origin, or read it; call it once in each process, before the others."""
        # Twenty processes that start at once create one origin; later starts read it.
        administration = cs.Administration(ports, policy, by=cs.OPERATOR)
        self.origin = await aio(administration.ensure_tenancy)(
            "example.com/fastapi-shop",  # your own name for it, which never changes
            company="Example",
            app_space="Example shop",  # users read this name on their device
            origin="Web shop",
        )

    async def invite(self, user: str) -> str:
        """Return the link that binds one device of *user*, for five minutes."""
        invitation = await self._invite(self.origin, user)
        return write_link(
            BindLink(
                token=invitation.token,
                app_space=invitation.app_space.guid,
                app_space_name=invitation.app_space.name,
                account=invitation.account.guid,
            )
        )

    async def ask(self, user: str, text: str, key: str) -> cs.Issued:
        """Ask *user*; the same *key* again returns the same challenge and code."""
        question = cs.read_question(
            {"accountId": user, "content": text, "showCode": True, "duration": "5m"}
        )
        return await self._issue(self.origin, question, idempotency_key=key)

    async def wait(self, challenge: str, seconds: float = 0) -> Challenge:
        """Wait until a challenge has ended; return it as it stands then, or after *seconds*."""
        timeout = timedelta(seconds=seconds)
        return await wait_for_end(self.service, self.origin, challenge, timeout=timeout)
