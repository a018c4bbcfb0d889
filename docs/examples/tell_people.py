"""Tell people by mail or chat that something waits for them, with a link; nobody answers there."""

import json
import logging
import smtplib
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import partial
from urllib.request import Request, urlopen

from ask_from_your_site import service
from flask import Flask, request

from counterseal.models import Scheme
from counterseal_client import CallbackRefused, Client, verify_event
from counterseal_testing.service import CALLBACK, FakeService

APP = "https://auth.example.com/app"
log = logging.getLogger("tell_people")


# The receiver
TEXTS = {
    "device_added": "A device was added to your account.",
    "revoked": "A device was removed from your account.",
    "locked": "Your account was locked.",
}


def create_receiver(people, secrets, recorded):
    receiver = Flask("receiver")

    @receiver.post("/events")
    def receive():
        now = datetime.now(UTC)
        try:
            event = verify_event(request.headers, request.get_data(), secrets, now=now)
        except CallbackRefused:
            return "", 400
        tell = people.get(event.account_id)
        if tell and event.type in TEXTS and event.guid not in recorded:
            tell(TEXTS[event.type], f"{APP}/")
            recorded.add(event.guid)
        return "", 204

    return receiver


# Who is told how
def people_of(server, tls, sender, webhook):
    mail = {"server": server, "tls": tls, "sender": sender}
    return {
        "user-42": partial(send_mail, "user-42@example.com", **mail),
        "user-43": partial(post_to_chat, webhook),
    }


# By mail or chat
def send_mail(address, text, link, *, server, tls, sender):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, address, text
    message.set_content(f"{text}\n\n{link}\n")
    with smtplib.SMTP(*server, timeout=10) as connection:
        connection.starttls(context=tls)
        connection.send_message(message)


def post_to_chat(webhook, text, link):
    body = json.dumps({"text": f"{text} {link}"}).encode()
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(webhook, body, headers), timeout=10):  # noqa: S310 (an address of ours)
        pass


# The client
class TellingClient(Client):
    def __init__(self, people, *settings, **options):
        super().__init__(*settings, **options)
        self._people = people

    def ask(self, account_id, content, **options):
        pending_request = super().ask(account_id, content, **options)
        link = f"{APP}/#/request/{pending_request.guid}"
        try:
            self._people[account_id]("A request waits for your answer.", link)
        except (KeyError, OSError):  # smtplib's errors are among them
            log.warning("nobody was told of request %s", pending_request.guid)
        return pending_request


# A walk through it


def a_receiver(world, people, recorded):
    """Return the receiver of the events that follow."""
    world.clock.jump(datetime.now(UTC))
    origin = world.origin.origin.guid
    world.credentials.issue(origin, Scheme.BASIC)  # an origin without a key gets no events
    world.administration.edit_origin(origin, events_url=CALLBACK)
    return create_receiver(people, [world.credentials.issue_webhook_key(origin)], recorded)


def sent_events(world):
    """Return what the service has sent by now: headers and body of each event."""
    world.account_events.publish_due()
    while world.deliver():
        pass
    return [(dict(each.delivery.headers), each.delivery.body) for each in world.sender.attempts]


def a_client(world, url, people):
    origin = world.origin.origin.guid
    return TellingClient(people, url, origin, world.credentials.issue(origin, Scheme.BASIC).secret)


def main():
    people, world = {"user-42": print}, FakeService()
    receiver = a_receiver(world, people, set()).test_client()
    for _ in range(2):
        world.bind("user-42")
    for headers, body in sent_events(world):
        receiver.post("/events", data=body, headers=headers)

    world, _, server, url = service()
    world.bind("user-42")
    with a_client(world, url, people) as client:
        client.ask("user-42", "Pay 10 EUR to Zoë?")
    server.shutdown()


if __name__ == "__main__":
    main()
