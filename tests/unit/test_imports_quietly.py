"""Importing the core does nothing but define things."""

import json
import subprocess
import sys

import pytest

CORE = ("counterseal", "counterseal.memory", "counterseal.device")

# `-I` keeps the caller's folder and environment out; the audit hook sees what Python does.
PROGRAM = """
import json, sys, threading

paths, modules = json.loads(sys.argv[1])
sys.path += paths
sys.dont_write_bytecode = True
LOUD = ("_thread.", "ftplib.", "http.", "shutil.", "smtplib.", "socket.", "sqlite3.", "subprocess.",
        "tempfile.", "urllib.")
DEEDS = {"os.chmod", "os.exec", "os.fork", "os.mkdir", "os.posix_spawn", "os.putenv", "os.remove",
         "os.rename", "os.system", "sys.setprofile", "sys.settrace"}
done, written = [], []

def hook(event, args):
    if event == "open" and (set(args[1] or "") & set("wax+") or (args[2] or 0) & 3):
        written.append(str(args[0]))
    if event.startswith(LOUD) or event in DEEDS:
        done.append(event)

sys.addaudithook(hook)
before = set(sys.modules)
for module in modules:
    __import__(module)
print(json.dumps({
    "done": done,
    "written": written,
    "threads": len(threading.enumerate()) - 1,
    "roots": sorted({name.partition(".")[0] for name in set(sys.modules) - before}),
    "modules": sorted(set(sys.modules) - before),
}))
"""


def reported(*modules, paths=()):
    """Import *modules* in a fresh interpreter, and return what that did."""
    run = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", PROGRAM, json.dumps([paths, modules])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def report():
    return reported(*CORE)


def test_it_opens_no_connection_writes_no_file_and_starts_no_process_or_thread(report):
    assert (report["done"], report["written"], report["threads"]) == ([], [], 0)


def test_it_pulls_in_no_test_tool_and_no_framework(report):
    unwanted = {"pytest", "_pytest", "hypothesis", "flask", "click", "rich", "redis", "sqlalchemy"}
    assert unwanted.isdisjoint(report["roots"])
    assert {"counterseal.testing", "counterseal_testing"}.isdisjoint(report["modules"])


def test_it_pulls_in_what_it_depends_on_and_nothing_else(report):
    """What is neither Python's own nor ours is what pyproject.toml names."""
    others = set(report["roots"]) - set(sys.stdlib_module_names) - {"counterseal"}
    packages = {name for name in others if not name.startswith("_")}
    assert packages <= {"attr", "attrs", "cryptography", "rfc8785", "statemachine"}


def test_a_module_that_is_loud_would_be_noticed(tmp_path):
    (tmp_path / "loud.py").write_text(
        "import socket, threading\n"
        "threading.Thread(target=threading.Event().wait, args=(1,), daemon=True).start()\n"
        "socket.socket().close()\n"
        f"open({str(tmp_path / 'file')!r}, 'w').close()\n"
    )
    report = reported("loud", paths=[str(tmp_path)])
    assert "socket.__new__" in report["done"]
    assert report["written"] == [str(tmp_path / "file")]
    assert report["threads"] == 1
