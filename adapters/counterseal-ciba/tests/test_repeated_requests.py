"""`Idempotency-Key`: a repeated authentication request gets the first one's `auth_req_id`."""

from datetime import timedelta

import pytest
from ciba_world import TOKEN

from counterseal.errors import KeyInProgress
from counterseal.models import DeliveryMode
from counterseal_ciba.errors import authentication_error

KEY = {"idempotency-key": "order-1"}


def test_a_repeated_request_gets_the_same_id(world, client):
    first = client.begin(headers=client.basic | KEY, requested_expiry="90")
    world.core.clock.advance(timedelta(seconds=30))

    again = client.begin(headers=client.basic | KEY, requested_expiry="90")

    assert again.body == first.body | {"expires_in": 60}
    assert len(world.phone.pending()) == 1


def test_it_is_authenticated_anew(client):
    """An assertion and a signed request are used once: who repeats signs another one."""
    form = client.assertion()
    first = client.begin(form=form, headers=KEY)
    assert first.status == 200

    assert client.begin(form=form, headers=KEY).error == "invalid_client"
    assert client.begin(form=client.assertion(), headers=KEY).body == first.body


def test_a_signed_request_may_be_repeated_under_another_jti(world, client):
    answers = [
        world.call(
            "POST",
            "/ciba/authentication",
            client.assertion() | {"request": client.request()},
            KEY,
        )
        for _ in range(2)
    ]

    assert answers[0].status == 200
    assert answers[0].body == answers[1].body


def test_another_request_with_the_key_is_refused(world, client):
    client.begin(headers=client.basic | KEY, binding_message="1234")

    other = client.begin(headers=client.basic | KEY, binding_message="1235")

    assert (other.status, other.error) == (400, "invalid_request")
    assert other.body["error_description"] == "Idempotency-Key: used for another request"
    assert len(world.phone.pending()) == 1


def test_another_notification_token_is_another_request(world):
    client = world.client(mode=DeliveryMode.PING)
    client.begin(headers=client.basic | KEY, client_notification_token=TOKEN)

    other = client.begin(headers=client.basic | KEY, client_notification_token=f"{TOKEN}2")

    assert other.body["error_description"] == "Idempotency-Key: used for another request"


def test_a_key_belongs_to_its_client(world, client):
    other = world.client("Another shop")

    first = client.begin(headers=client.basic | KEY)
    second = other.begin(headers=other.basic | KEY)

    assert (first.status, second.status) == (200, 200)
    assert first.body["auth_req_id"] != second.body["auth_req_id"]


@pytest.mark.parametrize("key", ["", "x" * 1_000])
def test_a_key_that_does_not_fit_is_refused_by_name(client, key):
    answer = client.begin(headers=client.basic | {"idempotency-key": key})

    assert answer.error == "invalid_request"
    assert answer.body["error_description"].startswith("Idempotency-Key: ")


def test_while_a_call_with_the_key_runs_the_client_comes_again():
    reply = authentication_error(KeyInProgress(27.5), detailed=False).reply()

    assert reply.status == 503
    assert reply.headers["Retry-After"] == "28"


def test_the_other_endpoints_take_none(world, client):
    begun = client.begun()
    token = client.poll(begun, headers=client.basic | KEY)
    assert (token.status, token.error) == (400, "invalid_request")
    assert token.body["error_description"] == "Idempotency-Key: this call takes none"

    consume = world.call("POST", "/ciba/consume", headers=KEY)
    assert (consume.status, consume.body["code"]) == (400, "invalid_field")
