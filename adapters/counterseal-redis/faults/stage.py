"""A stage: servers, a service on them with its crowd, and the account book of all of it."""

import os
import tempfile
import time
from contextlib import ExitStack, contextmanager
from datetime import timedelta

from attrs import define, frozen
from book import Book, claims, judge
from crowd import Crowd, Service, world_on
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry
from redis_servers import Proxy, binary

from counterseal_records import check
from counterseal_redis import (
    NONE,
    Keyspace,
    RedisAudit,
    RedisInventory,
    RedisStore,
    attach,
    fsync,
    replicated,
)

SERVER = os.environ.get("FAULTS_SERVER", "redis-8.2")
"""Which of `redis_servers.BINARIES`."""

PREFIX = "faults"
PATIENCE = timedelta(milliseconds=400)
"""How long a write waits for its level; a real service has more, and nobody waits here for it."""

LEVELS = {
    "none": NONE,
    "fsync": fsync(patience=PATIENCE),
    "replicated": replicated(patience=PATIENCE),
}
DISK = {"fsync": ("--appendonly", "yes", "--appendfsync", "always")}
"""What servers need besides, by level."""

# By itself, redis-py waits 5 s, and asks again ten times.
IMPATIENT = {"socket_timeout": 1.0, "retry": Retry(NoBackoff(), 0)}
SOME = {"socket_timeout": 1.0, "retry": Retry(ExponentialBackoff(cap=0.1, base=0.01), 3)}

CALM = 1.0
"""Seconds of use before, between and after what happens."""


@frozen
class Scene:
    """
    A fault, and where it happens.

    Attributes:
        fault: What the table says.
        level: How sure writes have to be.
        servers: Makes them, of a file, a folder, and options.
        happen: Brings the fault about, on a stage.
        promised: Whether nothing that was told may be lost; where not, something has to be.
        otherwise: What the table says of a loss that is not promised against.
    """

    fault: str
    level: str
    servers: object
    happen: object
    promised: bool = True
    otherwise: str = "not promised"


@define
class Stage:
    """
    Where a scene is played.

    Attributes:
        truth: Whose word counts in the end: anything that makes clients.
        ends: What is ended with the stage.
        keyspaces: What services reach Redis by.
    """

    servers: object
    level: str
    book: Book
    world: object
    phones: list
    truth: object
    ends: ExitStack
    keyspaces: type = Keyspace

    def service(self, client, book=None):
        """Return a service that asks Redis through *client*."""
        keyspace = self.keyspaces(client, prefix=PREFIX, durability=LEVELS[self.level])
        return Service.of(self.world, self.phones, keyspace, book or self.book)

    @contextmanager
    def crowd(self, client, **more):
        """Let a crowd use the service, for as long as the block lasts."""
        crowd = Crowd(self.service(client), self.book, **more).start()
        try:
            yield crowd
        finally:
            crowd.stop()
            client.close()

    def proxies(self):
        """Return a proxy before each server, by the server's port."""
        proxies = {server.port: Proxy(server.port) for server in self.servers.servers}
        for proxy in proxies.values():
            self.ends.callback(proxy.close)
        return proxies


def calm(share=1.0):
    """Let the crowd alone for a while."""
    time.sleep(share * CALM)


def play(scene):
    """Play *scene*, and return how the book and the store agree after it."""
    with ExitStack() as ends:
        folder = ends.enter_context(tempfile.TemporaryDirectory(prefix="counterseal-"))
        file = binary(SERVER)
        servers = scene.servers(file, folder, *DISK.get(scene.level, ()))
        ends.callback(servers.stop)
        client = servers.client()
        ends.callback(client.close)
        keyspace = attach(client, prefix=PREFIX, durability=LEVELS[scene.level])
        world, phones = world_on(keyspace)
        stage = Stage(servers, scene.level, Book(), world, phones, servers, ends)
        scene.happen(stage)
        return _verdict(stage)


def _verdict(stage):
    with stage.truth.client() as client:
        keyspace = Keyspace(client, prefix=PREFIX)
        service = Service.of(stage.world, stage.phones, keyspace, stage.book)
        claims(stage.book, service.ports.store)
        service.drain(stage.book)
        clock = stage.world.clock
        # Whatever was lost: of each partition, what is left is what was there at some moment.
        _, flaws = check(lambda: RedisInventory(keyspace, clock), clock, lambda _: None)
        for flaw in flaws:
            stage.book.note("wrong", flaw.problem)
        told = [line.event for line in RedisAudit(keyspace).whole()]
        return judge(stage.book, RedisStore(keyspace, clock), told)
