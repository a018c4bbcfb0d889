"""The commands on pages: they run as written, and print what the page shows."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from functools import cache
from pathlib import Path

import click
import fork_request
import forking
import pytest
from reserved_ports import reserve_port

from counterseal.wire.link import read_link
from counterseal_server.cli import main

ROOT = Path(__file__).parents[3]
README = ROOT / "adapters" / "counterseal-server" / "README.md"
TUTORIAL = ROOT / "docs" / "tutorial" / "first-service.md"
HOW_TO = ROOT / "docs" / "how-to"
PATIENCE = 800
"""Seconds for a whole page: it has up to twenty commands, and each starts a Python process."""

LOG_LINES = 60
"""Seconds until the service wrote its last line, after the commands of a page have ended."""

SETTING_UP = ("python3 -m venv", ".venv/bin/pip", "export PATH")
"""Commands that are skipped: the environment of the tests has what they install."""

COMMAND = re.compile(r"^\$ (.*(?:(?:(?<=\\)\n|\n> ).*)*)\n?", re.MULTILINE)
"""A command of a terminal, with the lines that continue it."""

TERMINAL = re.compile(
    r"^```(?:bash\n(?P<commands>(?:.*\n)*?)```(?:\n\n```text\n(?P<output>(?:.*\n)*?)```)?"
    r"|console\n(?P<console>(?:.*\n)*?)```)$",
    re.MULTILINE,
)
"""
Commands with their output, or what a terminal shows besides.

`bash` is run, and `text` right below it is what it prints. `console` has a prompt before each
command, or only output. Commands that no test runs are `sh`.
"""

CHANGING = {
    "G": r"[0-9a-f]{8}-[0-9a-f-]{27}",
    "T": r"\d{4}-\d\d-\d\dT[\d:.]+Z",
    "R": r"(?<= )[0-9a-f]{24}(?= )|(?<=\"requestId\":\")[0-9a-f]{24}(?=\")",
    "H": r'(?<="hash": ")[\w-]{43}',
    "MS": r"[\d.]+ ms",
    "P": r'(?:(?<=partition )|(?<="partition": ))\d+(?:, "?position"?:?) \d+',
    "K": r"(?<= )[\w-]{43}$|(?<= kid)( +)[\w-]{22}$",
}
"""Output that differs between two runs."""


def section(page, heading):
    text = page.read_text("utf-8")
    return text.partition(f"{heading}\n")[2].partition("\n## ")[0] if heading else text


def consoles(text):
    """Return what each terminal of a page shows, with a prompt before each command."""
    return [
        block["console"]
        or "".join(f"$ {command}\n" for command in split(block["commands"]))
        + (block["output"] or "")
        for block in TERMINAL.finditer(text)
    ]


@cache
def is_complete(command):
    """Tell whether a shell would run *command*, and not wait for another line."""
    done = subprocess.run(
        [shutil.which("bash"), "-n", "-c", command],
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=PATIENCE,
    )
    return done.returncode == 0 and not command.endswith("\\")


def split(block):
    """Return the commands of *block*; a line that continues one begins with a second prompt."""
    lines = []
    for line in block.splitlines():
        lines.append(line)
        if is_complete("\n".join(lines)):
            yield "\n> ".join(lines)
            lines = []
    assert lines == [], lines


def blocks(text):
    """Return the first terminal up to `serve`, the second, and the first one's later output."""
    sections = consoles(text)
    served = next(at for at, block in enumerate(sections) if "counterseal serve" in block)
    later = sections[served + 1 :]
    return (
        "".join(sections[: served + 1]),
        "".join(block for block in later if "$ " in block),
        "".join(block for block in later if "$ " not in block),
    )


def commands(terminal):
    lines = [command.replace("\n> ", "\n") for command in COMMAND.findall(terminal)]
    return [command for command in lines if not command.startswith(SETTING_UP)]


def output_of(text):
    lines = [line.rstrip() for line in COMMAND.sub("", text).splitlines()]
    for name, pattern in CHANGING.items():
        lines = [re.sub(pattern, name, line) for line in lines]
    return [line for line in lines if line]


def answers(port):
    with socket.socket() as probe:
        return not probe.connect_ex(("127.0.0.1", int(port)))


def eventually(condition, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.1)


class Desk:
    """
    A folder in which the commands of a page run.

    Only `serve` is a new Python process, where this machine can fork the others.
    """

    def __init__(self, folder):
        self.folder = folder
        self.ports = {name: str(reserve_port()) for name in ("8787", "9000")}
        for name in ("adapters", "docs"):
            (folder / name).symlink_to(ROOT / name)
        (folder / "bin").mkdir()
        program = "from counterseal_server.cli import main; main()"
        for name, arguments in {"python": "", "counterseal": f"-c '{program}' "}.items():
            script = folder / "bin" / name
            script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments}"$@"\n', "utf-8")
            script.chmod(0o700)
        if forking.FORKS:
            ending = (
                f'"{sys.executable}" -I -S "{fork_request.__file__}" "{forking.STARTER.path()}"'
            )
            script.write_text(
                "#!/bin/sh\n"
                f'case "$1" in serve) exec "{sys.executable}" {arguments}"$@";; esac\n'
                f'exec {ending} {arguments}"$@"\n',
                "utf-8",
            )
        inherited = {name: value for name, value in os.environ.items() if "COUNTERSEAL" not in name}
        self.env = inherited | {
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "100",
            "PYTHONIOENCODING": "utf-8",
            "COUNTERSEAL_PORT": self.ports["8787"],
        }

    def shell(self, terminal):
        text = "\n".join(commands(terminal))
        for there, port in self.ports.items():
            text = text.replace(there, port)
        return ["bash", "-c", text]

    def output_of(self, text):
        for there, port in self.ports.items():
            text = text.replace(port, there)
        return output_of(text)

    def run(self, terminal):
        """Run the commands of a terminal, and return their output, errors included."""
        done = subprocess.run(
            self.shell(terminal),
            cwd=self.folder,
            env=self.env | {"COUNTERSEAL_PIN": "1379"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        return self.output_of(done.stdout)

    @contextlib.contextmanager
    def running(self, terminal):
        """Run a terminal that starts a service, and yield a function that returns its output."""
        log = self.folder / "first.log"
        with log.open("wb") as output:
            service = subprocess.Popen(
                self.shell(terminal),
                cwd=self.folder,
                env=self.env,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            eventually(lambda: answers(self.ports["8787"]) or service.poll() is not None)
            yield lambda: self.output_of(log.read_text("utf-8"))
        finally:
            if service.poll() is None:
                os.killpg(service.pid, signal.SIGKILL)
            service.wait(PATIENCE)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl: the pages use it")
@pytest.mark.parametrize(
    ("page", "heading"),
    [
        (README, "## Two terminals"),
        (TUTORIAL, None),
        (HOW_TO / "move-from-a-cx-service.md", None),
    ],
    ids=["readme", "tutorial", "move-from-a-cx-service"],
)
def test_two_terminals(desk, page, heading):
    first, second, third = blocks(section(page, heading))

    with desk.running(first) as output:
        assert desk.run(second) == output_of(second), output()
        eventually(lambda: set(output_of(third)) <= set(output()), LOG_LINES)
        assert [line for line in output_of(third) if line not in output()] == []
        # The audit log's head is logged by a worker, before or after the address.
        start = [line for line in output() if "audit head" not in line]
        assert start[: len(output_of(first))] == output_of(first)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl: the page uses it")
def test_the_browser_device_on_one_computer(desk):
    page = HOW_TO / "let-people-answer-in-the-browser.md"
    serving, inviting, asking = consoles(section(page, "## Try it on your computer"))
    address = f"http://localhost:{desk.ports['8787']}"

    with desk.running(serving) as output:
        with urllib.request.urlopen(f"{address}/app/", timeout=PATIENCE) as app:  # noqa: S310 (http)
            assert "Counterseal" in app.read().decode()
        invited = subprocess.run(
            desk.shell(inviting),
            cwd=desk.folder,
            env=desk.env,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=True,
        )
        link = invited.stdout.splitlines()[0]
        assert link.startswith(f"{address}/app/#bind?")
        token = read_link(link).token
        desk.run(f"$ counterseal device bind --home phone --url {address} --token {token}\n")
        (reply,) = desk.run(asking)
        eventually(lambda: set(output_of(serving)) <= set(output()), LOG_LINES)
        assert [line for line in output_of(serving) if line not in output()] == []

    assert "guid" in json.loads(reply)


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="no sqlite3: a page uses it")
@pytest.mark.parametrize(
    "page",
    [
        "back-up-and-restore",
        "look-after-tenants",
        "look-after-users",
        "run-the-service",
        "watch-over-the-audit-log",
    ],
)
def test_one_terminal(desk, page):
    terminal = "".join(consoles(section(HOW_TO / f"{page}.md", None)))

    assert desk.run(terminal) == output_of(terminal)


def test_on_a_cluster(desk, redis):
    desk.ports["6379"] = str(redis.port)
    terminal = "".join(consoles(section(HOW_TO / "run-on-a-cluster.md", None)))

    assert desk.run(terminal) == output_of(terminal)


PAGES = [README, *sorted(HOW_TO.glob("*.md")), *sorted(TUTORIAL.parent.glob("*.md"))]
LEFT_BEHIND = re.compile(r"(?:>|--out|--data|--home|--save) ([A-Za-z][\w.-]*)(?= |$)", re.MULTILINE)
"""A file or folder that a command creates where it runs."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_leaves_in_a_clone_is_ignored_by_git(page):
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text("utf-8").splitlines()}
    terminal = "\n".join(commands("".join(consoles(page.read_text("utf-8")))))

    assert {name for name in LEFT_BEHIND.findall(terminal) if name != "DIR"} - ignored == set()


def test_the_pages_leave_something():
    assert LEFT_BEHIND.findall("a --data data > b.json\ninit --out c.json") == [
        "data",
        "b.json",
        "c.json",
    ]


SECRET = re.compile(
    r"^\$ counterseal (?:init|invite|account invite-again"
    r"|admin (?:origin|rotate|callback-secret|administrator|rotate-administrator|link))"
    r" (?:.*\\\n)*.*",
    re.MULTILINE,
)
"""A command that prints a secret."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_page_writes_secrets_for_everybody_to_read(page):
    terminal = "".join(consoles(page.read_text("utf-8"))).replace("\n> ", "\n")

    assert [line for line in SECRET.findall(terminal) if ">" in line] == []


def commands_with(option, group, *path):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands_with(option, command, *path, name)
        elif any(option in parameter.opts for parameter in command.params):
            yield " ".join((*path, name))


def test_a_command_that_prints_a_secret_can_write_it_to_a_file():
    lines = [f"$ counterseal {name} x" for name in commands_with("--out", main)]
    lines.remove("$ counterseal audit head x")  # signed, and no secret

    assert [line for line in lines if not SECRET.match(line)] == []
    assert len(lines) == 9
    assert SECRET.match("$ counterseal admin administrators --data data") is None


def test_receive_says_in_a_line_that_its_port_is_taken(tmp_path):
    (tmp_path / "shop.json").write_text("{}")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        done = subprocess.run(
            [
                sys.executable,
                ROOT / "docs/examples/receive.py",
                tmp_path / "shop.json",
                str(port),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"receive.py: cannot listen at 127.0.0.1:{port}: Address already in use;"
        " choose another port\n"
    )


@pytest.mark.parametrize("page", [README, TUTORIAL], ids=["readme", "tutorial"])
def test_field_shows_what_came_if_the_name_is_missing(tmp_path, page):
    (field,) = [
        line
        for line in commands("".join(consoles(page.read_text("utf-8"))))
        if line.startswith("field()")
    ]
    (tmp_path / "bind.json").write_text('{"code": "unauthorized", "a": 1}')
    command = field.replace("python", sys.executable)

    def run(name):
        return subprocess.run(
            [shutil.which("bash"), "-c", f"{command}; field bind.json {name}"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    assert run("a").stdout == "1\n"
    missing = run("sessionToken")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr == ("no sessionToken in bind.json: {'code': 'unauthorized', 'a': 1}\n")


def test_each_setting_stands_once_in_the_readme():
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", README.read_text("utf-8"), re.MULTILINE)
    settings = section(README, "## Run the service")
    names = re.findall(r"^\| `([a-z_]+)` \|", settings, re.MULTILINE)

    assert "notification_workers" in rows
    assert sorted(names) == sorted(set(names))
