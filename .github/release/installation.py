"""What a user has without a clone: the wheels alone, in an empty environment and folder."""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from packaging.metadata import Metadata
from packaging.utils import parse_wheel_filename

from release.files import text_of

IMPORT_ALL = """
import importlib, importlib.metadata, pkgutil, sys
import django, django.conf
django.conf.settings.configure(INSTALLED_APPS=DJANGO_APPS)
django.setup()
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    assert "site-packages" in package.__file__, package.__file__
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        if not module.name.endswith(".__main__") and module.name not in SKIPPED:
            importlib.import_module(module.name)
print(len([name for name in sys.modules if name.startswith("counterseal")]))
"""
IMPORT_LIBRARY = """
import counterseal.memory
assert counterseal.memory.memory_ports() and counterseal.STANDARD
try:
    import counterseal.testing
except ImportError as error:
    print(error)
"""
PROGRAMS = """
from importlib.metadata import entry_points
scripts = entry_points(group="console_scripts")
print(*sorted({script.name for script in scripts if script.value.startswith("counterseal")}))
"""
SETTINGS = 'public_url = "http://localhost:{port}"\nbrowser_device = true\nportal = true\n'
PIN = "1379"


class Installation:
    """
    An environment that has the wheels of a release and what they need, and nothing else.

    Attributes:
        folder: An empty folder, in which the commands run.
    """

    def __init__(self, environment: Path, folder: Path) -> None:
        """Take an environment that `install` made."""
        self.folder = folder
        self._programs = environment / "bin"

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self._programs / "python"

    def variables(self) -> dict[str, str]:
        """Return what its commands inherit: no setting, and no path to a clone."""
        removed = ("COUNTERSEAL", "PYTHON", "VIRTUAL_ENV", "UV_", "REQUIRED_TOOLS")
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(removed)
        }
        path = os.pathsep.join((str(self._programs), "/usr/bin", "/bin"))
        return inherited | {"PATH": path, "HOME": str(self.folder), "COUNTERSEAL_PIN": PIN}

    def run(self, *command: str | Path) -> str:
        """
        Run a program of the environment, and return what it prints.

        Raises:
            RuntimeError: It fails; the text has what it printed.
        """
        ended = subprocess.run(
            [self._programs / command[0], *command[1:]],
            cwd=self.folder,
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=240,
        )
        if ended.returncode:
            raise RuntimeError(f"{' '.join(map(str, command))}:\n{ended.stdout}{ended.stderr}")
        return ended.stdout

    @contextmanager
    def served(self, *options: str) -> Iterator[str]:
        """Run `counterseal serve`, and give its address; its log is shown if it fails."""
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8") as log,
            subprocess.Popen(
                [self._programs / "counterseal", "serve", *options],
                cwd=self.folder,
                env=self.variables(),
                stderr=subprocess.PIPE,
                encoding="utf-8",
            ) as process,
        ):
            try:
                yield self._address(process, log)
            finally:
                process.terminate()
                process.communicate(timeout=60)
        if process.returncode:
            raise RuntimeError(f"counterseal serve ended with {process.returncode}")

    def _address(self, process: subprocess.Popen[str], log: Any) -> str:
        assert process.stderr is not None
        for line in process.stderr:
            log.write(line)
            if "serving at " in line:
                return line.rpartition(" as ")[2].strip()
        log.seek(0)
        raise RuntimeError(f"counterseal serve does not start:\n{log.read()}")


def install(wheels: Sequence[str | Path], constraints: Path, work: Path) -> Installation:
    """
    Install *wheels*, and what they need from the index.

    Args:
        wheels: The files; or their requirements, with extras.
        constraints: The versions of others' packages, as pip reads them.
        work: A folder to create.
    """
    environment, folder = work / "environment", work / "empty"
    folder.mkdir(parents=True)
    subprocess.run(["uv", "venv", "--quiet", f"--python={sys.executable}", environment], check=True)
    options = [f"--python={environment}", f"--constraints={constraints}", "--quiet"]
    # Ours come from files: an index may have the same version, once it is released.
    subprocess.run(["uv", "pip", "install", *options, *wheels], check=True, cwd=folder)
    return Installation(environment, folder)


def requirement(wheel: Path) -> str:
    """Return what installs a wheel with all extras: `name[extra,...] @ file:///...`."""
    metadata = Metadata.from_email(text_of(wheel, "METADATA"), validate=True)
    extras = ",".join(metadata.provides_extra or [])
    return f"{metadata.name}[{extras}] @ {wheel.resolve().as_uri()}"


def modules(files: Path) -> list[str]:
    """Return the names that the wheels of *files* let a program import."""
    names = [parse_wheel_filename(wheel.name)[0] for wheel in sorted(files.glob("*.whl"))]
    return [name.replace("-", "_") for name in names]


def use_library(installation: Installation) -> Iterator[str]:
    """
    Import the library where nothing else of ours is; yield what it says of its test kit.

    Raises:
        RuntimeError: It cannot be imported.
        AssertionError: It does not say how to install the test kit.
    """
    refusal = installation.run("python", "-I", "-c", IMPORT_LIBRARY).strip()
    assert refusal.endswith('pip install "counterseal[testing]"'), refusal
    yield f"imported the library alone; {refusal}"


def use(installation: Installation, names: list[str]) -> Iterator[str]:
    """
    Import everything, then do what the tutorial does; yield one sentence for each thing done.

    Raises:
        RuntimeError: A command fails.
        AssertionError: It does something else than it should.
    """
    program = IMPORT_ALL.replace("SKIPPED", repr(NOT_IMPORTED)).replace(
        "DJANGO_APPS", repr(DJANGO_APPS)
    )
    count = installation.run("python", "-I", "-c", program, *names)
    yield f"imported {count.strip()} modules of {len(names)} packages"
    for program in installation.run("python", "-I", "-c", PROGRAMS).split():
        installation.run(program, "--help")
        yield f"{program}: starts"
    demo = installation.run("counterseal", "demo")
    assert "refused" in demo, demo
    yield "counterseal demo: asked, answered, and refused each forgery"
    created = ("--company", "Example", "--app-space", "Bank", "--origin", "Web shop")
    installation.run(
        "counterseal", "init", "--data", "data", *created, "--auth", "basic", "--out", "shop.json"
    )
    yield "counterseal init: made a company, an App Space and an origin"
    port = installation.run("python", "-c", FREE_PORT).strip()
    (installation.folder / "counterseal.toml").write_text(SETTINGS.format(port=port), "utf-8")
    with installation.served(
        "--data", "data", "--config", "counterseal.toml", "--port", port
    ) as address:
        yield f"counterseal serve: serves at {address}"
        yield from ask_and_answer(installation, Shop(address, installation.folder))
        for path in PAGES:
            fetch(address + path)
        yield f"counterseal serve: has the pages and scripts {', '.join(PAGES)}"


FREE_PORT = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1])"
PAGES = (
    "/app/",
    "/app/worker.js",
    "/app/service.json",
    "/portal/login",
    "/portal/static/style.css",
    "/metrics",
)
"""What is in the wheels and is no module: each missing file is an answer with a 404."""

NOT_IMPORTED = ("counterseal_sql.migrations.env",)
"""Modules that no program imports: Alembic runs this one."""

DJANGO_APPS = (
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "counterseal_django",
)
"""What a Django project installs that imports every module of counterseal_django."""


class Shop:
    """The origin that `counterseal init` made, which calls the service by Basic."""

    def __init__(self, address: str, folder: Path) -> None:
        """Read the credential that `init` wrote into `shop.json`."""
        self.address = address
        document = json.loads((folder / "shop.json").read_text("utf-8"))
        self._authorization = document["authorization"]

    def call(
        self, method: str, path: str, document: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Call the service, and return what it answers."""
        request = urllib.request.Request(
            self.address + path,
            method=method,
            data=None if document is None else json.dumps(document).encode(),
            headers={"Authorization": self._authorization, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            reply: dict[str, Any] = json.load(response)
        return reply


def fetch(address: str) -> bytes:
    """Return what a GET answers."""
    with urllib.request.urlopen(address, timeout=60) as response:
        body: bytes = response.read()
    assert body, address
    return body


def ask_and_answer(installation: Installation, shop: Shop) -> Iterator[str]:
    """Bind a device, ask, answer, and verify the receipt; yield a sentence for each."""
    token = shop.call("PUT", "/account/bind", {"accountId": "user-42"})["sessionToken"]
    home = ("--home", "phone")
    bound = installation.run(
        "counterseal", "device", "bind", *home, "--url", shop.address, "--token", token
    )
    assert bound.startswith("bound: device "), bound
    yield "counterseal device bind: bound"
    question = {"accountId": "user-42", "content": "Pay 10 EUR to Zoë?", "duration": "10m"}
    guid = shop.call("POST", "/request/add", question)["guid"]
    pending = installation.run("counterseal", "device", "pending", *home)
    assert "Pay 10 EUR to Zoë?" in pending, pending
    yield "counterseal device pending: shows the question"
    answered = installation.run("counterseal", "device", "answer", guid, *home, "--button", "0")
    assert "ANSWERED, approved" in answered, answered
    yield "counterseal device answer: answered, approved"
    result = shop.call("GET", f"/request/getRequest?requestGuid={guid}")
    assert result["approved"] is True, result
    (installation.folder / "receipt.txt").write_text(result["receipt"], "utf-8")
    (installation.folder / "jwks.json").write_bytes(fetch(f"{shop.address}/.well-known/jwks.json"))
    verified = installation.run("counterseal", "verify", "receipt.txt", "--jwks", "jwks.json")
    assert "issuer proven" in verified, verified
    yield "counterseal verify: the receipt is valid"
