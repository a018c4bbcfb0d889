"""Tell people by mail or chat that something waits for them, with a link; nobody answers there."""

import json
import logging
import smtplib
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import partial
from urllib.request import Request, urlopen

from flask import Flask, request

from counterseal_client import CallbackRefused, Client, verify_event

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
