"""Connections of posts: which one a request takes, and which ones are closed."""

import socket
import threading

import h11
import httpx2
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from counterseal_http.budget import Budget
from counterseal_http.posts import PostConnection, PostConnections, read_simple_response
from counterseal_http.stream import GuardedStream
from counterseal_http.target import read_target

PATIENCE = 60
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


def give_back(connections, pairs, *, reusable=True):
    for target, connection in pairs:
        connection.is_reusable = reusable
        connections.give_back(target, connection)


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


def test_no_request_takes_one_that_is_not_reusable(connections, network):
    give_back(connections, take(connections, SHOP), reusable=False)

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

    give_back(connections, [used], reusable=False)
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
        assert connection.is_reusable
        assert network.streams[0].request.startswith(b"POST / HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 Fine\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 Fine\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\nwrong\r\n",
        b"HTTP/1.1 200 Fine\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 Fine\r\n",
    ],
)
def test_a_connection_sends_nothing_after_any_other(connections, network, response):
    ((_, connection),) = take(connections, SHOP)
    network.streams[0].response = response

    assert post(connection)[0] == 200
    assert not connection.is_reusable


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((b"x", value) for value in (b"a\r\nX: b", b"a\nb", b"a\0", b" a", b"a\x7f", b"\xe4")),
        *((name, b"a") for name in (b"x y", b"x:", b"", b"x: a\r\ny")),
    ],
)
def test_an_invalid_header_is_not_sent(connections, network, name, value):
    ((_, connection),) = take(connections, SHOP)

    with pytest.raises(httpx2.LocalProtocolError):
        connection.post(b"/", [(name, value)], b"", Budget(60), 99)

    assert not hasattr(network.streams[0], "request")


# A simple response: what is read without h11 is what h11 reads


def read_by_h11(octets):
    """Return the status and the headers, and whether all was read and the connection stays."""
    protocol = h11.Connection(h11.CLIENT)
    protocol.send(h11.Request(method=b"POST", target=b"/", headers=[(b"Host", b"a")]))
    protocol.send(h11.EndOfMessage())
    protocol.receive_data(octets)
    try:
        response = protocol.next_event()
        while not isinstance(protocol.next_event(), h11.EndOfMessage | type):
            pass
    except h11.RemoteProtocolError:
        return None
    if not isinstance(response, h11.Response):
        return None
    is_whole = protocol.our_state is protocol.their_state is h11.DONE
    if not is_whole or protocol.trailing_data != (b"", False):
        return None
    return response.status_code, list(response.headers)


LINES = st.one_of(
    st.sampled_from(
        [
            b"Content-Length: 0",
            b"Content-Length: 2",
            b"content-length:2",
            b"Content-Length: 2, 2",
            b"Content-Length: -2",
            b"Content-Length: +2",
            b"Content-Length: 2 ",
            b"Content-Length : 2",
            b"Content-Length: 000002",
            b"Content-Length: 99999999",
            b"Connection: close",
            b"Connection: keep-alive",
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding: identity",
            b"Retry-After: 120",
            b"X: \xe4",
            b"X: a\0b",
            b" folded",
            b"no colon",
            b"",
        ]
    ),
    st.binary(max_size=12),
)
STARTS = st.sampled_from(
    [
        *(b"HTTP/1.1 %d Fine" % status for status in (100, 101, 200, 204, 205, 304, 410, 503, 600)),
        *(b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.0 200 Fine", b"HTTP/1.1  200 Fine"),
        *(b"HTTP/1.1 20 Fine", b"HTTP/2 200 Fine", b"ICY 200 Fine", b"HTTP/1.1 200 \xe4"),
    ]
)
PLAIN_LINES = st.sampled_from([b"Retry-After: 120", b"Server:", b"X:\ta \t", b"x: b"])


@st.composite
def responses(draw):
    """Return a simple response, with up to two changes."""
    body = draw(st.sampled_from([b"", b"ab"]))
    lines = [*draw(st.lists(PLAIN_LINES, max_size=2)), b"Content-Length: %d" % len(body)]
    start, line_break, more = b"HTTP/1.1 200 OK", b"\r\n", b""
    for change in draw(st.lists(st.sampled_from(["start", "line", "break", "more"]), max_size=2)):
        match change:
            case "start":
                start = draw(STARTS)
            case "line":
                lines[draw(st.integers(0, len(lines) - 1))] = draw(LINES)
            case "break":
                line_break = draw(st.sampled_from([b"\n", b"\r"]))
            case _:
                more = draw(st.binary(max_size=4) | st.just(b"2\r\nab\r\n0\r\n\r\n"))
    return line_break.join([start, *lines, b"", body + more])


@given(responses())
@settings(max_examples=1_000)
def test_a_simple_response_is_read_as_h11_reads_it(octets):
    simple_response = read_simple_response(octets)
    event(f"simple: {simple_response is not None}")
    if simple_response is not None:
        assert simple_response == read_by_h11(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"HTTP/1.1 204 Fine\r\nServer: x\r\nDate: Tue, 01 Jan 2030 12:00:30 GMT\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 503 \r\nRetry-After: 120\r\nContent-Length:\t0 \r\n\r\n",
    ],
)
def test_common_responses_are_simple(octets):
    assert read_simple_response(octets) == read_by_h11(octets) is not None


HEAD = b"HTTP/1.1 500 No\r\nx-a: " + b"a" * 80
END = b"\r\ncontent-length: 0\r\n\r\n"
SPLIT = (HEAD, b"b" * (16_384 - len(HEAD) - len(END)) + END + b"HTTP/1.1 200 OK\r\n\r\n")
"""Records of TLS: of the second, the end of a head is read, and what comes after it is not."""


def test_what_comes_after_a_response_in_one_record_of_tls_ends_the_connection(identity, trust):
    server_context = identity("localhost")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            accepted, _ = listener.accept()
            with server_context.wrap_socket(accepted, server_side=True) as secured:
                secured.recv(65_536)
                for octets in SPLIT:
                    secured.sendall(octets)
                secured.recv(65_536)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        connected = socket.create_connection(listener.getsockname())
        stream = GuardedStream(connected).start_tls(trust, "localhost", Budget(PATIENCE))
        connection = PostConnection(stream)
        headers = [(b"Host", b"localhost"), (b"Content-Length", b"2")]
        status, _ = connection.post(b"/done", headers, b"{}", Budget(PATIENCE), 65_536)
        assert status == 500
        assert not (connection.is_reusable and connection.is_open())
        connection.close()
        thread.join(PATIENCE)
