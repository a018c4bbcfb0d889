"""The service that the tests of interoperation share: it asks, and its phones answer."""

import pytest

from counterseal.models import ChallengeState


def ask(service, account_id):
    question = {"accountId": account_id, "content": "Lunch?"}
    status, request = service.call("POST", "/request/add", question)
    assert status == 201, request
    return request["guid"]


@pytest.mark.parametrize(
    ("verb", "ended"),
    [
        ("approve", (ChallengeState.ANSWERED, True)),
        ("decline", (ChallengeState.ANSWERED, False)),
        ("disown", (ChallengeState.DISOWNED, False)),
    ],
)
def test_a_person_answers(service, phone, account_id, verb, ended):
    guid = ask(service, account_id)
    assert phone.await_request() == guid
    assert phone.display(guid)["content"] == {"text": "Lunch?"}

    reply = getattr(phone, verb)()

    assert (reply.state, reply.approved) == ended
    _, request = service.call("GET", f"/request/getRequest?requestGuid={guid}")
    assert (ChallengeState(request["state"]), request["approved"]) == ended


def test_an_origin_is_made_a_client(service, receiver):
    client = service.new_client("Call centre", notification_endpoint=receiver.url)

    form = b"scope=openid&login_hint=nobody&client_notification_token=a-token"
    headers = {
        "Authorization": client.authorization,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    reply = service.send("POST", "/ciba/authentication", form, headers)
    assert reply == (400, {"error": "unknown_user_id"})
