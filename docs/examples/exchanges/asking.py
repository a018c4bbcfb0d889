"""What an origin does: bind its user's phone, ask, look, and revoke."""

from exchanges.cast import by_basic

PAYMENT = {
    "accountId": "user-42",
    "content": {
        "title": "Pay 10 EUR?",
        "keys": [{"key": "Payee", "value": "Zoë Example"}],
    },
    "buttons": [
        {"title": "Pay", "strongAuth": True, "approving": True},
        {"title": "Do not pay", "strongAuth": False},
    ],
    "duration": "5m",
    "callback": "https://shop.example/done",
    "transactionId": "order-1001",
    "showCode": True,
}
FORM = (
    "accountId=user-42&duration=2m&content[title]=Log+in?&content[keys][0][key]=From"
    "&content[keys][0][value]=Madrid&buttons[0][title]=Approve&buttons[0][strongAuth]=true"
    "&buttons[1][title]=Decline&buttons[1][strongAuth]=false&additionalInfo[template]=true"
)


def open_shop(recorder, places):
    """Return the origin that the administrator made."""
    recorder.send("", "GET", "/openapi.json", headers={})
    return by_basic(recorder, places.origin_guid, places.key)


def bound(shop, about=""):
    """Ask for a session token, and return the whole reply."""
    return shop.call(about, "PUT", "/account/bind", {"accountId": "user-42"})


def ask(shop, phone):
    """Put questions, and look how they stand."""
    shop.call("", "GET", "/account/getAccount?accountId=user-42")
    shop.call("", "GET", f"/account/{phone.device.bond.account}")
    shop.call("", "GET", "/device/getAll?accountId=user-42")
    made = shop.call(
        "A payment, with a matching code: `code` is shown to the user, by the shop, once.",
        "POST",
        "/request/add",
        PAYMENT,
        key="order-1001",
    )
    taken_back = shop.call(
        "A form with brackets, as older clients write it.",
        "POST",
        "/api/request/add",
        form=FORM,
    )
    shop.call("", "GET", "/request/getAll?accountId=user-42")
    shop.call("", "PATCH", "/request/cancel", {"requestGuid": taken_back.document["guid"]})
    shop.call("", "GET", f"/request/getRequest?requestGuid={made.document['guid']}")


def catch_up(shop, world):
    """Read the events that were missed."""
    world.account_events.publish_due()
    page = shop.call("", "GET", "/events?limit=2").document
    shop.call(
        "With the `next` of the reply before.", "GET", f"/events?limit=4&after={page['next']}"
    )


def look_after(shop, phone):
    """Revoke a device, and then all that the account has."""
    shop.call("", "PATCH", "/device/revoke", {"deviceGuid": phone.device.bond.device})
    shop.call("", "PATCH", "/account/revoke", {"accountId": "user-42"})
