"""Addresses of Redis: as its clients spell them; what does not fit is refused and not repeated."""

import sys
from datetime import timedelta

import pytest
from redis import Redis
from redis.connection import SSLConnection
from redis.sentinel import SentinelConnectionPool

import counterseal_server
from counterseal.errors import InvalidField, StoreUnavailable
from counterseal_redis import NONE, fsync, replicated
from counterseal_server.records import opened
from counterseal_server.records.in_redis import client_of, durability_of
from counterseal_server.records.redis_address import RedisAddress, Topology, read_address


@pytest.mark.parametrize(
    ("text", "topology", "hosts", "more"),
    [
        ("redis://localhost", Topology.SINGLE, [("localhost", 6379)], {}),
        (
            "redis://:se%40cret@10.0.0.1:6380/3?prefix=bank",
            Topology.SINGLE,
            [("10.0.0.1", 6380)],
            {"password": "se@cret", "database": 3, "prefix": "bank"},
        ),
        (
            "rediss://zoe:p@[::1]:6380?ssl_ca_certs=/ca.pem&ssl_check_hostname=no",
            Topology.SINGLE,
            [("::1", 6380)],
            {
                "tls": True,
                "username": "zoe",
                "password": "p",
                "ssl": {"ssl_ca_certs": "/ca.pem", "ssl_check_hostname": False},
            },
        ),
        (
            "redis+sentinel://a,b:1/bank/1?durability=replicated&replicas=2&sentinel_password=p",
            Topology.SENTINEL,
            [("a", 26_379), ("b", 1)],
            {
                "service": "bank",
                "database": 1,
                "durability": "replicated",
                "replicas": 2,
                "sentinel_password": "p",
            },
        ),
        (
            "rediss+cluster://a.example,b.example:7000?patience=1.5&socket_timeout=3",
            Topology.CLUSTER,
            [("a.example", 6379), ("b.example", 7000)],
            {"tls": True, "patience": timedelta(seconds=1.5), "socket_timeout": 3.0},
        ),
    ],
)
def test_it_is_read(text, topology, hosts, more):
    expected = {"tls": False, "topology": topology, "hosts": tuple(hosts)} | more
    assert read_address(text) == RedisAddress(**expected)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("redis://", "HOST:PORT"),
        ("redis://canary@", "HOST:PORT"),
        ("redis://a b", "HOST:PORT"),
        ("redis://host:0", "HOST:PORT"),
        ("redis://host:65536", "HOST:PORT"),
        ("redis://:can/ary@host", "percent"),
        ("redis://:can#ary@host", "percent"),
        ("redis://:1?canary@host", "HOST:PORT"),
        ("redis://[canary", "not an address"),
        ("redis://a,b", "several hosts"),
        ("redis://host/canary", "number of a database"),
        ("redis://host/1/canary", "number of a database"),
        ("redis+sentinel://host", "SERVICE"),
        ("redis+sentinel://host/bank/canary", "number of a database"),
        ("redis+cluster://host/1", "one database"),
        ("redis://host?decode_responses=canary", "unknown parameter"),
        ("redis://host?durability=canary", "durability: .*replicated"),
        ("redis://host?durability=", "durability: empty"),
        ("redis://host?prefix=a&prefix=canary", "prefix: twice"),
        ("redis://host?replicas=0", "replicas: not 1"),
        ("redis://host?retries=canary", "retries: not a whole"),
        ("redis://host?socket_timeout=0", "socket_timeout: not a number"),
        ("redis://host?socket_timeout=nan", "socket_timeout: not a number"),
        ("redis://host?patience=5", "patience: not shorter"),
        ("redis://host?ssl_ca_certs=canary", "ssl_ca_certs: only with"),
        ("rediss://host?ssl_check_hostname=canary", "ssl_check_hostname: neither"),
        ("redis://host?sentinel_password=canary", "sentinel_password: only with"),
    ],
)
def test_what_does_not_fit_is_named_and_not_repeated(text, field):
    with pytest.raises(InvalidField, match=field) as raised:
        read_address(text)
    assert "canary" not in str(raised.value)
    assert raised.value.field.startswith("store")


def test_secrets_are_not_shown():
    address = read_address("redis+sentinel://:canary@a/bank?sentinel_password=canary")
    assert (address.password, address.sentinel_password) == ("canary", "canary")
    assert "canary" not in repr(address)


@pytest.mark.parametrize(
    ("query", "level"),
    [
        ("", NONE),
        ("?durability=none", NONE),
        ("?durability=fsync&patience=1", fsync(patience=timedelta(seconds=1))),
        ("?durability=replicated", replicated(1)),
        ("?durability=replicated&replicas=2", replicated(2)),
    ],
)
def test_it_says_how_sure_a_write_has_to_be(query, level):
    assert durability_of(read_address(f"redis://host{query}")) == level


def test_it_makes_a_client_of_redis_py():
    with client_of(read_address("rediss://zoe:p@host:1/2?ssl_ca_certs=/ca.pem")) as single:
        assert isinstance(single, Redis)
        output = single.connection_pool.connection_kwargs
        assert single.connection_pool.connection_class is SSLConnection
        options = {"host": "host", "port": 1, "db": 2, "username": "zoe", "password": "p"}
        assert output | options | {"ssl_ca_certs": "/ca.pem", "socket_timeout": 5.0} == output
        assert output["retry"].get_retries() == 2
    address = "redis+sentinel://zoe:p@a,b:1/bank/2?sentinel_password=q&sentinel_username=s"
    with client_of(read_address(address)) as watched:
        pool = watched.connection_pool
        assert isinstance(pool, SentinelConnectionPool)
        assert pool.service_name == "bank"
        assert pool.connection_kwargs["password"] == "p"
        sentinel_options = [
            one.connection_pool.connection_kwargs for one in pool.sentinel_manager.sentinels
        ]
        assert [(one["host"], one["port"]) for one in sentinel_options] == [("a", 26_379), ("b", 1)]
        assert {(one["username"], one["password"]) for one in sentinel_options} == {("s", "q")}


def test_a_cluster_that_is_not_there_is_unavailable():
    with pytest.raises(StoreUnavailable, match="Redis: "):
        client_of(read_address("redis+cluster://127.0.0.1:1?retries=0&socket_connect_timeout=1"))


def test_the_extra_that_an_address_needs_is_named(monkeypatch):
    # The package has it already if another test opened a Redis in this process.
    monkeypatch.delattr(counterseal_server, "RedisRecords")
    monkeypatch.delitem(sys.modules, "counterseal_server.records.in_redis")
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(InvalidField, match=r"redis .*\[redis\]") as refused:
        opened("redis://127.0.0.1:6379/0")
    assert refused.value.field == "store"
