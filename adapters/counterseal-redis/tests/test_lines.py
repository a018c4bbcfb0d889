"""The line to one server: what is kept at hand, and what becomes of it when it is no good."""

import os
import threading

import pytest
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from counterseal_redis import lines
from counterseal_redis.lines import Line, packed

PING = [("PING",)]
NO_RETRY = Retry(NoBackoff(), 0)


@pytest.fixture
def idle(monkeypatch):
    """Have every connection at hand looked at, as if it had been silent for long."""
    monkeypatch.setattr(lines, "IDLE_SECONDS", 0)


def in_use(client):
    """Return how many connections the client's pool has handed out."""
    return client.connection_pool.get_connection_count()[1][0]


def test_one_connection_is_kept_and_given_back_in_the_end(redis_8_2, opened):
    client = opened(redis_8_2)
    line = Line(client, keeps=True)
    together = threading.Barrier(3)

    def act(line):
        together.wait(240)
        for _ in range(20):
            line.talk(PING)

    threads = [threading.Thread(target=act, args=(line,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Two that finish at one moment may both be kept, until the next call.
    line.talk(PING)
    assert 1 <= in_use(client) <= 2

    del line, threads, thread
    assert in_use(client) == 0


def test_one_that_keeps_none_gives_each_back(redis_8_2, opened):
    client = opened(redis_8_2)
    line = Line(client)

    line.talk(PING)

    assert in_use(client) == 0


@pytest.mark.usefixtures("idle")
def test_one_that_the_server_has_closed_costs_nobody_a_reply(redis_8_2, opened):
    client = opened(redis_8_2, retry=NO_RETRY)
    line = Line(client, keeps=True)
    (me,) = line.talk([("CLIENT", "ID")])

    opened(redis_8_2).client_kill_filter(_id=me)

    (other,) = line.talk([("CLIENT", "ID")])
    assert other != me
    assert in_use(client) == 1


def test_one_that_was_closed_a_moment_ago_costs_one_call_at_most(redis_8_2, opened):
    client = opened(redis_8_2, retry=NO_RETRY)
    line = Line(client, keeps=True)
    (me,) = line.talk([("CLIENT", "ID")])

    opened(redis_8_2).client_kill_filter(_id=me)

    with pytest.raises(exceptions.ConnectionError):
        line.talk([("CLIENT", "ID")])
    (other,) = line.talk([("CLIENT", "ID")])
    assert other != me


def test_one_that_was_closed_a_moment_ago_is_made_anew_by_a_client_that_tries_again(
    redis_8_2, opened
):
    line = Line(opened(redis_8_2, retry=Retry(NoBackoff(), 1)), keeps=True)
    (me,) = line.talk([("CLIENT", "ID")])

    opened(redis_8_2).client_kill_filter(_id=me)

    (other,) = line.talk([("CLIENT", "ID")])
    assert other != me


@pytest.mark.usefixtures("idle")
def test_one_with_something_unread_is_not_used(redis_8_2, opened):
    client = opened(redis_8_2, protocol=2, retry=NO_RETRY)
    line = Line(client, keeps=True)
    line.talk([("SET", "line", "old")])
    ((connection, _),) = line._spare
    connection.send_command("GET", "line")
    while not connection.can_read(timeout=1):
        pass

    assert line.talk([("GET", "line")]) == [b"old"]
    assert line.talk(PING) == [True]


def test_one_of_another_process_is_not_used(redis_8_2, opened):
    client = opened(redis_8_2)
    line = Line(client, keeps=True)
    (me,) = line.talk([("CLIENT", "ID")])

    line._spare[0][0].pid = os.getpid() + 1  # as after a fork

    assert line.talk([("CLIENT", "ID")]) != [me]


def test_a_refusal_is_the_reply_to_that_one(redis_8_2, opened):
    line = Line(opened(redis_8_2), keeps=True)

    refused, taken = line.talk([("INCRBY", "line", "much"), ("PING",)])

    assert isinstance(refused, exceptions.ResponseError)
    assert taken is True
    assert line.talk(PING) == [True]


def test_whoever_breaks_off_leaves_no_reply_to_others(redis_8_2, opened, monkeypatch):
    client = opened(redis_8_2)
    line = Line(client, keeps=True)
    line.talk([("SET", "line", "new")])

    def broken_off(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(client, "parse_response", broken_off)
        with pytest.raises(KeyboardInterrupt):
            line.talk([("GET", "line")])

    assert line.talk(PING) == [True]


def test_commands_are_sent_as_redis_py_packs_them(redis_8_2, opened):
    connection = opened(redis_8_2).connection_pool.make_connection()
    for command in (("PING",), ("SET", "k\u00e9y", b"\r\n\x00\xff", 12), ("GET", "")):
        assert packed(command) == b"".join(connection.pack_command(*command))
