"""CIBA by our own client for Python, against a real service: poll, ping, and the use after it."""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from counterseal import keys
from counterseal.models import Algorithm
from counterseal_client import Action, ActionUsed, CibaClient, Declined, Trust, receive_ping

sys.path.append(str(Path(__file__).parents[2] / "docs" / "examples"))

from ask_by_ciba import create_desk, delete_folder

ARGUMENTS = {"path": "/srv/backups/2019"}
ACTION = Action(type="tool-call", resource="delete_folder", arguments=ARGUMENTS)
TOKEN = "a-notification-token"


def test_it_is_pinged_and_uses_the_approval_once(service, phone, account_id, receiver):
    key = keys.generate(Algorithm.ES256, kid="key-1")
    jwks = keys.jwks_document([key.public])
    origin = service.new_client("Agent", notification_endpoint=receiver.url, jwks=jwks)
    _, document = service.call("GET", "/.well-known/jwks.json", plain=True)

    with CibaClient(service.url, origin.guid, key=key, trust=Trust.jwks(document)) as client:
        request = client.start(account_id, action=ACTION, notification_token=TOKEN)
        receipt = phone.approve().receipt
        headers, body = service.await_callback(receiver)
        ping = receive_ping(headers, body, {request.auth_req_id: TOKEN}.get)
        assert ping.auth_req_id == request.auth_req_id
        approval = client.redeem(request)
        assert approval.receipt == receipt
        client.consume(approval, ARGUMENTS)
        with pytest.raises(ActionUsed):
            client.consume(approval, ARGUMENTS)


def test_it_polls_by_its_secret(service, phone, account_id):
    origin = service.new_client("Call centre")
    with CibaClient(service.url, origin.guid, secret=origin.secret) as client:
        request = client.start(account_id, binding_message="Counter 7")
        phone.decline()
        with pytest.raises(Declined):
            client.poll(request, timedelta(minutes=1))
        request = client.start(account_id)
        phone.approve()
        assert client.poll(request, timedelta(minutes=1)).account_id == account_id


@pytest.mark.parametrize(("verb", "result"), [("approve", "deleted"), ("decline", "declined")])
def test_the_example_that_polls(service, phone, account_id, verb, result):
    origin, deleted_paths = service.new_client("Agent"), []
    with (
        CibaClient(service.url, origin.guid, secret=origin.secret) as client,
        ThreadPoolExecutor() as pool,
    ):
        path = ARGUMENTS["path"]
        running = pool.submit(delete_folder, client, account_id, path, deleted_paths.append)
        getattr(phone, verb)()
        assert running.result(60) == result
    assert deleted_paths == ([path] if verb == "approve" else [])


@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_the_example_that_is_pinged(service, phone, account_id, receiver, verb):
    origin = service.new_client("Desk", notification_endpoint=receiver.url)
    with CibaClient(service.url, origin.guid, secret=origin.secret) as client:
        request = client.start(account_id, notification_token=TOKEN)
        requests, accounts = {request.auth_req_id: request.dump()}, []
        desk = create_desk(client, requests, accounts.append).test_client()
        getattr(phone, verb)()
        headers, body = service.await_callback(receiver)
        assert desk.post("/ciba/ping", data=body).status_code == 401
        assert desk.post("/ciba/ping", data=body, headers=headers).status_code == 204
        assert desk.post("/ciba/ping", data=body, headers=headers).status_code == 401
    assert accounts == ([account_id] if verb == "approve" else [])
