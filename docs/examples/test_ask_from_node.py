"""A shop in Node, with the package @counterseal/origin: the service runs and a device answers."""

import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from forking import STARTER
from reserved_ports import reserve_port

HERE = Path(__file__).parent
PACKAGES = HERE.parents[1] / "adapters" / "counterseal-js"
NODE = shutil.which("node")
PATIENCE = 240
"""Seconds, for a machine on which nothing starts soon."""

COMMAND = ["-c", "from counterseal_server.cli import main; main()"]
pytestmark = pytest.mark.skipif(NODE is None, reason="no node: none is on the path")


@pytest.fixture
def environment():
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("COUNTERSEAL")
    }
    return inherited | {"COUNTERSEAL_ALLOW_PRIVATE_CALLBACKS": "1", "COUNTERSEAL_PIN": "1379"}


@pytest.fixture
def counterseal(tmp_path, environment, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        program = [*COMMAND, *map(str, arguments)]
        done = STARTER.run(program, env=environment, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def settings(tmp_path, counterseal, environment):
    """What an operator hands over, while the service runs."""
    url, callback = (f"http://127.0.0.1:{reserve_port()}" for _ in range(2))
    names = ("--company", "Example", "--app-space", "Bank & Söhne", "--origin", "Web shop")
    made = json.loads(
        counterseal(
            *("init", "--data", "data", *names, "--auth", "signature"),
            *("--callback", f"{callback}/answered"),
        )
    )
    port = url.rpartition(":")[2]
    serving = subprocess.Popen(
        [sys.executable, *COMMAND, "serve", "--data", "data", "--port", port],
        env=environment,
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield {
            "url": url,
            "scheme": "signature",
            "origin": made["requestOriginGuid"],
            "key": made["key"],
            "callbackSecret": made["callbackSecret"],
            "callback": f"{callback}/answered",
            "jwks": when_ready(url.removeprefix("http://"), "/.well-known/jwks.json"),
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


def install(folder):
    """Put the package where Node looks for it, and the shop beside it."""
    package = folder / "node_modules" / "@counterseal" / "origin"
    package.mkdir(parents=True)
    shutil.copy(PACKAGES / "origin" / "package.json", package)
    for name in ("origin", "wire"):
        (package / name).symlink_to(PACKAGES / name)
    for name in ("ask_from_node.mjs", "verify_callback.mjs"):
        shutil.copy(HERE / name, folder)


def test_a_shop_in_node_asks_and_verifies_the_answer(tmp_path, settings, counterseal, environment):
    (tmp_path / "settings.json").write_text(json.dumps(settings), "utf-8")
    install(tmp_path)
    shop = [NODE, "ask_from_node.mjs", "settings.json"]

    def begin(*arguments):
        return subprocess.Popen(
            [*shop, *arguments],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    with begin("invite", "user-42") as inviting:
        link = inviting.stdout.read().strip()
    assert link.endswith("&displayName=user-42%20%28shop%29")
    counterseal("device", "bind", "--home", "phone", "--url", settings["url"], "--link", link)

    for button, outcome in enumerate(("approved", "declined")):
        with begin("ask", "user-42", f"order-{button}") as asking:
            guid = asking.stdout.readline().split()[1]
            counterseal("device", "answer", guid, "--home", "phone", "--button", button)
            rest = asking.stdout.read().splitlines()
        assert rest == [f"waited: {outcome}", f"called back: {outcome}"]
        assert asking.returncode == 0
