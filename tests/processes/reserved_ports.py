"""
Ports for the servers that tests start; `pythonpath` in pyproject.toml lets every test import it.

A port that is free when a test asks is not free when its server listens at it: until then, the
system may give it to another socket that asks for any port, such as that of an outgoing connection.
A socket that is bound to the port and does not listen reserves it. A server that sets
SO_REUSEADDR, as nearly all do, can listen there all the same.
"""

import socket

LOCAL = "127.0.0.1"

_reservations = {}


def reserve_port():
    """Return a port of the loopback interface, reserved until this process ends."""
    reservation = socket.socket()
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.bind((LOCAL, 0))
    port = reservation.getsockname()[1]
    _reservations[port] = reservation
    return port


def release_port(port):
    """Let anybody have *port*, when its server listens there no more: a reservation is a socket."""
    _reservations.pop(port).close()
