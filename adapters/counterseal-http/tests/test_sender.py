"""The sender: the contract of the port, over real connections, and this adapter's own behaviour."""

import errno
import socket
from datetime import timedelta

import pytest

from counterseal.errors import SenderUnavailable
from counterseal.models import Delivery, DeliveryOutcome
from counterseal.ports import CallbackSender
from counterseal_http import Guard, HttpCallbackSender, NotAttempted, Unresolved
from counterseal_testing.contracts import CallbackSenderContract

TIMEOUT = timedelta(seconds=240)
MOMENT = timedelta(milliseconds=200)
NO_ANSWER = DeliveryOutcome(status=None)
NOT_SENT = DeliveryOutcome(status=None, may_have_arrived=False)
REFUSED = DeliveryOutcome(status=None, final=True, may_have_arrived=False)


@pytest.fixture
def new_sender(clock, trust, names):
    """Return a factory of senders that may call one loopback address."""
    senders = []

    def make(answers=("127.0.0.1",), connections=8, **settings):
        resolver = names(
            shop_example=answers,
            mixed_example=["127.0.0.1 10.0.0.1"],
            inside_example=["127.0.0.2"],
        )
        guard = Guard(**{"allow": ["127.0.0.1/32"], "ports": None, "resolver": resolver} | settings)
        senders.append(HttpCallbackSender(guard, clock, connections=connections, tls=trust))
        return senders[-1]

    yield make
    for sender in senders:
        sender.close()


class TestHttpCallbackSender(CallbackSenderContract):
    shows_attempts = True
    can_script = True
    can_hang = True
    can_answer_slowly = True

    @pytest.fixture(autouse=True)
    def _receiver(self, receiver):
        self.receiver = receiver
        self.url = receiver.url()
        port = receiver.port
        self.forbidden = (
            f"http://shop.example:{port}/done",
            f"https://user@shop.example:{port}/done",
            f"https://2130706433:{port}/done",
            f"https://127.0.0.2:{port}/done",
            f"https://[::1]:{port}/done",
            f"https://inside.example:{port}/done",
            f"https://mixed.example:{port}/done",
            "https://169.254.169.254/latest/meta-data/",
        )

    @pytest.fixture
    def new_sender(self, new_sender):
        return new_sender

    @pytest.fixture
    def broken_sender(self, new_sender):
        def closed():
            sender = new_sender()
            sender.close()
            return sender

        return closed

    def attempts(self, sender):
        return [
            Delivery(
                url=f"https://{request.header('host')[0]}{request.path}",
                headers=tuple(request.headers),
                body=request.body,
                timeout=TIMEOUT,
            )
            for request in self.receiver.requests
        ]

    def script(self, sender, status, location=None):
        headers = [f"Location: {location}"] if location else []
        self.receiver.respond = self.receiver.answer(status, *headers)

    def hang(self, sender):
        self.receiver.respond = self.receiver.hang

    def answer_slowly(self, sender):
        self.receiver.respond = self.receiver.drip(b"HTTP/1.1 2")


class TestAnAttempt:
    def test_is_a_post_of_the_delivery(self, new_sender, receiver, delivery):
        sender: CallbackSender = new_sender()

        outcome = sender.send(delivery(receiver.url("/a/../%7e/[x]?y='"), TIMEOUT, b"\x00\xff"))

        assert outcome == DeliveryOutcome(status=204)
        (request,) = receiver.requests
        assert (request.method, request.path, request.body) == (
            "POST",
            "/a/../%7e/[x]?y='",
            b"\x00\xff",
        )
        assert request.header("host") == [f"shop.example:{receiver.port}"]
        assert request.header("content-length") == ["2"]
        assert request.header("accept-encoding") == ["identity"]
        assert request.header("user-agent") == ["counterseal"]

    def test_keeps_the_headers_of_the_delivery(self, new_sender, receiver, delivery):
        headers = (("User-Agent", "mine"), ("webhook-signature", "v1,a v1,b"))
        new_sender().send(delivery(receiver.url(), TIMEOUT, headers=headers))

        assert receiver.requests[0].header("user-agent") == ["mine"]
        assert receiver.requests[0].header("webhook-signature") == ["v1,a v1,b"]

    @pytest.mark.parametrize(
        ("headers", "wait"),
        [
            (["Retry-After: 120"], timedelta(seconds=120)),
            (["Retry-After: Tue, 01 Jan 2030 12:00:30 GMT"], timedelta(seconds=30)),
            (["Retry-After: 999999999"], timedelta(days=7)),
            (["Retry-After: soon"], None),
            (["Retry-After: 1", "Retry-After: 9"], None),
            ([], None),
        ],
    )
    def test_returns_how_long_the_receiver_asks_to_wait(
        self, new_sender, receiver, delivery, headers, wait
    ):
        receiver.respond = receiver.answer(503, *headers)

        outcome = new_sender().send(delivery(receiver.url(), TIMEOUT))

        assert outcome == DeliveryOutcome(status=503, retry_after=wait)

    @pytest.mark.parametrize("plain", ["http://shop.example:{port}/", "http://127.0.0.1:{port}/"])
    def test_goes_over_plain_http_where_that_is_allowed(
        self, new_sender, new_receiver, delivery, plain
    ):
        receiver = new_receiver()
        url = plain.format(port=receiver.port)

        assert new_sender(allow_http=True).send(delivery(url, TIMEOUT)).status == 204
        assert new_sender().send(delivery(url, TIMEOUT)) == REFUSED
        assert len(receiver.requests) == 1


class TestTheConnection:
    """A sender's requests are not those of the client: they have connections of their own."""

    def test_is_used_again(self, new_sender, receiver, delivery):
        sender = new_sender()

        for _ in range(3):
            assert sender.send(delivery(receiver.url(), TIMEOUT)).status == 204

        assert (len(receiver.requests), receiver.connections) == (3, 1)

    @pytest.mark.parametrize(
        "response",
        [
            b"HTTP/1.1 204 Fine\r\nConnection: close\r\n\r\n",
            b"HTTP/1.1 200 Fine\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 10_000_000,
            b"HTTP/1.1 200 Fine\r\nContent-Length: 9\r\n\r\nx",
        ],
    )
    def test_is_not_used_again_after_such_a_response(
        self, new_sender, receiver, delivery, response
    ):
        receiver.respond = receiver.raw(response)
        sender = new_sender()

        for _ in range(2):
            assert sender.send(delivery(receiver.url(), TIMEOUT)).status in {200, 204}

        assert receiver.connections == 2

    def test_is_one_of_few_where_many_are_open(
        self, new_sender, new_receiver, delivery, monkeypatch
    ):
        """Each look is a call to the system; the others of the pool were looked at twice."""
        connections = []
        monkeypatch.setattr(
            "counterseal_http.stream._is_readable",
            lambda connected: bool(connections.append(connected)),
        )
        sender, receivers = new_sender(allow_http=True), [new_receiver() for _ in range(6)]
        for _ in range(2):
            for receiver in receivers:
                connections.clear()
                assert sender.send(delivery(receiver.url(), TIMEOUT)).status == 204

        assert len(connections) == 1
        assert [receiver.connections for receiver in receivers] == [1] * 6


class TestOnlyTheStatusCounts:
    @pytest.mark.parametrize(
        "rest",
        [
            b"Content-Length: 10000000\r\n\r\n" + b"x" * 10_000_000,
            b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 100_000,
            b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
            b"Content-Length: 100\r\n\r\ncut off",
            b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone",
        ],
    )
    def test_for_any_body(self, new_sender, receiver, delivery, rest):
        receiver.respond = receiver.raw(b"HTTP/1.1 200 OK\r\n" + rest)

        assert new_sender().send(delivery(receiver.url(), TIMEOUT)).status == 200

    def test_for_a_slow_body(self, new_sender, receiver, delivery):
        receiver.respond = receiver.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")

        assert new_sender().send(delivery(receiver.url(), MOMENT)).status == 200

    def test_of_the_final_response(self, new_sender, receiver, delivery):
        receiver.respond = receiver.raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 410 Gone\r\n\r\n")

        assert new_sender().send(delivery(receiver.url(), TIMEOUT)).status == 410


class TestAFailureOfTheReceiver:
    """Each is an outcome and counts, or a receiver could be called for ever."""

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"HTTP/1.1 2",
            b"SSH-2.0-OpenSSH_9.6\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000,
            b"HTTP/1.1 200 OK\r\nX\x00: y\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"HTTP/1.1 99999 OK\r\n\r\n",
            b"HTTP/x 200 OK\r\n\r\n",
            b"\x00" * 100,
        ],
    )
    def test_is_an_invalid_response(self, new_sender, receiver, delivery, data):
        receiver.respond = receiver.raw(data)

        assert new_sender().send(delivery(receiver.url(), TIMEOUT)) == NO_ANSWER

    def test_is_a_reset(self, new_sender, receiver, delivery):
        receiver.respond = receiver.reset

        assert new_sender().send(delivery(receiver.url(), TIMEOUT)) == NO_ANSWER

    @pytest.mark.parametrize("data", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
    def test_is_a_server_without_tls(self, new_sender, receiver, delivery, data):
        receiver.accepted = receiver.raw(data)

        assert new_sender().send(delivery(receiver.url(), TIMEOUT)) == NOT_SENT

    def test_is_a_certificate_for_another_name(
        self, new_sender, new_receiver, identity, delivery, caplog
    ):
        receiver = new_receiver(identity("inside.example"))

        assert new_sender().send(delivery(receiver.url(), TIMEOUT)) == NOT_SENT
        assert receiver.requests == []
        assert caplog.text.endswith(
            "an-id was not delivered: the certificate is refused: Hostname mismatch\n"
        )

    def test_is_a_refused_connection(self, new_sender, new_receiver, delivery, caplog):
        receiver = new_receiver()
        url = receiver.url().replace("http:", "https:")
        receiver.close()

        assert new_sender().send(delivery(url, TIMEOUT)) == NOT_SENT
        assert caplog.text.endswith("was not delivered: ConnectError: ConnectionRefusedError\n")

    def test_is_a_name_without_an_address(self, new_sender, receiver, delivery):
        sender = new_sender([Unresolved("the name has no address")])

        assert sender.send(delivery(receiver.url(), TIMEOUT)) == NOT_SENT

    def test_is_no_response_in_time(self, new_sender, receiver, delivery):
        receiver.respond = receiver.drip(b"HTTP/1.1 2")

        assert new_sender().send(delivery(receiver.url(), MOMENT)) == NO_ANSWER


class TestARefusal:
    @pytest.mark.parametrize(
        "url",
        [
            "ftp://shop.example/",
            "https://10.0.0.1/",
            "https://user:secret@shop.example/secret",
            "https://shop.example/\r\nsecret: x",
            "",
        ],
    )
    def test_of_the_url_is_final(self, new_sender, delivery, url, caplog):
        assert new_sender().send(delivery(url, TIMEOUT)) == REFUSED
        assert "an-id was not delivered" in caplog.text
        assert "secret" not in caplog.text

    def test_of_an_address_of_a_name_is_not(self, new_sender, receiver, delivery):
        sender = new_sender(["10.0.0.1", "127.0.0.1"])

        assert sender.send(delivery(receiver.url(), TIMEOUT)) == NOT_SENT
        assert sender.send(delivery(receiver.url(), TIMEOUT)).status == 204

    def test_of_a_port_is_final(self, new_sender, receiver, delivery):
        outcome = new_sender(ports={443}).send(delivery(receiver.url(), TIMEOUT))

        assert outcome == REFUSED
        assert receiver.connections == 0


class TestAFailureOnOurSide:
    """None is an attempt, so none uses one up."""

    def test_is_a_machine_without_sockets(self, new_sender, receiver, delivery, monkeypatch):
        sender = new_sender()

        def none(*args):
            raise OSError(errno.EMFILE, "Too many open files")

        with monkeypatch.context() as patch:
            patch.setattr(socket, "socket", none)
            with pytest.raises(SenderUnavailable):
                sender.send(delivery(receiver.url(), TIMEOUT))

        assert sender.send(delivery(receiver.url(), TIMEOUT)).status == 204

    def test_is_a_failure_to_resolve_names(self, new_sender, receiver, delivery):
        with pytest.raises(SenderUnavailable):
            new_sender([NotAttempted("no thread")]).send(delivery(receiver.url(), TIMEOUT))

    def test_is_a_sender_that_is_closed(self, new_sender, receiver, delivery):
        with new_sender() as sender:
            assert sender.send(delivery(receiver.url(), TIMEOUT)).status == 204
        with pytest.raises(SenderUnavailable):
            sender.send(delivery(receiver.url(), TIMEOUT))
