"""Every operation and every problem of the reference, over each face: the same responses."""

import sys
from functools import cache
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "docs" / "examples"))

from exchanges.story import CALLS, in_flask, play
from served import SERVERS_OWN

pytestmark = pytest.mark.every_face


@cache
def expected():
    return play(in_flask)


def response_of(exchange):
    call = (exchange.operation and exchange.operation.id, exchange.method, exchange.target)
    headers = [(name, value) for name, value in exchange.headers if name not in SERVERS_OWN]
    return call, exchange.status, headers, exchange.reply


def test_each_face_gives_the_same_status_headers_and_body(face):
    received = play(face)
    pairs = zip(received.exchanges, expected().exchanges, strict=True)
    for exchange, other in pairs:
        assert response_of(exchange) == response_of(other)
    assert received.deliveries == expected().deliveries
    called = {each.operation.id for each in received.exchanges if each.operation}
    assert called >= {operation.id for operation in CALLS}
