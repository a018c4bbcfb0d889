"""A callback is verified three ways before anybody believes it; here in Python, twice."""

from datetime import UTC, datetime
from http import HTTPStatus

from standardwebhooks import Webhook, WebhookVerificationError

from counterseal_client import CallbackRefused, verify_callback
from counterseal_testing.service import CALLBACK, FakeService


# With counterseal-client
def by_our_client(headers, body, secrets):
    try:
        callback = verify_callback(headers, body, secrets, now=datetime.now(UTC))
    except CallbackRefused:
        return HTTPStatus.BAD_REQUEST
    record(callback.id, callback.request.guid)
    return HTTPStatus.NO_CONTENT


# With any library of Standard Webhooks
def by_a_library(headers, body, secret):
    try:
        request = Webhook(secret).verify(body, headers)
    except (WebhookVerificationError, ValueError):  # the second for what is no header at all
        return HTTPStatus.BAD_REQUEST
    record(headers["webhook-id"], request["guid"])
    return HTTPStatus.NO_CONTENT


# Record
seen, jobs = set(), []  # two tables of your database, and one transaction


def record(message, guid):
    if message not in seen:
        jobs.append(guid)
        seen.add(message)


# A callback to try it with
def a_callback():
    """Let somebody answer, and return what the service sends: headers, body and the secret."""
    world = FakeService()
    world.clock.jump(datetime.now(UTC))
    secret = world.credentials.issue_webhook_key(world.origin.origin.guid)
    phone = world.bind("user-42")
    world.ask("user-42", "Pay 10 EUR to Zoë?", callback=CALLBACK)
    (waiting,) = phone.pending()
    phone.answer(phone.fetch(waiting.guid))
    world.deliver()
    (attempt,) = world.sender.attempts
    return dict(attempt.delivery.headers), attempt.delivery.body, secret


if __name__ == "__main__":
    headers, body, secret = a_callback()
    print(by_our_client(headers, body, [secret]))
    print(by_a_library(headers, body, secret))  # a repeat: it does nothing
    print("to be looked at:", *jobs)
