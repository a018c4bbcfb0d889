"""S34: a run through everything leaves no secret in a log line, a repr or a problem."""

import json
import logging

from counterseal.models import Scheme

CANARY = "canary-7f3a"


def test_s34_no_secret_is_logged_or_sent(kit, world, shop, device_client, caplog):
    caplog.set_level(logging.DEBUG)
    invited = shop.put("/account/bind", json={"accountId": "user-42", "userInfo": CANARY}).json
    secrets = [invited["sessionToken"].partition(".")[2], CANARY, shop.headers["Authorization"]]
    addresses = json.dumps({"addresses": [{"kind": "relay", "value": CANARY}]}).encode()
    assert CANARY not in device_client.call("PATCH", "/device", addresses).text
    added = kit.ask(shop, content=CANARY, additionalInfo=CANARY, showCode=True).json
    secrets.append(added["code"])
    replies = [
        device_client.answer(added["guid"], code=CANARY),
        device_client.answer(added["guid"]),
        kit.ask(shop, accountId=CANARY),
        kit.ask(shop, callback=f"https://{CANARY}.example/"),
        kit.ask(shop, duration=CANARY),
        shop.put("/account/bind", json={"accountId": CANARY * 40}),
        shop.get(f"/request/{CANARY}"),
        shop.client.post("/device/bind", json={"token": f"x.{CANARY}", "keys": []}),
        shop.client.get("/device/status", headers={"Counterseal-Proof": CANARY}),
        shop.client.get("/request/x", headers={"Authorization": f"Basic {CANARY}"}),
    ]
    assert {reply.mimetype for reply in replies} == {"application/problem+json"}
    device_client.answer(added["guid"], code=added["code"])
    world.credentials.issue(world.origin.origin.guid, Scheme.BASIC)
    log_and_replies = caplog.text + "".join(reply.text for reply in replies)
    for secret in secrets:
        assert secret not in log_and_replies
    assert "refused: wrong_code" in caplog.text
