"""
Have a program started by the process of `forking.py`, and end as the program does.

    fork_request.py SOCKET PROGRAM ARG …

The program gets the environment, the folder and the streams of this process, which imports
little, so that it costs little.
"""

import array
import json
import os
import socket
import sys
from pathlib import Path


def send(path, request, streams):
    """Send a request; the reply is two lines: the id of the process, and how it ended."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    data = json.dumps(request).encode()
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", streams))]
    connection.sendmsg([len(data).to_bytes(4, "big")], rights)
    connection.sendall(data)
    return connection


def run_with_own_streams(path, program):
    """Have *program* started with what this process has, and return its exit code."""
    request = {
        "program": program,
        "env": dict(os.environ),
        "folder": str(Path.cwd()),
        "session": False,
    }
    with send(path, request, [0, 1, 2]) as connection, connection.makefile("rb") as reply:
        _, code = reply.read().split()
    # As a shell says of a program that a signal ended.
    return int(code) if int(code) >= 0 else 128 - int(code)


if __name__ == "__main__":
    sys.exit(run_with_own_streams(sys.argv[1], sys.argv[2:]))
