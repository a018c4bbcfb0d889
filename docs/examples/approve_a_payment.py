"""A bank asks the payer about one payment, and executes the payment that the payer approved."""

from approve_an_agent import a_site, trust_of
from ask_from_your_site import a_phone, service

from counterseal import jwks_document, trusted_keys, verify_receipt, verify_use_receipt
from counterseal_client import Action, ArgumentsDiffer, PendingRequest, UseOutcome, require_approved


# Describe it
def payment_of(order):
    return Action(
        type="payment",
        resource=order["account"],
        arguments={
            "transaction_id": order["id"],
            "payee": {"name": order["payee"], "id": order["iban"]},
            "currency": "EUR",
            "amount": order["amount"],
            "execution_date": order["date"],
        },
    )


# Ask the payer
def ask_payer(client, order):
    payer, action = order["payer"], payment_of(order)
    pending_request = client.ask(payer, action, idempotency_key=order["id"])
    order["request"] = pending_request.dump()


# Execute it
def execute(client, trust, order, transfer):
    pending_request = PendingRequest.load(order["request"])
    reply = client.status(pending_request)
    approval = require_approved(reply, pending_request, trust)
    action = payment_of(order)  # as the order is now, not as it was when you asked
    used = client.consume(pending_request, action.arguments)
    transfer(**action.arguments)
    client.report(pending_request, UseOutcome.EXECUTED)
    order["receipts"] = approval.receipt, used.use.receipt


# Prove it
def evidence(order, trusted):
    receipt, use_receipt = order["receipts"]
    approval = verify_receipt(receipt, trusted=trusted)
    use = verify_use_receipt(use_receipt, trusted=trusted)
    digest = approval.display["action"]["digest"]
    rows = {row["key"]: row["value"] for row in approval.display["content"]["keys"]}
    return {
        "authentication code": approval.answer.id,
        "amount": rows["Amount"],
        "payee": rows["Payee"],
        "approved at": approval.at,
        "approved what was executed": use.action == digest,
        "used at": use.at,
    }


# A walk through it


def main():
    world, _, server, url = service()
    client, trust = a_site(world, url), trust_of(world)
    phone = a_phone(world, client.bind("user-42").link())
    order = {
        "id": "8d8ac610",
        "payer": "user-42",
        "account": "Account ending 4711",
        "payee": "Example Bookshop",
        "iban": "DE00 0000 0001",
        "amount": "1234.50",
        "date": "2030-01-04",
    }
    transfers = []

    ask_payer(client, order)
    (waiting,) = phone.pending()
    challenge = phone.fetch(waiting.guid)
    display = phone.device.read_display(challenge.display)
    print(display["content"]["title"])
    for row in display["content"]["keys"]:
        print(f"  {row['key']}: {row['value']}")
    print(*(f"[ {button['title']} ]" for button in display["buttons"]))
    phone.answer(challenge)

    try:
        execute(client, trust, order | {"amount": "9234.50"}, transfers.append)
    except ArgumentsDiffer:
        print("Another amount: refused, and nothing was transferred.")
    execute(client, trust, order, lambda **payment: transfers.append(payment["amount"]))
    print("Transferred:", *transfers)
    trusted = trusted_keys(jwks_document(world.ports.signer.jwks()))
    for name, value in evidence(order, trusted).items():
        print(f"  {name}: {value}")
    client.close()
    server.shutdown()


if __name__ == "__main__":
    main()
