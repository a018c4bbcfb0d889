"""The Flask example of an origin: who gets in, and who does not."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http import HTTPStatus

import pytest
from ask_from_your_site import a_phone, a_shop, let_confirm, let_release, service

from counterseal import jwks_document
from counterseal_client import NoAlternativeMet, Trust


@pytest.fixture
def stage():
    world, posting, server, url = service()
    client, posting.shop = a_shop(world, url)
    yield world, posting.shop
    client.close()
    server.shutdown()
    server.server_close()


def asked(world, shop):
    browser = shop.test_client()
    browser.post("/password", data={"password": "open sesame"})
    phone = a_phone(world, browser.post("/phone").text)
    code = browser.post("/confirm").text.split()[1]
    (waiting,) = phone.pending()
    return phone, browser, phone.fetch(waiting.guid), code


def test_nobody_binds_a_phone_without_a_log_in(stage):
    _, shop = stage

    assert shop.test_client().post("/phone").status_code == HTTPStatus.FORBIDDEN


def approve(account_id, verb, *arguments):
    """Answer the request that *verb* makes, and return what it returns."""
    world, posting, server, url = service()
    client, posting.shop = a_shop(world, url)
    trust = Trust.jwks(jwks_document(world.ports.signer.jwks()))
    phone = world.bind(account_id)
    try:
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(verb, client, trust, account_id, *arguments)
            while not (requests := phone.pending()):
                assert not waiting.done()
            phone.answer(phone.fetch(requests[0].guid))
            return waiting.result(60)
    finally:
        client.close()
        server.shutdown()
        server.server_close()


def test_who_waits_needs_no_callback():
    assert approve("user-42", let_confirm).account_id == "user-42"


def test_a_manager_releases_an_order():
    assert approve("manager-2", let_release, "order-7").strong


def test_nobody_else_releases_an_order():
    with pytest.raises(NoAlternativeMet):
        approve("user-42", let_release, "order-7")


def test_who_confirms_gets_in_once(stage):
    phone, browser, challenge, code = asked(*stage)
    assert browser.get("/").status_code == HTTPStatus.ACCEPTED
    phone.answer(challenge, code=code)
    stage[0].deliver()

    assert browser.get("/").text == "Welcome."
    assert browser.get("/").status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("end", ["reject", "disown", "expire"])
def test_who_does_not_confirm_stays_out(stage, end):
    world, _ = stage
    phone, browser, challenge, _ = asked(*stage)
    if end == "reject":
        phone.answer(challenge, 1)
    elif end == "disown":
        phone.disown(challenge)
    else:
        world.clock.advance(timedelta(hours=1))
        world.sweep()
    world.deliver()

    assert browser.get("/").status_code == HTTPStatus.FORBIDDEN


def test_another_browser_stays_out(stage):
    world, shop = stage
    phone, _, challenge, code = asked(world, shop)
    phone.answer(challenge, code=code)
    world.deliver()
    stranger = shop.test_client()

    assert stranger.get("/").status_code == HTTPStatus.FORBIDDEN


def test_a_second_delivery_changes_nothing(stage):
    world, shop = stage
    phone, browser, challenge, code = asked(world, shop)
    phone.answer(challenge, code=code)
    sent = []
    deliver = world.ports.sender.send
    world.ports.sender.send = lambda delivery: sent.append(delivery) or deliver(delivery)
    world.deliver()
    assert browser.get("/").status_code == HTTPStatus.OK
    again = shop.test_client().post("/done", data=sent[0].body, headers=list(sent[0].headers))

    assert again.status_code == HTTPStatus.NO_CONTENT
    assert browser.get("/").status_code == HTTPStatus.FORBIDDEN


def test_a_callback_that_nobody_signed_is_none(stage):
    world, shop = stage
    _, browser, challenge, _ = asked(world, shop)
    forged = json.dumps({"guid": challenge.guid, "approved": True, "buttonSelected": 0})
    post = shop.test_client().post

    assert post("/done", data=forged).status_code == HTTPStatus.BAD_REQUEST
    headers = {"webhook-id": "x", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
    assert post("/done", data=forged, headers=headers).status_code == HTTPStatus.BAD_REQUEST
    assert browser.get("/").status_code == HTTPStatus.ACCEPTED
