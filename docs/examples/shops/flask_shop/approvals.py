"""Counterseal in this shop: its adapters, its origin, and the question that the shop asks."""

import os
from pathlib import Path

import attrs

import counterseal as cs
from counterseal.memory import memory_ports
from counterseal.models.passkeys import origin_of
from counterseal_flask import Approvals, Service, Settings
from counterseal_keys import KeyFiles
from counterseal_pwa import MOUNT
from counterseal_sql import connect, with_sql

SHOP_URL = os.environ["SHOP_URL"]
PREFIX = "/auth"  # where Counterseal is registered
SERVICE_URL = SHOP_URL + PREFIX  # devices call SERVICE_URL/device/...
WAITERS = 16  # calls of open browser devices that wait at once: each has a thread
CONNECTIONS = 8  # for the other threads of a process; the Procfile has 24 threads in all

# Nothing is opened before it is used, so each process has connections of its own.
database = connect(os.environ["DATABASE_URL"], connections=CONNECTIONS)
ports = memory_ports()
keys = KeyFiles(Path(os.environ["KEYS"]), ports.entropy, ports.clock)
ports = with_sql(attrs.evolve(ports, signer=keys.signer, sealer=keys.sealer), database)

# Passkeys are for a host's name; at an address such as 127.0.0.1, people choose a PIN.
policy = attrs.evolve(cs.STANDARD, passkey_origin=origin_of(SHOP_URL))
settings = Settings(public_url=SERVICE_URL, app_url=SERVICE_URL + MOUNT, waiters=WAITERS)
approvals = Approvals(
    Service(ports, policy, settings),
    "example.com/flask-shop",  # your own name for it, which never changes
    company="Example",
    app_space="Example shop",  # users read this name on their device
    origin="Web shop",
)


def ask(user: str, text: str, key: str) -> cs.Issued:
    """Ask *user*; the same *key* again returns the same challenge and code."""
    question = {"accountId": user, "content": text, "showCode": True, "duration": "5m"}
    return approvals.ask(question, idempotency_key=key)
