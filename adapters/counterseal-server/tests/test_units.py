"""The systemd units of deploy: systemd reads them, they confine the service, and it runs so."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import confined
import pytest
from program import COMMAND, eventually

from counterseal_server.cli import main
from counterseal_server.configuration import settings, span
from counterseal_server.serving import FILES

DEPLOY = Path(__file__).parents[1] / "deploy"
UNITS = sorted(path.name for path in DEPLOY.glob("*.service"))
TMPFILES = DEPLOY / "counterseal-backup.tmpfiles"
PROGRAM = "/opt/counterseal/bin/counterseal"
CONFINED = [sys.executable, str(Path(confined.__file__))]
PATIENCE = 240

OPEN = {
    "DeviceAllow": "systemd itself adds the clock's device, to read, with ProtectClock",
    "IPAddressDeny": "callbacks, Identity Providers and push services are anywhere",
    "PrivateNetwork": "it serves, and sends",
    "RestrictAddressFamilies_AF_INET_INET6": "it serves, and sends",
    "RestrictAddressFamilies_AF_UNIX": "PostgreSQL's socket, and the machine's resolver",
    "RootDirectoryOrRootImage": "it is installed in the system",
}
"""What systemd-analyze would have closed and is open, and why."""


@pytest.fixture(scope="module")
def systemd_analyze():
    """Return a function that runs systemd-analyze."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze: install it, such as by apt-get install systemd")

    def run(*args):
        return subprocess.run(
            [program, "--no-pager", *map(str, args)],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    return run


@pytest.fixture
def read_units(systemd_analyze, tmp_path):
    """Return a function that lets systemd read all units, one of them changed."""

    def read(name=None, old="", new=""):
        for path in (*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")):
            # Its program is not installed here.
            text = path.read_text("utf-8").replace(PROGRAM, sys.executable)
            if path.name == name:
                assert old in text
                text = text.replace(old, new, 1)
            (tmp_path / path.name).write_text(text, "utf-8")
        done = systemd_analyze("verify", "--man=no", *sorted(tmp_path.iterdir()))
        return done.returncode, done.stderr

    return read


def open_points(systemd_analyze, unit):
    done = systemd_analyze("security", "--offline=true", "--json=short", unit)
    return {
        point["json_field"]
        for point in json.loads(done.stdout)
        if point["set"] is False and point["exposure"] is not None
    }


def test_systemd_reads_the_units(read_units):
    assert read_units() == (0, "")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("UMask=0077", "Umask=0077", "Unknown key 'Umask'"),
        ("Restart=on-failure", "Restart=on-error", "Failed to parse Restart=on-error"),
        ("SystemCallFilter=@system-service", "SystemCallFilter=@service", "@service"),
        ("After=network-online.target", "Afterwards=network.target", "Unknown key 'Afterwards'"),
    ],
)
def test_a_mistake_in_a_unit_is_found(read_units, old, new, problem):
    assert problem in read_units("counterseal.service", old, new)[1]


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_confined(systemd_analyze, name):
    done = systemd_analyze("security", "--offline=true", "--threshold=20", DEPLOY / name)

    assert done.returncode == 0, done.stdout
    assert open_points(systemd_analyze, DEPLOY / name) == set(OPEN)


def test_each_directive_that_is_removed_is_missed(systemd_analyze, tmp_path):
    text = (DEPLOY / "counterseal.service").read_text("utf-8")
    sandbox = text.partition("# What the process may do")[2].partition("[Install]")[0]
    lines = [line for line in sandbox.splitlines() if re.match("[A-Z]", line)]
    copy = tmp_path / "counterseal.service"
    missed = []
    for line in lines:
        copy.write_text(text.replace(f"{line}\n", "", 1), "utf-8")
        if open_points(systemd_analyze, copy) != set(OPEN):
            missed.append(line)

    assert set(lines) - set(missed) == {
        # No capability is given by default, and the others only say how a call is refused, and
        # what PrivateDevices implies.
        "AmbientCapabilities=",
        "DevicePolicy=closed",
        "KeyringMode=private",
        "SystemCallErrorNumber=EPERM",
    }


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_gives_a_command_that_there_is(name):
    (line,) = confined.read_unit(DEPLOY / name)["ExecStart"]
    program, *args = line.split()
    command = main
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), args.pop(0))

    assert program == PROGRAM
    assert command.make_context(name, args).params["config"] == "/etc/counterseal.toml"


def test_a_command_that_there_is_not_is_found(monkeypatch, tmp_path):
    text = (DEPLOY / "counterseal.service").read_text("utf-8")
    (tmp_path / "counterseal.service").write_text(text.replace("--config", "--settings"))
    monkeypatch.setattr(sys.modules[__name__], "DEPLOY", tmp_path)

    with pytest.raises(click.UsageError, match="--settings"):
        test_a_unit_gives_a_command_that_there_is("counterseal.service")


def test_the_units_are_confined_alike():
    sandboxes = {
        (DEPLOY / name).read_text("utf-8").partition("# What the process")[2].partition("\n[")[0]
        for name in UNITS
    }

    assert len(sandboxes) == 1
    for name in UNITS:
        assert confined.read_unit(DEPLOY / name)["EnvironmentFile"] == ["-/etc/counterseal.env"]
        if name != "counterseal-backup.service":
            assert confined.read_unit(DEPLOY / name)["RestartPreventExitStatus"] == ["2"]


def test_the_limits_are_those_of_the_settings(tmp_path):
    directives = confined.read_unit(DEPLOY / "counterseal.service")
    service_settings = settings({"data": str(tmp_path)}, {}, DEPLOY / "counterseal.toml")
    threads = (
        service_settings.threads
        + service_settings.senders
        + 4 * service_settings.notification_workers
    )

    assert int(directives["LimitNOFILE"][0]) > service_settings.connections + FILES
    assert int(directives["TasksMax"][0]) > 2 * threads
    assert span(f"{directives['TimeoutStopSec'][0]}s", "") > service_settings.grace


REFUSED = """
import ctypes, mmap, os, resource, socket
def unshare():
    if ctypes.CDLL(None, use_errno=True).unshare(0x04000000):
        raise OSError(ctypes.get_errno(), "unshare")
attempts = {
    "a socket for packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "memory to write and execute": lambda: mmap.mmap(-1, 4096, prot=7),
    "a namespace": unshare,
    "another owner": lambda: os.chown(".", os.getuid(), os.getgid()),
    "another user": lambda: os.setuid(os.getuid()),
    "a clock": lambda: __import__("time").clock_settime(0, __import__("time").time()),
    "more files": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (99_999, 99_999)),
}
for name, attempt in attempts.items():
    try:
        attempt()
    except (OSError, ValueError):
        print(name)
print(oct(os.umask(0)))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="filters are of Linux")
def test_what_a_unit_does_not_allow_is_refused(systemd_analyze, tmp_path):
    done = subprocess.run(
        [*CONFINED, DEPLOY / "counterseal.service", sys.executable, "-c", REFUSED],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=PATIENCE,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "a socket for packets",
        "memory to write and execute",
        "a namespace",
        "another owner",
        "another user",
        "a clock",
        "more files",
        "0o77",
    ]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="filters are of Linux")
def test_the_service_works_under_the_filters_of_its_unit(
    systemd_analyze, new_service, founded, receiver
):
    service = new_service(like=founded, fresh=True)
    service.serve(program=[*CONFINED, str(DEPLOY / "counterseal.service"), *COMMAND])
    service.bind()
    challenge = service.ask(receiver.url)
    service.device("answer", challenge["guid"], "--button", "0", "--code", challenge["code"])

    assert eventually(lambda: receiver.received)
    assert service.call("GET", "/metrics", plain=True)[0] == 200
    assert "Operation not permitted" not in service.log.read_text("utf-8")


def test_the_folder_of_backups_is_made(tmp_path):
    program = shutil.which("systemd-tmpfiles")
    if program is None:
        pytest.skip("no systemd-analyze: systemd-tmpfiles is absent (apt-get install systemd)")
    users = tmp_path / "etc"
    users.mkdir()
    (users / "passwd").write_text("counterseal:x:4242:4242::/:/bin/false\n")
    (users / "group").write_text("counterseal:x:4242:\n")
    done = subprocess.run(
        [program, "--create", "--dry-run", f"--root={tmp_path}", TMPFILES],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    (path,) = confined.read_unit(DEPLOY / "counterseal-backup.service")["ReadWritePaths"]

    assert (done.returncode, path in done.stdout + done.stderr) == (0, True), done.stderr
    assert f" {path} " in (DEPLOY / "counterseal-backup.service").read_text("utf-8")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="filters are of Linux")
def test_a_backup_is_made_under_the_filters_of_its_unit(systemd_analyze, data, tmp_path):
    backups = tmp_path / "backups"
    backups.mkdir()
    unit = DEPLOY / "counterseal-backup.service"
    (line,) = confined.read_unit(unit)["ExecStart"]
    args = [text.replace("/var/backups/counterseal", str(backups)) for text in line.split()[1:-2]]
    done = subprocess.run(
        [*CONFINED, unit, *COMMAND, *args, "--data", data],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )

    assert (done.returncode, done.stderr) == (0, "")
    (backup,) = backups.iterdir()
    assert {"counterseal.db", "manifest.json"} <= {path.name for path in backup.iterdir()}


@pytest.fixture
def data(create_data, tmp_path):
    """Return the data folder of a new service."""
    create_data(tmp_path / "data")
    return tmp_path / "data"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="filters are of Linux")
def test_a_filter_that_forbids_too_much_is_noticed(systemd_analyze, new_service, founded, tmp_path):
    text = (DEPLOY / "counterseal.service").read_text("utf-8")
    unit = tmp_path / "counterseal.service"
    unit.write_text(text.replace("~@privileged", "~@privileged @network-io"), "utf-8")
    service = new_service(like=founded, fresh=True)
    process = service.run("serve", "--port", service.port, program=[*CONFINED, str(unit), *COMMAND])

    assert process.wait(PATIENCE) != 0
    assert "Operation not permitted" in service.log.read_text("utf-8")
