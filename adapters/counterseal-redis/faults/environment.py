"""The environment of a scenario: servers, a service with its clients, and their ledger."""

import os
import tempfile
import time
from contextlib import ExitStack, contextmanager
from datetime import timedelta

from attrs import define, frozen
from clients import Clients, Service, world_on
from ledger import Ledger, compare, record_unclaimed
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
"""A key of `redis_servers.BINARIES`."""

PREFIX = "faults"
PATIENCE = timedelta(milliseconds=400)
"""How long a write waits for its level: less than in a real service, to save time."""

LEVELS = {
    "none": NONE,
    "fsync": fsync(patience=PATIENCE),
    "replicated": replicated(patience=PATIENCE),
}
DISK = {"fsync": ("--appendonly", "yes", "--appendfsync", "always")}
"""Further options of the servers, by level."""

# By default, redis-py waits 5 s, and repeats a call ten times.
NO_RETRIES = {"socket_timeout": 1.0, "retry": Retry(NoBackoff(), 0)}
RETRIES = {"socket_timeout": 1.0, "retry": Retry(ExponentialBackoff(cap=0.1, base=0.01), 3)}

UNDISTURBED_SECONDS = 1.0
"""Seconds of use before, between and after the faults."""


@frozen
class Scenario:
    """
    A fault, and the servers that it happens to.

    Attributes:
        fault: Its name in the table.
        level: How durable writes have to be.
        servers: Starts the servers, from a file, a folder, and options.
        cause: Causes the fault in an environment.
        promised: Whether no result may be lost; if not, one has to be.
        unpromised_text: What the table says of a loss that no promise excludes.
    """

    fault: str
    level: str
    servers: object
    cause: object
    promised: bool = True
    unpromised_text: str = "not promised"

    def assess(self, verdict):
        """Return what the table says of *verdict*, and whether it is as it should be."""
        if verdict.wrong:
            return f"BROKEN: {dict(verdict.wrong)}", False
        if self.promised:
            if verdict.sound:
                return "held", True
            return f"BROKEN: {dict(verdict.unexpected)}", False
        if verdict.lost or verdict.doubled:
            return self.unpromised_text, True
        return "NOTHING WAS LOST: the scenario proves nothing", False


@define
class Environment:
    """
    Where a scenario runs.

    Attributes:
        truth: The servers whose records count in the end: anything that makes clients.
        resources: What is closed with the environment.
        keyspaces: The class of the key spaces of services.
    """

    servers: object
    level: str
    ledger: Ledger
    world: object
    phones: list
    truth: object
    resources: ExitStack
    keyspaces: type = Keyspace

    def service(self, client, ledger=None):
        """Return a service that reaches Redis through *client*."""
        keyspace = self.keyspaces(client, prefix=PREFIX, durability=LEVELS[self.level])
        return Service.of(self.world, self.phones, keyspace, ledger or self.ledger)

    @contextmanager
    def clients(self, client, **more):
        """Let clients use the service while the block runs."""
        clients = Clients(self.service(client), self.ledger, **more).start()
        try:
            yield clients
        finally:
            clients.stop()
            client.close()

    def proxies(self):
        """Return a proxy before each server, by the server's port."""
        proxies = {server.port: Proxy(server.port) for server in self.servers.servers}
        for proxy in proxies.values():
            self.resources.callback(proxy.close)
        return proxies


def run_undisturbed(share=1.0):
    """Let the clients run for a while."""
    time.sleep(share * UNDISTURBED_SECONDS)


def run_scenario(scenario):
    """Run *scenario*, and return the differences between ledger and store after it."""
    with ExitStack() as resources:
        folder = resources.enter_context(tempfile.TemporaryDirectory(prefix="counterseal-"))
        file = binary(SERVER)
        servers = scenario.servers(file, folder, *DISK.get(scenario.level, ()))
        resources.callback(servers.stop)
        client = servers.client()
        resources.callback(client.close)
        keyspace = attach(client, prefix=PREFIX, durability=LEVELS[scenario.level])
        world, phones = world_on(keyspace)
        environment = Environment(
            servers, scenario.level, Ledger(), world, phones, servers, resources
        )
        scenario.cause(environment)
        return _verdict(environment)


def _verdict(environment):
    with environment.truth.client() as client:
        keyspace = Keyspace(client, prefix=PREFIX)
        service = Service.of(environment.world, environment.phones, keyspace, environment.ledger)
        record_unclaimed(environment.ledger, service.ports.store)
        service.drain(environment.ledger)
        clock = environment.world.clock
        # Even after a loss, each partition is as it was at some moment.
        result = check(RedisInventory(keyspace, clock), clock, lambda _, __: None)
        for violation in result.violations:
            environment.ledger.record("wrong", violation.problem)
        events = [line.event for line in RedisAudit(keyspace).all_entries()]
        return compare(environment.ledger, RedisStore(keyspace, clock), events)
