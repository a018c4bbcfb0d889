"""Writes what the story tells as Markdown."""

import json
import re
from functools import cache
from http import HTTPStatus

from exchanges.recorder import PUBLIC
from exchanges.story import CALLS, play

from counterseal_web.messages import PNG

HOST = PUBLIC.partition("//")[2]
TOKEN = re.compile(r"[\w.-]{120,}")
SHOWN = 24
"""Of a longer token, characters."""
LINES = 120
"""A reply with more of them is cut to a few."""
MORE = "  …"

story = cache(play)


def examples(audience):
    """Return, for each operation of *audience*, its successes."""
    return "\n".join(_section(each) for each in CALLS if each.audience is audience)


def problems():
    """Return every problem of the story, by status."""
    refused = [each for each in story().exchanges if each.about is not None and failed(each)]
    parts = []
    for line in sorted({each.line for each in refused}):
        parts.append(f"## {line}\n")
        parts += [
            f"### `{each.document['code']}`\n\n{_exchange(each)}"
            for each in refused
            if each.line == line
        ]
    return "\n".join(parts)


def callback():
    """Return the callback that was sent for the answer."""
    (sent, *_) = story().deliveries
    host, _, path = sent.url.partition("//")[2].partition("/")
    return _fence(f"POST /{path} HTTP/1.1", (("Host", host), *sent.headers), _laid_out(sent.body))


def successes(operation):
    """Return the exchanges that show *operation* done."""
    return [
        each
        for each in story().exchanges
        if each.operation is operation and each.about is not None and not failed(each)
    ]


def failed(exchange):
    """Tell whether the reply is a problem."""
    return exchange.status >= HTTPStatus.BAD_REQUEST


def _section(operation):
    shown = "\n".join(map(_exchange, successes(operation)))
    return (
        f"## {operation.id}\n\n`{operation.method} {operation.path}`\n\n"
        f"{operation.summary}\n\n{shown}"
    )


def _exchange(exchange):
    head = f"{exchange.method} {exchange.target} HTTP/1.1"
    asked = _fence(head, (("Host", HOST), *exchange.sent), exchange.body.decode())
    picture = ("Content-Type", PNG) in exchange.got
    reply = f"({len(exchange.reply)} bytes)" if picture else _laid_out(exchange.reply)
    got = _fence(f"HTTP/1.1 {exchange.line}", exchange.got, reply)
    about = f"{exchange.about}\n\n" if exchange.about else ""
    return f"{about}{asked}\n{got}"


def _fence(first, headers, body):
    language = "text" if _broken_off(body) else "http"  # cut JSON is no JSON
    head = "\n".join((first, *(f"{name}: {value}" for name, value in headers)))
    text = f"{head}\n\n{body}" if body else head
    return f"```{language}\n{TOKEN.sub(_cut, text).rstrip()}\n```\n"


def _broken_off(body):
    if not body.startswith(("{", "[")):
        return False
    try:
        json.loads(body)
    except ValueError:
        return True
    return False


def _cut(token):
    return f"{token[0][:SHOWN]}…"


def _laid_out(body):
    try:
        text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body.decode()  # none, or a stream
    lines = text.splitlines()
    return text if len(lines) <= LINES else "\n".join((*lines[: LINES // 4], MORE))
