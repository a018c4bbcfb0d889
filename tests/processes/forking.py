"""
Programs in processes of their own, for which everything is imported already.

    forking.py SOCKET

Most of what a command costs is importing, and the tests start hundreds of commands. So one
process imports once, and forks for each start. What it forks is a process like any other: it has
its own environment, folder, streams and, if asked for, session, and is killed like any other.
Only what is shown of importing itself needs a Python that is started anew.
"""

import atexit
import contextlib
import gc
import importlib
import io
import json
import multiprocessing
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from fork_request import send

IMPORTED = [
    "counterseal_redis",
    "counterseal_demo.device_binding_command",
    "counterseal_demo.device_question_command",
    "counterseal_demo.approval_demo",
    "counterseal_server.service_creation",
    "counterseal_demo.device_cli",
    "counterseal_server.records.in_redis",
    "counterseal_server.records.in_sql",
    "counterseal_server.serving",
    "counterseal_server.users",
    "counterseal_server.web",
    "counterseal_web",
]

FORKS = multiprocessing.get_start_method() == "fork"
"""Whether the server forks too; where it starts a Python anew, that has to be the program's."""


class Forked:
    """A program that was started, with what the tests use of `subprocess.Popen`."""

    def __init__(self, path, request, streams):
        self._connection = send(path, request, streams)
        self._reply = b""
        self.returncode = None
        while b"\n" not in self._reply:
            self._read_reply()
        self.pid = int(self._reply.partition(b"\n")[0])

    def poll(self):
        """Return how it ended, in the numbers of `subprocess`; None if it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout=None):
        """Wait for its end, *timeout* seconds at most, and return how it ended."""
        while self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            self._read_reply()
            if self._reply.count(b"\n") == 2:
                self.returncode = int(self._reply.split()[1])
                self._connection.close()
        return self.returncode

    def send_signal(self, number):
        """Send it a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def _read_reply(self):
        piece = self._connection.recv(100)
        assert piece, "the process that forks has ended"
        self._reply += piece


class Starter:
    """The process that forks, from the first start to the end of this process."""

    def __init__(self):
        self._path = None

    def path(self):
        """Return the socket at which it is asked, once it answers there."""
        if self._path is None:
            folder = tempfile.TemporaryDirectory(prefix="counterseal-")
            path = str(Path(folder.name) / "socket")
            process = subprocess.Popen(
                [sys.executable, __file__, path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            atexit.register(folder.cleanup)
            atexit.register(process.communicate)
            assert process.stdout.readline() == b"ready\n"
            self._path = path
        return self._path

    def start(self, program, *, env, stdout, stderr, session=False):
        """
        Start *program*: what stands after the name of the interpreter.

        Its streams are files that are open here.
        """
        request = {"program": program, "env": env, "folder": str(Path.cwd()), "session": session}
        with Path(os.devnull).open("rb") as nothing:
            streams = [stream.fileno() for stream in (nothing, stdout, stderr)]
            return Forked(self.path(), request, streams)

    def run(self, program, *, env, timeout):
        """Run *program* to its end as `subprocess.run` does; its output is text."""
        with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            code = self.start(program, env=env, stdout=stdout, stderr=stderr).wait(timeout)
            texts = []
            for stream in (stdout, stderr):
                stream.seek(0)
                texts.append(stream.read().decode())
        return subprocess.CompletedProcess(program, code, *texts)


STARTER = Starter()


def answer_requests(path):
    """Fork for each request; return in a program's process only, what to run there."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(64)
        for name in IMPORTED:
            importlib.import_module(name)
        # What is there stays: a search for garbage in it would copy it into every process.
        gc.collect()
        gc.freeze()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while listening in select.select([listening, sys.stdin], [], [])[0]:
            connection, _ = listening.accept()
            with connection:
                if not os.fork():
                    listening.close()
                    return fork_program(connection)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
    return None


def fork_program(connection):
    """
    Fork a program and wait for its end; return in its process only, what to run there.

    This process is there for the one program, so that the one that forks need not wait.
    """
    request, streams = receive(connection)
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        for descriptor in (*streams, reading):
            os.close(descriptor)
        with contextlib.suppress(OSError):  # the other side may have ended
            connection.sendall(b"%d\n" % process)
        os.close(writing)
        _, status = os.waitpid(process, 0)
        with contextlib.suppress(OSError):
            connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    os.close(writing)
    connection.close()
    if request["session"]:
        os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.read(reading, 1)  # until its id was said
    os.close(reading)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["env"])
    return request["program"]


def receive(connection):
    """Return a request, and the streams that came with it."""
    head, ancillary, _, _ = connection.recvmsg(4, socket.CMSG_SPACE(3 * 4))
    streams = struct.unpack("3i", ancillary[0][2])
    remaining, pieces = int.from_bytes(head, "big"), []
    while remaining:
        pieces.append(connection.recv(remaining))
        remaining -= len(pieces[-1])
    return json.loads(b"".join(pieces)), streams


def open_streams():
    """Make the standard streams anew, as a Python does that starts with this environment."""
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        file = io.FileIO(number, "w" if number else "r", closefd=False)
        if number == 0:
            file = io.BufferedReader(file)
        elif not unbuffered:
            file = io.BufferedWriter(file)
        stream = io.TextIOWrapper(
            file,
            encoding=os.environ.get("PYTHONIOENCODING") or "utf-8",
            errors="backslashreplace" if name == "stderr" else "strict",
            line_buffering=name == "stderr",
            write_through=unbuffered and number > 0,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def run(program):
    """Run *program* as the interpreter does."""
    if program[0] == "-c":
        sys.argv = ["-c", *program[2:]]
        sys.path[0] = ""
        names = {"__name__": "__main__", "__builtins__": __builtins__}
        exec(compile(program[1], "<string>", "exec"), names)  # noqa: S102 (what -c does)
    else:
        sys.argv = list(program)
        sys.path[0] = str(Path(program[0]).parent)
        runpy.run_path(program[0], run_name="__main__")


if __name__ == "__main__":
    request = answer_requests(sys.argv[1])
    if request is not None:
        open_streams()
        run(request)
