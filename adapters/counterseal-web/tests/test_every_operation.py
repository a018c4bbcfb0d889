"""Every operation and every problem of the reference, over each face: the same responses."""

import sys
from functools import cache
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "docs" / "examples"))

from exchanges.story import CALLS, in_flask, play
from served import REQUEST_ID, SERVERS_OWN

pytestmark = pytest.mark.every_face


@cache
def expected():
    return play(in_flask)


def response_of(exchange):
    call = (exchange.operation and exchange.operation.id, exchange.method, exchange.target)
    reply = REQUEST_ID.sub(b"", exchange.reply)
    headers = {name: value for name, value in exchange.headers if name not in SERVERS_OWN}
    assert len(headers) == len([name for name, _ in exchange.headers if name not in SERVERS_OWN])
    if "content-length" in headers:
        added = len(exchange.reply) - len(reply)
        headers["content-length"] = str(int(headers["content-length"]) - added)
    return call, exchange.status, list(headers.items()), reply


def test_each_face_gives_the_same_status_headers_and_body(face):
    received = play(face)
    pairs = zip(received.exchanges, expected().exchanges, strict=True)
    for exchange, other in pairs:
        assert response_of(exchange) == response_of(other)
    assert received.deliveries == expected().deliveries
    called = {each.operation.id for each in received.exchanges if each.operation}
    assert called >= {operation.id for operation in CALLS}
