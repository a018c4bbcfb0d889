"""The scenes: what goes wrong, and how it is brought about."""

import os
import signal
import threading
import time
import traceback
from contextlib import closing
from functools import partial

from book import Book
from crowd import Crowd
from redis_servers import HOST, Cluster, Replicated, Server, Watched, followed, until
from stage import IMPATIENT, SOME, Scene, calm

from counterseal_redis import Keyspace
from counterseal_redis.scripts import COMMIT

COMMITS = COMMIT.sha.encode()
LASTING = 3.0
PAUSED = 10.0
KILLED = 6
CHILD = 30.0
"""Seconds after which a child ends, though nobody killed it."""


# Replies


def replies_lost(stage, **options):
    """Again and again, a commit arrives and its reply does not."""
    proxies = stage.proxies()
    with stage.crowd(stage.servers.behind(proxies, **options)):
        calm()
        end = time.monotonic() + LASTING
        while time.monotonic() < end:
            for proxy in proxies.values():
                proxy.cut(applied=True, match=COMMITS)
            time.sleep(0.03)
        for proxy in proxies.values():
            proxy.cut(applied=True, match=b"nothing that is ever said")
        calm()
    assert sum(proxy.cuts for proxy in proxies.values()) >= LASTING


# Clients


def client_killed(stage):
    """Processes of the service die: a commit has arrived or has not, and nobody hears of it."""
    proxies = stage.proxies()
    (proxy,) = proxies.values()
    for turn in range(KILLED):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            _serve_until_killed(stage, proxies, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as copied, closing(_Reader(copied)) as reader:
            calm(0.6)
            kill = partial(os.kill, child, signal.SIGKILL)
            proxy.cut(applied=turn % 2 == 0, match=COMMITS, then=kill)
            _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "it ended by itself"
        stage.book.take(reader.found)


def _serve_until_killed(stage, proxies, writing):
    try:
        book = Book(copy=writing)
        service = stage.service(stage.servers.behind(proxies, **IMPATIENT), book)
        Crowd(service, book).start()
        time.sleep(CHILD)
    except Exception:  # noqa: BLE001 - else nobody would see it
        traceback.print_exc()
    finally:
        os._exit(1)


class _Reader(threading.Thread):
    # A pipe that nobody empties would stop the crowd.

    def __init__(self, copied):
        super().__init__(daemon=True)
        self.found = b""
        self._copied = copied
        self.start()

    def run(self):
        self.found = self._copied.read()

    def close(self):
        self.join(CHILD)


# Servers that do not answer, forget, or refuse


def paused(stage):
    """The server does nothing for ten seconds, with its connections open."""
    with stage.crowd(stage.servers.client(**IMPATIENT)):
        calm()
        stage.servers.pause()
        time.sleep(PAUSED)
        stage.servers.resume()
        calm()


def flushed(stage):
    """The server forgets its scripts, a hundred times a second."""
    with stage.crowd(stage.servers.client()), stage.servers.client() as operator:
        end = time.monotonic() + LASTING
        while time.monotonic() < end:
            operator.script_flush()
            time.sleep(0.01)


def full(stage):
    """The server has no memory left, three times."""
    with stage.crowd(stage.servers.client(**SOME)), stage.servers.client() as operator:
        for _ in range(3):
            calm(0.5)
            operator.config_set("maxmemory", 1)
            calm(0.5)
            operator.config_set("maxmemory", 0)
        calm(0.5)


def restarted(stage):
    """The server is killed, and started again with what its disk has."""
    with stage.crowd(stage.servers.client(**SOME)):
        for _ in range(2):
            calm()
            stage.servers.kill()
            calm(0.3)
            stage.servers.start()
        calm()


# Failovers


def cut_off(primary, replica):
    """Let a replica hear no more of its primary, which does not notice who is away."""
    with replica.client() as client:
        client.config_set("masterauth", "no password of anybody")
    with primary.client() as client:
        client.client_kill_filter(_type="replica")


def leads(server):
    """Wait until *server* is a primary."""
    with server.client() as client:
        until(lambda: client.info("replication")["role"] == "master")


def has_its_replica(server):
    """Wait until *server* has a replica that follows it."""
    with server.client() as client:
        until(lambda: followed(client))


def killed_and_replaced(stage, pair):
    """
    A replica is behind when its primary is killed, and is promoted; the dead one comes back.

    Args:
        pair: Tells the primary and its replica.
    """
    primary, replica = pair(stage.servers)
    with stage.crowd(stage.servers.client(**SOME)):
        calm()
        cut_off(primary, replica)
        calm()
        primary.kill()
        leads(replica)
        calm()
        more = () if isinstance(stage.servers, Cluster) else ("--replicaof", HOST, replica.port)
        primary.start(*map(str, more))
        has_its_replica(replica)
        calm()


def paused_and_replaced(stage):
    """The primary does nothing until it is replaced; then it goes on, and learns of it."""
    primary, replica = of_watched(stage.servers)
    with stage.crowd(stage.servers.client(**SOME)):
        calm()
        primary.pause()
        leads(replica)
        calm()
        primary.resume()
        has_its_replica(replica)
        calm()


def torn_in_two(stage):
    """A replica is promoted by hand while its primary lives: for a while, there are two."""
    primary, replica = stage.servers.primary, stage.servers.replicas[0]
    with stage.crowd(primary.client(**SOME)) as old:
        calm()
        cut_off(primary, replica)
        with replica.client() as operator:
            operator.replicaof("NO", "ONE")
        with stage.crowd(replica.client(**SOME), recent=old.recent):
            calm(1.5)
            old.stop()
            with primary.client() as operator:
                operator.replicaof(HOST, replica.port)
            has_its_replica(replica)
            calm()
    stage.truth = replica


def planted(stage, happen):
    """Let *happen* what happens, to a store with a fault that has to be noticed."""
    stage.keyspaces = Hasty
    happen(stage)


class Hasty(Keyspace):
    """The planted fault: what is read is told, though no replica may have it."""

    def read(self, *calls, **_):
        """Make calls, and wait for nobody."""
        return super().read(*calls)

    def write(self, call):
        """Make a call that changes something, as sure as it has to be."""
        (reply,) = super().read(call, confirm=True)
        return reply


def of_watched(servers):
    """Return the primary that sentinels watch, and its replica."""
    return servers.pair.primary, servers.pair.replicas[0]


def of_cluster(servers):
    """Return a primary of the cluster, and its replica."""
    return servers.primaries[0], servers.replicas[0]


def cluster(file, folder, *options):
    """Start a cluster that soon notices who is away, and lets a replica lead that is behind."""
    more = ("--cluster-replica-validity-factor", "0")
    return Cluster(file, folder, *options, *more, timeout=1.0)


def watched(file, folder, *options):
    """Start a pair whose sentinels soon notice who is away."""
    return Watched(file, folder, *options, timeout=1.0)


def with_disk(file, folder, *options):
    """Start a server that keeps everything on its disk."""
    return Server(file, folder, "--appendonly", "yes", *options)


SURE = "replicated"
SCENES = [
    Scene("reply lost, redis-py's retries", "none", Server, replies_lost),
    Scene("reply lost, no retries", "none", Server, partial(replies_lost, **IMPATIENT)),
    Scene("reply lost in a cluster, no retries", SURE, cluster, partial(replies_lost, **IMPATIENT)),
    Scene("client killed mid-commit", "none", Server, client_killed),
    Scene("server paused 10 s", "none", Server, paused),
    Scene("scripts flushed", "none", Server, flushed),
    Scene("out of memory", "none", Server, full),
    *(
        Scene("server killed, restarted with its disk", level, with_disk, restarted)
        for level in ("none", "fsync")
    ),
    *(
        Scene(
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
    Scene("primary paused, replaced, and back", SURE, watched, paused_and_replaced),
    Scene(
        "the same, told before it is sure (planted)",
        SURE,
        watched,
        partial(planted, happen=partial(killed_and_replaced, pair=of_watched)),
        promised=False,
        otherwise="noticed",
    ),
    *(
        Scene("two primaries", level, Replicated, torn_in_two, promised=level == SURE)
        for level in ("none", "fsync", SURE)
    ),
]
