"""The pinned connection: which connection is kept, and when it is replaced."""

import math
import os
import threading

import pytest
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from counterseal_redis import connection as connections
from counterseal_redis.connection import PinnedConnection, pack

PING = [("PING",)]
NO_RETRY = Retry(NoBackoff(), 0)


@pytest.fixture
def in_time(monkeypatch):
    """No connection is idle, however long this machine takes between two calls."""
    monkeypatch.setattr(connections, "IDLE_SECONDS", math.inf)


@pytest.fixture
def idle(monkeypatch):
    """Have every kept connection checked, as if it had been idle for long."""
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0)


def in_use(client):
    """Return how many connections the client's pool has handed out."""
    return client.connection_pool.get_connection_count()[1][0]


def test_one_connection_is_pinned_and_released_at_the_end(redis_8_2, opened):
    client = opened(redis_8_2)
    pinned = PinnedConnection(client, keep=True)
    together = threading.Barrier(3)

    def send_pings(pinned):
        together.wait(240)
        for _ in range(20):
            pinned.pipeline(PING)

    threads = [threading.Thread(target=send_pings, args=(pinned,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Two calls that end together may both keep their connection until the next call.
    pinned.pipeline(PING)
    assert 1 <= in_use(client) <= 2

    del pinned, threads, thread
    assert in_use(client) == 0


def test_without_keep_every_connection_is_released(redis_8_2, opened):
    client = opened(redis_8_2)
    pinned = PinnedConnection(client)

    pinned.pipeline(PING)

    assert in_use(client) == 0


@pytest.mark.usefixtures("idle")
def test_an_idle_connection_that_the_server_closed_is_replaced(redis_8_2, opened):
    client = opened(redis_8_2, retry=NO_RETRY)
    pinned = PinnedConnection(client, keep=True)
    (client_id,) = pinned.pipeline([("CLIENT", "ID")])

    opened(redis_8_2).client_kill_filter(_id=client_id)

    (new_client_id,) = pinned.pipeline([("CLIENT", "ID")])
    assert new_client_id != client_id
    assert in_use(client) == 1


@pytest.mark.usefixtures("in_time")
def test_a_connection_that_was_just_closed_fails_one_call(redis_8_2, opened):
    client = opened(redis_8_2, retry=NO_RETRY)
    pinned = PinnedConnection(client, keep=True)
    (client_id,) = pinned.pipeline([("CLIENT", "ID")])

    opened(redis_8_2).client_kill_filter(_id=client_id)

    with pytest.raises(exceptions.ConnectionError):
        pinned.pipeline([("CLIENT", "ID")])
    (new_client_id,) = pinned.pipeline([("CLIENT", "ID")])
    assert new_client_id != client_id


@pytest.mark.usefixtures("in_time")
def test_a_connection_that_was_just_closed_is_replaced_by_a_client_with_retries(redis_8_2, opened):
    pinned = PinnedConnection(opened(redis_8_2, retry=Retry(NoBackoff(), 1)), keep=True)
    (client_id,) = pinned.pipeline([("CLIENT", "ID")])

    opened(redis_8_2).client_kill_filter(_id=client_id)

    (new_client_id,) = pinned.pipeline([("CLIENT", "ID")])
    assert new_client_id != client_id


@pytest.mark.usefixtures("idle")
def test_a_connection_with_an_unread_reply_is_not_used(redis_8_2, opened):
    client = opened(redis_8_2, protocol=2, retry=NO_RETRY)
    pinned = PinnedConnection(client, keep=True)
    pinned.pipeline([("SET", "line", "old")])
    ((connection, _),) = pinned._spare
    connection.send_command("GET", "line")
    while not connection.can_read(timeout=1):
        pass

    assert pinned.pipeline([("GET", "line")]) == [b"old"]
    assert pinned.pipeline(PING) == [True]


def test_a_connection_of_another_process_is_not_used(redis_8_2, opened):
    client = opened(redis_8_2)
    pinned = PinnedConnection(client, keep=True)
    (client_id,) = pinned.pipeline([("CLIENT", "ID")])

    pinned._spare[0][0].pid = os.getpid() + 1  # as after a fork

    assert pinned.pipeline([("CLIENT", "ID")]) != [client_id]


def test_a_refusal_is_the_reply_to_its_own_command(redis_8_2, opened):
    pinned = PinnedConnection(opened(redis_8_2), keep=True)

    refusal, pong = pinned.pipeline([("INCRBY", "line", "much"), ("PING",)])

    assert isinstance(refusal, exceptions.ResponseError)
    assert pong is True
    assert pinned.pipeline(PING) == [True]


def test_an_interrupted_call_leaves_no_reply_to_others(redis_8_2, opened, monkeypatch):
    client = opened(redis_8_2)
    pinned = PinnedConnection(client, keep=True)
    pinned.pipeline([("SET", "line", "new")])

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(client, "parse_response", interrupt)
        with pytest.raises(KeyboardInterrupt):
            pinned.pipeline([("GET", "line")])

    assert pinned.pipeline(PING) == [True]


def test_commands_are_sent_as_redis_py_packs_them(redis_8_2, opened):
    connection = opened(redis_8_2).connection_pool.make_connection()
    for command in (("PING",), ("SET", "k\u00e9y", b"\r\n\x00\xff", 12), ("GET", "")):
        assert pack(command) == b"".join(connection.pack_command(*command))
