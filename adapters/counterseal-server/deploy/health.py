"""Exit with 0 if the service in this container is ready, with 1 if not; print what it replied."""

import os
import sys
from http.client import HTTPConnection, HTTPException

SECONDS = 4
READY = 200


def main() -> int:
    """Return the exit code."""
    port = int(os.environ.get("COUNTERSEAL_PORT", "8787"))
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", "/readyz")
        reply = connection.getresponse()
        print(reply.read().decode("utf-8", "replace"))  # noqa: T201 (the engine shows it)
    except (OSError, HTTPException) as error:
        print(type(error).__name__)  # noqa: T201
        return 1
    return 0 if reply.status == READY else 1


if __name__ == "__main__":
    sys.exit(main())
