"""Exit with 0 if the process in this container is ready, with 1 if not; print what it replied."""

import os
import sys
from http.client import HTTPConnection, HTTPException

SECONDS = 2
READY = 200
PORTS = {"COUNTERSEAL_PORT": "8787", "COUNTERSEAL_WORKER_PORT": "8787"}
"""The ports of `serve` and of the workers, of which one process runs in a container."""


def main() -> int:
    """Return the exit code."""
    for port in sorted({int(os.environ.get(name, port)) for name, port in PORTS.items()}):
        connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        try:
            connection.request("GET", "/readyz")
            reply = connection.getresponse()
            text = reply.read().decode("utf-8", "replace")
        except (OSError, HTTPException) as error:
            print(f"{port}: {type(error).__name__}", file=sys.stderr)  # noqa: T201
            continue
        print(text)  # noqa: T201 (the engine shows it)
        if reply.status == READY:
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
