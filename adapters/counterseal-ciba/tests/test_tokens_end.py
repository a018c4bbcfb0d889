"""What ends after the person's approval, and so brings no tokens, or tokens that are of no use."""

from datetime import timedelta

import pytest
from ciba_world import World

from counterseal import OPERATOR
from counterseal.models import Scheme


@pytest.fixture
def world():
    return World()


@pytest.fixture
def approved(world):
    """Return a client, and its request, which the person has approved."""
    client = world.client()
    auth_req_id = client.begun()
    (challenge,) = world.phone.pending()
    world.challenge = challenge.guid
    world.phone.answer(world.phone.fetch(challenge.guid))
    return client, auth_req_id


def lock(world):
    (challenge,) = world.core.ports.store.get(world.challenge)
    world.core.accounts.lock(challenge.account, by=OPERATOR)


def withdraw(world):
    (challenge,) = world.core.ports.store.get(world.challenge)
    party = world.core.administration.relying_party(challenge.origin)
    world.core.actions.withdraw(party, world.challenge)


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (lock, "access_denied"),
        (lambda world: world.phone.unbind(), "access_denied"),
        (withdraw, "access_denied"),
        (lambda world: world.core.clock.advance(timedelta(days=1)), "expired_token"),
    ],
    ids=["account locked", "device revoked", "withdrawn", "a day later"],
)
def test_an_approval_that_ended_brings_no_tokens(world, approved, end, error):
    client, auth_req_id = approved
    end(world)

    answer = client.poll(auth_req_id)

    assert (answer.status, answer.error) == (400, error)


def use(world, token):
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    return world.call("POST", "/ciba/consume", headers=headers, body=b'{"arguments": {}}')


def test_the_access_token_of_a_revoked_client_is_invalid_for_good(world, approved):
    client, auth_req_id = approved
    token = client.poll(auth_req_id).body["access_token"]
    assert use(world, token).error != "invalid_token"
    world.core.credentials.revoke(client.guid)

    answer = use(world, token)
    world.core.credentials.issue(client.guid, Scheme.BASIC)
    later_answer = use(world, token)

    for each in (answer, later_answer):
        assert (each.status, each.error) == (401, "invalid_token")
