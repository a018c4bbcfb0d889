"""Connections of posts: which one a request takes, and which ones are closed."""

import pytest

from counterseal_http.budget import Budget
from counterseal_http.posts import PostConnections
from counterseal_http.target import read_target

SHOP, BANK = (read_target(f"https://{name}.example/done") for name in ("shop", "bank"))
RESPONSE = b"HTTP/1.1 204 Fine\r\n\r\n"


class FakeStream:
    """A connection whose server responds at once; it counts how often it is looked at."""

    def __init__(self):
        self.response = RESPONSE
        self.look_count = 0
        self.closed_by_server = False
        self.closed = False

    def write(self, buffer, timeout):
        self.request = buffer

    def read(self, max_bytes, timeout):
        response, self.response = self.response, RESPONSE
        return response

    def get_extra_info(self, info):
        assert info == "is_readable"
        self.look_count += 1
        return self.closed_by_server

    def close(self):
        self.closed = True


class Network:
    """What connects: it remembers the streams, and fails once if it is to."""

    def __init__(self):
        self.streams = []
        self.failure = None

    def connect(self, target, budget):
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure
        self.streams.append(FakeStream())
        return self.streams[-1]


@pytest.fixture
def network():
    return Network()


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def connections(network, now):
    return PostConnections(network.connect, limit=4, idle_seconds=5.0, monotonic=lambda: now[0])


def take(connections, *targets):
    return [(target, connections.take(target, Budget(60))) for target in targets]


def give_back(connections, pairs, *, usable=True):
    for target, connection in pairs:
        connections.give_back(target, connection, usable=usable)


def post(connection):
    return connection.post(b"/", [(b"Host", b"a"), (b"Content-Length", b"0")], b"", Budget(60), 99)


def test_a_request_takes_the_connection_that_was_returned_last(connections):
    pairs = take(connections, SHOP, SHOP, BANK)
    give_back(connections, pairs)

    assert take(connections, SHOP) == [pairs[1]]
    assert take(connections, SHOP) == [pairs[0]]
    assert take(connections, BANK) == [pairs[2]]


def test_a_request_looks_at_one_connection_only(connections, network):
    give_back(connections, take(connections, SHOP, SHOP, SHOP, BANK))

    give_back(connections, take(connections, SHOP))

    assert [stream.look_count for stream in network.streams] == [0, 0, 1, 0]


def test_no_request_takes_one_that_the_server_closed(connections, network):
    give_back(connections, take(connections, SHOP, SHOP))
    network.streams[1].closed_by_server = True

    take(connections, SHOP)

    assert [stream.closed for stream in network.streams] == [False, True]
    network.streams[0].closed_by_server = True
    take(connections, SHOP)
    assert len(network.streams) == 3


def test_no_request_takes_one_that_is_not_usable(connections, network):
    give_back(connections, take(connections, SHOP), usable=False)

    take(connections, SHOP)

    assert [stream.closed for stream in network.streams] == [True, False]


def test_the_oldest_is_closed_where_there_would_be_too_many(connections, network):
    give_back(connections, take(connections, SHOP, SHOP, SHOP, SHOP))

    take(connections, BANK, BANK)

    assert [stream.closed for stream in network.streams] == [True, True, False, False, False, False]


def test_one_is_closed_that_was_idle_for_too_long(connections, network, now):
    first, second = take(connections, SHOP, SHOP)
    give_back(connections, [first])
    now[0] = 3.0
    give_back(connections, [second])
    now[0] = 6.0

    assert take(connections, SHOP) == [second]
    assert [stream.closed for stream in network.streams] == [True, False]


def test_only_idle_ones_are_closed_at_the_end(connections, network):
    idle, used = take(connections, SHOP, SHOP)
    give_back(connections, [idle])

    connections.close()
    assert [stream.closed for stream in network.streams] == [True, False]

    give_back(connections, [used], usable=False)
    assert [stream.closed for stream in network.streams] == [True, True]


def test_a_connection_that_fails_is_not_in_use(connections, network):
    for _ in range(5):
        network.failure = OSError("refused")
        with pytest.raises(OSError, match="refused"):
            take(connections, SHOP)

    give_back(connections, take(connections, SHOP, SHOP, SHOP))
    take(connections, BANK)

    assert not any(stream.closed for stream in network.streams)


def test_a_connection_sends_again_after_a_whole_response(connections, network):
    ((_, connection),) = take(connections, SHOP)

    for _ in range(3):
        assert post(connection)[0] == 204
        assert connection.renew()
        assert network.streams[0].request.startswith(b"POST / HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 Fine\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 Fine\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\nwrong\r\n",
    ],
)
def test_a_connection_sends_nothing_after_any_other(connections, network, response):
    ((_, connection),) = take(connections, SHOP)
    network.streams[0].response = response

    assert post(connection)[0] == 200
    assert not connection.renew()
