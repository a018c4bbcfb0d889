"""What is refused, and how: each problem as it was told."""

from datetime import timedelta
from http import HTTPStatus

from exchanges.cast import PIN, by_basic

DONE = "https://shop.example/done"
UNKNOWN = "00000000-0000-8000-8000-000000000000"
QUESTION = {"accountId": "user-42", "content": "Pay 10 EUR to Zoë?"}


def refuse(recorder, shop, phone, world):
    """Do everything wrong."""
    _origin(recorder, shop)
    _callback(shop, world)
    _device(shop, phone, world)
    _too_much(shop)


def _callback(shop, world):
    world.sender.uncallable[DONE] = "a port that is not allowed"
    shop.call(
        "The service may not call the address; `reason` says why.",
        "POST",
        "/request/add",
        QUESTION | {"callback": DONE},
    )
    world.sender.uncallable.clear()


def _origin(recorder, shop):
    by_basic(recorder, UNKNOWN, "a wrong secret").call(
        "Whatever is wrong with the credential, this is what is told.",
        "GET",
        "/request/getAll?accountId=user-42",
    )
    shop.call(
        "A field is missing or does not fit.",
        "POST",
        "/request/add",
        QUESTION | {"duration": "ten"},
    )
    shop.call(
        "The address is not on the origin's allow-list.",
        "POST",
        "/request/add",
        QUESTION | {"callback": "https://elsewhere.example/done"},
    )
    shop.call(
        "What is another's looks the same as what there is not.",
        "GET",
        f"/request/getRequest?requestGuid={UNKNOWN}",
    )
    shop.call(
        "The account is unknown, has no device, or is locked.",
        "POST",
        "/request/add",
        QUESTION | {"accountId": "user-43"},
    )
    shop.call("A path of ours without a call.", "GET", "/request/add/again")
    shop.call("", "GET", "/account/bind")
    shop.call(
        "",
        "POST",
        "/request/add",
        headers={"Content-Type": "application/xml"},
        body=b"<question/>",
    )
    shop.call("", "POST", "/request/add", QUESTION | {"additionalInfo": "x" * 131_072})
    shop.call(
        "The key came before, with another question.",
        "POST",
        "/request/add",
        QUESTION,
        key="order-1001",
    )


def _device(shop, phone, world):
    asked = shop.call(None, "POST", "/request/add", QUESTION | {"duration": "1m"}).document
    guid = asked["guid"]
    shown = phone.call(None, "GET", f"/device/requests/{guid}").document["display"]
    changed = shown.replace("Pay 10 EUR", "Pay 99 EUR")
    phone.sign(
        "The answer is over another document than the one that was asked; the log has "
        "`display_changed`.",
        "/device/answer",
        phone.device.answer(changed, 0, pin=PIN),
    )
    phone.sign(
        "A wrong PIN gives a wrong signature.",
        "/device/answer",
        phone.device.answer(shown, 0, pin="0000"),
    )
    coded = shop.call(None, "POST", "/request/add", QUESTION | {"showCode": True}).document
    other = phone.call(None, "GET", f"/device/requests/{coded['guid']}").document["display"]
    wrong = f"{(int(coded['code']) + 1) % 1_000_000:06}"
    phone.sign(
        "The person mistyped the matching code.",
        "/device/answer",
        phone.device.answer(other, 0, pin=PIN, code=wrong),
    )
    shop.call(None, "PATCH", "/request/cancel", {"requestGuid": coded["guid"]})
    shop.call(
        "It has ended already.",
        "PATCH",
        "/request/cancel",
        {"requestGuid": coded["guid"]},
    )
    world.clock.advance(timedelta(minutes=2))
    phone.sign(
        "The answer comes too late.",
        "/device/answer",
        phone.device.answer(shown, 0, pin=PIN),
    )


def _too_much(shop):
    for _ in range(20):
        got = shop.call(None, "POST", "/request/add", QUESTION)
        if got.status >= HTTPStatus.BAD_REQUEST:
            break
    shop.call("The account has too much to answer.", "POST", "/request/add", QUESTION)
