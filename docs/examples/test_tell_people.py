"""The example that tells people: by a mail server and by a chat's webhook, and nobody is missed."""

import email
import email.policy
import ssl
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus

import pytest
import tell_people as example
import trustme
from aiosmtpd.controller import Controller
from ask_from_your_site import service
from loopback_server import LoopbackServer
from reserved_ports import reserve_port
from tell_people import TellingClient, create_receiver, people_of, post_to_chat

from counterseal.models import OPERATOR, Scheme
from counterseal_testing.service import CALLBACK, FakeService

ADDED, REMOVED, LOCKED = example.TEXTS.values()


class Mailbox:
    """What a mail server has taken: sender, recipients and message."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 (aiosmtpd's name)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, message))
        return "250 OK"


@pytest.fixture
def authority():
    return trustme.CA()


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def controller(authority, mailbox):
    """A mail server that takes nothing before STARTTLS."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    address = {"hostname": "127.0.0.1", "port": reserve_port()}
    controller = Controller(mailbox, **address, tls_context=tls, require_starttls=True)
    controller.start()
    yield controller
    controller.stop()


class Chat(LoopbackServer):
    """A chat's incoming webhook."""

    def respond(self, path, headers, body):
        self.accept((path, headers["content-type"], body))
        return 200, {}, b"ok"


@pytest.fixture
def chat():
    chat = Chat()
    yield chat
    chat.close()


@pytest.fixture
def people(authority, controller, chat):
    tls = ssl.create_default_context()
    authority.configure_trust(tls)
    server, webhook = (controller.hostname, controller.port), f"{chat.url}/hooks/secret"
    return people_of(server, tls, "approvals@example.com", webhook)


@pytest.fixture
def world():
    """A service that sends its events from now on."""
    world = FakeService()
    world.clock.jump(datetime.now(UTC))
    origin = world.origin.origin.guid
    world.credentials.issue(origin, Scheme.BASIC)  # an origin without a key gets no events
    world.administration.edit_origin(origin, events_url=CALLBACK)
    return world


def sent_events(world):
    """Return what the service has sent by now: headers and body of each event."""
    world.account_events.publish_due()
    while world.deliver():
        pass
    return [(dict(each.delivery.headers), each.delivery.body) for each in world.sender.attempts]


def a_receiver(world, people):
    secret = world.credentials.issue_webhook_key(world.origin.origin.guid)
    return create_receiver(people, [secret], set())


@pytest.fixture
def receive(world, people):
    """Let the receiver get what the service has sent by now; return what it replies."""
    receiver = a_receiver(world, people).test_client()

    def post():
        sent = sent_events(world)
        return [
            receiver.post("/events", data=body, headers=headers).status_code
            for headers, body in sent
        ]

    return post


def text_of(message):
    return message.get_content().splitlines()[0]


def test_a_new_device_is_told_by_mail_once_however_often_it_is_sent(world, receive, mailbox):
    for _ in range(2):
        world.bind("user-42")

    assert receive() == receive() == [HTTPStatus.NO_CONTENT] * 2

    [(sender, recipients, message)] = mailbox.mails
    assert (sender, recipients) == ("approvals@example.com", ["user-42@example.com"])
    assert (message["Subject"], text_of(message)) == (ADDED, ADDED)
    assert "https://auth.example.com/app/" in message.get_content().splitlines()


def test_a_lock_is_told_in_the_chat(world, receive, chat):
    account = world.bind("user-43").device.bond.account
    world.accounts.lock(account, by=OPERATOR)

    assert receive() == [HTTPStatus.NO_CONTENT] * 2

    [(path, kind, body)] = chat.messages
    assert (path, kind) == ("/hooks/secret", "application/json")
    assert body.decode() == f'{{"text": "{LOCKED} https://auth.example.com/app/"}}'


def test_what_nobody_signed_tells_nobody(world, people, mailbox):
    receiver = a_receiver(world, people).test_client()
    for _ in range(2):
        world.bind("user-42")
    for headers, body in sent_events(world):
        forged = body.replace(b"device_added", b"locked")
        reply = receiver.post("/events", data=forged + b" ", headers=headers)
        assert reply.status_code == HTTPStatus.BAD_REQUEST
    assert mailbox.mails == []


def test_an_event_that_could_not_be_told_is_told_when_it_is_sent_again(world, people, mailbox):
    receiver = a_receiver(world, people)
    mail = people["user-42"]
    people["user-42"] = partial(mail, server=("127.0.0.1", 1))
    for _ in range(2):
        world.bind("user-42")
    headers, body = sent_events(world)[-1]
    post = partial(receiver.test_client().post, "/events", data=body, headers=headers)
    assert post().status_code == HTTPStatus.INTERNAL_SERVER_ERROR

    people["user-42"] = mail
    assert post().status_code == HTTPStatus.NO_CONTENT
    assert [text_of(message) for *_, message in mailbox.mails] == [ADDED]


@pytest.fixture
def asking(people):
    world, _, server, url = service()
    for account_id in ("user-42", "user-43", "user-44"):
        world.bind(account_id)
    origin = world.origin.origin.guid
    key = world.credentials.issue(origin, Scheme.BASIC).secret
    with TellingClient(people, url, origin, key) as client:
        yield client
    server.shutdown()
    server.server_close()


def test_who_is_asked_gets_the_link_of_the_request_and_not_what_is_asked(asking, mailbox, chat):
    guids = [asking.ask(name, "Pay 10 EUR?").guid for name in ("user-42", "user-43")]

    text = mailbox.mails[0][2].get_content() + chat.messages[0][2].decode()
    assert [guid in text for guid in guids] == [True, True]
    assert f"https://auth.example.com/app/#/request/{guids[0]}" in text
    assert "Pay" not in text


def test_a_request_is_open_even_if_nobody_could_be_told(asking, people, caplog):
    people["user-42"] = partial(post_to_chat, "http://127.0.0.1:1/hooks/secret")
    pending_requests = [asking.ask(name, "Pay 10 EUR?") for name in ("user-42", "user-44")]
    for pending_request in pending_requests:
        assert asking.status(pending_request).state.value == "PENDING"
        assert f"nobody was told of request {pending_request.guid}" in caplog.text
    assert "secret" not in caplog.text
