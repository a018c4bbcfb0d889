"""Counterseal in this shop: adapters, tenancy, and what the pages and the worker call."""

import os
from functools import cache
from pathlib import Path

import attrs

import counterseal as cs
from counterseal.memory import memory_ports
from counterseal.wire.link import BindLink, write_link
from counterseal_keys import KeyFiles
from counterseal_sql import connect, with_sql
from counterseal_web import Service, Settings

SHOP_URL = os.environ["SHOP_URL"]
PREFIX = "/auth"  # devices call SHOP_URL/auth/device/...; see wsgi.py
THREADS = 8  # of one process; see the Procfile

# Nothing is opened before it is used, so each process has connections of its own.
database = connect(os.environ["DATABASE_URL"], connections=THREADS)
ports = memory_ports()
keys = KeyFiles(Path(os.environ["KEYS"]), ports.entropy, ports.clock)
ports = with_sql(attrs.evolve(ports, signer=keys.signer, sealer=keys.sealer), database)
policy = cs.STANDARD


class Approvals:
    """Binds devices of the shop's users, and asks these users."""

    def __init__(self):
        # Twenty processes that start at once create one origin; later starts read it.
        self.origin = cs.Administration(ports, policy, by=cs.OPERATOR).ensure_tenancy(
            "example.com/django-shop",  # your own name for it, which never changes
            company="Example",
            app_space="Example shop",  # users read this name on their device
            origin="Web shop",
        )
        self.service = Service(ports, policy, Settings(public_url=SHOP_URL + PREFIX))
        self.challenges = self.service.challenges
        self.invitations = self.service.invitations

    def invite(self, user: str) -> str:
        """Return the link that binds one device of *user*, for five minutes."""
        invitation = self.invitations.invite(self.origin, user)
        return write_link(
            BindLink(
                token=invitation.token,
                app_space=invitation.app_space.guid,
                app_space_name=invitation.app_space.name,
                account=invitation.account.guid,
            )
        )

    def ask(self, user: str, text: str, key: str) -> cs.Issued:
        """Ask *user*; the same *key* again returns the same challenge and code."""
        question = cs.read_question(
            {"accountId": user, "content": text, "showCode": True, "duration": "5m"}
        )
        return self.challenges.issue(self.origin, question, idempotency_key=key)


@cache
def approvals() -> Approvals:
    """Return the one of this process; the first call creates it, and needs the tables."""
    return Approvals()
