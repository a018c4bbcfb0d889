"""The ports of servers that tests start: nobody else gets one, and their server listens at it."""

import socket

import pytest
from reserved_ports import LOCAL, reserve_port


def test_a_server_listens_at_a_reserved_port():
    port = reserve_port()
    with socket.create_server((LOCAL, port)):
        socket.create_connection((LOCAL, port)).close()


def test_nothing_listens_at_it_until_then():
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOCAL, reserve_port()))


def test_no_socket_that_asks_for_any_port_gets_it():
    port = reserve_port()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind((LOCAL, port))
    assert len({port, *(reserve_port() for _ in range(20))}) == 21
