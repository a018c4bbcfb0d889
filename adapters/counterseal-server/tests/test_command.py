"""The command as it is started from a shell: help, pipes, terminals, encodings."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from program import PATIENCE

COMMAND = [sys.executable, "-c", "from counterseal_server.cli import main; main()"]
HOSTILE = {
    "content": {
        "title": "\x1b[2J\x1b]0;x\x07\u202eZoë",
        "keys": [{"key": "a\nb", "value": "c\x9bd\t"}],
    },
    "transactionId": "\x1b[31m",
}


def shell(*args, stdin=b"", **env):
    surroundings = {
        name: value
        for name, value in os.environ.items()
        if name not in {"COLUMNS", "FORCE_COLOR", "NO_COLOR", "PYTHONIOENCODING"}
    }
    return subprocess.run(
        [*COMMAND, *args],
        input=stdin,
        capture_output=True,
        env=surroundings | env,
        check=False,
        timeout=PATIENCE,
    )


def test_no_arguments_show_help(run):
    result = run()
    assert result.exit_code == 0
    for command in ("demo", "verify", "states"):
        assert command in result.stdout


@pytest.mark.parametrize("command", ["demo", "verify", "states"])
def test_each_command_has_help(run, command):
    assert "Usage:" in run(command, "-h").stdout


def test_version(run):
    assert run("--version").stdout == f"counterseal, version {version('counterseal-server')}\n"


GATEWAY = """
import sys

from counterseal_server import serving, web
from counterseal_server.configuration import settings
from counterseal_server.metrics import Metrics
from counterseal_server.runtime import Runtime

with Runtime(settings({"data": sys.argv[1]}, {})) as runtime:
    web.build_gateway(runtime, web.use_cases(runtime), Metrics(), lambda: None)
    # Where Django is installed, the library of state machines imports it.
    frameworks = ("fastapi", "flask", "jinja2", "starlette", "werkzeug")
    print([name for name in frameworks if name in sys.modules])
"""


def test_what_serves_loads_no_web_framework(tmp_path):
    command = [sys.executable, "-c", GATEWAY, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


STORE_AND_WORKERS = """
import sys

from counterseal_server.configuration import settings
from counterseal_server.runtime import Runtime
from counterseal_server.serving import Duty, Metrics, Workers

with Runtime(settings({"data": sys.argv[1], "store": sys.argv[2]}, {})) as runtime:
    Workers(runtime, Metrics(), duties={Duty.DELIVER})
    heavy = ("counterseal_sql", "counterseal_redis", "flask", "sqlalchemy", "redis")
    print([name for name in heavy if name in sys.modules])
"""


@pytest.mark.parametrize(
    ("store", "loaded"),
    [
        ("redis://127.0.0.1:1", ["counterseal_redis", "redis"]),
        ("sqlite:///{}/records.db", ["counterseal_sql", "sqlalchemy"]),
    ],
    ids=["redis", "sqlite"],
)
def test_workers_load_what_their_store_needs_and_no_web_framework(tmp_path, store, loaded):
    command = [sys.executable, "-c", STORE_AND_WORKERS, str(tmp_path), store.format(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{loaded}\n"


def test_the_entry_point_is_installed():
    entry = Path(sys.executable).with_name("counterseal")
    done = subprocess.run([entry, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("counterseal, version ")


def test_json_in_a_pipe_is_one_object():
    done = shell("demo", "--json", "--challenge", "-", stdin=json.dumps(HOSTILE).encode())
    assert (done.returncode, done.stderr) == (0, b"")
    output = json.loads(done.stdout)
    assert output["display"]["content"]["title"] == HOSTILE["content"]["title"]
    # What a terminal would obey is escaped by JSON itself.
    assert done.stdout.isascii()
    assert b"\x1b" not in done.stdout


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
@pytest.mark.parametrize("columns", ["20", "80"])
def test_a_pipe_of_any_width_and_encoding(columns, encoding):
    stdin = json.dumps(HOSTILE).encode()
    done = shell(
        "demo", "--challenge", "-", stdin=stdin, COLUMNS=columns, PYTHONIOENCODING=encoding
    )
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode(encoding)
    assert "<U+001B>" in text
    assert ("Zoë" if encoding != "ascii" else "<U+00EB>") in re.sub(r"[\s│|]", "", text)
    assert all(character.isprintable() or character == "\n" for character in text)


def test_a_closed_standard_input():
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, "demo", "--challenge", "-"],
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"challenge: cannot read -: no such input\n"


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}], ids=["colour", "no colour"])
def test_a_terminal_gets_nothing_but_styles(env):
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "demo", "--challenge", "-"],
        stdin=subprocess.PIPE,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env={**os.environ, "COLUMNS": "40", "TERM": "xterm-256color", **env},
    )
    os.close(theirs)
    process.stdin.write(json.dumps(HOSTILE).encode())
    process.stdin.close()
    chunks = []
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            # A terminal whose other side is closed.
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(ours)
    assert (process.wait(PATIENCE), process.stderr.read()) == (0, b"")
    process.stderr.close()
    text = b"".join(chunks).decode()
    styles = re.findall(r"\x1b\[[0-9;]*m", text)
    assert styles
    rest = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert all(character.isprintable() or character in "\r\n" for character in rest)
    if env:
        assert not any(re.search(r"[34]\d", style) for style in styles)
