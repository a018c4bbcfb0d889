"""Authorization details: an action is shown, approved, and used once by its access token."""

import json
from datetime import timedelta

import pytest

URN = "urn:counterseal:action"
ARGUMENTS = {"path": "/srv/backups/2019", "recursive": True}


def action(**members):
    return {
        "type": "tool-call",
        "resource": "delete_folder",
        "arguments": ARGUMENTS,
        "agent": "janitor",
    } | members


def details(*elements):
    return json.dumps([{"type": URN, "action": one} for one in elements])


def approve(world):
    (challenge,) = world.phone.pending()
    world.phone.answer(world.phone.fetch(challenge.guid))
    return challenge


def consume(world, token, arguments=ARGUMENTS, **members):
    return world.call(
        "POST",
        "/ciba/consume",
        headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
        body=json.dumps({"arguments": arguments} | members).encode(),
    )


@pytest.fixture
def tokens(world, client):
    """The tokens of an approved action."""
    begun = client.begun(authorization_details=details(action()))
    approve(world)
    return client.poll(begun).body


def test_the_action_is_shown_and_its_digest_granted(world, client):
    begun = client.begun(authorization_details=details(action()), binding_message="Old ones")
    challenge = approve(world)
    display = json.loads(challenge.display)
    values = {row["value"] for row in display["content"]["keys"]}
    assert values >= {"delete_folder", '"/srv/backups/2019"', "janitor", "Old ones"}

    tokens = client.poll(begun).body

    (granted,) = tokens["authorization_details"]
    displayed_action = display["action"]
    assert granted["type"] == URN
    assert granted["action"] == {
        name: displayed_action[name] for name in ("type", "digest", "validUntil")
    }
    assert 0 < tokens["expires_in"] <= 3_600


def test_an_access_token_uses_the_action_once(world, tokens):
    used = consume(world, tokens["access_token"])

    assert (used.status, used.body["use"]["state"]) == (200, "UNKNOWN")
    assert used.body["digest"] == tokens["authorization_details"][0]["action"]["digest"]
    again = consume(world, tokens["access_token"])
    assert (again.status, again.body["code"]) == (409, "action_used")


def test_other_arguments_are_refused_and_use_nothing(world, tokens):
    other = consume(world, tokens["access_token"], ARGUMENTS | {"path": "/srv"})
    assert (other.status, other.body["code"]) == (409, "arguments_differ")

    assert consume(world, tokens["access_token"]).status == 200


def test_an_action_that_is_too_old_is_refused(world, tokens):
    world.core.clock.advance(timedelta(seconds=tokens["expires_in"] + 1))

    late = consume(world, tokens["access_token"])

    assert (late.status, late.body["code"]) == (410, "deadline_passed")


@pytest.mark.parametrize("token", ["", "x", "A" * 54])
def test_what_is_no_access_token_uses_nothing(world, token):
    answer = consume(world, token)

    assert (answer.status, answer.error) == (401, "invalid_token")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_a_request_id_is_no_access_token(world, client):
    begun = client.begun(authorization_details=details(action()))
    approve(world)

    assert consume(world, begun).error == "invalid_token"


def test_an_access_token_is_no_request_id(client, tokens):
    answer = client.poll(tokens["access_token"])

    assert (answer.status, answer.error) == (400, "invalid_grant")


def test_a_body_that_names_no_arguments_uses_nothing(world, tokens):
    for body in (b"[]", b"{}", b'{"arguments": {}, "digest": "x"}'):
        answer = world.call(
            "POST",
            "/ciba/consume",
            headers={
                "authorization": f"Bearer {tokens['access_token']}",
                "content-type": "application/json",
            },
            body=body,
        )
        assert (answer.status, answer.body["code"]) == (400, "invalid_field")
    assert consume(world, tokens["access_token"]).status == 200


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("{", "not JSON"),
        ("{}", "not a list of one object"),
        ("[]", "not a list of one object"),
        (details(action(), action()), "not a list of one object"),
        (json.dumps([{"type": "payment_initiation"}]), "type: unknown"),
        (json.dumps([{"type": URN}]), "not of exactly"),
        (json.dumps([{"type": URN, "action": action(), "locations": []}]), "not of exactly"),
        (f'[{{"type": "{URN}", "type": "{URN}", "action": {{}}}}]', "not JSON"),
        (details(action(type="unheard-of")), "action.type: unknown"),
        (details(action(digest="x")), "action.digest: "),
        (details(action(arguments=[])), "action.arguments: "),
        (details(action(arguments={"amount": 2**53})), "action.arguments.amount: "),
    ],
)
def test_details_that_are_not_understood_are_refused(world, client, value, problem):
    answer = client.begin(authorization_details=value)

    assert (answer.status, answer.error) == (400, "invalid_authorization_details")
    assert answer.body["error_description"].startswith(problem)
    assert not world.phone.pending()


def test_a_binding_message_never_takes_the_place_of_a_purpose(client):
    answer = client.begin(
        authorization_details=details(action(purpose="Free space")), binding_message="Hello"
    )

    assert answer.error == "invalid_binding_message"


def test_a_signed_request_carries_details_as_json(world, client):
    begun = client.begin_signed(authorization_details=[{"type": URN, "action": action()}])
    assert begun.status == 200
    approve(world)

    granted = client.poll(begun.body["auth_req_id"]).body["authorization_details"]

    assert granted[0]["action"]["type"] == "tool-call"


def test_the_requested_expiry_of_an_action_is_a_day_at_most(world, client):
    begun = client.begin(authorization_details=details(action()), requested_expiry="99999999")

    limit = world.core.policy.action_life_limit
    assert begun.body["expires_in"] == int(limit.total_seconds())
