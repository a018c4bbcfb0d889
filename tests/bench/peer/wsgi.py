"""Calls of a WSGI application in this process, and the CPU time that each of them takes."""

from __future__ import annotations

import io
import json
import sys
import time
from collections import defaultdict

Spent = defaultdict[str, float]


def sender(app, spent: Spent):
    """Return what sends a call to *app*, and notes what that took."""

    def send(name: str, method: str, target: str, headers: dict[str, str], body: bytes):
        path, _, query = target.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for header, text in headers.items():
            environ["HTTP_" + header.upper().replace("-", "_")] = text
        statuses: list[str] = []
        start = time.thread_time_ns()
        answer = app(environ, lambda status, *_: statuses.append(status))
        reply = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        spent[name] += (time.thread_time_ns() - start) / 1000
        assert statuses[0].startswith("20"), (method, target, statuses[0], reply)
        return json.loads(reply)

    return send
