"""The world of the demo: the service, its worker, the shop and the forger, in one process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import attrs

from counterseal import (
    OPERATOR,
    STANDARD,
    Administration,
    Callbacks,
    Challenges,
    Credentials,
    Invitations,
    Policy,
    Ports,
)
from counterseal.errors import Refused, Unavailable
from counterseal.memory import MemoryAudit, memory_ports
from counterseal.models import RelyingParty, Scheme
from counterseal_client import Client
from counterseal_demo.approval_demo.service import create_tenant
from counterseal_demo.web_demo.forger import Forger
from counterseal_demo.web_demo.journal import Journal, JournalStore
from counterseal_demo.web_demo.shop import Shop
from counterseal_http import Guard, HttpCallbackSender, guarded_client
from counterseal_pwa import MOUNT, Pages
from counterseal_web import Application, Service, Settings

LOOPBACK = Guard(allow_http=True, allow_private=True, ports=None)
CALLBACK = "/demo/callback"
"""The path at which the shop receives callbacks."""

WORKER_SECONDS = 0.1
"""Seconds between two looks for work: a person watches."""

BATCH = 100


@attrs.frozen(kw_only=True)
class World:
    """
    What the requests of the page are answered with.

    Attributes:
        url: The public URL of the service, and the origin of the page.
        api: The service's own HTTP API.
        app: The web app, which pages of the same origin may frame.
        ports: The service's ports.
        journal: The moves of the service's records.
    """

    url: str
    api: Application
    app: Pages
    ports: Ports
    journal: Journal
    shop: Shop
    forger: Forger


@contextmanager
def world(url: str, serve: Callable[[World], None]) -> Iterator[World]:
    """
    Create everything, and close it at the end.

    Args:
        url: The public URL, at which the caller serves.
        serve: Begins to serve the world; the shop then calls the service at *url*.
    """
    with ExitStack() as after:
        ports, journal = _ports(after)
        policy = attrs.evolve(STANDARD, callback_plain_http=True, passkey_origin=url)
        service = Service(ports, policy, Settings(public_url=url, app_url=url + MOUNT))
        after.callback(service.close)
        company, party = create_tenant(ports, policy, "Example Company")
        shop = _shop(url, ports, policy, party, after)
        client = after.enter_context(guarded_client(LOOPBACK))
        built_world = World(
            url=url,
            api=Application(service),
            app=Pages(framed_by_own_origin=True),
            ports=ports,
            journal=journal,
            shop=shop,
            forger=Forger(
                url, ports=ports, policy=policy, company=company, party=party, client=client
            ),
        )
        stopping = threading.Event()
        worker = threading.Thread(target=_work, args=(built_world, policy, stopping), daemon=True)
        worker.start()
        after.callback(stopping.set)
        serve(built_world)
        shop.pin_keys()
        yield built_world


def _ports(after: ExitStack) -> tuple[Ports, Journal]:
    """Return adapters in memory, but for callbacks, which are sent over HTTP."""
    ports = memory_ports()
    assert isinstance(ports.audit, MemoryAudit)  # noqa: S101 (for the type checker)
    journal = Journal(ports.clock)
    sender = HttpCallbackSender(LOOPBACK, ports.clock)
    after.callback(sender.close)
    store = JournalStore(ports.audit, journal)
    return attrs.evolve(ports, store=store, sender=sender), journal


def _shop(url: str, ports: Ports, policy: Policy, party: RelyingParty, after: ExitStack) -> Shop:
    origin = party.origin.guid
    Administration(ports, policy, by=OPERATOR).allow_callback(origin, url + CALLBACK)
    credentials = Credentials(ports, policy, by=OPERATOR)
    callback_secret = credentials.issue_webhook_key(origin)
    key = credentials.issue(origin, Scheme.SIGNATURE).secret
    client = Client(url, origin, key, scheme=Scheme.SIGNATURE)
    after.callback(client.close)
    return Shop(url, client, callback_secret, callback=url + CALLBACK, clock=ports.clock)


def _work(world: World, policy: Policy, stopping: threading.Event) -> None:
    """Deliver callbacks and expire what is over, as the workers of a service do."""
    callbacks = Callbacks(world.ports, policy)
    challenges, invitations = Challenges(world.ports, policy), Invitations(world.ports, policy)
    lock = world.forger.lock
    while not stopping.wait(WORKER_SECONDS):
        with suppress(Unavailable):
            if lock.acquire(blocking=False):
                try:
                    challenges.expire(BATCH)
                    invitations.expire(BATCH)
                finally:
                    lock.release()
            for guid in callbacks.due():
                with suppress(Refused):  # another attempt has claimed it
                    callbacks.attempt(guid)
