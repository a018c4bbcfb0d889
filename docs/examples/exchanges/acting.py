"""Actions: the shop asks for one, the phone approves it, and the shop uses it once."""

from exchanges.answering import bind_silently
from exchanges.cast import PIN

ARGUMENTS = {"to": "supplier@example.com", "subject": "Order 7", "copies": 2}
ACTION = {
    "type": "tool-call",
    "resource": "send_email",
    "arguments": ARGUMENTS,
    "agent": "office-assistant",
    "run": "run-17",
    "purpose": "Order paper",
}


def act(recorder, shop, world):
    """Ask twice, use one approval and withdraw the other."""
    invitation = shop.call(None, "PUT", "/account/bind", {"accountId": "user-48"}).document
    phone = bind_silently(recorder, world, invitation)
    used = _approved(
        shop,
        phone,
        "An action, in place of `content`: the service renders it, and the person signs its"
        " digest too.",
    )
    shop.call("The person has approved.", "GET", f"/action/{used}")
    use = {"requestGuid": used, "arguments": ARGUMENTS}
    shop.call(
        "Other arguments than those that the person approved.",
        "POST",
        "/action/consume",
        use | {"arguments": ARGUMENTS | {"copies": 200}},
    )
    shop.call("Execute the action after this reply.", "POST", "/action/consume", use)
    shop.call("An approval allows one use.", "POST", "/action/consume", use)
    shop.call(
        "Afterwards.",
        "POST",
        "/action/report",
        {"requestGuid": used, "outcome": "executed", "detail": "message 12"},
    )
    withdrawn = _approved(shop, phone, None)
    shop.call("", "POST", "/action/withdraw", {"requestGuid": withdrawn})
    shop.call(
        "There is no approval to use.",
        "POST",
        "/action/consume",
        use | {"requestGuid": withdrawn},
    )
    shop.call(
        "No type of that name is registered.",
        "POST",
        "/request/add",
        {"accountId": "user-48", "action": ACTION | {"type": "launch"}},
    )
    orphan = _approved(shop, phone, None)
    phone.call(None, "DELETE", "/device")
    shop.call(
        "The device that approved was revoked.",
        "POST",
        "/action/consume",
        use | {"requestGuid": orphan},
    )


def _approved(shop, phone, about):
    question = {"accountId": "user-48", "action": ACTION}
    guid = shop.call(about, "POST", "/request/add", question).document["guid"]
    display = phone.call(None, "GET", f"/device/requests/{guid}").document["display"]
    phone.sign(None, "/device/answer", phone.device.answer(display, 0, pin=PIN))
    return guid
