"""The bank of the example: it executes the payment that the payer approved, once."""

import pytest
from approve_a_payment import ask_payer, evidence, execute
from approve_an_agent import a_site, trust_of
from ask_from_your_site import service

from counterseal import jwks_document, trusted_keys
from counterseal_client import ActionUsed, ArgumentsDiffer, Declined

CHANGES = {"amount": "49.91", "payee": "Other Bookshop", "iban": "DE00 0000 0002"}


@pytest.fixture
def bank():
    """The bank's client, what it trusts, the payer's phone, the order, and the service's keys."""
    world, _, server, url = service()
    client, trust = a_site(world, url), trust_of(world)
    phone = world.bind("user-42")
    order = {
        "id": "order-7",
        "payer": "user-42",
        "account": "Account ending 4711",
        "payee": "Example Bookshop",
        "iban": "DE00 0000 0001",
        "amount": "49.90",
        "date": "2030-01-04",
    }
    ask_payer(client, order)
    yield client, trust, phone, order, trusted_keys(jwks_document(world.ports.signer.jwks()))
    client.close()
    server.shutdown()
    server.server_close()


def press(phone, button=0):
    (waiting,) = phone.pending()
    phone.answer(phone.fetch(waiting.guid), button)


def test_only_the_approved_payment_is_executed_and_once(bank):
    client, trust, phone, order, trusted = bank
    transfers = []

    def transfer(**payment):
        transfers.append((payment["amount"], payment["payee"]["name"]))

    press(phone)
    for name, value in CHANGES.items():
        with pytest.raises(ArgumentsDiffer):
            execute(client, trust, order | {name: value}, transfer)
    execute(client, trust, order, transfer)
    with pytest.raises(ActionUsed):
        execute(client, trust, order, transfer)

    assert transfers == [("49.90", "Example Bookshop")]
    proof = evidence(order, trusted)
    assert (proof["amount"], proof["payee"]) == ("49.90 EUR", "Example Bookshop")
    assert proof["approved what was executed"] is True


def test_a_declined_payment_is_not_executed(bank):
    client, trust, phone, order, _ = bank
    press(phone, 1)

    with pytest.raises(Declined):
        execute(client, trust, order, pytest.fail)
