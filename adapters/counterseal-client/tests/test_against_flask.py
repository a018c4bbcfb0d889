"""The client against the service that is shipped: every call, in each scheme."""

import json
import threading
from datetime import timedelta

import pytest

from counterseal.models import OPERATOR, AccountEventKind, ChallengeState
from counterseal.models.guid import mint
from counterseal_client import (
    Finished,
    NotFound,
    RequestRefused,
    Unauthorised,
    Unreachable,
    require_approved,
    verify_callback,
    verify_event,
)


@pytest.fixture
def client(flask_service):
    with flask_service.client() as client:
        yield client


@pytest.fixture
def phone(flask_service, client):
    return flask_service.bound(client.bind("zoë & co"))


def test_from_an_invitation_to_an_approval(flask_service, client, phone):
    pending_request = client.ask(
        "zoë & co", "Pay 10 EUR to Adam?", show_code=True, transaction_id="order-7"
    )
    status_read = threading.Event()

    def answer():
        status_read.wait(240)
        phone.answer(phone.fetch(pending_request.guid), code=pending_request.code)

    thread = threading.Thread(target=answer)
    thread.start()
    assert client.status(pending_request).state is ChallengeState.PENDING
    status_read.set()
    reply = client.wait(pending_request, timedelta(seconds=10))
    thread.join()

    approval = require_approved(reply, pending_request, flask_service.trust)
    assert (approval.account_id, approval.transaction_id) == ("zoë & co", "order-7")


def test_by_a_callback(flask_service, client, phone):
    world = flask_service.world
    secret = world.credentials.issue_webhook_key(world.origin.origin.guid)
    pending_request = client.ask(
        "zoë & co", "Pay?", callback="https://shop.example/done", additional_info={"n": 1}
    )
    phone.answer(phone.fetch(pending_request.guid))
    world.deliver()
    (attempt,) = world.sender.attempts
    received = verify_callback(
        attempt.delivery.headers, attempt.delivery.body, secret, now=world.clock.now()
    )

    assert require_approved(received.request, pending_request, flask_service.trust)
    assert received.request == client.status(pending_request)


def test_a_key_makes_a_repetition_harmless(client, phone):
    first, second = (
        client.ask("zoë & co", "Log in?", show_code=True, idempotency_key="order-7")
        for _ in range(2)
    )
    assert (first, first.code) == (second, second.code)
    with pytest.raises(RequestRefused) as caught:
        client.ask("zoë & co", "Pay?", idempotency_key="order-7")
    assert caught.value.problem == "key_reused"
    one, two = (client.bind("zoë & co", idempotency_key="a phone") for _ in range(2))
    assert one == two


def test_what_is_taken_back(client, phone):
    pending_request = client.ask("zoë & co", "Log in?")
    client.cancel(pending_request)
    assert client.status(pending_request).state is ChallengeState.CANCELLED
    with pytest.raises(Finished):
        client.cancel(pending_request)


def test_users_and_their_devices(client, phone):
    client.bind("zoë & co", user_info="since 2020")
    assert client.account("zoë & co").user_info == "since 2020"
    first, invited = client.devices("zoë & co")
    assert (first.guid, first.state.value) == (phone.guid, "ACTIVE")
    for device in (first, first, invited):
        client.revoke_device(device.guid)
    with pytest.raises(Unreachable):
        client.ask("zoë & co", "Log in?")


def test_events_are_sent_and_read_again(flask_service, client, phone):
    world = flask_service.world
    origin = world.origin.origin.guid
    secret = world.credentials.issue_webhook_key(origin)
    world.account_events.publish_due()
    world.administration.edit_origin(origin, events_url="https://shop.example/done")
    (first,) = client.events()
    cursor = first.next
    account = first.events[0].account
    world.accounts.lock(account, by=OPERATOR)
    world.accounts.unlock(account, by=OPERATOR)
    world.account_events.publish_due()
    while world.deliver():
        pass

    events = [
        verify_event(one.delivery.headers, one.delivery.body, secret, now=world.clock.now())
        for one in world.sender.attempts
    ]
    pages = list(client.events(cursor, limit=1))

    assert [event.kind for event in events] == [AccountEventKind.LOCKED, AccountEventKind.UNLOCKED]
    assert [event for page in pages for event in page.events] == events
    assert [(page.more, page.gap) for page in pages] == [(True, False), (False, False)]
    assert {event.account_id for event in events} == {"zoë & co"}
    with pytest.raises(RequestRefused) as caught:
        list(client.events("not a cursor"))
    assert caught.value.field == "after"


def test_what_is_not_there(client):
    nobody = mint(3, bytes(15))
    for call in (client.status, client.cancel, client.revoke_device):
        with pytest.raises(NotFound):
            call(nobody)
    for call in (client.account, client.devices):
        with pytest.raises(Unreachable):
            call("nobody")


def test_who_is_not_this_origin(flask_service):
    for other in {"basic", "hmac", "signature"} - {flask_service.scheme}:
        with flask_service.client(scheme=other) as client, pytest.raises(Unauthorised):
            client.bind("zoë & co")


def test_a_pending_request_that_was_stored_is_enough(flask_service, client, phone):
    text = json.dumps(client.ask("zoë & co", "Log in?").dump())
    pending_request = type(client.ask("zoë & co", "Log in?")).load(json.loads(text))
    phone.answer(phone.fetch(pending_request.guid))
    assert require_approved(client.status(pending_request), pending_request, flask_service.trust)
