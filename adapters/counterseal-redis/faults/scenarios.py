"""The scenarios: the faults, and how they are caused."""

import os
import signal
import threading
import time
import traceback
from contextlib import closing
from functools import partial

from clients import Clients
from environment import NO_RETRIES, RETRIES, Scenario, run_undisturbed
from ledger import Ledger
from redis_servers import HOST, Cluster, Replicated, Server, Watched, await_replicas, until

from counterseal_redis import Keyspace
from counterseal_redis.commands import COMMIT

COMMITS = COMMIT.sha.encode()
FAULT_SECONDS = 3.0
PAUSE_SECONDS = 10.0
KILLED_PROCESSES = 6
CHILD_SECONDS = 30.0
"""Seconds after which a child process ends if it was not killed."""


# Replies


def replies_lost(environment, **options):
    """Replies to commits are lost, many times a second."""
    proxies = environment.proxies()
    with environment.clients(environment.servers.behind(proxies, **options)):
        run_undisturbed()
        end = time.monotonic() + FAULT_SECONDS
        while time.monotonic() < end:
            for proxy in proxies.values():
                proxy.cut(applied=True, match=COMMITS)
            time.sleep(0.03)
        for proxy in proxies.values():
            proxy.cut(applied=True, match=b"nothing that is ever said")
        run_undisturbed()
    assert sum(proxy.cuts for proxy in proxies.values()) >= FAULT_SECONDS


# Clients


def client_killed(environment):
    """Processes of the service are killed, before or after a commit arrives."""
    proxies = environment.proxies()
    (proxy,) = proxies.values()
    for attempt in range(KILLED_PROCESSES):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            _serve_until_killed(environment, proxies, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as copy, closing(_Reader(copy)) as reader:
            run_undisturbed(0.6)
            kill = partial(os.kill, child, signal.SIGKILL)
            proxy.cut(applied=attempt % 2 == 0, match=COMMITS, then=kill)
            _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "it ended by itself"
        environment.ledger.record_copy(reader.content)


def _serve_until_killed(environment, proxies, writing):
    try:
        ledger = Ledger(copy=writing)
        service = environment.service(environment.servers.behind(proxies, **NO_RETRIES), ledger)
        Clients(service, ledger).start()
        time.sleep(CHILD_SECONDS)
    except Exception:  # noqa: BLE001 - it would be lost otherwise
        traceback.print_exc()
    finally:
        os._exit(1)


class _Reader(threading.Thread):
    # A full pipe would block the clients.

    def __init__(self, copy):
        super().__init__(daemon=True)
        self.content = b""
        self._copy = copy
        self.start()

    def run(self):
        self.content = self._copy.read()

    def close(self):
        self.join(CHILD_SECONDS)


# Servers that do not reply, forget, or refuse


def paused(environment):
    """The server is stopped for ten seconds, with its connections open."""
    with environment.clients(environment.servers.client(**NO_RETRIES)):
        run_undisturbed()
        environment.servers.pause()
        time.sleep(PAUSE_SECONDS)
        environment.servers.resume()
        run_undisturbed()


def flushed(environment):
    """The server forgets its scripts, a hundred times a second."""
    with (
        environment.clients(environment.servers.client()),
        environment.servers.client() as operator,
    ):
        end = time.monotonic() + FAULT_SECONDS
        while time.monotonic() < end:
            operator.script_flush()
            time.sleep(0.01)


def full(environment):
    """The server has no memory left, three times."""
    with (
        environment.clients(environment.servers.client(**RETRIES)),
        environment.servers.client() as operator,
    ):
        for _ in range(3):
            run_undisturbed(0.5)
            operator.config_set("maxmemory", 1)
            run_undisturbed(0.5)
            operator.config_set("maxmemory", 0)
        run_undisturbed(0.5)


def restarted(environment):
    """The server is killed, and started again with the data on its disk."""
    with environment.clients(environment.servers.client(**RETRIES)):
        for _ in range(2):
            run_undisturbed()
            environment.servers.kill()
            run_undisturbed(0.3)
            environment.servers.start()
        run_undisturbed()


# Failovers


def cut_off(primary, replica):
    """Cut a replica off from its primary."""
    with replica.client() as client:
        client.config_set("masterauth", "not the password")
    with primary.client() as client:
        client.client_kill_filter(_type="replica")


def await_promotion(server):
    """Wait until *server* is a primary."""
    with server.client() as client:
        until(lambda: client.info("replication")["role"] == "master")


def await_replica(server):
    """Wait until *server* has a replica online."""
    with server.client() as client:
        await_replicas(client)


def killed_and_replaced(environment, pair):
    """
    A primary is killed while its replica lags; the replica is promoted, the primary restarted.

    Args:
        pair: Returns the primary and its replica.
    """
    primary, replica = pair(environment.servers)
    with environment.clients(environment.servers.client(**RETRIES)):
        run_undisturbed()
        cut_off(primary, replica)
        run_undisturbed()
        primary.kill()
        await_promotion(replica)
        run_undisturbed()
        more = (
            () if isinstance(environment.servers, Cluster) else ("--replicaof", HOST, replica.port)
        )
        primary.start(*map(str, more))
        await_replica(replica)
        run_undisturbed()


def paused_and_replaced(environment):
    """The primary is stopped until it is replaced, and then continued."""
    primary, replica = of_watched(environment.servers)
    with environment.clients(environment.servers.client(**RETRIES)):
        run_undisturbed()
        primary.pause()
        await_promotion(replica)
        run_undisturbed()
        primary.resume()
        await_replica(replica)
        run_undisturbed()


def two_primaries(environment):
    """A replica is promoted by hand while its primary runs: for a while, there are two."""
    primary, replica = environment.servers.primary, environment.servers.replicas[0]
    with environment.clients(primary.client(**RETRIES)) as old:
        run_undisturbed()
        cut_off(primary, replica)
        with replica.client() as operator:
            operator.replicaof("NO", "ONE")
        with environment.clients(replica.client(**RETRIES), recent=old.recent):
            run_undisturbed(1.5)
            old.stop()
            with primary.client() as operator:
                operator.replicaof(HOST, replica.port)
            await_replica(replica)
            run_undisturbed()
    environment.truth = replica


def planted(environment, cause):
    """Run the fault *cause* on a store with a planted fault, which has to be found."""
    environment.keyspaces = UnconfirmedReads
    cause(environment)


class UnconfirmedReads(Keyspace):
    """The planted fault: reads are not confirmed, though no replica may have the record."""

    def read(self, *calls, **_):
        """Make calls without a confirmation."""
        return super().read(*calls)

    def write(self, call):
        """Make a call that changes something, as durable as it has to be."""
        (reply,) = super().read(call, confirm=True)
        return reply


def of_watched(servers):
    """Return the primary that sentinels watch, and its replica."""
    return servers.pair.primary, servers.pair.replicas[0]


def of_cluster(servers):
    """Return a primary of the cluster, and its replica."""
    return servers.primaries[0], servers.replicas[0]


def cluster(file, folder, *options):
    """Start a cluster that soon replaces a failed primary, by a replica that lags too."""
    more = ("--cluster-replica-validity-factor", "0")
    return Cluster(file, folder, *options, *more, timeout=1.0)


def watched(file, folder, *options):
    """Start a pair whose sentinels soon replace a failed primary."""
    return Watched(file, folder, *options, timeout=1.0)


def with_disk(file, folder, *options):
    """Start a server with an append-only file."""
    return Server(file, folder, "--appendonly", "yes", *options)


SURE = "replicated"
SCENARIOS = [
    Scenario("reply lost, redis-py's retries", "none", Server, replies_lost),
    Scenario("reply lost, no retries", "none", Server, partial(replies_lost, **NO_RETRIES)),
    Scenario(
        "reply lost in a cluster, no retries", SURE, cluster, partial(replies_lost, **NO_RETRIES)
    ),
    Scenario("client killed mid-commit", "none", Server, client_killed),
    Scenario("server paused 10 s", "none", Server, paused),
    Scenario("scripts flushed", "none", Server, flushed),
    Scenario("out of memory", "none", Server, full),
    *(
        Scenario("server killed, restarted with its disk", level, with_disk, restarted)
        for level in ("none", "fsync")
    ),
    *(
        Scenario(
            f"{what} killed, replica promoted",
            level,
            servers,
            partial(killed_and_replaced, pair=pair),
            promised=level == SURE,
        )
        for what, servers, pair in (
            ("primary (Sentinel)", watched, of_watched),
            ("cluster node", cluster, of_cluster),
        )
        for level in ("none", "fsync", SURE)
    ),
    Scenario("primary paused, replaced, and back", SURE, watched, paused_and_replaced),
    Scenario(
        "the same, read before it is durable (planted)",
        SURE,
        watched,
        partial(planted, cause=partial(killed_and_replaced, pair=of_watched)),
        promised=False,
        unpromised_text="found",
    ),
    *(
        Scenario("two primaries", level, Replicated, two_primaries, promised=level == SURE)
        for level in ("none", "fsync", SURE)
    ),
]


def select(words):
    """Return the scenarios that have each of *words* in their fault or level."""
    return [one for one in SCENARIOS if all(word in f"{one.fault} {one.level}" for word in words)]
