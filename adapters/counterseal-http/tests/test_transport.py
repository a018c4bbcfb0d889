"""Guarded requests over real connections, to misbehaving receivers on loopback."""

import gzip
import re
import socket
import ssl
import threading
import time
from datetime import timedelta

import httpcore2
import httpx2
import pytest

from counterseal_http import (
    CertificateRefused,
    Forbidden,
    Guard,
    GuardedTransport,
    NotAttempted,
    Unresolved,
    guarded_client,
)
from counterseal_http.authorities import load_authorities, load_machine_authorities
from counterseal_http.backend import GuardedBackend
from counterseal_http.budget import HEAD_LIMIT, Budget

SHORT = timedelta(milliseconds=300)
AMPLE = 240
"""Seconds that a failure may be late on a slow machine."""


@pytest.fixture
def guard(names):
    return Guard(allow_private=True, ports=None, resolver=names(shop_example=["127.0.0.1"]))


@pytest.fixture
def client(guard, trust):
    with guarded_client(guard, tls=trust, response_limit=1000) as client:
        yield client


@pytest.fixture
def impatient_client(guard, trust):
    """Return a client with a short timeout."""
    with guarded_client(guard, tls=trust, timeout=SHORT) as client:
        yield client


class TestWhereItGoes:
    def test_is_the_address_of_the_name_with_the_name_in_tls_and_host(
        self, client, receiver, guard
    ):
        assert client.get(receiver.url("/x?y=%20")).status_code == 204

        (request,) = receiver.requests
        assert (request.method, request.path) == ("GET", "/x?y=%20")
        assert request.header("host") == [f"shop.example:{receiver.port}"]
        assert receiver.names == ["shop.example"], "TLS has the name, not the address"
        assert guard.resolver.resolved_names == ["shop.example"]

    def test_is_resolved_by_the_guard_only(self, client, receiver, monkeypatch):
        def resolve_again(*args, **kwargs):
            raise AssertionError("resolved a second time")

        monkeypatch.setattr(socket, "getaddrinfo", resolve_again)
        monkeypatch.setattr(socket, "gethostbyname", resolve_again)
        monkeypatch.setattr(socket, "create_connection", resolve_again)

        assert client.get(receiver.url()).status_code == 204

    def test_does_not_change_between_check_and_use(self, new_receivers, identity, names, trust):
        """S28: a name server that changes its answer is asked once for each connection."""
        inside, outside = new_receivers(identity("shop.example"), "127.0.0.1", "127.0.0.2")
        resolver = names(shop_example=["127.0.0.2", "127.0.0.1"])
        guard = Guard(allow=["127.0.0.2/32"], ports=None, resolver=resolver)
        outside.respond = outside.answer(204, "Connection: close")

        with guarded_client(guard, tls=trust) as client:
            assert client.get(outside.url()).status_code == 204
            assert resolver.resolved_names == ["shop.example"]
            with pytest.raises(Forbidden):
                client.get(outside.url())

        assert (outside.connections, inside.connections) == (1, 0)

    @pytest.mark.parametrize(
        "inside", ["127.0.0.1", "169.254.169.254", "::ffff:169.254.169.254", "10.0.0.1"]
    )
    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_does_not_change_within_a_private_network_that_is_allowed(  # noqa: PLR0917 (fixtures)
        self, new_receivers, identity, names, trust, inside, scheme
    ):
        """S28: the address is checked at each connection, for both schemes."""
        secured = identity("shop.example") if scheme == "https" else None
        allowed, other = new_receivers(secured, "127.0.0.2", "127.0.0.1")
        resolver = names(shop_example=["127.0.0.2", inside, f"127.0.0.2 {inside}"])
        network = ["127.0.0.2/31"]
        guard = Guard(allow=network, http_to=network, ports=None, resolver=resolver)
        allowed.respond = allowed.answer(204, "Connection: close")

        with guarded_client(guard, tls=trust) as client:
            assert client.get(allowed.url()).status_code == 204
            for _ in range(2):
                with pytest.raises(Forbidden):
                    client.get(allowed.url())

        assert (allowed.connections, other.connections) == (1, 0)

    def test_by_plain_http_is_not_a_public_address(self, receiver, names, trust):
        resolver = names(shop_example=["93.184.216.34"])
        guard = Guard(allow=["10.0.0.0/8"], http_to=["10.0.0.0/8"], resolver=resolver)

        with guarded_client(guard, tls=trust) as client, pytest.raises(Forbidden, match="https"):
            client.get("http://shop.example/done")

    def test_is_nowhere_if_one_address_is_not_allowed(self, receiver, names, trust):
        """S28: an answer with one private address is refused."""
        resolver = names(shop_example=["127.0.0.1 10.0.0.1"])
        guard = Guard(allow=["127.0.0.1/32"], ports=None, resolver=resolver)

        with guarded_client(guard, tls=trust) as client, pytest.raises(Forbidden):
            client.get(receiver.url())

        assert receiver.connections == 0

    def test_is_the_next_address_if_the_first_refuses(self, receiver, names, trust):
        resolver = names(shop_example=["127.0.0.3 127.0.0.1"])
        guard = Guard(allow_private=True, ports=None, resolver=resolver)

        with guarded_client(guard, tls=trust) as client:
            assert client.get(receiver.url()).status_code == 204

    def test_is_only_a_server_with_a_certificate_for_the_name(self, client, new_receiver, identity):
        other = new_receiver(identity("inside.example"))

        with pytest.raises(CertificateRefused, match=r"refused: Hostname mismatch\Z"):
            client.get(other.url())

        assert other.requests == []

    def test_is_only_a_server_with_a_certificate_for_the_address(
        self, client, new_receiver, identity
    ):
        other = new_receiver(identity("127.0.0.2"))

        with pytest.raises(CertificateRefused, match=r"refused: IP address mismatch\Z"):
            client.get(other.url(name="127.0.0.1"))

    def test_is_not_a_redirect(self, client, receiver):
        location = f"https://127.0.0.1:{receiver.port}/inside"
        receiver.respond = receiver.answer(302, f"Location: {location}")

        assert client.get(receiver.url()).status_code == 302
        with pytest.raises(ValueError, match="redirect"):
            client.get(receiver.url(), follow_redirects=True)
        assert len(receiver.requests) == 1

    def test_is_not_a_proxy_of_the_environment(self, client, receiver, new_receiver, monkeypatch):
        proxy = new_receiver()
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

        assert client.get(receiver.url()).status_code == 204
        assert proxy.connections == 0

    @pytest.mark.parametrize(
        "url",
        [
            "https://shop.example:{port}/#x",
            "https://a:b@shop.example:{port}/",
            "http://shop.example:{port}/",
            "https://2130706433:{port}/",
            "https://0x7f.1:{port}/",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::ffff:127.0.0.1]:{port}/",
            "https://[64:ff9b::7f00:1]:{port}/",
            "https://[2002:7f00:1::]:{port}/",
        ],
    )
    def test_is_nowhere_for_a_url_in_another_form(self, client, receiver, url):
        with pytest.raises(Forbidden):
            client.get(url.format(port=receiver.port))

        assert receiver.connections == 0

    def test_is_not_a_unix_socket(self, guard):
        with pytest.raises(Forbidden):
            GuardedBackend(guard, "https").connect_unix_socket("/run/docker.sock")

    def test_is_nowhere_for_a_name_without_an_address(self, receiver, names):
        guard = Guard(ports=None, resolver=names(shop_example=[Unresolved("no")]))

        with guarded_client(guard) as client, pytest.raises(Unresolved):
            client.get(receiver.url())


class TestTime:
    """One budget for the whole request; no single read of these servers is late."""

    def assert_timeout(self, client, url, **kwargs):
        started = time.monotonic()
        with pytest.raises(httpx2.TimeoutException):
            client.post(url, **kwargs)
        assert time.monotonic() - started < SHORT.total_seconds() + AMPLE

    def test_ends_for_a_server_that_sends_nothing(self, impatient_client, receiver):
        receiver.respond = receiver.hang

        self.assert_timeout(impatient_client, receiver.url())

    @pytest.mark.parametrize(
        "head",
        [
            b"HT",
            b"HTTP/1.1 200 OK\r\nX-Slow: ",
            b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n",
        ],
    )
    def test_ends_for_a_server_that_drips(self, impatient_client, receiver, head):
        receiver.respond = receiver.drip(head)

        self.assert_timeout(impatient_client, receiver.url())

    def test_ends_for_a_handshake_that_drips(self, impatient_client, receiver):
        def half_a_handshake(connection, receiver):
            # A handshake record that is longer than what is sent.
            receiver.drip(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb")(connection, receiver)

        receiver.accepted = half_a_handshake

        self.assert_timeout(impatient_client, receiver.url())

    def test_ends_for_a_handshake_that_hangs(self, impatient_client, receiver):
        receiver.accepted = receiver.hang

        self.assert_timeout(impatient_client, receiver.url())

    def test_ends_for_a_server_that_reads_nothing(self, impatient_client, receiver):
        def read_nothing(connection, receiver):
            with receiver._tls.wrap_socket(connection, server_side=True):
                receiver.released.wait()

        receiver.accepted = read_nothing

        self.assert_timeout(impatient_client, receiver.url(), content=b"x" * 30_000_000)

    def test_ends_for_a_server_that_reads_slowly(self, new_receiver):
        # Without TLS, where the timeout covers a whole message.
        def read_slowly(connection, receiver):
            while not receiver.released.wait(0.005):
                connection.recv(65_536)

        receiver = new_receiver()
        receiver.accepted = read_slowly
        guard = Guard(allow_http=True, allow_private=True, ports=None)

        with guarded_client(guard, timeout=SHORT) as impatient_client:
            self.assert_timeout(
                impatient_client, receiver.url(name="127.0.0.1"), content=b"x" * 100_000_000
            )

    def test_ends_for_interim_responses_without_end(self, impatient_client, receiver):
        def interim(connection, receiver):
            while not receiver.released.wait(0.01):
                connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")

        receiver.respond = interim

        self.assert_timeout(impatient_client, receiver.url())

    def test_is_the_timeout_of_the_request_if_that_is_shorter(
        self, client, impatient_client, receiver
    ):
        receiver.respond = receiver.hang

        self.assert_timeout(client, receiver.url(), timeout=0.1)
        self.assert_timeout(impatient_client, receiver.url(), timeout=60)

    def test_that_ends_before_the_connection_is_a_failure(self, guard, receiver):
        now = iter([0.0, 0.5, 9.0, 9.0, 9.0])
        transport = GuardedTransport(guard, timeout=SHORT * 2, monotonic=lambda: next(now))

        with transport, pytest.raises(httpx2.ConnectTimeout):
            transport.handle_request(httpx2.Request("GET", receiver.url()))

        assert receiver.connections == 0

    def test_that_ends_while_waiting_for_a_connection_is_no_attempt(self, guard, trust, receiver):
        with guarded_client(guard, tls=trust, connections=1) as client:
            with client.stream("GET", receiver.url()) as response:
                assert response.status_code == 204
                with pytest.raises(NotAttempted):
                    client.get(receiver.url(), timeout=0.01)
            assert client.get(receiver.url()).status_code == 204

    def test_is_shared_by_the_addresses_of_a_name(self, names, monkeypatch):
        attempts = []

        def connect(address, port, seconds):
            attempts.append((str(address), port, seconds))
            raise TimeoutError

        monkeypatch.setattr("counterseal_http.backend._connect", connect)
        six = " ".join(f"93.184.216.{last}" for last in range(6))
        backend = GuardedBackend(Guard(resolver=names(shop_example=[six])), "https")
        now = iter([0.0, 0.0, 0.0, 1.0, 2.0, 3.0])
        budget = Budget(4.0, monotonic=lambda: next(now))

        with pytest.raises(httpcore2.ConnectTimeout):
            backend.connect_tcp("shop.example", 443, timeout=budget)

        assert attempts == [(f"93.184.216.{last}", 443, 1.0) for last in range(4)]

    def test_without_a_budget_is_refused(self, guard):
        with pytest.raises(Exception, match="budget"):
            GuardedBackend(guard, "https").connect_tcp("shop.example", 443, timeout=5.0)

    def test_a_budget_shrinks(self):
        now = iter([100.0, 101.0, 103.5, 104.0])
        budget = Budget(4.0, monotonic=lambda: next(now))

        assert [budget.seconds(), budget.seconds()] == [3.0, 0.5]
        with pytest.raises(TimeoutError):
            budget.seconds()
        assert budget == 4.0


class TestSize:
    def test_of_a_head_is_bounded(self, client, receiver):
        receiver.respond = receiver.answer(200, *[f"X-{n}: {'x' * 100}" for n in range(200)])

        with pytest.raises(httpx2.ReadError):
            client.get(receiver.url())

    def test_of_a_common_head_is_accepted(self, client, receiver):
        receiver.respond = receiver.answer(200, "X: " + "x" * (HEAD_LIMIT - 200), body=b"x" * 500)

        assert client.get(receiver.url()).content == b"x" * 500

    def test_of_interim_responses_is_bounded(self, client, receiver):
        receiver.respond = receiver.raw(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10_000)

        with pytest.raises(httpx2.ReadError):
            client.get(receiver.url())

    @pytest.mark.parametrize(
        "head",
        [b"Content-Length: 10000000", b"Transfer-Encoding: chunked", b"X: no length"],
    )
    def test_of_a_body_is_bounded(self, client, receiver, head):
        body = b"989680\r\n" + b"x" * 10_000_000
        receiver.respond = receiver.raw(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body)

        with client.stream("GET", receiver.url()) as response:
            octets = 0
            with pytest.raises(httpx2.ReadError):  # noqa: PT012 (it is the loop that fails)
                for part in response.iter_raw():
                    octets += len(part)

        assert octets <= HEAD_LIMIT + 1000

    def test_of_a_compressed_body_does_not_grow(self, client, receiver):
        bomb = gzip.compress(b"\0" * 1_000_000)
        receiver.respond = receiver.answer(200, "Content-Encoding: gzip", body=bomb)

        with pytest.raises(httpx2.DecodingError):
            client.get(receiver.url())

        assert receiver.requests[0].header("accept-encoding") == ["identity"]

    def test_of_an_identity_coding_is_unchanged(self, client, receiver):
        receiver.respond = receiver.answer(200, "Content-Encoding: Identity", body=b"{}")

        assert client.get(receiver.url()).json() == {}


class TestWhatStays:
    def test_is_no_cookie(self, client, receiver):
        receiver.respond = receiver.answer(200, "Set-Cookie: a=b; Path=/")
        client.get(receiver.url())
        client.get(receiver.url())

        assert receiver.requests[1].header("cookie") == []

    def test_is_the_connection(self, client, receiver):
        for _ in range(3):
            client.get(receiver.url())

        assert (len(receiver.requests), receiver.connections) == (3, 1)

    def test_is_no_connection_that_the_server_closed(self, client, receiver):
        receiver.respond = receiver.answer(204, "Connection: close")
        for _ in range(3):
            client.get(receiver.url())

        assert receiver.connections == 3

    def test_is_one_connection_for_each_that_runs_and_no_more(self, guard, trust, receiver):
        with guarded_client(guard, tls=trust, connections=2) as client:

            def ask():
                for _ in range(5):
                    assert client.get(receiver.url()).status_code == 204

            threads = [threading.Thread(target=ask) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        assert len(receiver.requests) == 30
        assert receiver.connections <= 2

    def test_is_a_free_slot_after_every_failure(self, guard, trust, receiver):
        receiver.respond = receiver.reset
        with guarded_client(guard, tls=trust, connections=1) as client:
            for _ in range(3):
                with pytest.raises(httpx2.TransportError):
                    client.get(receiver.url())
            receiver.respond = receiver.answer()
            assert client.get(receiver.url()).status_code == 204

    def test_is_nothing_after_close(self, client, guard, receiver):
        transport = GuardedTransport(guard)
        transport.close()

        with pytest.raises(NotAttempted):
            transport.handle_request(httpx2.Request("GET", receiver.url()))

    def test_is_only_the_running_request_after_close(self, guard, trust, receiver):
        receiver.respond = receiver.answer(200, body=b"whole")
        client = guarded_client(guard, tls=trust)
        with client.stream("GET", receiver.url()) as response:
            client._guarded.close()
            with pytest.raises(NotAttempted):
                client.get(receiver.url())
            assert response.read() == b"whole"

        assert [pool.connections for pool in client._guarded._pools.values()] == [[]]


class TestTheAuthoritiesOfTheMachine:
    def test_are_not_read_before_a_request_needs_them(self, new_receiver, monkeypatch):
        def refuse(**_):
            raise AssertionError

        monkeypatch.setattr(httpx2, "create_ssl_context", refuse)
        receiver = new_receiver()
        guard = Guard(allow_http=True, allow_private=True, ports=None)
        with guarded_client(guard) as client:
            assert client.get(receiver.url(name="127.0.0.1")).status_code == 204

    def test_are_read_once(self):
        assert load_machine_authorities() is load_machine_authorities()

    def test_are_asked_for_at_the_first_call_by_tls(self, guard, receiver, trust):
        calls = []

        def load():
            calls.append(1)
            return trust

        with guarded_client(guard, tls=load) as client:
            assert calls == []
            for _ in range(2):
                assert client.get(receiver.url()).status_code == 204
        assert calls == [1]

    def test_are_trusted_beside_others(self, guard, receiver, authority):
        added = ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())
        assert load_authorities(added) is load_authorities(added)
        with guarded_client(guard, tls=load_authorities(added)) as client:
            assert client.get(receiver.url()).status_code == 204
        with guarded_client(guard) as client, pytest.raises(CertificateRefused):
            client.get(receiver.url())

    def test_are_certificates(self):
        with pytest.raises(ValueError, match="OpenSSL cannot read the certificates"):
            load_authorities(b"no certificate")

    def test_that_cannot_be_read_are_a_failure_on_our_side(self, guard, receiver, monkeypatch):
        def refuse(**_):
            raise ssl.SSLError("no certificate")

        monkeypatch.setattr(httpx2, "create_ssl_context", refuse)
        load_machine_authorities.cache_clear()
        file = re.escape(ssl.get_default_verify_paths().openssl_cafile)
        with guarded_client(guard) as client, pytest.raises(NotAttempted, match=file):
            client.get(receiver.url())
        assert receiver.connections == 0


class TestTheClient:
    def test_refuses_an_auth_argument(self, client, receiver):
        with pytest.raises(ValueError, match="authorization"):
            client.get(receiver.url(), auth=("a", "b"))

    def test_reads_json(self, client, receiver):
        receiver.respond = receiver.answer(200, body=b'{"keys": []}')

        response = client.get(receiver.url())

        assert response.json() == {"keys": []}
        assert response.raise_for_status() is response

    def test_logs_no_url_and_no_header(self, client, receiver, caplog):
        receiver.respond = receiver.answer(302, "Location: https://shop.example/secret")
        with caplog.at_level("DEBUG"):
            client.post(receiver.url("/secret?secret"), content=b"secret", headers={"x": "secret"})

        assert "secret" not in caplog.text
